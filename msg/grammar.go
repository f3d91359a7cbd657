package msg

// Grammar is where the message grammars of protocols differ. The zero value is
// that of SIP.
type Grammar struct {
	// Reads tells which versions are read besides that of the class. It gets
	// the version as it was written. Nil: none.
	Reads func(version string) bool
	// TightNames refuses white space between the name of a header and its colon
	// (RFC 9112 section 5.1).
	TightNames bool
	// NoFolds refuses requests with a folded header field. In responses a fold
	// counts as a space (RFC 9112 section 5.2).
	NoFolds bool
	// NoNUL refuses NUL even where it stands behind a backslash (RFC 9110
	// section 5.5).
	NoNUL bool
	// Body tells how the body of a message is framed, once its head is read. It
	// must be a pure function of both arguments. An error, best a
	// *[SyntaxError], means that the end of the body cannot be told for sure: it
	// refuses the message and ends the stream. Nil: the body has as many octets
	// as Content-Length says (RFC 3261 section 20.14).
	Body func(head *Message, x Exchange) (Framing, error)
}

// Exchange is what must be known of a request to read its response.
type Exchange struct {
	// Method is that of the request; "" if it is not known, which is the same as
	// any that gets an ordinary response.
	Method string
}

// Framing says where a body ends. Exactly one of the fields is set; none is a
// message without a body.
type Framing struct {
	Length uint64 // so many octets
	Coding Coding // the body says itself where it ends
	ToEnd  bool   // at the end of the stream
	Tunnel bool   // no body, and no message follows: the stream is another protocol's
}

// Coding finds the end of a body that says itself where it ends, such as the
// chunked one of HTTP.
type Coding interface {
	// Scan looks at the octets of the body that follow those of the call
	// before. It returns how many of them belong to the body and whether it is
	// complete; if it is not, n is len(b). An error means that the end cannot
	// be found; n is then where the octets are that do not fit.
	Scan(b []byte) (n int, done bool, err error)
}

// Parse is [Parse] for the response to a request that is known.
func (x Exchange) Parse(c *Class, s string, lim Limits) (*Message, error) {
	return parse(c, s, lim, x)
}

// Doubled reports whether a critical header stands twice in m, for body rules:
// [Grammar].Body runs before anything is refused.
func (m *Message) Doubled() bool { return m.flags&doubled != 0 || m.class.crowded }

func (g *Grammar) reads(version string) bool { return g.Reads != nil && g.Reads(version) }

// framed finds the body of a class with a body rule of its own.
func (p *parser) framed(x Exchange) {
	m, rest := p.m, p.s[p.pos:]
	m.body = ""
	fr, err := m.class.grammar.Body(m, x)
	switch {
	case err != nil:
		p.framing = err // told if the checks of the class do not
	case fr.Coding != nil:
		n, err := scanText(fr.Coding, rest)
		m.body = rest[:n]
		if err != nil {
			p.fault(p.pos+n, "", err)
		}
	case fr.ToEnd:
		m.body = rest
	case fr.Length > uint64(p.lim.Body):
		m.body = rest[:min(fr.Length, uint64(len(rest)))]
		p.fault(p.pos, "", ErrBodyTooLarge)
		return
	case fr.Length > uint64(len(rest)):
		m.body = rest
		p.fault(p.pos+len(rest), m.class.name(IDContentLength), ErrLength)
	default:
		m.body = rest[:fr.Length]
	}
	if len(m.body) > p.lim.Body {
		p.fault(p.pos, "", ErrBodyTooLarge)
	}
}

// scanText has c go over a text in pieces, so that it needs no copy of it.
func scanText(c Coding, s string) (n int, err error) {
	piece := make([]byte, min(len(s), 4<<10))
	for n < len(s) {
		k, done, err := c.Scan(piece[:copy(piece, s[n:])])
		n += k
		if err != nil || done {
			return n, err
		}
	}
	return n, ErrCut
}

// unframed notes that the body rule failed, unless the class has said it.
func (p *parser) unframed() {
	if p.framing != nil && !p.m.bad() {
		p.m.faults = append(p.m.faults, syntaxError(p.framing, p.pos))
	}
}

// syntaxError makes err a SyntaxError.
func syntaxError(err error, offset int) *SyntaxError {
	if e, ok := err.(*SyntaxError); ok {
		return e
	}
	return &SyntaxError{Offset: offset, Err: err}
}

// parseHead reads a head and nothing else: no check of the class runs. It
// returns the first thing in it that breaks the grammar, for who frames by what
// is in it must not guess.
func parseHead(c *Class, s string, lim Limits) (*Message, *SyntaxError) {
	m := &Message{class: c, text: s, members: int32(lim.ListMembers)}
	p := parser{s: s, lim: lim, m: m}
	if len(s) >= noLimit || !p.startLine() {
		return nil, &SyntaxError{Offset: 0, Err: ErrNoStartLine}
	}
	p.headers()
	p.octets()
	if len(m.faults) > 0 {
		return nil, m.faults[0]
	}
	return m, nil
}

// Framed replaces the body by octets that are framed as they are, such as a
// chunked body, and leaves Content-Length alone.
func Framed(s string) Setter { return Setter{op: opFramed, value: Composed{text: s}} }
