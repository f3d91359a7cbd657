package sip

// The methods of RFC 3261 and its extensions. Methods compare with case; any
// other token is a method, too.
const (
	MethodInvite    = "INVITE"
	MethodAck       = "ACK"
	MethodBye       = "BYE"
	MethodCancel    = "CANCEL"
	MethodOptions   = "OPTIONS"
	MethodRegister  = "REGISTER"
	MethodInfo      = "INFO"      // RFC 6086
	MethodPrack     = "PRACK"     // RFC 3262
	MethodUpdate    = "UPDATE"    // RFC 3311
	MethodMessage   = "MESSAGE"   // RFC 3428
	MethodSubscribe = "SUBSCRIBE" // RFC 6665
	MethodNotify    = "NOTIFY"    // RFC 6665
	MethodRefer     = "REFER"     // RFC 3515
	MethodPublish   = "PUBLISH"   // RFC 3903
)

// IsDialogMethod reports whether a 2xx to a request of the method makes a
// dialog, so that its responses carry the Record-Route of the request
// (RFC 3261 section 12.1.1, RFC 6665 section 4.4.1, RFC 3515 section 2.4.4).
func IsDialogMethod(method string) bool {
	switch method {
	case MethodInvite, MethodSubscribe, MethodRefer, MethodNotify:
		return true
	}
	return false
}
