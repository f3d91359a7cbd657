package http_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/http"
	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/msg/auth"
)

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

// decodeAll decodes every field that has a type and returns the first error.
func decodeAll(m *msg.Message) (first error) {
	for f := range m.Fields() {
		if err := decode(f); err != nil && first == nil {
			first = err
		}
	}
	return first
}

func decode(f msg.Field) error {
	s := f.Value
	switch f.ID {
	case msg.IDContentLength:
		return values[uint64, http.LengthCodec](s)
	case msg.IDDate, msg.IDExpires, http.IDLastModified, http.IDIfModifiedSince, http.IDIfUnmodifiedSince:
		return values[time.Time, http.TimeCodec](s)
	case msg.IDRetryAfter:
		return values[http.Retry, http.RetryCodec](s)
	case msg.IDWarning:
		return values[http.WarningValue, http.WarningCodec](s)
	case http.IDHost:
		return values[http.HostPort, http.HostCodec](s)
	case http.IDETag, http.IDIfMatch, http.IDIfNoneMatch:
		return values[http.EntityTag, http.EntityTagCodec](s)
	case http.IDIfRange:
		return values[http.Validator, http.ValidatorCodec](s)
	case http.IDRange:
		return values[http.RangeSet, http.RangeCodec](s)
	case http.IDContentRange:
		return values[http.RangeOf, http.ContentRangeCodec](s)
	case http.IDUpgrade:
		return values[http.Protocol, http.ProtocolCodec](s)
	case http.IDVia:
		return values[http.ViaValue, http.ViaCodec](s)
	case http.IDCookie:
		return values[http.Cookies, http.CookiesCodec](s)
	case http.IDSetCookie:
		return values[http.CookieValue, http.CookieCodec](s)
	case http.IDCacheControl, http.IDPragma, http.IDKeepAlive:
		return values[http.Directive, http.DirectiveCodec](s)
	case msg.IDContentType, msg.IDAccept:
		return values[msg.MediaType, msg.MediaTypeCodec](s)
	case http.IDTE, http.IDTransferEncoding, http.IDExpect, http.IDAcceptCharset, msg.IDAcceptEncoding, msg.IDAcceptLanguage,
		msg.IDContentDisposition, http.IDSecWebSocketExtensions:
		return values[msg.Item, msg.ItemCodec](s)
	case http.IDConnection, http.IDProxyConnection, http.IDVary, http.IDTrailer, http.IDAcceptRanges, msg.IDAllow,
		msg.IDContentEncoding, msg.IDContentLanguage, http.IDSecWebSocketProtocol, http.IDSecWebSocketVersion:
		return values[string, msg.TokenCodec](s)
	case http.IDAge, msg.IDMaxForwards:
		return values[uint32, msg.SecondsCodec](s)
	case msg.IDWWWAuthenticate, msg.IDProxyAuthenticate:
		return values[auth.Challenge, auth.ChallengeCodec](s)
	case msg.IDAuthorization, msg.IDProxyAuthorization:
		return values[auth.Credentials, auth.CredentialsCodec](s)
	case msg.IDAuthenticationInfo, msg.IDProxyAuthenticationInfo:
		return values[auth.Info, auth.InfoCodec](s)
	}
	return nil
}

func TestDecodeSample(t *testing.T) { require.NoError(t, decodeAll(parse(t, sample(t)))) }

// TestAllocations: a message of up to 32 fields is its text and the message.
func TestAllocations(t *testing.T) {
	raw := []byte(sample(t))
	require.EqualValues(t, 2, testing.AllocsPerRun(100, func() {
		if _, err := http.Parse(string(raw)); err != nil {
			t.Fatal(err)
		}
	}))
}

func BenchmarkResponse(b *testing.B) {
	raw := []byte(sample(b))
	b.Run("index", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := http.Parse(string(raw)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("deep", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			m, err := http.Parse(string(raw))
			if err == nil {
				err = decodeAll(m)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
