package msg_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

// frames feeds the pieces and returns what comes out, and the error that ended
// it. Lent pieces, which are gone afterwards, must give the same.
func frames(t testing.TB, lim msg.Limits, pieces ...string) (got []msg.Frame, err error) {
	t.Helper()
	got, err = framesOf(t, lim, (*msg.Framer).Feed, pieces)
	lent, lentErr := framesOf(t, lim, (*msg.Framer).Lend, pieces)
	require.Equal(t, got, lent)
	require.Equal(t, err, lentErr)
	return got, err
}

func framesOf(t testing.TB, lim msg.Limits, feed func(*msg.Framer, []byte) error, pieces []string) (got []msg.Frame, err error) {
	t.Helper()
	f := msg.NewFramer(class, lim)
	var last []byte
	for _, p := range pieces {
		for i := range last {
			last[i] = '#'
		}
		last = []byte(p)
		if err := feed(f, last); err != nil {
			return got, err
		}
		for {
			fr, err := f.Next()
			if errors.Is(err, msg.ErrIncomplete) {
				break
			}
			if fr.Kind != 0 {
				got = append(got, fr)
			}
			if err != nil {
				_, again := f.Next()
				require.Equal(t, err, again, "the error must stay")
				require.Equal(t, err, f.Feed([]byte("x")))
				require.Zero(t, f.Buffered())
				return got, err
			}
		}
	}
	if n := f.Buffered(); n > 0 {
		got = append(got, msg.Frame{Text: "waiting"})
	}
	return got, nil
}

func message(s string) msg.Frame { return msg.Frame{Kind: msg.FrameMessage, Text: s} }

var (
	ping = msg.Frame{Kind: msg.FramePing}
	pong = msg.Frame{Kind: msg.FramePong}
)

const (
	one = "GET x TEST/1.0\r\nKey: k\r\nContent-Length : 4\r\nNote: a\r\n b\r\n\r\nbody"
	two = "GET x TEST/1.0\r\nl:\r\n 0\r\n\r\n"
)

// Every stream is cut at every octet, at every pair of octets, and into single
// octets; frames and errors must be those of the whole.
func TestFramer(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     []msg.Frame
		err      error
		status   int
	}{
		{"one", one, []msg.Frame{message(one)}, nil, 0},
		{"three", one + two + one, []msg.Frame{message(one), message(two), message(one)}, nil, 0},
		{"pong", "\r\n" + two, []msg.Frame{pong, message(two)}, nil, 0},
		{"ping", "\r\n\r\n" + two, []msg.Frame{pong, ping, message(two)}, nil, 0},
		{"pings", two + "\r\n\r\n\r\n\r\n\r\n", []msg.Frame{message(two), pong, ping, pong, ping, pong}, nil, 0},
		{"half apart", "\r\n" + two + "\r\n", []msg.Frame{pong, message(two), pong}, nil, 0},
		{"half a CRLF", two + "\r", []msg.Frame{message(two), {Text: "waiting"}}, nil, 0},
		{"waiting", one[:len(one)-1], []msg.Frame{{Text: "waiting"}}, nil, 0},
		{"CR alone between", two + "\rGET\n", []msg.Frame{message(two)}, msg.ErrLineEnd, 400},
		{"LF between", two + "\n" + two, []msg.Frame{message(two)}, msg.ErrLineEnd, 400},
		{"LF only", "GET x TEST/1.0\nl: 0\n\n", nil, msg.ErrLineEnd, 400},
		{"bare LF", "GET x TEST/1.0\r\nl: 0\nKey: k\r\n\r\n", []msg.Frame{message("GET x TEST/1.0\r\n")}, msg.ErrLineEnd, 400},
		{"bare CR", "GET x TEST/1.0\r\nl: 0\rKey: k\r\n\r\n", []msg.Frame{message("GET x TEST/1.0\r\n")}, msg.ErrLineEnd, 400},
		{"CR CR LF", "GET x TEST/1.0\r\nl: 0\r\r\n\r\n", []msg.Frame{message("GET x TEST/1.0\r\n")}, msg.ErrLineEnd, 400},
		{"LF ends the head", "GET x TEST/1.0\r\nl: 0\r\n\n", []msg.Frame{message("GET x TEST/1.0\r\nl: 0\r\n")}, msg.ErrLineEnd, 400},
		{"no length", "GET x TEST/1.0\r\nKey: k\r\n\r\n", []msg.Frame{message("GET x TEST/1.0\r\nKey: k\r\n\r\n")}, msg.ErrNoLength, 400},
		{"two lengths", head + "l: 1\r\nContent-Length: 2\r\n\r\n", []msg.Frame{message(head + "l: 1\r\nContent-Length: 2\r\n\r\n")}, msg.ErrDouble, 400},
		{"two equal lengths", head + "l: 1\r\nl: 1\r\n\r\n", []msg.Frame{message(head + "l: 1\r\nl: 1\r\n\r\n")}, msg.ErrDouble, 400},
		{"sign", head + "l: +1\r\n\r\nx", []msg.Frame{message(head + "l: +1\r\n\r\n")}, msg.ErrLength, 400},
		{"negative", head + "l: -1\r\n\r\nx", []msg.Frame{message(head + "l: -1\r\n\r\n")}, msg.ErrLength, 400},
		{"list", head + "l: 1, 1\r\n\r\nx", []msg.Frame{message(head + "l: 1, 1\r\n\r\n")}, msg.ErrLength, 400},
		{"inner space", head + "l: 1 1\r\n\r\nx", []msg.Frame{message(head + "l: 1 1\r\n\r\n")}, msg.ErrLength, 400},
		{"fold between digits", head + "l: 1\r\n 1\r\n\r\nx", []msg.Frame{message(head + "l: 1\r\n 1\r\n\r\n")}, msg.ErrLength, 400},
		{"words", head + "l: one\r\n\r\nx", []msg.Frame{message(head + "l: one\r\n\r\n")}, msg.ErrLength, 400},
		{"empty", head + "l:\r\n\r\nx", []msg.Frame{message(head + "l:\r\n\r\n")}, msg.ErrLength, 400},
		{"no colon", head + "l\r\n\r\nx", []msg.Frame{message(head + "l\r\n\r\n")}, msg.ErrFieldName, 400},
		{"vertical tab", head + "l\v: 1\r\n\r\nx", []msg.Frame{message(head + "l\v: 1\r\n\r\n")}, msg.ErrFieldName, 400},
		{"four gigabytes", head + "l: 4294967296\r\n\r\nx", []msg.Frame{message(head + "l: 4294967296\r\n\r\n")}, msg.ErrBodyTooLarge, 413},
		{"wraps", head + "l: 18446744073709551617\r\n\r\nx", []msg.Frame{message(head + "l: 18446744073709551617\r\n\r\n")}, msg.ErrBodyTooLarge, 413},
		{"NUL is for Parse", head + "l: 0\r\nNote: \x00\r\n\r\n", []msg.Frame{message(head + "l: 0\r\nNote: \x00\r\n\r\n")}, nil, 0},
		{"long start line", "GET " + strings.Repeat("x", 200) + "\r\n", nil, msg.ErrStartLineTooLong, 414},
		{"endless start line", strings.Repeat("x", 200), nil, msg.ErrStartLineTooLong, 414},
		{"long header", head + "Note: " + strings.Repeat("x", 100) + "\r\n\r\n", []msg.Frame{message(head)}, msg.ErrHeaderTooLong, 400},
		{"endless folds", head + "Note: x" + strings.Repeat("\r\n ", 100), []msg.Frame{message(head + "Note: x" + strings.Repeat("\r\n ", 18) + "\r\n")}, msg.ErrHeaderTooLong, 400},
		{"many headers", head + strings.Repeat("h:a\r\n", 100), []msg.Frame{message(head + strings.Repeat("h:a\r\n", 20))}, msg.ErrHeadTooLarge, 513},
		{"much header", head + strings.Repeat("h:"+strings.Repeat("a", 40)+"\r\n", 9), []msg.Frame{message(head + strings.Repeat("h:"+strings.Repeat("a", 40)+"\r\n", 6))}, msg.ErrHeadTooLarge, 513},
	} {
		t.Run(c.name, func(t *testing.T) {
			lim := msg.Limits{StartLine: 100, Header: 64, Headers: 300, Lines: 20, Body: 1000}
			check := func(how string, pieces ...string) {
				t.Helper()
				got, err := frames(t, lim, pieces...)
				require.Equal(t, c.want, got, how)
				if c.err == nil {
					require.NoError(t, err, how)
					return
				}
				require.ErrorIs(t, err, c.err, how)
				var e *msg.SyntaxError
				require.ErrorAs(t, err, &e)
				require.Equal(t, c.status, e.Status())
			}
			check("whole", c.in)
			check("octets", strings.Split(c.in, "")...)
			for i := range len(c.in) {
				check("cut", c.in[:i], c.in[i:])
				for j := i + 1; j < len(c.in) && len(c.in) < 150; j++ {
					check("two cuts", c.in[:i], c.in[i:j], c.in[j:])
				}
			}
		})
	}
}

// within fails the test if f takes far longer than linear work does, even on a
// slow machine with the race detector; quadratic work takes minutes here.
func within(t *testing.T, f func()) {
	t.Helper()
	start := time.Now()
	f()
	require.Less(t, time.Since(start), 10*time.Second)
}

func TestFramerIsLinear(t *testing.T) {
	off := msg.Limits{StartLine: -1, Header: -1, Headers: -1, Lines: -1, Body: -1}
	for name, in := range map[string]string{
		"folds":      head + "l: 0\r\nNote: a" + strings.Repeat("\r\n ", 1<<16) + "\r\n\r\n",
		"one line":   head + "l: 0\r\nNote: " + strings.Repeat("a", 200_000) + "\r\n\r\n",
		"many":       head + "l: 0\r\n" + strings.Repeat("c:\r\n", 50_000) + "\r\n",
		"CRLFs":      strings.Repeat("\r\n", 100_000),
		"messages":   strings.Repeat(two, 7000),
		"large body": head + "l: 300000\r\n\r\n" + strings.Repeat("b", 300_000),
	} {
		t.Run(name, func(t *testing.T) {
			within(t, func() {
				f := msg.NewFramer(class, off)
				for i := range len(in) {
					_ = f.Feed([]byte(in[i : i+1]))
					for {
						if _, err := f.Next(); err != nil {
							require.ErrorIs(t, err, msg.ErrIncomplete)
							break
						}
					}
				}
				require.Zero(t, f.Buffered())
			})
			within(t, func() {
				f := msg.NewFramer(class, off)
				_ = f.Feed([]byte(in))
				for {
					if _, err := f.Next(); err != nil {
						require.ErrorIs(t, err, msg.ErrIncomplete)
						break
					}
				}
				require.Zero(t, f.Buffered())
			})
		})
	}
}

func TestFramerTextIsItsOwn(t *testing.T) {
	f := msg.NewFramer(class, msg.Limits{})
	b := []byte(two)
	require.NoError(t, f.Feed(b))
	clear(b)
	fr, err := f.Next()
	require.NoError(t, err)
	require.Equal(t, two, fr.Text)
}

// What is lent to a Framer in the midst of a message, or before Next has seen
// what was lent before, is copied.
func TestFramerLend(t *testing.T) {
	f := msg.NewFramer(class, msg.Limits{})
	lent := []byte(two + one[:10])
	require.NoError(t, f.Lend(lent))
	require.NoError(t, f.Lend([]byte(one[10:20])))
	clear(lent)
	require.NoError(t, f.Feed([]byte(one[20:])))
	for _, want := range []string{two, one} {
		fr, err := f.Next()
		require.NoError(t, err)
		require.Equal(t, want, fr.Text)
	}
	_, err := f.Next()
	require.ErrorIs(t, err, msg.ErrIncomplete)
	require.Zero(t, f.Buffered())
	require.NoError(t, f.Lend(nil))
	_, err = f.Next()
	require.ErrorIs(t, err, msg.ErrIncomplete)
	if allocs := testing.AllocsPerRun(100, func() {
		_ = f.Lend([]byte(two))
		_, _ = f.Next()
		_, _ = f.Next()
	}); allocs > 2 { // the octets of this test, and the text
		t.Errorf("%v allocations", allocs)
	}
}

func FuzzFramer(f *testing.F) {
	for _, s := range []string{one, two, one + two, "\r\n\r\n" + one, head + "l: -1\r\n\r\n", "GET x TEST/1.0\nl: 0\n\n"} {
		f.Add(s, uint8(7))
	}
	f.Fuzz(func(t *testing.T, in string, cut uint8) {
		lim := msg.Limits{StartLine: 200, Header: 200, Headers: 500, Lines: 20, Body: 200}
		want, wantErr := frames(t, lim, in)
		var pieces []string
		for i := 0; i < len(in); i += 1 + int(cut)%13 {
			pieces = append(pieces, in[i:min(len(in), i+1+int(cut)%13)])
		}
		got, err := frames(t, lim, pieces...)
		require.Equal(t, want, got)
		require.Equal(t, wantErr, err)
		for _, fr := range got {
			if fr.Kind != msg.FrameMessage || err != nil {
				continue
			}
			if m, _ := msg.Parse(class, fr.Text, lim); m != nil && m.Err() == nil {
				require.Equal(t, fr.Text, m.String(), "framer and parser disagree about the end")
			}
		}
	})
}

// The empty line behind the fields does not count for Limits.Headers, and only
// white space is none of Content-Length.
func TestFramerCountsFields(t *testing.T) {
	const fields = "Content-Length: 0\r\n"
	const text = "INVITE sip:a SIP/2.0\r\n" + fields + "\r\n"
	for cut := 1; cut < len(text); cut++ {
		got, err := frames(t, msg.Limits{Headers: len(fields)}, text[:cut], text[cut:])
		require.NoError(t, err, cut)
		require.Len(t, got, 1)
		_, err = frames(t, msg.Limits{Headers: len(fields) - 1}, text[:cut], text[cut:])
		require.ErrorIs(t, err, msg.ErrHeadTooLarge, cut)
	}
	for _, length := range []string{"\v0", "0\f", "\u00a00", "0\u0085"} {
		_, err := frames(t, msg.Limits{}, "INVITE sip:a SIP/2.0\r\nContent-Length:"+length+"\r\n\r\n")
		require.ErrorIs(t, err, msg.ErrLength, "%q", length)
	}
}

func TestTextHoldsNoControl(t *testing.T) {
	for _, s := range []string{"\x01", "a\x7fb", "a\r", "\n", "\r\n\r\nx", "a\x00"} {
		require.ErrorIs(t, msg.FieldText("X", s).Err(), msg.ErrValue, "%q", s)
		require.ErrorIs(t, msg.Server.Text(s).Err(), msg.ErrValue, "%q", s)
		require.ErrorIs(t, msg.Server.Set(s).Err(), msg.ErrValue, "%q", s)
	}
	require.NoError(t, msg.FieldText("X", " a\tb ").Err())
	require.Equal(t, msg.Params(`;x="a:b"`), msg.Params("").With("x", "a:b"))
	require.Equal(t, msg.Params(`;x=2001:db8::1`), msg.Params("").With("x", "2001:db8::1"))
	require.Equal(t, msg.Params(`;x=[::1]`), msg.Params("").With("x", "[::1]"))
	require.Equal(t, msg.Params(`;x="fe80::1%eth0"`), msg.Params("").With("x", "fe80::1%eth0"))
}
