package soa

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"io"

	"github.com/gosofia/sofia/sdp"
)

// State is where the offer/answer exchange of a session stands.
type State uint8

// The states.
const (
	Idle          State = iota // nothing was exchanged yet
	OfferSent                  // our offer waits for the peer's answer: SetAnswer or Rollback
	OfferReceived              // the peer's offer waits for our answer: Answer or Rollback
	Complete                   // the last exchange is complete, the next may begin
	Closed                     // after Close
)

// String returns the name of the state.
func (st State) String() string {
	switch st {
	case Idle:
		return "idle"
	case OfferSent:
		return "offer sent"
	case OfferReceived:
		return "offer received"
	case Complete:
		return "complete"
	}
	return "closed"
}

// Session is one side of the offer/answer exchanges of one call. Make it with
// [New]. Its methods are not safe for concurrent use.
type Session struct {
	cfg    Config
	user   *sdp.Description // the template; nil until SetUser
	gen    int              // counts SetUser
	hold   holds
	renew  bool
	closed bool

	now    negotiated
	before *negotiated // what Rollback goes back to; nil if there is nothing to undo
}

// negotiated is all that an exchange changes. The descriptions in it are never
// changed once stored.
type negotiated struct {
	state  State
	local  *sdp.Description // latest one that we made
	remote *sdp.Description // latest one of the peer
	agreed []MediaState
	slots  []slot
	gen    int // generation of the template that slots refer to
	asked  int // generation of the template that an offer of ours last followed in full
}

func (n negotiated) clone() *negotiated {
	slots := make([]slot, len(n.slots))
	for i := range slots {
		slots[i] = n.slots[i].clone()
	}
	n.slots = slots
	return &n
}

// New returns a session without media; give it some with SetUser.
func New(cfg Config) *Session {
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	return &Session{cfg: cfg, hold: parseHold("")}
}

// State returns where the exchange stands.
func (s *Session) State() State {
	if s.closed {
		return Closed
	}
	return s.now.state
}

// Local returns a copy of the latest description that the session made, open
// offers included, or nil before the first.
func (s *Session) Local() *sdp.Description { return s.now.local.Clone() }

// Remote returns a copy of the latest description of the peer, open offers
// included, or nil before the first.
func (s *Session) Remote() *sdp.Description { return s.now.remote.Clone() }

// check fails if the session is closed.
func (s *Session) check(op string) error {
	if s.closed {
		return &Error{Op: op, Err: ErrClosed}
	}
	return nil
}

// begin checks that a new exchange may start: "it MUST NOT generate a new
// offer" while one is open (RFC 3264 section 4).
func (s *Session) begin(ctx context.Context, op string) error {
	if err := s.check(op); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return &Error{Op: op, Err: err}
	}
	switch s.now.state {
	case OfferSent:
		return &Error{Op: op, Err: ErrOfferPending} // 491
	case OfferReceived:
		// A second offer before the first is answered: 500 with Retry-After
		// (RFC 3261 section 14.2, RFC 3311 section 5.2).
		return &Error{Op: op, Err: ErrOfferPending, status: 500}
	}
	return nil
}

// Rollback undoes an exchange that came to nothing: an open offer of either
// side, or a complete exchange that Activate did not confirm, as when a
// re-INVITE fails after its answer was made. What was negotiated, with o= and
// all payload types, is then exactly as before (RFC 3261 section 14.1). The
// user's template and Hold remain as last set. With nothing to undo, Rollback
// does nothing.
func (s *Session) Rollback() {
	if s.before != nil {
		s.now = *s.before
		s.before = nil
	}
}

// Activate says that the exchange is complete and the call confirmed, so that
// media may flow. Rollback goes no further back. While an offer is open,
// Activate does nothing.
func (s *Session) Activate() {
	if s.now.state == Complete {
		s.before = nil
	}
}

// Close ends the session. Later calls fail with [ErrClosed]. It returns nil.
func (s *Session) Close() error {
	s.closed = true
	return nil
}

// frame returns a description with the session part of the template, o= and
// c= filled in, and no media.
func (s *Session) frame() (*sdp.Description, error) {
	if s.user == nil {
		return nil, ErrNoUser
	}
	d := s.user.Clone()
	d.Media = nil
	// A session-level direction is written into every m= section instead.
	for _, name := range []string{"sendrecv", "sendonly", "recvonly", "inactive"} {
		d.Attributes.Del(name)
	}
	if d.Name == "" {
		d.Name = "-" // RFC 3264 section 5
	}
	if len(d.Times) == 0 {
		d.Times = []sdp.Time{{}} // t=0 0
	}
	if d.Connection == nil || d.Connection.Address == "" {
		d.Connection = nil
		if s.cfg.Address != "" {
			d.Connection = connection(s.cfg.Address)
		} else if !hasAddresses(s.user) {
			return nil, ErrNoAddress
		}
	}
	if s.now.local != nil {
		d.Origin = s.now.local.Origin // identical but for the version (RFC 3264 section 8)
		return d, nil
	}
	o := &d.Origin
	if o.ID == 0 {
		var b [8]byte
		if _, err := io.ReadFull(s.cfg.Rand, b[:]); err != nil {
			return nil, err
		}
		o.ID = binary.BigEndian.Uint64(b[:])>>2 | 1 // 62 bits: RFC 3264 section 5
		o.Version = max(o.Version, 1)
		if o.Address == "0.0.0.0" {
			o.Address = ""
		}
	}
	o.Username = cmp.Or(o.Username, "-")
	if o.Address == "" {
		conn := d.Connection
		switch {
		case s.cfg.Address != "":
			conn = connection(s.cfg.Address)
		case conn == nil:
			conn = &s.user.Media[0].Connections[0]
		}
		o.NetType, o.AddrType, o.Address = conn.NetType, conn.AddrType, conn.Address
	}
	return d, nil
}

// hasAddresses reports whether every section has a c= line of its own (RFC
// 8866 section 5.7).
func hasAddresses(d *sdp.Description) bool {
	for i := range d.Media {
		if len(d.Media[i].Connections) == 0 {
			return false
		}
	}
	return len(d.Media) > 0
}

func connection(address string) *sdp.Connection {
	c := &sdp.Connection{NetType: "IN", AddrType: "IP4", Address: address}
	if a, ok := c.Addr(); ok && !a.Is4() {
		c.AddrType = "IP6"
	}
	return c
}

// version raises the version of o= by one if d differs from the last
// description that we made, and leaves it if not (RFC 3264 section 8).
func (s *Session) version(d *sdp.Description) {
	if last := s.now.local; last != nil && !last.EqualBody(d) {
		d.Origin.Version = last.Origin.Version + 1
	}
}

// wants is the direction that the user wants for a stream of the template.
func (s *Session) wants(own *sdp.Media) sdp.Direction {
	return s.hold.apply(own.Type, own.Direction(s.user))
}

// setDirection writes the attribute, but not the default, sendrecv, unless the
// section already said something.
func setDirection(m *sdp.Media, dir sdp.Direction) {
	if _, ok := m.Attributes.Direction(); ok || dir != sdp.SendRecv {
		m.Attributes.SetDirection(dir)
	}
}

// refuse returns an m= line with port 0 for a stream that is refused or
// removed; one format at least must stay (RFC 3264 sections 6 and 8.2).
func refuse(m *sdp.Media) sdp.Media {
	out := sdp.Media{Type: m.Type, Proto: m.Proto, Formats: m.Formats}
	if len(out.Formats) > 1 {
		out.Formats = out.Formats[:1:1]
	}
	if len(out.Formats) == 0 {
		out.Formats = []string{"0"}
	}
	return out
}
