package sip_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

// readTexts reads a file of texts of several lines.
func readTexts(t testing.TB, file string) (all []judged) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata/grammar", file))
	require.NoError(t, err)
	var lines []string
	flush := func() {
		if len(all) > 0 {
			text := strings.Join(lines, "\n")
			if len(lines) > 0 && lines[len(lines)-1] == "" {
				text += "\n"
			}
			all[len(all)-1].text = expand(t, strings.ReplaceAll(text, "\n", "\r\n"), "")
		}
		lines = nil
	}
	for i, line := range strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n") {
		if head, ok := strings.CutPrefix(line, "= "); ok {
			flush()
			name, facts, _ := strings.Cut(head, " => ")
			all = append(all, judged{fmt.Sprintf("%s:%d %s", file, i+1, name[2:]), "", ruling(name[0]), "", readFacts(t, facts)})
			continue
		}
		if len(all) > 0 {
			lines = append(lines, line)
		}
	}
	flush()
	return all
}

// lineTexts makes messages of files with one text a line.
func lineTexts(t testing.TB) (all []judged) {
	t.Helper()
	for _, c := range readJudged(t, "startlines.txt") {
		method, _, _ := strings.Cut(c.text, " ")
		if c.section == "response" || c.verdict != valid {
			method = "INVITE"
		}
		c.text = c.text + "\r\n" + standard(method) + "\r\nContent-Length: 0\r\n\r\n"
		c.section = ""
		all = append(all, c)
	}
	for _, c := range readJudged(t, "fields.txt") {
		for i, text := range []string{
			standard("INVITE") + "\r\n" + c.text + "\r\nContent-Length: 0\r\n\r\n",
			standard("INVITE") + "\r\nContent-Length: 0\r\n" + c.text + "\r\n\r\n",
		} {
			d := c
			d.where = fmt.Sprintf("%s (%d)", c.where, i+1)
			d.text = "INVITE sip:bob@biloxi.example SIP/2.0\r\n" + text
			all = append(all, d)
		}
	}
	return all
}

// TestJudgeMessages reads whole messages.
func TestJudgeMessages(t *testing.T) {
	for category, cases := range map[string][]judged{"lines": lineTexts(t), "messages": readTexts(t, "messages.txt")} {
		for _, r := range readings() {
			var s score
			for _, c := range cases {
				m, err := msg.Parse(r.class, c.text, msg.Limits{})
				if err == nil {
					err = messageError(m)
				}
				switch {
				case c.verdict == valid:
					s.valid++
					s.facts += len(c.facts)
					if err != nil {
						s.miss("%s: %s: valid, refused: %v", c.where, r.name, err)
						continue
					}
					s.taken++
					s.right += checkFacts(t, m, c, s.miss)
					require.Contains(t, c.text, m.String(), c.where)
				case r.strict || c.verdict == fatal:
					s.invalid++
					if err != nil {
						s.refused++
					} else {
						s.miss("%s: %s: invalid, taken: %q", c.where, r.name, c.text)
					}
				}
			}
			s.settle(t, r, category)
		}
		for _, c := range cases {
			quick(t, c.where, len(c.text), func() {
				if m, err := msg.Parse(sip.StrictClass(), c.text, msg.Limits{}); err == nil {
					_ = messageError(m)
				}
			})
		}
	}
}

// cutting is what a Framer makes of a stream: the kinds of the frames, the
// texts of the messages and the error that ended it.
func cutting(t testing.TB, class *msg.Class, pieces ...string) (kinds string, texts []string, err error) {
	t.Helper()
	f := msg.NewFramer(class, msg.Limits{})
	for _, p := range pieces {
		if err := f.Feed([]byte(p)); err != nil {
			return kinds, texts, err
		}
		for {
			fr, err := f.Next()
			if errors.Is(err, msg.ErrIncomplete) {
				break
			}
			if err != nil {
				return kinds, texts, err
			}
			kinds += " MIO"[fr.Kind : fr.Kind+1]
			if fr.Kind == msg.FrameMessage {
				texts = append(texts, fr.Text)
			}
		}
	}
	return kinds, texts, nil
}

// sizes cuts s into pieces of n octets.
func sizes(s string, n int) (pieces []string) {
	for len(s) > n {
		pieces = append(pieces, s[:n])
		s = s[n:]
	}
	return append(pieces, s)
}

// TestJudgeStreams feeds every stream, and every message as a stream, in one
// piece, cut in two at every octet, and octet by octet: the frames and the
// error must be the same.
func TestJudgeStreams(t *testing.T) {
	streams := readTexts(t, "streams.txt")
	right, refused, bad := 0, 0, 0
	for _, c := range streams {
		for _, r := range readings() {
			kinds, texts, err := cutting(t, r.class, c.text)
			for _, f := range c.facts {
				if f.value == kinds && (err != nil) == (c.verdict == fatal) {
					right++
				} else {
					t.Errorf("%s: %s: frames %q, error %v, want %q", c.where, r.name, kinds, err, f.value)
				}
			}
			if c.verdict == fatal {
				bad++
				if err != nil {
					refused++
				}
			}
			if c.verdict == invalid { // the message, not the stream
				bad++
				if _, err = msg.Parse(r.class, texts[len(texts)-1], msg.Limits{}); err != nil {
					refused++
				}
			}
		}
	}
	t.Logf("%-9s %-9s frames right %d/%d, refused %d/%d", "streams", "all", right, 3*len(streams), refused, bad)
	cuts := 0
	for _, c := range append(append(streams, readTexts(t, "messages.txt")...), lineTexts(t)...) {
		kinds, texts, err := cutting(t, sip.Class(), c.text)
		same := func(how string, pieces ...string) {
			cuts++
			k, x, e := cutting(t, sip.Class(), pieces...)
			if kinds != k || fmt.Sprint(err) != fmt.Sprint(e) || strings.Join(texts, "\x00") != strings.Join(x, "\x00") {
				t.Errorf("%s: %s: frames %q, %v; in one piece %q, %v", c.where, how, k, e, kinds, err)
			}
		}
		step := 1 + len(c.text)/600
		for i := 1; i < len(c.text); i += step {
			same(fmt.Sprintf("cut at %d", i), c.text[:i], c.text[i:])
		}
		for _, n := range []int{1, 2, 3, 7, 64} {
			same(fmt.Sprintf("pieces of %d", n), sizes(c.text, n)...)
		}
		if c.verdict == valid && strings.HasSuffix(c.text, "\r\n\r\n") && kinds == "M" {
			require.Equal(t, c.text, texts[0], c.where)
		}
	}
	t.Logf("%-9s %-9s cuts alike %d", "streams", "", cuts)
}

// TestJudgeLimits reads messages that are as large as the limits allow, and
// one octet, line or member larger.
func TestJudgeLimits(t *testing.T) {
	fill := func(n int) string { return strings.Repeat("a", n) }
	rest := "\r\n" + standard("INVITE") + "\r\nContent-Length: 0\r\n"
	head := "INVITE sip:bob@biloxi.example SIP/2.0" + rest
	lines := strings.Count(standard("INVITE")+"\r\nContent-Length: 0\r\n", "\r\n")
	field := func(n int) string { return "X-Fill: " + fill(n-len("X-Fill: \r\n")) + "\r\n" }
	fields := func(total int) string { // of 1000 octets with their line ends
		b := new(strings.Builder)
		for ; total > 1999; total -= 1000 {
			b.WriteString(field(1000))
		}
		return b.String() + field(total)
	}
	octets := len(standard("INVITE") + "\r\nContent-Length: 0\r\n")
	cases := []struct {
		name   string
		status int
		err    error
		lim    msg.Limits
		text   func(over int) string
	}{
		{"start line", 414, msg.ErrStartLineTooLong, msg.Limits{}, func(over int) string {
			const around = len("INVITE sip:@biloxi.example SIP/2.0")
			return "INVITE sip:" + fill(8192-around+over) + "@biloxi.example SIP/2.0" + rest + "\r\n"
		}},
		{"header", 400, msg.ErrHeaderTooLong, msg.Limits{}, func(over int) string { return head + field(16384+over) + "\r\n" }},
		{"header of folds", 400, msg.ErrHeaderTooLong, msg.Limits{}, func(over int) string {
			return head + "X-Fill:" + strings.Repeat("\r\n "+fill(97), 160) + fill(16384-9-16000+over) + "\r\n\r\n"
		}},
		{"headers", 513, msg.ErrHeadTooLarge, msg.Limits{}, func(over int) string { return head + fields(65536-octets+over) + "\r\n" }},
		{"lines", 513, msg.ErrHeadTooLarge, msg.Limits{}, func(over int) string {
			return head + strings.Repeat("X-F: y\r\n", 256-lines+over) + "\r\n"
		}},
		{"lines of folds", 513, msg.ErrHeadTooLarge, msg.Limits{}, func(over int) string {
			return head + "X-F: y" + strings.Repeat("\r\n z", 255-lines+over) + "\r\n\r\n"
		}},
		{"body", 413, msg.ErrBodyTooLarge, msg.Limits{}, func(over int) string {
			return "MESSAGE sip:bob@biloxi.example SIP/2.0\r\n" + standard("MESSAGE") + fmt.Sprintf("\r\nContent-Length: %d\r\n\r\n", 1<<20+over) + fill(1<<20+over)
		}},
		{"small body", 413, msg.ErrBodyTooLarge, msg.Limits{Body: 10}, func(over int) string {
			return "MESSAGE sip:bob@biloxi.example SIP/2.0\r\n" + standard("MESSAGE") + fmt.Sprintf("\r\nContent-Length: %d\r\n\r\n", 10+over) + fill(10+over)
		}},
	}
	for _, c := range cases {
		for _, r := range readings() {
			text := c.text(0)
			m, err := msg.Parse(r.class, text, c.lim)
			require.NoError(t, err, "%s, %s: at the limit", c.name, r.name)
			require.Equal(t, text, m.String())
			over := c.text(1)
			_, err = msg.Parse(r.class, over, c.lim)
			require.ErrorIs(t, err, c.err, "%s, %s: over the limit", c.name, r.name)
			var e *msg.SyntaxError
			require.ErrorAs(t, err, &e)
			require.Equal(t, c.status, e.Status(), c.name)
			for _, n := range []int{len(over), 4096, 511} {
				f := msg.NewFramer(r.class, c.lim)
				for _, s := range []struct {
					text string
					want error
				}{{text, nil}, {over, c.err}} {
					var frame msg.Frame
					err = nil
					for _, p := range sizes(s.text, n) {
						if err = f.Feed([]byte(p)); err != nil {
							break
						}
						if frame, err = f.Next(); !errors.Is(err, msg.ErrIncomplete) {
							break
						}
						err = nil
					}
					require.ErrorIs(t, err, s.want, "%s, %s: stream in pieces of %d", c.name, r.name, n)
					if s.want == nil {
						require.Equal(t, s.text, frame.Text)
					}
				}
			}
			quick(t, c.name, len(over), func() {
				_, _ = msg.Parse(r.class, text, c.lim)
				_, _ = msg.Parse(r.class, over, c.lim)
			})
		}
	}
	members := func(n int) string {
		return head + "Supported: " + strings.TrimSuffix(strings.Repeat("a,", n), ",") + "\r\n\r\n"
	}
	for _, r := range readings() {
		m, err := msg.Parse(r.class, members(512), msg.Limits{})
		require.NoError(t, err)
		require.NoError(t, headerError(m, "Supported"))
		m, err = msg.Parse(r.class, members(513), msg.Limits{})
		if err == nil {
			err = headerError(m, "Supported")
		}
		require.ErrorIs(t, err, msg.ErrTooManyMembers)
	}
}

// TestJudgeOctets reads 64 KiB of one octet or fold in every place where a
// value may stand: nothing may take long.
func TestJudgeOctets(t *testing.T) {
	lim := msg.Limits{StartLine: -1, Header: -1, Headers: -1, Lines: -1}
	all := lim
	all.ListMembers = -1
	headers := []string{"Via", "From", "To", "Call-ID", "CSeq", "Contact", "Route", "Accept", "Allow", "Authorization", "WWW-Authenticate", "Authentication-Info", "Date", "Retry-After", "Server", "Subject", "Timestamp", "Warning", "Call-Info", "Content-Type", "Supported", "Replaces", "Privacy", "Reason", "Identity", "X-Unknown"}
	starts := []string{"", "\"", "<", "(", "a", "a;b=\"", "<sip:a@b", "Digest a=\"", "SIP/2.0/UDP a;b=", "1 ("}
	for _, octet := range []string{"(", ")", ",", ";", "\"", "\\", "<", " ", "\r\n ", "\\\"", "a", "%", ".", "[", "\xc3", "a,", ";a=b", "\"\",", "<>,", "9"} {
		run := strings.Repeat(octet, (64<<10)/len(octet))
		for _, h := range headers {
			for i, start := range starts {
				if i > 0 && len(h)%len(starts) != i { // not all of both
					continue
				}
				text := inRequest(sip.Class(), h, h+": "+start+run)
				for _, r := range readings()[:2] {
					for octets, lim := range map[int]msg.Limits{len(text): lim, 1 << 30: all} {
						quick(t, fmt.Sprintf("%s: %s %q %q", r.name, h, start, octet), octets, func() {
							if m, err := msg.Parse(r.class, text, lim); err == nil {
								_ = headerError(m, h)
							}
						})
					}
				}
			}
		}
	}
}
