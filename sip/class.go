package sip

import (
	"errors"
	"strings"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// Version is the protocol version of this package.
const Version = "SIP/2.0"

// ErrMethod means that the method of CSeq is not that of the request
// (RFC 3261 section 8.1.1.5).
var ErrMethod = errors.New("method of CSeq differs from that of the request")

// Class returns the message class of SIP: the header table of this package and
// the checks that every message must pass. Add headers with [msg.Class.With].
func Class() *msg.Class { return class }

var class = msg.NewClass(msg.ClassConfig{Version: Version, Headers: infos(), Check: check})

// Parse reads one SIP message with the default limits; see [msg.Parse].
func Parse(s string) (*msg.Message, error) { return msg.Parse(class, s, msg.Limits{}) }

// What the check marks in a message.
const (
	markViaProtocol = iota
	markViaTransport
	markViaHost
	markViaPort
	markViaParams
	markBranch
	markFromTag
	markToTag
	markCallID
	markMethod
	markSeq
	markHops
)

// check refuses what must not reach a transaction (RFC 3261 section 8.1.1:
// Via, From, To, Call-ID and CSeq are mandatory; Max-Forwards too, but RFC 2543
// peers leave it out) and marks what the layers above ask for all the time.
func check(c msg.Check) {
	m := c.Message()
	if m.IsRequest() {
		checkTarget(c, m.RequestURI())
	}
	checkVia(c)
	checkAddr(c, IDFrom, markFromTag)
	checkAddr(c, IDTo, markToTag)
	if i, v, ok := c.First(IDCallID); !ok {
		c.Fail(IDCallID, msg.ErrMissing)
	} else if id, rest, err := (CallIDCodec{}).Parse(v); err != nil || rest != "" {
		c.Fail(IDCallID, msg.ErrSyntax)
	} else {
		c.Mark(markCallID, i, 0, len(id))
	}
	checkSeq(c, m)
	if _, v, ok := c.First(msg.IDMaxForwards); ok {
		n, _, err := msg.HopsCodec{}.Parse(v)
		if err != nil {
			c.Fail(msg.IDMaxForwards, err)
		} else {
			c.MarkNumber(markHops, uint32(n))
		}
	}
}

// checkTarget looks at the Request-URI: one of another scheme is for the upper
// layers to refuse with 416, and the headers part must not be there
// (RFC 3261 section 19.1.1).
func checkTarget(c msg.Check, uri string) {
	u, err := parseURI(uri)
	if err != nil {
		c.Fail(0, err)
	} else if u.Headers != "" {
		c.Fail(0, ErrURI)
	}
}

func checkVia(c msg.Check) {
	i, s, ok := c.First(IDVia)
	if !ok {
		c.Fail(IDVia, msg.ErrMissing)
		return
	}
	v, _, err := scanVia(s)
	if err != nil {
		c.Fail(IDVia, err)
		return
	}
	markParam(c, markBranch, i, s[:v.parHi], v.parLo, "branch")
	if !v.plain || strings.IndexByte(s[v.parLo:v.parHi], '\n') >= 0 {
		return // decoding makes another string of it
	}
	c.Mark(markViaProtocol, i, 0, v.protoEnd)
	c.Mark(markViaTransport, i, v.transLo, v.transHi)
	c.Mark(markViaHost, i, v.hostLo, v.hostHi)
	c.MarkNumber(markViaPort, uint32(v.port))
	c.Mark(markViaParams, i, v.parLo, v.parHi)
}

// markParam marks the unquoted value of the named parameter among those of s
// from lo on.
func markParam(c msg.Check, slot, index int, s string, lo int, name string) {
	for {
		p, next, ok := scan.NextParam(s, lo)
		if !ok {
			return
		}
		if scan.EqualFold(s[p.NameLo:p.NameHi], name) {
			if p.HasValue && s[p.ValueLo] != '"' {
				c.Mark(slot, index, p.ValueLo, p.ValueHi)
			}
			return
		}
		lo = next
	}
}

func checkAddr(c msg.Check, id msg.ID, slot int) {
	i, s, ok := c.First(id)
	if !ok {
		c.Fail(id, msg.ErrMissing)
		return
	}
	a, rest, err := parseAddr(s)
	if err == nil && rest != "" {
		err = msg.ErrTrailing
	}
	if err != nil {
		c.Fail(id, err)
		return
	}
	markParam(c, slot, i, s, len(s)-len(a.Params), "tag")
}

func checkSeq(c msg.Check, m *msg.Message) {
	i, s, ok := c.First(IDCSeq)
	if !ok {
		c.Fail(IDCSeq, msg.ErrMissing)
		return
	}
	n, lo, hi, err := scanSequence(s)
	if err == nil && hi != len(s) {
		err = msg.ErrTrailing
	}
	if err != nil {
		c.Fail(IDCSeq, err)
		return
	}
	if m.IsRequest() && s[lo:hi] != m.Method() {
		c.Fail(IDCSeq, ErrMethod)
	}
	c.MarkNumber(markSeq, n)
	c.Mark(markMethod, i, lo, hi)
}
