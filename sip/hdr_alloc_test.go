package sip_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

// allocs returns what decoding all values of a header costs.
func allocs[T any, C msg.Codec[T]](t *testing.T, m *msg.Message, h msg.Header[T, C]) float64 {
	t.Helper()
	require.True(t, h.Has(m))
	return testing.AllocsPerRun(50, func() {
		if _, _, err := h.Get(m); err != nil {
			t.Fatal(err)
		}
		for _, err := range h.All(m) {
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Decoding a value without folds and escapes costs no allocation.
func TestHeaderAllocations(t *testing.T) {
	lines := []string{
		"Event: presence;id=1", "Subscription-State: active;expires=60", "Allow-Events: a, b", "RSeq: 1", "RAck: 1 2 INVITE", "Session-Expires: 90;refresher=uac", "Min-SE: 90",
		"Replaces: a@b;to-tag=1;from-tag=2", "Join: a;to-tag=1;from-tag=2", "Target-Dialog: a;local-tag=1;remote-tag=2", "Refer-To: <sip:a@h?Replaces=x>", "Refer-Sub: true", "Referred-By: <sip:a@h>;cid=\"a@b\"",
		"History-Info: <sip:a@h>;index=1, <sip:b@h>;index=1.1", "Reason: Q.850;cause=16;text=\"x\"", "Privacy: id;user", "P-Asserted-Identity: \"A\" <sip:a@h>, <tel:+1>", "Security-Client: tls;q=0.2, digest",
		"Identity: a.b.c;info=<https://h/c>;alg=ES256", "Resource-Priority: dsn.flash", "Geolocation: <cid:a@b>", "Feature-Caps: *;+sip.a=\"b\"", "User-to-User: 56a3;encoding=hex", "Accept-Contact: *;audio;require",
		"Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=47755a9de7794ba387653f2099600ef2", "Alert-Info: <http://h/a>", "Call-Info: <http://h/a>;purpose=icon", "P-Access-Network-Info: IEEE-802.11;x=y", "Answer-Mode: Auto",
	}
	m, err := sip.Parse(strings.Replace(options, "Content-Length", strings.Join(lines, "\r\n")+"\r\nContent-Length", 1))
	require.NoError(t, err)
	for name, n := range map[string]float64{
		"Event": allocs(t, m, sip.Event), "Subscription-State": allocs(t, m, sip.SubscriptionState), "Allow-Events": allocs(t, m, sip.AllowEvents), "RSeq": allocs(t, m, sip.RSeq), "RAck": allocs(t, m, sip.RAck),
		"Session-Expires": allocs(t, m, sip.SessionExpires), "Min-SE": allocs(t, m, sip.MinSE), "Replaces": allocs(t, m, sip.Replaces), "Join": allocs(t, m, sip.Join), "Target-Dialog": allocs(t, m, sip.TargetDialog),
		"Refer-To": allocs(t, m, sip.ReferTo), "Refer-Sub": allocs(t, m, sip.ReferSub), "Referred-By": allocs(t, m, sip.ReferredBy), "History-Info": allocs(t, m, sip.HistoryInfo), "Reason": allocs(t, m, sip.Reason),
		"Privacy": allocs(t, m, sip.Privacy), "P-Asserted-Identity": allocs(t, m, sip.PAssertedIdentity), "Security-Client": allocs(t, m, sip.SecurityClient), "Identity": allocs(t, m, sip.Identity),
		"Resource-Priority": allocs(t, m, sip.ResourcePriority), "Geolocation": allocs(t, m, sip.Geolocation), "Feature-Caps": allocs(t, m, sip.FeatureCaps), "User-to-User": allocs(t, m, sip.UserToUser),
		"Accept-Contact": allocs(t, m, sip.AcceptContact), "Session-ID": allocs(t, m, sip.SessionID), "Alert-Info": allocs(t, m, sip.AlertInfo), "Call-Info": allocs(t, m, sip.CallInfo),
		"P-Access-Network-Info": allocs(t, m, sip.PAccessNetworkInfo), "Answer-Mode": allocs(t, m, sip.AnswerMode),
	} {
		require.Zero(t, n, name)
	}
}
