package sip

import (
	"errors"
	"strings"

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

var class = msg.NewClass(msg.ClassConfig{Version: Version, Headers: infos(), Check: check, Start: checkStart, Target: scanTarget})

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
	if c.Scanned() && m.Class().Tolerance() == msg.Tolerant {
		if !m.IsRequest() {
			return
		}
		if method, _ := m.Marked(markMethod); method == m.Method() {
			return
		}
	}
	line := c.Keep(0, 0, -1)
	if m.IsRequest() && !line {
		checkTarget(c, m.RequestURI())
	}
	if !c.Keep(IDVia, markViaProtocol, markBranch) && !c.Scan(IDVia, markViaProtocol, markBranch) {
		checkVia(c)
	}
	if !c.Keep(IDFrom, markFromTag, markFromTag) && !c.Scan(IDFrom, markFromTag, markFromTag) {
		checkAddr(c, IDFrom, markFromTag)
	}
	if !c.Keep(IDTo, markToTag, markToTag) && !c.Scan(IDTo, markToTag, markToTag) {
		checkAddr(c, IDTo, markToTag)
	}
	if !c.Keep(IDCallID, markCallID, markCallID) && !c.Scan(IDCallID, markCallID, markCallID) {
		checkCallID(c)
	}
	if m.IsRequest() && !line || !c.Keep(IDCSeq, markMethod, markSeq) {
		checkSeq(c, m)
	}
	if !c.Keep(msg.IDMaxForwards, markHops, markHops) && !c.Scan(msg.IDMaxForwards, markHops, markHops) {
		checkHops(c)
	}
	if t := m.Class().Tolerance(); t != msg.Tolerant {
		checkStrict(c, t)
	}
}

// checkTarget looks at the Request-URI: one of another scheme is for the upper
// layers to refuse with 416, and the headers part must not be there
// (RFC 3261 section 19.1.1).
func checkTarget(c msg.Check, uri string) {
	var u URI
	err := u.parse(uri)
	if err == nil && u.Headers != "" {
		err = ErrURI
	}
	if err != nil {
		c.Fail(0, err)
	}
}

func checkVia(c msg.Check) {
	i, s, ok := c.First(IDVia)
	if !ok {
		c.Fail(IDVia, msg.ErrMissing)
		return
	}
	var v viaSpan
	_, err := v.scan(s)
	if err != nil {
		c.Fail(IDVia, err)
		return
	}
	if v.branchLo < v.branchHi && s[v.branchLo] != '"' {
		c.Mark(markBranch, i, v.branchLo, v.branchHi)
	}
	if !v.plain || strings.IndexByte(s[v.parLo:v.parHi], '\n') >= 0 {
		return // decoding makes another string of it
	}
	c.Mark(markViaProtocol, i, 0, v.protoEnd)
	c.Mark(markViaTransport, i, v.transLo, v.transHi)
	c.Mark(markViaHost, i, v.hostLo, v.hostHi)
	c.MarkNumber(markViaPort, uint32(v.port))
	c.Mark(markViaParams, i, v.parLo, v.parHi)
}

func checkAddr(c msg.Check, id msg.ID, slot int) {
	i, s, ok := c.First(id)
	if !ok {
		c.Fail(id, msg.ErrMissing)
		return
	}
	var a NameAddr
	end, lo, hi, err := a.parse(s, "tag")
	if err == nil && end != len(s) {
		err = msg.ErrTrailing
	}
	if err != nil {
		c.Fail(id, err)
		return
	}
	if lo < hi && s[lo] != '"' {
		c.Mark(slot, i, lo, hi)
	}
}

func checkCallID(c msg.Check) {
	i, v, ok := c.First(IDCallID)
	if !ok {
		c.Fail(IDCallID, msg.ErrMissing)
		return
	}
	if end := callIDEnd(v); end == 0 || end != len(v) {
		c.Fail(IDCallID, msg.ErrSyntax)
		return
	}
	c.Mark(markCallID, i, 0, len(v))
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

func checkHops(c msg.Check) {
	if _, v, ok := c.First(msg.IDMaxForwards); ok {
		n, _, err := msg.HopsCodec{}.Parse(v)
		if err != nil {
			c.Fail(msg.IDMaxForwards, err)
		} else {
			c.MarkNumber(markHops, uint32(n))
		}
	}
}
