package sip_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sip"
)

// RFC 3261 section 19.1.4: header components are compared by the rules of their
// headers, in section 20.
func TestURIHeaderComponents(t *testing.T) {
	with := func(headers ...string) sip.URI {
		u := sip.MustParseURI("sip:a@h")
		for i := 0; i < len(headers); i += 2 {
			u = u.WithHeader(headers[i], headers[i+1])
		}
		return u
	}
	for _, tt := range []struct {
		name, a, b string
		same       bool
	}{
		{"Subject", "next meeting", "next meeting", true},
		{"Subject", "next meeting", "Next Meeting", true}, // section 7.3.1: without case
		{"Subject", "next meeting", "next  meeting", true},
		{"Subject", "next meeting", "last meeting", false},
		{"Priority", "urgent", "URGENT", true},
		{"X-Unknown", "a", "A", false}, // nobody knows its rules
		{"body", "a", "A", false},
		{"Expires", "60", "60", true},
		{"Expires", "60", "61", false},
		{"Expires", "x", "X", false}, // malformed
		{"Contact", "<sip:b@H>", "sip:b@h", true},
		{"Contact", "\"B\" <sip:b@h;lr>", "<sip:b@h>;x=y", true},
		{"Contact", "<sip:b@h>;q=0.5", "<sip:b@h>;q=0.6", false},
		{"Contact", "<sip:b@h>", "<sip:B@h>", false},
		{"Contact", "<sip:b@h>, <sip:c@h>", "<sip:b@h>,<sip:c@h>", true},
		{"Contact", "<sip:b@h>, <sip:c@h>", "<sip:b@h>", false},
		{"To", "<sip:b@h>;tag=a", "B <sip:b@h>;tag=a", true},
		{"To", "<sip:b@h>;tag=a", "<sip:b@h>;tag=A", false},
		{"To", "<sip:b@h>;tag=a", "<sip:b@h>", false},
		{"Replaces", "a@b;to-tag=1;from-tag=2", "a@b ; from-tag=2;to-tag=1", true},
		{"Replaces", "a@b;to-tag=1;from-tag=2", "A@b;to-tag=1;from-tag=2", false},
		{"Call-ID", "a", "A", false},
		{"Allow", "INVITE, BYE", "INVITE,BYE", true},
		{"Allow", "INVITE", "invite", false},
		{"Supported", "100rel, Timer", "100REL,timer", true},
		{"Accept", "application/SDP;x=\"A\"", "Application/sdp ; x=\"A\"", true},
		{"Accept", "application/sdp;x=\"A\"", "application/sdp;x=\"a\"", false}, // quoted strings
		{"Event", "presence;id=1", "presence; id=1", true},
		{"Event", "presence", "Presence", false},
		{"Reason", "SIP;cause=200;text=\"a b\"", "sip;text=\"a b\";cause=200", true},
		{"Date", "Sat, 13 Nov 2010 23:29:00 GMT", "Sat, 13 Nov 2010 23:29:00 gmt", false},
	} {
		a, b := with(tt.name, tt.a), with(strings.ToUpper(tt.name), tt.b)
		if tt.name == "body" {
			b = with(tt.name, tt.b)
		}
		require.Equal(t, tt.same, a.Equal(b), "%s: %q and %q", tt.name, tt.a, tt.b)
		require.Equal(t, tt.same, b.Equal(a), "%s: %q and %q", tt.name, tt.b, tt.a)
		require.True(t, a.Equal(a) && b.Equal(b))
		require.False(t, a.Equal(with()) || with().Equal(a), "a header of one only is not ignored")
		require.Equal(t, tt.same, with("x", "y", tt.name, tt.a).Equal(with(tt.name, tt.b, "X", "y")), "order does not matter")
	}
	require.True(t, with("t", "<sip:b@h>").Equal(with("To", "sip:b@h")), "compact form")
	require.True(t, sip.MustParseURI("sip:a@h?subject=a%20b").Equal(sip.MustParseURI("sip:a@h?%53ubject=a%20%62")))
	require.False(t, with("x", "1", "x", "1", "x", "2").Equal(with("x", "1", "x", "2", "x", "2")), "as often")
	require.True(t, with("x", "1", "x", "2", "x", "1").Equal(with("x", "2", "x", "1", "x", "1")))
	require.True(t, with("Contact", "<sip:b@h>", "Contact", "<sip:c@h>").Equal(with("m", "sip:c@h", "m", "sip:b@h")))

	// Many headers take no more time than they are worth.
	var x, y strings.Builder
	for range 20000 {
		x.WriteString("&Subject=a")
		y.WriteString("&Subject=b")
	}
	a, b := sip.MustParseURI("sip:h?"+x.String()[1:]), sip.MustParseURI("sip:h?"+y.String()[1:])
	require.False(t, a.Equal(b))
	require.True(t, a.Equal(sip.MustParseURI("sip:h?"+strings.ToUpper(x.String()[1:8])+x.String()[8:])))
}
