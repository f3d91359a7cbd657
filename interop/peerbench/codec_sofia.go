package peerbench

import (
	"strings"
	"time"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/msg/auth"
	"github.com/gosofia/sofia/sip"
)

// sofiaCodec parses as programs do: what a transaction needs is checked, the
// rest is decoded by whoever asks.
func sofiaCodec() Codec {
	return Codec{
		Name:    "sofia",
		Parse:   func(raw []byte) (any, error) { return sip.Parse(string(raw)) },
		Inspect: sofiaInspect,
		Append:  func(dst []byte, m any) ([]byte, error) { return m.(*msg.Message).AppendText(dst) },
		Forward: sofiaForward,
	}
}

// sofiaFull decodes every header that decodeAll knows, whether asked for or not:
// the row to put beside parsers that always do.
func sofiaFull() Codec {
	c := sofiaCodec()
	c.Name = "sofia-full"
	c.Parse = func(raw []byte) (any, error) {
		m, err := sip.Parse(string(raw))
		if err == nil {
			err = decodeAll(m)
		}
		return m, err
	}
	return c
}

func sofiaInspect(v any) (f Fields) {
	m := v.(*msg.Message)
	if m.IsRequest() {
		r, _ := sip.AsRequest(m)
		f = Fields{FromTag: r.FromTag(), ToTag: r.ToTag(), CallID: r.CallID(), Branch: r.Branch()}
		f.CSeq, f.Method = r.CSeq().Seq, r.CSeq().Method
	} else {
		r, _ := sip.AsResponse(m)
		f = Fields{FromTag: r.FromTag(), ToTag: r.ToTag(), CallID: r.CallID(), Branch: r.Branch()}
		f.CSeq, f.Method = r.CSeq().Seq, r.CSeq().Method
	}
	if c, ok, err := sip.Contact.Get(m); ok && err == nil {
		f.Contact = c.URI.Host
	}
	return f
}

func sofiaForward(dst []byte, v any) ([]byte, error) {
	m := v.(*msg.Message)
	var err error
	if m.IsRequest() {
		r, _ := sip.AsRequest(m)
		hops, ok := r.MaxForwards()
		if !ok {
			hops = 70
		}
		m, err = m.Edit(sip.Via.Push(sip.ViaParm{Transport: "UDP", Host: "192.0.2.1", Port: 5060, Params: ";branch=" + forwardBranch}),
			sip.Route.Pop(), sip.MaxForwards.Set(uint8(max(hops-1, 0))))
	} else {
		m, err = m.Edit(sip.Via.Pop())
	}
	if err != nil {
		return dst, err
	}
	return m.AppendText(dst)
}

// values decodes all values of one field.
func values[T any, C msg.Codec[T]](s string) error {
	var c C
	for {
		_, rest, err := c.Parse(s)
		if err != nil || rest == "" {
			return err
		}
		s = strings.TrimLeft(rest[1:], " \t")
	}
}

// decodeAll decodes the fields of the headers of RFC 3261 and of the extensions
// that share their grammar, each once, with the codec of its header. Other parsers
// keep the rest as text, or as name and value, too.
func decodeAll(m *msg.Message) error {
	for f := range m.Fields() {
		var err error
		switch f.ID {
		case sip.IDVia:
			err = values[sip.ViaParm, sip.ViaCodec](f.Value)
		case sip.IDContact:
			err = values[sip.NameAddr, sip.ContactCodec](f.Value)
		case sip.IDFrom, sip.IDTo, sip.IDRoute, sip.IDRecordRoute, sip.IDPath, sip.IDServiceRoute,
			sip.IDReplyTo, sip.IDReferTo, sip.IDReferredBy, sip.IDPAssertedIdentity, sip.IDPPreferredIdentity:
			err = values[sip.NameAddr, sip.AddrCodec](f.Value)
		case sip.IDCSeq:
			err = values[sip.Sequence, sip.SequenceCodec](f.Value)
		case sip.IDCallID, sip.IDInReplyTo:
			err = values[string, sip.CallIDCodec](f.Value)
		case sip.IDTimestamp:
			err = values[sip.Stamp, sip.StampCodec](f.Value)
		case msg.IDMaxForwards:
			err = values[uint8, msg.HopsCodec](f.Value)
		case msg.IDExpires, sip.IDMinExpires, msg.IDContentLength:
			err = values[uint32, msg.SecondsCodec](f.Value)
		case msg.IDDate:
			err = values[time.Time, msg.DateCodec](f.Value)
		case msg.IDRetryAfter:
			err = values[msg.Retry, msg.RetryCodec](f.Value)
		case msg.IDWarning:
			err = values[msg.WarningValue, msg.WarningCodec](f.Value)
		case msg.IDContentType, msg.IDAccept:
			err = values[msg.MediaType, msg.MediaTypeCodec](f.Value)
		case msg.IDContentDisposition, msg.IDAcceptEncoding, msg.IDAcceptLanguage,
			sip.IDReason, sip.IDEvent, sip.IDSubscriptionState:
			err = values[msg.Item, msg.ItemCodec](f.Value)
		case msg.IDAllow, sip.IDSupported, sip.IDRequire, sip.IDProxyRequire, sip.IDUnsupported,
			sip.IDAllowEvents, sip.IDPriority, msg.IDContentEncoding, msg.IDContentLanguage, msg.IDMIMEVersion:
			err = values[string, msg.TokenCodec](f.Value)
		case msg.IDWWWAuthenticate, msg.IDProxyAuthenticate:
			err = values[auth.Challenge, auth.ChallengeCodec](f.Value)
		case msg.IDAuthorization, msg.IDProxyAuthorization:
			err = values[auth.Credentials, auth.CredentialsCodec](f.Value)
		case msg.IDAuthenticationInfo, msg.IDProxyAuthenticationInfo:
			err = values[auth.Info, auth.InfoCodec](f.Value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
