package sip_test

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/msg/auth"
	"github.com/gosofia/sofia/sip"
)

// headerParts has composers for every part of the values of one header.
type headerParts struct {
	id   msg.ID
	make func(t testing.TB) []composer
	// again reads the value of a text, writes it and returns what was written: as
	// the setter does, and with AsRead.
	again func(m *msg.Message) (strict, asRead *msg.Message, strictErr, err error)
}

// everyHeader has all headers that have a type.
func everyHeader() []headerParts {
	return []headerParts{
		every(sip.ContentLength), every(sip.ContentType), every(sip.ContentEncoding), every(sip.ContentLanguage), every(sip.ContentDisposition),
		every(sip.Date), every(sip.Expires), every(sip.MaxForwards), every(sip.MIMEVersion), every(sip.Accept), every(sip.AcceptEncoding),
		every(sip.AcceptLanguage), every(sip.Allow), every(sip.Server), every(sip.UserAgent), every(sip.RetryAfter), every(sip.Warning),
		every(sip.WWWAuthenticate), every(sip.ProxyAuthenticate), every(sip.Authorization), every(sip.ProxyAuthorization), every(sip.AuthenticationInfo),
		every(sip.ProxyAuthenticationInfo), every(sip.Via), every(sip.Route), every(sip.RecordRoute), every(sip.Path), every(sip.ServiceRoute),
		every(sip.From), every(sip.To), every(sip.CallID), every(sip.CSeq), every(sip.Contact), every(sip.MinExpires), every(sip.Supported),
		every(sip.Require), every(sip.ProxyRequire), every(sip.Unsupported), every(sip.Subject), every(sip.Organization), every(sip.Priority),
		every(sip.Timestamp), every(sip.InReplyTo), every(sip.ReplyTo), every(sip.Reason), every(sip.Event), every(sip.AllowEvents),
		every(sip.SubscriptionState), every(sip.ReferTo), every(sip.ReferredBy), every(sip.Replaces), every(sip.RSeq), every(sip.RAck),
		every(sip.SessionExpires), every(sip.MinSE), every(sip.SIPETag), every(sip.SIPIfMatch), every(sip.AlertInfo), every(sip.CallInfo),
		every(sip.ErrorInfo), every(sip.Privacy), every(sip.PAssertedIdentity), every(sip.PPreferredIdentity), every(sip.AcceptContact),
		every(sip.RejectContact), every(sip.RequestDisposition), every(sip.SuppressIfMatch), every(sip.ReferSub), every(sip.ReferEventsAt),
		every(sip.Join), every(sip.TargetDialog), every(sip.AnswerMode), every(sip.PrivAnswerMode), every(sip.SessionID), every(sip.InfoPackage),
		every(sip.RecvInfo), every(sip.SecurityClient), every(sip.SecurityServer), every(sip.SecurityVerify), every(sip.Identity), every(sip.IdentityInfo),
		every(sip.RemotePartyID), every(sip.HistoryInfo), every(sip.Diversion), every(sip.Geolocation), every(sip.GeolocationRouting),
		every(sip.GeolocationError), every(sip.PolicyContact), every(sip.PolicyID), every(sip.PermissionMissing), every(sip.TriggerConsent),
		every(sip.FeatureCaps), every(sip.ResourcePriority), every(sip.AcceptResourcePriority), every(sip.MaxBreadth), every(sip.FlowTimer),
		every(sip.ContentID), every(sip.UserToUser), every(sip.PEarlyMedia), every(sip.PMediaAuthorization), every(sip.PAssociatedURI),
		every(sip.PCalledPartyID), every(sip.PVisitedNetworkID), every(sip.PAccessNetworkInfo), every(sip.PChargingFunctionAddresses),
		every(sip.PChargingVector), every(sip.PServedUser), every(sip.PUserDatabase), every(sip.PProfileKey), every(sip.PRefusedURIList),
		every(sip.PAnswerState), every(sip.PAssertedService), every(sip.PPreferredService), every(sip.PPrivateNetworkIndication), every(sip.PChargeInfo),
	}
}

// every makes composers that put a text into each text, each parameter and each
// number of a value that is right otherwise.
func every[T any, C msg.Codec[T]](h msg.Header[T, C]) headerParts {
	return headerParts{h.ID(), func(t testing.TB) (list []composer) {
		var base T
		if h.ID() != msg.IDContentLength {
			base = rightValue(t, h)
		}
		var walk func(part string, v reflect.Value, at func(reflect.Value) reflect.Value)
		add := func(part string, at func(reflect.Value) reflect.Value, put func(v reflect.Value, s string)) {
			list = append(list, composed(part, h, func(s string) T {
				v := reflect.New(reflect.TypeFor[T]()).Elem()
				v.Set(reflect.ValueOf(&base).Elem())
				put(at(v), s)
				return v.Interface().(T)
			}))
		}
		walk = func(part string, v reflect.Value, at func(reflect.Value) reflect.Value) {
			switch v.Interface().(type) {
			case msg.Params:
				add(part+" of x", at, func(v reflect.Value, s string) { v.SetString(v.String() + ";x=" + s) })
				add(part+" named", at, func(v reflect.Value, s string) { v.SetString(v.String() + ";" + s) })
				add(part+" with x", at, func(v reflect.Value, s string) { v.SetString(string(msg.Params(v.String()).With("x", s))) })
				add(part+" with name", at, func(v reflect.Value, s string) { v.SetString(string(msg.Params(v.String()).With(s, "x"))) })
				for name := range msg.Params(v.String()).All() {
					add(part+" with "+name, at, func(v reflect.Value, s string) { v.SetString(string(msg.Params(v.String()).With(name, s))) })
					add(part+" of "+name, at, func(v reflect.Value, s string) {
						v.SetString(string(msg.Params(v.String()).Without(name)) + ";" + name + "=" + s)
					})
				}
			case auth.Params:
				add(part+" with x", at, func(v reflect.Value, s string) { v.SetString(string(auth.Params(v.String()).With("x", s))) })
			}
			switch v.Kind() {
			case reflect.String:
				add(part, at, func(v reflect.Value, s string) { v.SetString(s) })
			case reflect.Int, reflect.Int64, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
				add(part, at, func(v reflect.Value, s string) {
					if n, err := strconv.ParseInt(s, 10, 64); err != nil {
						return
					} else if v.CanInt() {
						v.SetInt(n)
					} else {
						v.SetUint(uint64(n) & (1<<(v.Type().Bits()-1)<<1 - 1))
					}
				})
			case reflect.Bool:
				add(part, at, func(v reflect.Value, s string) { v.SetBool(len(s)%2 == 0) })
			case reflect.Struct:
				for i := range v.NumField() {
					if f := v.Type().Field(i); f.IsExported() {
						walk(strings.TrimSpace(part+" "+f.Name), v.Field(i), func(v reflect.Value) reflect.Value { return at(v).Field(i) })
					}
				}
			}
		}
		walk("", reflect.ValueOf(&base).Elem(), func(v reflect.Value) reflect.Value { return v })
		return list
	}, func(m *msg.Message) (strict, asRead *msg.Message, strictErr, err error) {
		var all []T
		for v, err := range h.All(m) {
			if err != nil {
				return nil, nil, err, err
			}
			all = append(all, v)
		}
		strict, strictErr = m.Edit(h.Set(all...))
		asRead, err = m.Edit(h.Set(all...).AsRead())
		return strict, asRead, strictErr, err
	}}
}

// rightValue is a value as the grammar has it: of the longest text among those
// that the grammar tests know.
func rightValue[T any, C msg.Codec[T]](t testing.TB, h msg.Header[T, C]) (v T) {
	info, _ := sip.Class().Info(h.ID())
	best, name := "", strings.Replace(info.Name, "Proxy-Auth", "Auth", 1)
	if info.Name == "Trigger-Consent" {
		name = "Call-Info"
	} else if h.ID() == msg.IDProxyAuthenticate {
		name = info.Name
	}
	for _, c := range grammarCases() {
		if c.name != name {
			continue
		}
		for _, text := range c.valid {
			if len(text) < len(best) || strings.ContainsAny(text, "\r\n\t") || strings.Contains(text, " ;") || strings.Contains(text, "; ") || strings.Contains(text, "= ") {
				continue
			}
			m, err := msg.Parse(sip.StrictClass(), around(info.Name, text), msg.Limits{})
			if err != nil {
				continue
			}
			w, ok, err := h.Get(m)
			if set := h.Set(w); err == nil && ok && set.Err() == nil {
				v, best = w, text
			}
		}
	}
	require.NotEmpty(t, best, "no value of %s to begin with", info.Name)
	return v
}

// numbers are what numbers are set to, with hostile.
func numbers() []string {
	return []string{"1", "99", "100", "255", "256", "299", "399", "400", "600", "699", "700", "999", "1000", "1001", "65535", "65536", "2147483647", "2147483648", "4294967295", "9223372036854775807", "-9223372036854775808"}
}

// TestJudgeEveryPart is TestJudgeComposing for every part of every header that
// has a type.
func TestJudgeEveryPart(t *testing.T) {
	base := composeBase(t)
	var known []msg.ID
	c := composing{t: t, base: base}
	for _, h := range everyHeader() {
		known = append(known, h.id)
		for _, part := range h.make(t) {
			for _, s := range append(hostile(), numbers()...) {
				c.try(part, s)
			}
		}
	}
	for id := range msg.FirstHTTP {
		if info, ok := sip.Class().Info(id); ok {
			require.True(t, slices.Contains(known, id), "%s is not composed", info.Name)
		}
	}
	t.Logf("%-9s %-9s written and read back %d/%d, refused %d", "composing", "parts", c.written-c.bad, c.written, c.refused)
}

// FuzzComposing is TestJudgeComposing and TestJudgeEveryPart with other texts.
func FuzzComposing(f *testing.F) {
	list := composers()
	for _, h := range everyHeader() {
		list = append(list, h.make(f)...)
	}
	base := composeBase(f)
	for i, s := range append(hostile(), numbers()...) {
		for n := range 3 {
			f.Add(uint16(i*7+n*len(list)/3), s)
		}
	}
	f.Fuzz(func(t *testing.T, which uint16, s string) {
		j := composing{t: t, base: base}
		j.try(list[int(which)%len(list)], s)
	})
}
