package nta

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport/simnet"
)

// U08: targets by q, each once, no loop, and no SIPS to SIP without consent.
func TestRuleU08Redirects(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		redirect := func(status int, contacts string) sip.Response {
			return must(sip.NewResponse(w.request("INVITE", "sip:bob@example.com"), status, sip.Contact.Text(contacts)))
		}
		all := func(r *Redirects) (got []string) {
			for uri, ok := r.Next(); ok; uri, ok = r.Next() {
				got = append(got, uri.String())
			}
			return got
		}
		var r Redirects
		r.Tried(sip.MustParseURI("sip:bob@example.com"))
		r.Add(redirect(302, "<sip:low@x>;q=0.1, <sip:bob@EXAMPLE.com>, <sip:first@x>, <sip:second@x>, <sip:first@X>;q=0.5, <tel:+1>, <http://x/>"))
		uri, ok := r.Next()
		require.True(t, ok)
		require.Equal(t, "sip:first@x", uri.String())
		r.Add(redirect(300, "<sip:half@x>;q=0.5, <sip:first@x>, <sip:bob@example.com>"))
		require.Equal(t, []string{"sip:second@x", "sip:half@x", "sip:low@x"}, all(&r))
		r.Add(redirect(301, "<sip:low@x>"))
		r.Add(redirect(305, "<sip:proxy@x>"))
		r.Add(redirect(486, "<sip:other@x>"))
		require.Empty(t, all(&r))

		secure := Redirects{}
		secure.Tried(sip.MustParseURI("sips:bob@example.com"))
		secure.Add(redirect(302, "<sip:plain@x>, <sips:safe@x>"))
		require.Equal(t, []string{"sips:safe@x"}, all(&secure))
		secure.Downgrade = true
		secure.Add(redirect(302, "<sip:agreed@x>"))
		require.Equal(t, []string{"sip:agreed@x"}, all(&secure))

		few := Redirects{Max: 2}
		few.Tried(sip.MustParseURI("sip:bob@example.com"))
		few.Add(redirect(302, "<sip:a@x>, <sip:b@x>"))
		require.Equal(t, []string{"sip:a@x"}, all(&few), "the first counts")
	})
}
