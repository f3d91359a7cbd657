package sip_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/msg/auth"
	"github.com/gosofia/sofia/sip"
)

var benchNames = []string{"register", "invite", "ok", "notify", "big"}

// The three operations of docs/performance.md. Each starts from the octets of a
// datagram, so the copy into the string that the message keeps is part of it.

// index finds and identifies every header and checks and decodes what every
// layer needs: top Via, From and To tags, Call-ID, CSeq, Max-Forwards.
//
//go:noinline
func index(raw []byte) (*msg.Message, error) { return sip.Parse(string(raw)) }

// deep is index and decodes every header that has a type.
//
//go:noinline
func deep(raw []byte) (*msg.Message, error) {
	m, err := sip.Parse(string(raw))
	if err == nil {
		err = decodeFields(m)
	}
	return m, err
}

// forward is index and what a proxy does to the message: push Via, pop Route
// and count Max-Forwards down in a request, pop Via in a response, serialise.
//
//go:noinline
func forward(dst, raw []byte) ([]byte, error) {
	m, err := sip.Parse(string(raw))
	if err != nil {
		return dst, err
	}
	if r, ok := sip.AsRequest(m); ok {
		hops, _ := r.MaxForwards()
		m, err = m.Edit(
			sip.Via.Push(sip.ViaParm{Transport: "UDP", Host: "proxy9.example.net", Port: 5060, Params: ";branch=z9hG4bK-bench-0001"}),
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
		for s = rest[1:]; s != "" && (s[0] == ' ' || s[0] == '\t'); {
			s = s[1:]
		}
	}
}

// decodeFields decodes every field once, with the codec of its header.
func decodeFields(m *msg.Message) error {
	for f := range m.Fields() {
		var err error
		switch f.ID {
		case sip.IDVia:
			err = values[sip.ViaParm, sip.ViaCodec](f.Value)
		case sip.IDContact:
			err = values[sip.NameAddr, sip.ContactCodec](f.Value)
		case sip.IDFrom, sip.IDTo, sip.IDRoute, sip.IDRecordRoute, sip.IDPath, sip.IDServiceRoute,
			sip.IDReplyTo, sip.IDReferTo, sip.IDReferredBy, sip.IDPAssertedIdentity, sip.IDPPreferredIdentity, sip.IDHistoryInfo:
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
		case msg.IDContentDisposition, msg.IDAcceptEncoding, msg.IDAcceptLanguage:
			err = values[msg.Item, msg.ItemCodec](f.Value)
		case sip.IDEvent:
			err = values[sip.EventType, sip.ItemCodec[sip.EventType]](f.Value)
		case sip.IDSubscriptionState:
			err = values[sip.Substate, sip.ItemCodec[sip.Substate]](f.Value)
		case sip.IDReason:
			err = values[sip.ReasonValue, sip.ItemCodec[sip.ReasonValue]](f.Value)
		case sip.IDSessionExpires, sip.IDMinSE:
			err = values[sip.Interval, sip.DeltaCodec[sip.Interval]](f.Value)
		case sip.IDReplaces:
			err = values[sip.Replacement, sip.DialogCodec[sip.Replacement]](f.Value)
		case sip.IDAlertInfo, sip.IDCallInfo:
			err = values[sip.Link, sip.WholeCodec](f.Value)
		case sip.IDAcceptContact, sip.IDRejectContact:
			err = values[sip.Preference, sip.StarCodec[sip.Preference]](f.Value)
		case sip.IDPrivacy:
			err = values[sip.Privacies, sip.PrivacyCodec](f.Value)
		case sip.IDSecurityVerify:
			err = values[sip.Mechanism, sip.ItemCodec[sip.Mechanism]](f.Value)
		case sip.IDIdentity:
			err = values[sip.Signature, sip.SignatureCodec](f.Value)
		case sip.IDPAccessNetworkInfo:
			err = values[msg.Item, sip.ItemCodec[msg.Item]](f.Value)
		case sip.IDPChargingVector:
			err = values[sip.Charging, sip.ChargingCodec](f.Value)
		case msg.IDAllow, sip.IDSupported, sip.IDRequire, sip.IDProxyRequire, sip.IDUnsupported,
			sip.IDAllowEvents, sip.IDPriority, sip.IDRequestDisposition, sip.IDPEarlyMedia, msg.IDContentEncoding, msg.IDContentLanguage, msg.IDMIMEVersion:
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

func each(b *testing.B, f func(raw []byte) error) {
	texts := corpus(b, "bench/*.sip")
	for _, name := range benchNames {
		b.Run(name, func(b *testing.B) {
			raw := []byte(texts[name])
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if err := f(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkIndex(b *testing.B) {
	each(b, func(raw []byte) error {
		_, err := index(raw)
		return err
	})
}

func BenchmarkDeep(b *testing.B) {
	each(b, func(raw []byte) error {
		_, err := deep(raw)
		return err
	})
}

func BenchmarkProxy(b *testing.B) {
	buf := make([]byte, 0, 8192)
	each(b, func(raw []byte) error {
		_, err := forward(buf, raw)
		return err
	})
}

func BenchmarkAppend(b *testing.B) {
	texts := corpus(b, "bench/*.sip")
	for _, name := range benchNames {
		b.Run(name, func(b *testing.B) {
			m, err := sip.Parse(texts[name])
			require.NoError(b, err)
			buf := make([]byte, 0, 8192)
			b.ReportAllocs()
			for b.Loop() {
				buf, _ = m.AppendText(buf[:0])
			}
		})
	}
}

func BenchmarkResponse(b *testing.B) {
	m, err := sip.Parse(corpus(b, "bench/invite.sip")["invite"])
	require.NoError(b, err)
	req, _ := sip.AsRequest(m)
	buf := make([]byte, 0, 8192)
	b.ReportAllocs()
	for b.Loop() {
		r, err := sip.NewResponse(req, 200)
		if err != nil {
			b.Fatal(err)
		}
		buf, _ = r.AppendText(buf[:0])
	}
}

func BenchmarkFramer(b *testing.B) {
	raw := []byte(corpus(b, "bench/invite.sip")["invite"])
	f := msg.NewFramer(sip.Class(), msg.Limits{})
	b.ReportAllocs()
	for b.Loop() {
		_ = f.Feed(raw)
		if fr, err := f.Next(); err != nil || len(fr.Text) != len(raw) {
			b.Fatal(err)
		}
	}
}
