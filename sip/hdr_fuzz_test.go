package sip_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

// seed adds the values of the named headers, right and wrong ones.
func seed(f *testing.F, names ...string) {
	for _, h := range grammarCases() {
		for _, n := range names {
			if h.name != n {
				continue
			}
			for _, v := range append(h.valid, h.invalid...) {
				f.Add(v)
			}
		}
	}
}

// agree runs a value through both readings: what the strict one takes, the
// tolerant one reads as the same, and what is read and can be written is the
// same when read again, in either reading.
func agree[T comparable, C msg.Codec[T]](t *testing.T, h msg.Header[T, C], s string) {
	var c C
	roundTrip[T](t, c, s)
	info, _ := sip.Class().Info(h.ID())
	if strings.ContainsAny(s, "\r\n\x00") {
		return
	}
	text := around(info.Name, s)
	tolerant, _ := msg.Parse(sip.Class(), text, msg.Limits{})
	strict, _ := msg.Parse(sip.Class().Reading(msg.Strict), text, msg.Limits{})
	require.NotNil(t, tolerant)
	require.NotNil(t, strict)
	v, ok, err := h.Get(strict)
	if err != nil || !ok {
		return
	}
	w, ok, err := h.Get(tolerant)
	require.NoError(t, err, "%s: %q", info.Name, s)
	require.True(t, ok)
	require.Equal(t, w, v)
	set := h.Set(v)
	if set.Err() != nil {
		return
	}
	m, err := strict.Edit(set)
	require.NoError(t, err)
	again, ok, err := h.Get(m)
	require.NoError(t, err, "%s: %q written as %q", info.Name, s, m.String())
	require.True(t, ok)
	require.Equal(t, v, again)
	raw, _ := h.Raw(m)
	m, err = m.Edit(h.Set(again))
	require.NoError(t, err)
	stable, _ := h.Raw(m)
	require.Equal(t, raw, stable, "canonical print is stable")
}

func FuzzAddressHeaders(f *testing.F) {
	seed(f, "Contact", "Route", "Refer-To", "Referred-By", "P-Asserted-Identity", "History-Info", "Diversion", "P-Served-User", "P-Associated-URI")
	f.Fuzz(func(t *testing.T, s string) {
		agree(t, sip.Contact, s)
		agree(t, sip.Route, s)
		agree(t, sip.From, s)
		agree(t, sip.ReferTo, s)
		agree(t, sip.ReferredBy, s)
		agree(t, sip.PAssertedIdentity, s)
		agree(t, sip.HistoryInfo, s)
		agree(t, sip.PServedUser, s)
		agree(t, sip.PAssociatedURI, s)
		if a, err := sip.ParseNameAddr(s); err == nil {
			_, _, _ = a.Instance(), a.PubGRUU(), a.CID()
			_, _ = a.RegID()
			_, _ = a.HistoryReason()
			_, _ = a.HistoryTarget()
		}
	})
}

func FuzzEventHeaders(f *testing.F) {
	seed(f, "Event", "Allow-Events", "Subscription-State", "SIP-ETag", "Suppress-If-Match", "RSeq", "RAck", "Session-Expires", "Min-SE", "Answer-Mode", "Session-ID", "Recv-Info")
	f.Fuzz(func(t *testing.T, s string) {
		agree(t, sip.Event, s)
		agree(t, sip.AllowEvents, s)
		agree(t, sip.SubscriptionState, s)
		agree(t, sip.SIPETag, s)
		agree(t, sip.RSeq, s)
		agree(t, sip.RAck, s)
		agree(t, sip.SessionExpires, s)
		agree(t, sip.MinSE, s)
		agree(t, sip.AnswerMode, s)
		agree(t, sip.SessionID, s)
		agree(t, sip.RecvInfo, s)
	})
}

func FuzzDialogHeaders(f *testing.F) {
	seed(f, "Replaces", "Join", "Target-Dialog", "In-Reply-To", "Refer-Sub", "Call-ID")
	f.Fuzz(func(t *testing.T, s string) {
		agree(t, sip.Replaces, s)
		agree(t, sip.Join, s)
		agree(t, sip.TargetDialog, s)
		agree(t, sip.InReplyTo, s)
		agree(t, sip.ReferSub, s)
		agree(t, sip.CallID, s)
	})
}

func FuzzSecurityHeaders(f *testing.F) {
	seed(f, "Security-Client", "Identity", "Privacy", "Reason", "Resource-Priority")
	f.Fuzz(func(t *testing.T, s string) {
		agree(t, sip.SecurityClient, s)
		agree(t, sip.Identity, s)
		agree(t, sip.Privacy, s)
		agree(t, sip.Reason, s)
		agree(t, sip.ResourcePriority, s)
	})
}

func FuzzInfoHeaders(f *testing.F) {
	seed(f, "Alert-Info", "Call-Info", "Geolocation", "Geolocation-Error", "User-to-User", "Content-ID", "Policy-ID", "Accept-Contact", "Feature-Caps", "P-Charging-Vector", "P-Charging-Function-Addresses", "P-Asserted-Service", "P-Visited-Network-ID", "P-Media-Authorization", "P-Access-Network-Info")
	f.Fuzz(func(t *testing.T, s string) {
		agree(t, sip.AlertInfo, s)
		agree(t, sip.CallInfo, s)
		agree(t, sip.PolicyID, s)
		agree(t, sip.GeolocationError, s)
		agree(t, sip.UserToUser, s)
		agree(t, sip.ContentID, s)
		agree(t, sip.AcceptContact, s)
		agree(t, sip.FeatureCaps, s)
		agree(t, sip.PChargingVector, s)
		agree(t, sip.PChargingFunctionAddresses, s)
		agree(t, sip.PAssertedService, s)
		agree(t, sip.PVisitedNetworkID, s)
		agree(t, sip.PMediaAuthorization, s)
		agree(t, sip.PAccessNetworkInfo, s)
		if p, ok := strings.CutPrefix(s, "*"); ok {
			a := sip.NameAddr{Params: msg.Params(p)}
			for g := range sip.Features(a.Params) {
				g.Matches(g)
			}
		}
	})
}

func FuzzCoreHeaders(f *testing.F) {
	seed(f, "Accept", "Accept-Encoding", "Accept-Language", "Content-Type", "Content-Disposition", "Warning", "Retry-After", "Timestamp", "Date", "Via", "CSeq", "Allow", "Subject", "Server", "Expires", "MIME-Version")
	f.Fuzz(func(t *testing.T, s string) {
		agree(t, sip.Accept, s)
		agree(t, sip.AcceptLanguage, s)
		agree(t, sip.ContentType, s)
		agree(t, sip.ContentDisposition, s)
		agree(t, sip.Warning, s)
		agree(t, sip.RetryAfter, s)
		agree(t, sip.Timestamp, s)
		agree(t, sip.Date, s)
		agree(t, sip.Via, s)
		agree(t, sip.CSeq, s)
		agree(t, sip.Allow, s)
		agree(t, sip.Subject, s)
		agree(t, sip.Server, s)
		agree(t, sip.Expires, s)
		agree(t, sip.MIMEVersion, s)
	})
}

func FuzzOtherURIs(f *testing.F) {
	for _, s := range []string{
		"urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "urn:service:sos", "http://u@[::1]:80/a?b%2f", "mailto:a@h?x", "cid:a%40b", "*", "tel:+1-2;isub=1;phone-context=+1", "tel:*31#",
		"sip:+1;x=y@h;user=phone;method=BYE?To=sip:a%40b&body=x", "sips:a:b@[2001:db8::1]:5061;lr;ttl=1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := sip.ParseURI(s)
		if err != nil {
			return
		}
		require.True(t, u.Equal(u))
		require.True(t, u.Like(u))
		_, _, _ = u.URN()
		_, _, _ = u.Mailbox()
		_, _, _ = u.Authority()
		if aor := u.AOR(); u.IsSIP() {
			again, err := sip.ParseURI(aor.String())
			require.NoError(t, err)
			require.Equal(t, again, again.AOR(), "an AOR is its own AOR")
			require.Equal(t, aor, again)
		}
		if tel, ok := u.Tel(); ok && u.IsPhone() {
			if v, err := sip.TelToSIP(tel, "h"); err == nil {
				_, err = sip.ParseURI(v.String())
				require.NoError(t, err, "%q from %q", v.String(), s)
			}
		}
		if u.IsSIP() {
			if r, err := sip.RequestFrom(u); err == nil {
				_, perr := sip.Parse(r.String())
				var e *msg.SyntaxError
				if perr != nil {
					require.ErrorAs(t, perr, &e)
				}
			}
		}
	})
}

// Octet after octet of what is dear to attackers, through every decoder.
func TestHeadersAreLinear(t *testing.T) {
	for _, piece := range []string{"(", ",", ";", "\"", "\\", "<", ">", ";a", ";a=b", ";a\x00", "a,", "a ", "%", "@", "=", "*;a,", "<a:b>,", "a.", "\r\n ", "1", "[", ";index=1", "sip:h,"} {
		body := strings.Repeat(piece, 12<<10/len(piece))
		within(t, func() {
			for id := msg.ID(1); id < msg.FirstHTTP; id++ {
				info, ok := sip.Class().Info(id)
				if !ok {
					continue
				}
				for _, head := range []string{"", "<sip:h>", "1 "} {
					for _, class := range []*msg.Class{sip.Class(), sip.StrictClass()} {
						m, _ := msg.Parse(class, around(info.Name, head+body), msg.Limits{})
						if m == nil {
							continue
						}
						for range sip.Decode(m, id) {
						}
					}
				}
			}
		})
	}
}
