package msg

// Limits bound what Parse and Framer take from a peer. In every field 0 means
// the default and a negative value switches the limit off.
type Limits struct {
	StartLine   int // octets of the start line, default 8192; over it: 414
	Header      int // octets of one header field with its folds, default 16384; over it: 400
	Headers     int // octets of all header fields, default 65536; over it: 513
	Lines       int // number of header lines, folds included, default 256; over it: 513
	Body        int // octets of the body, default 1048576; over it: 413
	ListMembers int // values of one header that All yields, default 512
	Levels      int // multiparts within each other, default 8; over it: 413
	Parts       int // parts of one multipart, default 64; over it: 413
}

// The defaults of Limits.
const (
	DefaultStartLine   = 8 << 10
	DefaultHeader      = 16 << 10
	DefaultHeaders     = 64 << 10
	DefaultLines       = 256
	DefaultBody        = 1 << 20
	DefaultListMembers = 512
	DefaultLevels      = 8
	DefaultParts       = 64
)

const noLimit = 1<<31 - 1

func limit(v, def int) int {
	switch {
	case v == 0:
		return def
	case v < 0 || v > noLimit:
		return noLimit
	}
	return v
}

var defaultLimits = Limits{}.resolved()

func (l Limits) resolved() Limits {
	return Limits{
		StartLine:   limit(l.StartLine, DefaultStartLine),
		Header:      limit(l.Header, DefaultHeader),
		Headers:     limit(l.Headers, DefaultHeaders),
		Lines:       limit(l.Lines, DefaultLines),
		Body:        limit(l.Body, DefaultBody),
		ListMembers: limit(l.ListMembers, DefaultListMembers),
		Levels:      limit(l.Levels, DefaultLevels),
		Parts:       limit(l.Parts, DefaultParts),
	}
}
