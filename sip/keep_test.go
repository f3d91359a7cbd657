package sip_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

// What every layer asks for: the marks of the check.
type marked struct {
	Via                            sip.ViaParm
	Branch, FromTag, ToTag, CallID string
	CSeq                           sip.Sequence
	Hops                           int
	HasHops, Refused               bool
}

func marksOf(m *msg.Message) (x marked) {
	x.Refused = m.Err() != nil
	if r, ok := sip.AsRequest(m); ok {
		x.Via, x.Branch, x.FromTag, x.ToTag, x.CallID, x.CSeq = r.TopVia(), r.Branch(), r.FromTag(), r.ToTag(), r.CallID(), r.CSeq()
		x.Hops, x.HasHops = r.MaxForwards()
		return x
	}
	r, _ := sip.AsResponse(m)
	x.Via, x.Branch, x.FromTag, x.ToTag, x.CallID, x.CSeq = r.TopVia(), r.Branch(), r.FromTag(), r.ToTag(), r.CallID(), r.CSeq()
	return x
}

// An edit, and a message with fields of another, know of themselves what a
// parse of their text would find, although only what is new is checked.
func TestMarksAfterEdit(t *testing.T) {
	via := sip.ViaParm{Transport: "TCP", Host: "p.test", Port: 5070, Params: ";rport;branch=z9hG4bKnew"}
	to := sip.NameAddr{URI: sip.MustParseURI("sip:other@example.net"), Params: ";tag=new"}
	edits := map[string][]msg.Setter{
		"nothing":         nil,
		"push":            {sip.Via.Push(via)},
		"pop":             {sip.Via.Pop()},
		"push, pop":       {sip.Via.Push(via), sip.Via.Pop()},
		"no Via":          {sip.Via.Del()},
		"To":              {sip.To.Set(to)},
		"To twice":        {sip.To.Set(to), sip.To.Del(), sip.To.Set(to.WithTag(""))},
		"no From":         {sip.From.Del()},
		"bad From":        {sip.From.Text("<sip:a@b>x")},
		"From":            {sip.From.Text("\"x\" <sip:a@b>;tag=\"quoted\"")},
		"Call-ID":         {sip.CallID.Text("new@id")},
		"CSeq":            {sip.CSeq.Text("7 BYE")},
		"hops":            {sip.MaxForwards.Set(3)},
		"no hops":         {sip.MaxForwards.Del()},
		"bad hops":        {sip.MaxForwards.Text("256")},
		"method":          {msg.RequestLine("BYE", "sip:x@y")},
		"method and CSeq": {msg.RequestLine("BYE", "sip:x@y"), sip.CSeq.Set(sip.Sequence{Seq: 9, Method: "BYE"})},
		"bad target":      {msg.RequestLine("INVITE", "sip:@")},
		"response":        {msg.StatusLine(200, "OK")},
		"body":            {msg.Body("x")},
		"front":           {sip.Contact.Set(to), sip.UserAgent.Set("x")},
	}
	for _, pattern := range []string{"bench/*.sip", "rfc3665/*.sip", "rfc4475/*.dat", "rfc5118/*.dat"} {
		for name, text := range corpus(t, pattern) {
			m, err := sip.Parse(text)
			if m == nil {
				continue
			}
			good := err == nil
			for edit, set := range edits {
				e, err := m.Edit(set...)
				if err != nil {
					continue
				}
				same(t, e, good, name, edit)
				for again, set := range edits {
					if f, err := e.Edit(set...); err == nil {
						same(t, f, good, name, edit, again)
					}
				}
			}
			if r, ok := sip.AsRequest(m); ok {
				for _, set := range [][]msg.Setter{nil, {sip.To.Set(to)}, {sip.From.Del()}, {sip.Via.Push(via)}, {sip.CSeq.Text("1")}} {
					if resp, err := sip.NewResponse(r, 200, set...); err == nil {
						same(t, resp.Message, good, name, "response")
					}
				}
				ack, err := msg.New(sip.Class(), msg.RequestLine("ACK", "sip:x@y"), sip.Via.Copy(m), sip.From.Copy(m), sip.To.Copy(m),
					sip.CallID.Copy(m), sip.CSeq.Copy(m), sip.MaxForwards.Copy(m), msg.Length())
				if err == nil { // its CSeq is that of another method
					same(t, ack, good, name, "ACK")
				}
			}
		}
	}
}

func same(t *testing.T, m *msg.Message, good bool, what ...string) {
	t.Helper()
	again, _ := sip.Parse(m.String())
	require.NotNil(t, again, what)
	if !good && again.Err() == nil { // what Parse found in the first text stays an error
		return
	}
	require.Equal(t, marksOf(again), marksOf(m), what)
}
