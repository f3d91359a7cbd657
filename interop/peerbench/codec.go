package peerbench

// Fields is what a proxy or a registrar reads of almost every message. The
// inspect benchmarks fill it, so that a library that decodes on access pays for
// what it put off.
type Fields struct {
	FromTag, ToTag string
	CallID         string
	CSeq           uint32
	Method         string // of the CSeq
	Branch         string // of the top Via
	Contact        string // host of the first Contact, "" when there is none
}

// A Codec is the message layer of one library.
type Codec struct {
	Name string
	// Parse parses one whole datagram. It may keep slices of raw.
	Parse func(raw []byte) (any, error)
	// Inspect reads the usual fields from what Parse returned.
	Inspect func(msg any) Fields
	// Append writes the message to the end of dst.
	Append func(dst []byte, msg any) ([]byte, error)
	// Forward writes what a proxy sends on: a request with one more Via, without
	// the first Route and with Max-Forwards counted down, a response without its
	// first Via. It may change msg.
	Forward func(dst []byte, msg any) ([]byte, error)
}

// forwardBranch is the branch that Forward puts into its Via.
const forwardBranch = "z9hG4bK776asdhds"

// codecs lists the libraries, each in a file of its own.
func codecs() []Codec {
	return []Codec{
		sofiaCodec(),
		sofiaFull(),
		sipgoCodec(),
	}
}
