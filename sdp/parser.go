package sdp

// Defaults of the limits of [Parser].
const (
	DefaultMaxBytes      = 64 << 10
	DefaultMaxLine       = 8 << 10
	DefaultMaxMedia      = 64
	DefaultMaxFormats    = 128
	DefaultMaxAttributes = 2048
	DefaultMaxFields     = 128
)

// Parser holds the limits and the tolerance of a parse. The zero value has
// the defaults; for each limit, 0 means the default and a negative value means
// no limit. A Parser may be used by several goroutines at the same time.
type Parser struct {
	MaxBytes      int       // size of the whole text
	MaxLine       int       // size of a line without its end
	MaxMedia      int       // m= sections
	MaxFormats    int       // formats of one m= line
	MaxAttributes int       // a= lines of the session and all its media together
	MaxFields     int       // e=, p=, c=, b=, t=, r=, z= entries together
	Tolerance     Tolerance // 0 = DefaultTolerance; Strict = none
}

// Tolerance is a set of deviations from RFC 8866 that a [Parser] accepts. None
// of them relaxes the ranges of numbers, the octets allowed in a line, or the
// rule that an unknown type letter refuses the description. Bare LF as line
// end, a missing end of the last line, and empty lines after the last are
// always accepted.
type Tolerance uint16

// The deviations.
const (
	TolerateOrder      Tolerance = 1 << iota // fields of a section in another order, as long as v= comes first and r=, z= follow a t=
	TolerateMissing                          // s= or t= is missing
	TolerateEmpty                            // s=, i=, u=, e=, p= or k= is empty: it is read as absent
	TolerateSpace                            // several spaces where the grammar has one, and spaces at the end of lines other than s=, i=, u=, e=, p=, k=, a=
	TolerateAttribute                        // an attribute's name is not a token
	TolerateFormat                           // no format on an m= line with port 0
	TolerateConnection                       // no c= for a media section whose port is not 0
	TolerateTTL                              // a TTL after an IPv4 unicast address or a name, or none after an IPv4 multicast address
	TolerateMedia                            // an m= line that does not follow its grammar: kept in Media.Malformed

	// Strict is a Tolerance without any of the bits.
	Strict Tolerance = 1 << 15

	// DefaultTolerance is what the zero Parser accepts: deviations that are
	// often seen and leave no doubt about what is meant.
	DefaultTolerance = TolerateOrder | TolerateMissing | TolerateEmpty | TolerateSpace | TolerateAttribute | TolerateFormat | TolerateTTL
)

// Parse reads one session description with the default limits and tolerance.
// The error is a [*SyntaxError]. The Description's strings are substrings of s.
func Parse(s string) (*Description, error) { return Parser{}.Parse(s) }

// Parse reads one session description. The error is a [*SyntaxError]; if a
// limit of p was passed, it matches [ErrLimit]. The Description's strings are
// substrings of s.
func (p Parser) Parse(s string) (*Description, error) {
	limit := func(v *int, def int) {
		if *v == 0 {
			*v = def
		} else if *v < 0 {
			*v = int(^uint(0) >> 1)
		}
	}
	limit(&p.MaxBytes, DefaultMaxBytes)
	limit(&p.MaxLine, DefaultMaxLine)
	limit(&p.MaxMedia, DefaultMaxMedia)
	limit(&p.MaxFormats, DefaultMaxFormats)
	limit(&p.MaxAttributes, DefaultMaxAttributes)
	limit(&p.MaxFields, DefaultMaxFields)
	if p.Tolerance == 0 {
		p.Tolerance = DefaultTolerance
	}
	return parse(p, s)
}
