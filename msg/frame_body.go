package msg

import "io"

// bodyState is what a Framer knows beyond the head where the class has a body
// rule of its own.
type bodyState struct {
	expect []Exchange // the requests that wait for a response, oldest first
	now    Exchange   // that of the message at r
	final  bool       // the message at r is the last response to now
	coding Coding     // of the body at r
	coded  int        // octets of the body that coding has taken
	open   bool       // the end of the body at r is not known yet
	toEnd  bool       // it is that of the stream
	tunnel bool       // another protocol follows the message at r
	ended  bool       // no more octets come
}

// Expect tells a Framer that reads responses that a request has been sent: how a
// response is framed depends on it (RFC 9112 section 6.3). Call it for every
// request, in the order in which they are sent, before its response can come.
// Each holds until its final response has been read; how many there are is the
// caller's to bound.
func (f *Framer) Expect(x Exchange) { f.expect = append(f.expect, x) }

// End tells that the stream has ended in an orderly way, after which Feed must
// not be called. Next then returns what is left, a body that goes to the end
// of the stream included, and after it io.EOF, or a *[SyntaxError] with ErrCut
// if the stream has ended within a message.
func (f *Framer) End() { f.ended = true }

// Rest returns the octets that have not been taken and ends the Framer: what
// follows them is for another protocol. The result is the caller's.
func (f *Framer) Rest() []byte {
	rest := f.buf[f.r:]
	f.buf, f.r = nil, 0
	if f.err == nil {
		f.err = ErrTunnel
	}
	return rest
}

// blanks takes the empty lines between messages (RFC 9112 section 2.2), which
// mean nothing where there are no pings.
func (f *Framer) blanks() {
	n := 0
	for b := f.buf[f.r:]; len(b) > n+1 && b[n] == '\r' && b[n+1] == '\n'; {
		n += 2
	}
	if n > 0 {
		f.take(n)
	}
}

// rule asks the class how the body behind the head is framed.
func (f *Framer) rule(head string) error {
	m, bad := parseHead(f.class, head, f.lim)
	if bad != nil {
		return bad
	}
	f.now, f.final = Exchange{}, false
	if !m.IsRequest() && len(f.expect) > 0 {
		f.now = f.expect[0]
		f.final = m.Status() >= 200 || m.Status() == 101 // others are provisional (RFC 9110 section 15.2)
	}
	fr, err := f.class.grammar.Body(m, f.now)
	if err != nil {
		return syntaxError(err, 0)
	}
	if fr.Length > uint64(f.lim.Body) || fr.Length >= noLimit {
		return &SyntaxError{Offset: 0, Header: f.class.name(IDContentLength), Err: ErrBodyTooLarge}
	}
	f.length, f.coding, f.coded, f.toEnd, f.tunnel = int(fr.Length), fr.Coding, 0, fr.ToEnd, fr.Tunnel
	f.open = fr.Coding != nil || fr.ToEnd
	return nil
}

// body looks at what has come of a body whose end was not known.
func (f *Framer) body() error {
	if !f.open {
		return nil
	}
	if f.coding != nil {
		n, done, err := f.coding.Scan(f.buf[f.r+f.head+f.coded:])
		f.coded += n
		if err != nil {
			return syntaxError(err, f.head+f.coded)
		}
		if done {
			f.open, f.coding, f.length = false, nil, f.coded
		}
	} else {
		f.coded = f.Buffered() - f.head
	}
	if f.coded > f.lim.Body {
		return &SyntaxError{Offset: f.head, Err: ErrBodyTooLarge}
	}
	return nil
}

// answered completes the frame of a message that is taken, and counts it.
func (f *Framer) answered(fr *Frame) {
	fr.Exchange = f.now
	if f.final {
		f.expect = f.expect[1:]
		if len(f.expect) == 0 {
			f.expect = nil
		}
	}
	if f.tunnel {
		f.err = ErrTunnel
	}
	f.now, f.final, f.open, f.toEnd, f.tunnel, f.coding, f.coded = Exchange{}, false, false, false, false, nil, 0
}

// last is Next when the stream has ended and what is left is no whole message.
func (f *Framer) last() (Frame, error) {
	switch {
	case f.Buffered() == 0:
		f.err = io.EOF
		return Frame{}, f.err
	case f.head != 0 && f.toEnd:
		return f.message(f.Buffered()), nil
	}
	return f.fail(&SyntaxError{Offset: f.Buffered(), Err: ErrCut})
}
