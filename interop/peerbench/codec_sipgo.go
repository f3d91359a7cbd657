package peerbench

import (
	"bytes"

	"github.com/emiago/sipgo/sip"
)

func sipgoCodec() Codec {
	p := sip.NewParser()
	return Codec{
		Name:  "sipgo",
		Parse: func(raw []byte) (any, error) { return p.ParseSIP(raw) },
		Inspect: func(m any) (f Fields) {
			msg := m.(sip.Message)
			if h := msg.From(); h != nil {
				f.FromTag, _ = h.Params.Get("tag")
			}
			if h := msg.To(); h != nil {
				f.ToTag, _ = h.Params.Get("tag")
			}
			if h := msg.CallID(); h != nil {
				f.CallID = string(*h)
			}
			if h := msg.CSeq(); h != nil {
				f.CSeq, f.Method = h.SeqNo, string(h.MethodName)
			}
			if h := msg.Via(); h != nil {
				f.Branch, _ = h.Params.Get("branch")
			}
			var c *sip.ContactHeader
			switch t := msg.(type) {
			case *sip.Request:
				c = t.Contact()
			case *sip.Response:
				c = t.Contact()
			}
			if c != nil {
				f.Contact = c.Address.Host
			}
			return f
		},
		Append: func(dst []byte, m any) ([]byte, error) {
			w := bytes.NewBuffer(dst)
			m.(sip.Message).StringWrite(w)
			return w.Bytes(), nil
		},
		Forward: sipgoForward,
	}
}

func sipgoForward(dst []byte, m any) ([]byte, error) {
	msg := m.(sip.Message)
	if req, ok := msg.(*sip.Request); ok {
		req.PrependHeader(&sip.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: "UDP", Host: "192.0.2.1", Port: 5060,
			Params: sip.HeaderParams{{K: "branch", V: forwardBranch}}})
		req.RemoveHeader("Route")
		if h := req.MaxForwards(); h != nil {
			h.Dec()
		}
	} else {
		msg.(*sip.Response).RemoveHeader("Via")
	}
	w := bytes.NewBuffer(dst)
	msg.StringWrite(w)
	return w.Bytes(), nil
}
