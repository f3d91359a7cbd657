package sip_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

// preferring returns an INVITE with the given lines.
func preferring(t *testing.T, lines ...string) sip.Request {
	t.Helper()
	text := strings.ReplaceAll(options, "OPTIONS", "INVITE")
	m, err := sip.Parse(strings.Replace(text, "Content-Length", strings.Join(append(lines, "Content-Length"), "\r\n"), 1))
	require.NoError(t, err)
	r, ok := sip.AsRequest(m)
	require.True(t, ok)
	return r
}

func contacts(t *testing.T, list ...string) (out []sip.NameAddr) {
	t.Helper()
	for _, c := range list {
		a, err := sip.ParseNameAddr(c)
		require.NoError(t, err)
		out = append(out, a)
	}
	return out
}

func users(list []sip.Ranked) (s []string) {
	for _, r := range list {
		s = append(s, r.Contact.URI.User)
	}
	return s
}

// The example of RFC 3841 section 7.2.5.
func TestCallerPreferences(t *testing.T) {
	list := contacts(
		t, `sip:u1@h.example.com;audio;video;methods="INVITE,BYE";q=0.2`, `sip:u2@h.example.com;audio="FALSE";methods="INVITE";actor="msg-taker";q=0.2`,
		`sip:u3@h.example.com;audio;actor="msg-taker";methods="INVITE";video;q=0.3`, `sip:u4@h.example.com;audio;methods="INVITE,OPTIONS";q=0.2`, `sip:u5@h.example.com;q=0.5`,
	)
	r := preferring(t, `Reject-Contact: *;actor="msg-taker";video`, `Accept-Contact: *;audio;require`, `Accept-Contact: *;video;explicit`, `Accept-Contact: *;methods="BYE";class="business";q=1.0`)
	ranked := sip.PreferencesOf(r).Rank(list)
	require.Equal(t, []string{"u5", "u1", "u4"}, users(ranked))
	require.InDelta(t, 1.0, ranked[0].Score, 1e-9)
	require.InDelta(t, 0.83, ranked[1].Score, 0.005)
	require.InDelta(t, 0.5, ranked[2].Score, 1e-9)
	require.Equal(t, []int{500, 200, 200}, []int{ranked[0].Q, ranked[1].Q, ranked[2].Q})
}

func TestCallerPreferencesRules(t *testing.T) {
	list := contacts(t, "sip:a@h;audio;methods=\"INVITE\"", "sip:b@h;video;methods=\"BYE\"", "sip:c@h")
	rank := func(lines ...string) []string { return users(sip.PreferencesOf(preferring(t, lines...)).Rank(list)) }
	require.Equal(t, []string{"a", "c"}, rank(), "implicit: the method must be there")
	require.Equal(t, []string{"b"}, users(sip.PreferencesOf(preferring(t)).Rank(list[1:2])), "implicit ones never leave nothing")
	require.Empty(t, rank("Accept-Contact: *;methods=\"FOO\";require")[1:], "explicit ones may, but for the immune")
	require.Equal(t, []string{"c"}, rank("Accept-Contact: *;text;require;explicit"))
	require.Equal(t, []string{"b", "c"}, rank("Reject-Contact: *;audio"))
	require.Equal(t, []string{"a", "c", "b"}, rank("Accept-Contact: *;audio"), "score 1 before score 0")
	require.Equal(t, []string{"a", "b", "c"}, rank("Accept-Contact: @"), "malformed ones are left out")

	m, err := sip.Parse(strings.Replace(strings.ReplaceAll(options, "OPTIONS", "SUBSCRIBE"), "Content-Length", "Event: presence\r\nContent-Length", 1))
	require.NoError(t, err)
	r, _ := sip.AsRequest(m)
	subs := contacts(t, "sip:a@h;methods=\"SUBSCRIBE\";events=\"dialog\"", "sip:b@h;methods=\"SUBSCRIBE\";events=\"presence\"", "sip:c@h;methods=\"SUBSCRIBE\"")
	require.Equal(t, []string{"b", "c"}, users(sip.PreferencesOf(r).Rank(subs)))
}

func TestFeatureMatches(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"TRUE", "true", true}, {"TRUE", "FALSE", false}, {"INVITE,BYE", "BYE", true}, {"INVITE,BYE", "ACK", false}, {"!fixed", "mobile", true}, {"!fixed", "fixed", false}, {"!a", "!a", true},
		{"<Text>", "<Text>", true}, {"<Text>", "<text>", false}, {"<a,b>", "a", false}, {"<a>", "!a", true},
		{"#=4", "#>=4", true}, {"#=4", "#>=5", false}, {"#<=4", "#>=4", true}, {"#<=3.9", "#>=4", false}, {"#2:5", "#5:9", true}, {"#2:4.5", "#5:9", false}, {"#=-1", "#<=0", true}, {"#=+1.0", "#=1", true},
		{"!#=4", "#=4", false}, {"!#>=4", "#=3", true}, {"!#2:5", "#3:4", false}, {"!#2:5", "#3:6", true}, {"!#>=4", "!#<=5", false}, {"!#>=4", "!#<=3", true}, {"!#=1", "!#=2", true}, {"#=4", "4", false}, {"#=inf", "#=inf", false}, {"#x", "#>=0", false}, {" a , b", "b", true},
	} {
		a, b := sip.Feature{Tag: "sip.x", Value: c.a}, sip.Feature{Tag: "SIP.X", Value: c.b}
		require.Equal(t, c.want, a.Matches(b), "%s %s", c.a, c.b)
		require.Equal(t, c.want, b.Matches(a), "%s %s", c.b, c.a)
	}
	require.False(t, sip.Feature{Tag: "a"}.Matches(sip.Feature{Tag: "b"}))
}

func TestFeatures(t *testing.T) {
	var tags []string
	p := msg.Params(`;q=1;audio;automata;class="business";duplex="full";data;control;mobility="fixed";description="<PC>";events="a";priority="#>=1";methods="A";schemes="sip";application;video;language="en";type="x/y";isfocus;actor="principal";text;extensions="100rel";+sip.message="TRUE";other=1;+`)
	for f := range sip.Features(p) {
		tags = append(tags, f.Tag)
		require.Equal(t, f, first(sip.Features(f.Param())), "written and read")
	}
	require.Equal(t, strings.Fields("sip.audio sip.automata sip.class sip.duplex sip.data sip.control sip.mobility sip.description sip.events sip.priority sip.methods sip.schemes sip.application sip.video language type sip.isfocus sip.actor sip.text sip.extensions sip.message"), tags)
	for range sip.Features(p) {
		break
	}
}

func first[T any](seq func(func(T) bool)) (v T) {
	for v := range seq {
		return v
	}
	return v
}
