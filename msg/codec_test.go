package msg_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

// reads checks what a codec reads and that it reads what it writes.
func reads[T any, C msg.Codec[T]](t *testing.T, want map[string]T, bad ...string) {
	t.Helper()
	var c C
	for in, v := range want {
		got, rest, err := c.Parse(in)
		require.NoError(t, err, "%q", in)
		require.Empty(t, rest, "%q", in)
		require.Equal(t, v, got, "%q", in)
		out, err := c.Append([]byte("x"), got)
		require.NoError(t, err)
		require.Equal(t, byte('x'), out[0])
		again, rest, err := c.Parse(string(out[1:]))
		require.NoError(t, err, "%q", out)
		require.Empty(t, rest)
		require.Equal(t, got, again)
	}
	for _, in := range bad {
		_, _, err := c.Parse(in)
		require.Error(t, err, "%q", in)
	}
}

func TestCodecs(t *testing.T) {
	reads[string, msg.TextCodec](t, map[string]string{"": "", "a, b": "a, b", "(x": "(x"})
	reads[string, msg.TokenCodec](t, map[string]string{"a": "a", "100rel": "100rel"}, "", "a b", ",", "a;b", "\"a\"")
	reads[uint32, msg.SecondsCodec](t, map[string]uint32{"0": 0, "007": 7, "4294967295": 1<<32 - 1},
		"", "-1", "+1", "4294967296", "18446744073709551617", "1 2", "1.5", "x")
	reads[uint8, msg.HopsCodec](t, map[string]uint8{"0": 0, "70": 70, "255": 255}, "256", "300", "-1", "", "65606")
	reads[msg.Item, msg.ItemCodec](t, map[string]msg.Item{"a": {Value: "a"}, "a;b=c": {Value: "a", Params: ";b=c"}, "*;q=0": {Value: "*", Params: ";q=0"}},
		"", ";a", "a;", "a b", "a;b=\"")
	reads[msg.MediaType, msg.MediaTypeCodec](t, map[string]msg.MediaType{
		"text/plain": {Type: "text", Subtype: "plain"}, "*/*": {Type: "*", Subtype: "*"},
		"a / b;c=\"d;e\"": {Type: "a", Subtype: "b", Params: ";c=\"d;e\""},
	}, "", "text", "text/", "/plain", "text/plain;", "text plain")
	reads[time.Time, msg.DateCodec](t, map[string]time.Time{
		"Sat, 13 Nov 2010 23:29:00 GMT": time.Date(2010, 11, 13, 23, 29, 0, 0, time.UTC),
	}, "", "Fri, 01 Jan 2010 16:00:00 EST", "Sat, 13 Nov 2010 23:29:00 UTC", "Sat, 31 Feb 2010 23:29:00 GMT", "Saturday, 13-Nov-10 23:29:00 GMT",
		"Sat, 13 Nov 2010 23:29:00 gmt ")
	reads[msg.Retry, msg.RetryCodec](t, map[string]msg.Retry{
		"18000;duration=3600":                {Seconds: 18000, Params: ";duration=3600"},
		"120 (I'm in a (long) meeting \\) )": {Seconds: 120, Comment: "I'm in a (long) meeting \\) "},
		"0":                                  {},
	}, "", "x", "949302838503028349304023988", "1 (", "1 (()", "1 x", "1 ;")
	reads[msg.WarningValue, msg.WarningCodec](t, map[string]msg.WarningValue{
		`307 isi.edu "Session \"x\" not understood"`: {Code: 307, Agent: "isi.edu", Text: `Session "x" not understood`},
		`399 [2001:db8::1]:5060 ""`:                  {Code: 399, Agent: "[2001:db8::1]:5060"},
	}, "", "1812 a \"x\"", "99 a \"x\"", "399 a", "399 \"x\"", "399 a x", "399 a \"x")
}

func TestCodecsLeaveTheRest(t *testing.T) {
	_, rest, err := msg.TokenCodec{}.Parse("a , b")
	require.NoError(t, err)
	require.Equal(t, ", b", rest)
	_, rest, err = msg.MediaTypeCodec{}.Parse("a/b;c=\"x,y\" ,d/e")
	require.NoError(t, err)
	require.Equal(t, ",d/e", rest)
	_, rest, err = msg.WarningCodec{}.Parse(`399 a "x,y",399 b "z"`)
	require.NoError(t, err)
	require.Equal(t, `,399 b "z"`, rest)
}

func TestCodecsRefuseToWrite(t *testing.T) {
	_, err := msg.RetryCodec{}.Append(nil, msg.Retry{Comment: "a) b"})
	require.ErrorIs(t, err, msg.ErrValue)
	_, err = msg.RetryCodec{}.Append(nil, msg.Retry{Params: "x"})
	require.ErrorIs(t, err, msg.ErrValue)
	_, err = msg.WarningCodec{}.Append(nil, msg.WarningValue{Code: 99, Agent: "a"})
	require.ErrorIs(t, err, msg.ErrValue)
	_, err = msg.WarningCodec{}.Append(nil, msg.WarningValue{Code: 399, Agent: "a b"})
	require.ErrorIs(t, err, msg.ErrValue)
	_, err = msg.WarningCodec{}.Append(nil, msg.WarningValue{Code: 399, Agent: "a", Text: "x\r\ny"})
	require.ErrorIs(t, err, msg.ErrValue)
	_, err = msg.MediaTypeCodec{}.Append(nil, msg.MediaType{Type: "a", Subtype: "b/c"})
	require.ErrorIs(t, err, msg.ErrValue)
	_, err = msg.DateCodec{}.Append(nil, time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC))
	require.ErrorIs(t, err, msg.ErrValue)
}

func TestMediaType(t *testing.T) {
	mt, err := msg.ParseMediaType(" Application/SDP ;charset=x ")
	require.NoError(t, err)
	require.True(t, mt.Is("application/sdp"))
	require.False(t, mt.Is("application/sdp2"))
	require.False(t, mt.Is("applicationxsdp"))
	require.Equal(t, "Application/SDP ;charset=x", mt.String())
	require.Equal(t, 1000, mt.Q())
	_, err = msg.ParseMediaType("a/b, c/d")
	require.ErrorIs(t, err, msg.ErrTrailing)
	_, err = msg.ParseMediaType("ab")
	var e *msg.SyntaxError
	require.ErrorAs(t, err, &e)
}
