package msg_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

func TestParams(t *testing.T) {
	const p = msg.Params(` ; a ; B = c ;d="x\"y; z=1" ;e=[::1];a=later`)
	for name, want := range map[string]string{"a": "", "A": "", "b": "c", "D": `x"y; z=1`, "e": "[::1]"} {
		v, ok := p.Get(name)
		require.True(t, ok, name)
		require.Equal(t, want, v, name)
		require.True(t, p.Has(name))
	}
	require.False(t, p.Has("z"))
	require.False(t, p.Has(""))
	var names []string
	for n := range p.All() {
		names = append(names, n)
	}
	require.Equal(t, []string{"a", "B", "d", "e", "a"}, names)
	for range p.All() {
		break
	}
	require.True(t, p.Valid())
	require.Equal(t, msg.Params(`;A=1 ; B = c ;d="x\"y; z=1" ;e=[::1]`), p.With("A", "1"), "one of the name is left")
	require.Equal(t, msg.Params(` ; B = c ;d="x\"y; z=1" ;e=[::1]`), p.Without("a"))
	require.Equal(t, p, p.Without("q"))
}

func TestParamsWith(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"x", "", ";x"},
		{"x", "tok-en", ";x=tok-en"},
		{"x", "2001:db8::1", ";x=2001:db8::1"},
		{"x", "[2001:db8::1]", ";x=[2001:db8::1]"},
		{"x", "a b", `;x="a b"`},
		{"x", `a"b\`, `;x="a\"b\\"`},
		{"x", "a;b,c", `;x="a;b,c"`},
		{"x", "<urn:a>", `;x="<urn:a>"`},
		{"x", "ü", `;x="ü"`},
	} {
		p := msg.Params("").With(c.name, c.value)
		require.Equal(t, msg.Params(c.want), p)
		require.True(t, p.Valid())
		v, ok := p.Get(c.name)
		require.True(t, ok)
		require.Equal(t, c.value, v)
		require.Equal(t, msg.Params(";y=1"+c.want), msg.Params(";y=1").With(c.name, c.value))
		require.Equal(t, msg.Params(""), p.Without("X"))
	}
}

func TestParamsInvalid(t *testing.T) {
	for _, p := range []msg.Params{
		"a", ";", ";;a", ";a;", ";=b", ";a=", `;a="b`, `;a="b"c`, ";a b", ";a=b c", ";a=b,c", ";a=\"\r\n\"", ";a=\"\x00\"", "; a=<b>",
		msg.Params("").With("a b", "c"), msg.Params("").With("a", "b\r\nc"), msg.Params("").With("", "x"),
	} {
		require.False(t, p.Valid(), "%q", p)
		for range p.All() {
			continue
		}
		p.Get("zzz")
		_ = p.With("zzz", "1")
	}
}

func TestQ(t *testing.T) {
	for p, want := range map[msg.Params]int{
		"": 1000, ";q=1": 1000, ";q=1.000": 1000, ";q=0": 0, ";q=0.": 0, ";q=0.5": 500, ";Q=0.05": 50, ";q=0.005": 5, ";q=0.123": 123,
		";q=1.1": 1000, ";q=2": 1000, ";q=0.1234": 1000, ";q=-1": 1000, ";q=0.x": 1000, ";q": 1000, ";q=.5": 1000, ";q=00": 1000,
	} {
		require.Equal(t, want, p.Q(), "%q", p)
	}
}
