package sip_test

import (
	"encoding/json"
	"errors"
	"os"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

// anomalies returns the values that one-field-at-a-time runs put into messages,
// in the manner of PROTOS c07-sip.
func anomalies(t *testing.T) (values []string) {
	t.Helper()
	b, err := os.ReadFile("testdata/anomalies.json")
	require.NoError(t, err)
	var sets map[string]any
	require.NoError(t, json.Unmarshal(b, &sets))
	latin1 := func(s string) string {
		var out []byte
		for _, r := range s {
			out = append(out, byte(r))
		}
		return string(out)
	}
	for name, set := range sets {
		list, ok := set.([]any)
		if !ok || name == "fields" {
			continue
		}
		for _, v := range list {
			switch v := v.(type) {
			case string:
				values = append(values, latin1(v))
			case []any:
				n := int(v[1].(float64))
				values = append(values, strings.Repeat(latin1(v[0].(string)), min(n, 70_000)))
			}
		}
	}
	sort.Strings(values)
	return values
}

func TestAnomalies(t *testing.T) {
	base := strings.Split(strings.TrimSuffix(options, "\r\n\r\n"), "\r\n")
	base = append(base, "Contact: \"A\" <sip:a@a;lr>;q=0.5;expires=60", "Route: <sip:p;lr>", "Allow: INVITE, ACK", "Retry-After: 5 (x);duration=1",
		"Warning: 399 a \"b\"", "Accept: a/b;q=0.1", "Date: Sat, 13 Nov 2010 23:29:00 GMT", "Timestamp: 5 6", "Event: a;id=b", "X-Other: x")
	n := 0
	for _, v := range anomalies(t) {
		for i, line := range base {
			name, value, _ := strings.Cut(line, " ")
			for _, mutated := range []string{name + " " + v, name + " " + v + value, line + v, v + line, strings.Replace(line, ":a", ":"+v, 1), strings.Replace(line, ";", ";"+v, 1)} {
				if mutated == line {
					continue
				}
				lines := append([]string(nil), base...)
				lines[i] = mutated
				survive(t, strings.Join(lines, "\r\n")+"\r\n\r\n")
				n++
			}
		}
	}
	require.Greater(t, n, 10_000)
}

// survive parses a message and does with it what a server does.
func survive(t *testing.T, text string) {
	t.Helper()
	m, err := sip.Parse(text)
	if m == nil {
		require.ErrorIs(t, err, msg.ErrNoStartLine)
		return
	}
	_ = decode(m)
	if err == nil {
		require.True(t, strings.Contains(text, m.String()), "%q", text)
	}
	req, ok := sip.AsRequest(m)
	if !ok {
		return
	}
	if resp, rerr := sip.NewResponse(req, 400); rerr == nil && err == nil {
		_, perr := msg.Parse(sip.Class(), resp.String(), msg.Limits{})
		require.NoError(t, perr, "%q", resp.String())
	}
}

// All messages of RFC 3665 as one stream, however it is cut.
func TestFramerOnFlows(t *testing.T) {
	texts := corpus(t, "rfc3665/*.sip")
	names := make([]string, 0, len(texts))
	for n := range texts {
		names = append(names, n)
	}
	sort.Strings(names)
	var stream strings.Builder
	var want []string
	for _, n := range names {
		m, err := sip.Parse(texts[n])
		require.NoError(t, err)
		m, err = m.Edit(msg.Length()) // a stream needs it
		require.NoError(t, err)
		want = append(want, m.String())
		stream.WriteString(m.String())
	}
	all := []byte(stream.String())
	for _, step := range []int{1, 7, 1000, 4096, len(all)} {
		f := msg.NewFramer(sip.Class(), msg.Limits{})
		var got []string
		for i := 0; i < len(all); i += step {
			require.NoError(t, f.Feed(all[i:min(i+step, len(all))]))
			for {
				fr, err := f.Next()
				if errors.Is(err, msg.ErrIncomplete) {
					break
				}
				require.NoError(t, err)
				got = append(got, fr.Text)
			}
		}
		require.Equal(t, want, got, step)
	}
}

// The framer and the parser must agree about every torture message.
func TestFramerOnTorture(t *testing.T) {
	for name, text := range corpus(t, "rfc4475/*.dat") {
		whole := feed(text, len(text))
		require.Equal(t, whole, feed(text, 1), name)
		switch name {
		case "dblreq":
			require.GreaterOrEqual(t, len(whole), 2)
			require.True(t, strings.HasPrefix(whole[1], "INVITE "), "the octets after the body are a second message")
		case "ncl", "mcl01", "inv2543":
			require.Equal(t, "refused", whole[len(whole)-1], name)
		case "clerr":
			require.Empty(t, whole, "waits for more")
		}
	}
}

func feed(text string, step int) (got []string) {
	f := msg.NewFramer(sip.Class(), msg.Limits{})
	for i := 0; i < len(text); i += step {
		_ = f.Feed([]byte(text[i:min(i+step, len(text))]))
		for {
			fr, err := f.Next()
			if errors.Is(err, msg.ErrIncomplete) {
				break
			}
			if err != nil {
				return append(got, "refused")
			}
			if fr.Kind == msg.FrameMessage {
				got = append(got, fr.Text)
			}
		}
	}
	return got
}
