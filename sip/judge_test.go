package sip_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

// The files of testdata/grammar were written from RFC 3261 section 25 and the
// RFCs of the extensions alone. README there says how to read them.

// reading is one way to read a message.
type reading struct {
	name   string
	strict bool
	class  *msg.Class
}

func readings() []reading {
	return []reading{
		{"tolerant", false, sip.Class()},
		{"strict", true, sip.StrictClass()},
		{"on access", true, sip.Class().Reading(msg.Strict)},
	}
}

// ruling is what the grammar says of a text.
type ruling byte

const (
	valid   ruling = '+' // taken in every reading
	invalid ruling = '-' // refused in the strict reading
	fatal   ruling = '!' // refused in every reading: framing, ranges, doubles, control octets
)

// judged is one line of a file: a text, the verdict and the facts.
type judged struct {
	where   string
	section string
	verdict ruling
	text    string
	facts   []fact
}

type fact struct{ key, value string }

// score counts what came out in one category and reading, and keeps the misses.
type score struct {
	taken, valid     int
	refused, invalid int
	right, facts     int
	misses           []string
}

func (s *score) miss(format string, args ...any) {
	s.misses = append(s.misses, fmt.Sprintf(format, args...))
}

// settle prints the score and fails the test if it is below what is wanted:
// valid and facts 100 %, invalid 99 % in the strict readings.
func (s *score) settle(t *testing.T, r reading, category string) {
	t.Helper()
	t.Logf("%-9s %-9s valid %d/%d, refused %d/%d, facts %d/%d", category, r.name, s.taken, s.valid, s.refused, s.invalid, s.right, s.facts)
	for _, m := range s.misses {
		t.Log(m)
	}
	if s.taken < s.valid || s.right < s.facts || s.refused*100 < s.invalid*99 {
		t.Errorf("%s, %s: below what is wanted", category, r.name)
	}
}

var brace = regexp.MustCompile(`\{[^{}]*\}`)

// expand replaces what stands in braces, see the README of the files.
func expand(t testing.TB, s, header string) string {
	return brace.ReplaceAllStringFunc(s, func(b string) string {
		in := b[1 : len(b)-1]
		switch in {
		case "":
			return ""
		case "sp":
			return " "
		case "tab":
			return "\t"
		case "crlf":
			return "\r\n"
		case "fold":
			return "\r\n "
		case "ftab":
			return "\r\n\t"
		case "+":
			return "\r\n" + header + ": "
		}
		if method, ok := strings.CutPrefix(in, "std "); ok {
			return standard(method)
		}
		if n, text, ok := strings.Cut(in, "*"); ok {
			if count, err := strconv.Atoi(n); err == nil {
				return strings.Repeat(strings.ReplaceAll(text, "^", "\r\n"), count)
			}
		}
		if n, err := strconv.ParseUint(in, 16, 8); err == nil && len(in) == 2 {
			return string([]byte{byte(n)})
		}
		t.Fatalf("unknown escape %s", b)
		return ""
	})
}

// standard are the header fields that every request has.
func standard(method string) string {
	return "Via: SIP/2.0/UDP pc33.atlanta.example;branch=z9hG4bK776asdhds\r\n" +
		"Max-Forwards: 70\r\n" +
		"To: Bob <sip:bob@biloxi.example>\r\n" +
		"From: Alice <sip:alice@atlanta.example>;tag=1928301774\r\n" +
		"Call-ID: a84b4c76e66710@pc33.atlanta.example\r\n" +
		"CSeq: 314159 " + method
}

// readJudged reads the files that match the pattern, one text a line.
func readJudged(t testing.TB, pattern string) (all []judged) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata/grammar", pattern))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		section := ""
		for i, line := range strings.Split(string(raw), "\n") {
			where := fmt.Sprintf("%s:%d", filepath.Base(file), i+1)
			switch {
			case line == "" || line[0] == '#':
			case line[0] == '[':
				section = strings.Trim(line, "[]")
			case strings.HasPrefix(line, "+ ") || strings.HasPrefix(line, "- ") || strings.HasPrefix(line, "! "):
				text, facts, _ := strings.Cut(line[2:], " => ")
				all = append(all, judged{where, section, ruling(line[0]), expand(t, text, section), readFacts(t, facts)})
			default:
				t.Fatalf("%s: neither section nor text: %s", where, line)
			}
		}
	}
	return all
}

func readFacts(t testing.TB, s string) (facts []fact) {
	if s == "" {
		return nil
	}
	for _, f := range strings.Split(s, " | ") {
		key, value, _ := strings.Cut(f, "=")
		facts = append(facts, fact{key, expand(t, value, "")})
	}
	return facts
}

// forms are the ways to write a field: every one is the same to a reader
// (RFC 3261 sections 7.3.1 and 7.3.3).
func forms(c *msg.Class, name, value string) []string {
	all := []string{
		name + ": " + value,
		strings.ToLower(name) + ":" + value,
		strings.ToUpper(name) + " \t:  \t" + value,
		name + ":\r\n " + value,
		name + ":\r\n\t \t" + value,
	}
	if info, ok := c.Info(c.Lookup(name)); ok && info.Compact != "" {
		all = append(all, info.Compact+": "+value, strings.ToUpper(info.Compact)+"\t:"+value)
	}
	return all
}

// inRequest puts a field into a request in place of what stands there of its header.
func inRequest(c *msg.Class, name, field string) string {
	method := "INVITE"
	if name == "CSeq" {
		if words := strings.Fields(field); len(words) > 2 || strings.Contains(words[0], ":") {
			method = words[len(words)-1]
		}
	}
	b := new(strings.Builder)
	b.WriteString(method + " sip:bob@biloxi.example SIP/2.0\r\n")
	base := standard(method) + "\r\nContact: <sip:alice@pc33.atlanta.example>\r\nContent-Length: 0"
	placed := false
	for _, line := range strings.Split(base, "\r\n") {
		have, _, _ := strings.Cut(line, ":")
		if c.Lookup(have) == c.Lookup(name) {
			b.WriteString(field + "\r\n")
			placed = true
			continue
		}
		b.WriteString(line + "\r\n")
	}
	if !placed {
		b.WriteString(field + "\r\n")
	}
	b.WriteString("\r\n")
	return b.String()
}

// quick runs f and fails if it takes longer than 250 ms or allocates more than
// 8 times the input, beside what looking at values of every type alike costs:
// 128 octets for each of up to 512 values.
func quick(t testing.TB, where string, octets int, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	best := time.Hour
	for try := 0; try < 3 && best > 250*time.Millisecond; try++ {
		runtime.ReadMemStats(&before)
		start := time.Now()
		f()
		best = min(best, time.Since(start))
		runtime.ReadMemStats(&after)
	}
	if best > 250*time.Millisecond {
		t.Errorf("%s: took %v", where, best)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > uint64(8*octets+128*512) {
		t.Errorf("%s: %d octets took %d octets of memory", where, octets, used)
	}
}

// TestJudgeHeaders reads every header value of the files in every reading.
func TestJudgeHeaders(t *testing.T) {
	cases := readJudged(t, "headers*.txt")
	for _, r := range readings() {
		var s score
		for _, c := range cases {
			if c.verdict == valid {
				s.valid++
				s.facts += len(c.facts)
			} else if r.strict || c.verdict == fatal {
				s.invalid++
			}
			spellings := forms(r.class, c.section, c.text)
			if c.verdict != valid {
				spellings = spellings[:1]
			}
			good, right := true, len(c.facts)
			for i, field := range spellings {
				text := inRequest(r.class, c.section, field)
				m, err := msg.Parse(r.class, text, msg.Limits{})
				if err == nil {
					err = headerError(m, c.section)
				}
				if c.verdict != valid {
					good = err != nil
					break
				}
				if err != nil {
					s.miss("%s: %s: valid, refused as %q: %v", c.where, r.name, field, err)
					good, right = false, 0
					break
				}
				if i > 0 {
					right = min(right, checkFacts(t, m, c, nil))
				} else {
					right = checkFacts(t, m, c, s.miss)
				}
			}
			switch {
			case c.verdict == valid && good:
				s.taken++
				s.right += right
			case c.verdict == valid:
			case !r.strict && c.verdict == invalid: // as the reader likes
			case good:
				s.refused++
			default:
				s.miss("%s: %s: invalid, taken: %s: %q", c.where, r.name, c.section, c.text)
			}
		}
		s.settle(t, r, "headers")
	}
	for _, c := range cases {
		text := inRequest(sip.Class(), c.section, c.section+": "+c.text)
		quick(t, c.where, len(text), func() {
			if m, err := msg.Parse(sip.StrictClass(), text, msg.Limits{}); err == nil {
				_ = headerError(m, c.section)
			}
		})
	}
}

// checkFacts compares the facts of a header value or of a message with what
// was read and returns how many are right.
func checkFacts(t testing.TB, m *msg.Message, c judged, miss func(string, ...any)) (right int) {
	t.Helper()
	for _, f := range c.facts {
		key := f.key
		if c.section != "" {
			key = c.section + "/" + key
			if !strings.Contains(f.key, "/") {
				key = c.section + "/1/" + f.key
			}
			if f.key == "n" {
				key = c.section + "/n"
			}
		}
		have, ok := factOf(m, key)
		if want, absent := strings.CutPrefix(f.value, "<none>"); absent && want == "" {
			if !ok {
				right++
			} else if miss != nil {
				miss("%s: %s is %q, want none", c.where, key, have)
			}
			continue
		}
		if ok && have == f.value {
			right++
		} else if miss != nil {
			miss("%s: %s is %q (there: %v), want %q", c.where, key, have, ok, f.value)
		}
	}
	return right
}

// TestJudgeURIs reads every URI of the files: alone, as Request-URI and
// between the brackets of a Contact.
func TestJudgeURIs(t *testing.T) {
	cases := readJudged(t, "uris*.txt")
	for _, r := range readings() {
		var s score
		for _, c := range cases {
			if c.verdict == valid {
				s.valid++
				s.facts += len(c.facts)
			} else if r.strict || c.verdict == fatal {
				s.invalid++
			}
			line := "INVITE " + c.text + " SIP/2.0\r\n" + standard("INVITE") + "\r\nContent-Length: 0\r\n\r\n"
			m, err := msg.Parse(r.class, line, msg.Limits{})
			if err == nil {
				err = startError(m)
			}
			if c.verdict == valid && strings.Contains(c.text, "?") {
				// Headers have no place in a Request-URI (RFC 3261 table 1): there a
				// reader may refuse what is a URI elsewhere (RFC 4475 section 3.1.2.11).
				err = nil
			}
			field := inRequest(r.class, "Contact", "Contact: <"+c.text+">")
			n, errField := msg.Parse(r.class, field, msg.Limits{})
			if errField == nil {
				errField = headerError(n, "Contact")
			}
			if c.verdict == valid {
				if err != nil || errField != nil {
					s.miss("%s: %s: valid, refused: %s: %v; %v", c.where, r.name, c.text, err, errField)
					continue
				}
				s.taken++
				u, err := sip.ParseURI(c.text)
				require.NoError(t, err, c.where)
				require.Equal(t, c.text, m.RequestURI())
				contact, _, err := sip.Contact.Get(n)
				require.NoError(t, err)
				require.Equal(t, u, contact.URI, c.where)
				have := map[string]string{}
				flattenURI(have, u)
				for _, f := range c.facts {
					v, ok := have[f.key]
					if f.value == "<none>" && !ok || ok && v == f.value {
						s.right++
					} else {
						s.miss("%s: %s: %s is %q (there: %v), want %q", c.where, c.text, f.key, v, ok, f.value)
					}
				}
				text, err := u.AppendText(nil)
				require.NoError(t, err, c.where)
				back, err := sip.ParseURI(string(text))
				require.NoError(t, err, c.where)
				require.Equal(t, u, back, c.where)
				continue
			}
			if !r.strict && c.verdict == invalid {
				continue
			}
			if err != nil && errField != nil {
				s.refused++
			} else {
				s.miss("%s: %s: invalid, taken: %q (request line: %v; Contact: %v)", c.where, r.name, c.text, err, errField)
			}
		}
		s.settle(t, r, "URIs")
	}
}

// TestJudgeComparisons compares the pairs of URIs, both ways around.
func TestJudgeComparisons(t *testing.T) {
	raw, err := os.ReadFile("testdata/grammar/compare.txt")
	require.NoError(t, err)
	right, all := 0, 0
	for i, line := range strings.Split(string(raw), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		words := strings.Fields(line)
		require.Len(t, words, 3, "line %d", i+1)
		require.Contains(t, []string{"==", "!="}, words[0])
		a, err := sip.ParseURI(words[1])
		require.NoError(t, err, "line %d", i+1)
		b, err := sip.ParseURI(words[2])
		require.NoError(t, err, "line %d", i+1)
		all++
		same := words[0] == "=="
		if a.Equal(b) == same && b.Equal(a) == same && a.Equal(a) && b.Equal(b) {
			right++
		} else {
			t.Errorf("compare.txt:%d: %s: a=b %v, b=a %v", i+1, line, a.Equal(b), b.Equal(a))
		}
	}
	t.Logf("%-9s %-9s right %d/%d", "compare", "", right, all)
}
