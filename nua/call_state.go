package nua

// CallState is the state of a call. The eleven states and their names are
// Sofia-SIP's (nua_callstate_*); the transitions between them are the table in
// machine.go.
//
// A state never goes back once a call is ready: a re-INVITE runs in its own
// small machine and is reported with [StateChanged.Reinvite] set, while
// [Call.State] stays Ready.
type CallState uint8

const (
	// Init is the state before the first INVITE was sent or received.
	Init CallState = iota
	// Authenticating (caller): the INVITE was challenged, no credentials are
	// known, and CallConfig.ManualAuth waits for Call.Authenticate.
	Authenticating
	// Calling (caller): the INVITE is sent, no answer but 100 came yet.
	Calling
	// Proceeding (caller): a provisional response other than 100 came.
	Proceeding
	// Completing (caller): a 2xx came; its answer is being processed or the
	// ACK is waited for.
	Completing
	// Received (callee): an INVITE came, nothing but 100 is sent yet.
	Received
	// Early (callee): a provisional response other than 100 is sent.
	Early
	// Completed (callee): a 2xx is sent, its ACK is waited for.
	Completed
	// Ready: the call is up; media flows.
	Ready
	// Terminating: the call is being ended by us: a BYE, or a CANCEL that
	// Bye sent, waits for its result.
	Terminating
	// Terminated is the last state; nothing follows it.
	Terminated
)

var callStateNames = [...]string{
	Init:           "init",
	Authenticating: "authenticating",
	Calling:        "calling",
	Proceeding:     "proceeding",
	Completing:     "completing",
	Received:       "received",
	Early:          "early",
	Completed:      "completed",
	Ready:          "ready",
	Terminating:    "terminating",
	Terminated:     "terminated",
}

// String returns Sofia's lower-case name of the state.
func (s CallState) String() string {
	if int(s) < len(callStateNames) {
		return callStateNames[s]
	}
	return "unknown"
}
