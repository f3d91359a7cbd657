package sdp_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sdp"
)

const head = "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\n"

// fieldCase is a line, put where its letter belongs in a small description.
type fieldCase struct {
	line   string // may hold several, separated by \n
	column int    // 0: accepted
	rule   string
	strict bool // only strict reading refuses
	out    string
}

func (c fieldCase) text() string {
	lines := strings.ReplaceAll(c.line, "\n", "\r\n") + "\r\n"
	switch c.line[0] {
	case 'v':
		return lines + head[5:] + "t=0 0\r\n"
	case 'o':
		return "v=0\r\n" + lines + "s=-\r\nt=0 0\r\n"
	case 's':
		return head[:len(head)-5] + lines + "t=0 0\r\n"
	case 'i', 'u', 'e', 'p', 'c', 'b', 't':
		if c.line[0] == 't' {
			return head + lines
		}
		return head + lines + "t=0 0\r\n"
	case 'm':
		return head + "c=IN IP4 192.0.2.1\r\nt=0 0\r\n" + lines
	}
	return head + "t=0 0\r\n" + lines
}

var fieldCases = []fieldCase{
	{line: "v=0"},
	{line: "v=1", column: 3, rule: "version-field"},
	{line: "v=", column: 3, rule: "version-field"},
	{line: "v=0x", column: 4, rule: "version-field"},
	{line: "o=jdoe 3724394400 18446744073709551615 IN IP6 2001:db8::1"},
	{line: "o=jdoe 18446744073709551616 1 IN IP4 192.0.2.1", column: 8, rule: "sess-id"},
	{line: "o=jdoe -1 1 IN IP4 192.0.2.1", column: 8, rule: "sess-id"},
	{line: "o=jdoe 1 x IN IP4 192.0.2.1", column: 10, rule: "sess-version"},
	{line: "o=jdoe 1 1 IN IP4", column: 18, rule: "origin-field"},
	{line: "o=jdoe 1 1 IN IP4 192.0.2.1 x", column: 28, rule: "origin-field"},
	{line: "o=jdoe 1 1 I/N IP4 192.0.2.1", column: 13, rule: "origin-field"},
	{line: "o=jdoe  1 1 IN IP4 192.0.2.1 ", column: 8, rule: "sess-id", strict: true, out: "o=jdoe 1 1 IN IP4 192.0.2.1"},
	{line: "o=caf\u00e9 1 1 IN IP4 192.0.2.1"},
	{line: "s= "},
	{line: "s=", column: 3, rule: "session-name-field", strict: true, out: "s=-"},
	{line: "i=about\ti\u00e4"},
	{line: "u=http://example.com/a?b=c"},
	{line: "e=j.doe@example.com (Jane Doe)\ne=Jane <jane@example.com>"},
	{line: "p=+1 617 555-6011"},
	{line: "c=IN IP4 224.2.1.1/127"},
	{line: "c=IN IP4 224.2.1.1/127/3"},
	{line: "c=IN IP4 224.2.1.1/0"},
	{line: "c=IN IP4 224.2.1.1", column: 10, rule: "IP4-multicast", strict: true},
	{line: "c=IN IP4 224.2.1.1/256", column: 20, rule: "IP4-multicast"},
	{line: "c=IN IP4 224.2.1.1/1/0", column: 20, rule: "IP4-multicast"},
	{line: "c=IN IP4 224.2.1.1/1/2/3", column: 20, rule: "multicast-address"},
	{line: "c=IN IP4 192.0.2.1/127", column: 20, rule: "IP4-multicast", strict: true},
	{line: "c=IN IP4 192.0.2.1/0/3", column: 20, rule: "IP4-multicast", strict: true},
	{line: "c=IN IP4 host.example.com/127", column: 27, rule: "IP4-multicast", strict: true},
	{line: "c=IN IP6 ff15::101/3"},
	{line: "c=IN IP6 ff15::101/0", column: 20, rule: "numaddr"},
	{line: "c=IN IP6 ff15::101/127/3", column: 20, rule: "IP6-multicast"},
	{line: "c=IN IP4 host.example.com"},
	{line: "c=ATM NSAP 47.0091.8100/x"},
	{line: "c=IN IP9 a/1"},
	{line: "c=IN IP4 /127", column: 10, rule: "connection-address"},
	{line: "c=IN IP4 224.2.1.1/", column: 10, rule: "connection-address"},
	{line: "c=IN IP4", column: 9, rule: "connection-field"},
	{line: "c=IN IP4 a\nc=IN IP4 b", column: 1, rule: "session-description"},
	{line: "b=AS:64\nb=X-YZ:128\nb=TIAS:0"},
	{line: "b=AS", column: 5, rule: "bandwidth-field"},
	{line: "b=AS:", column: 6, rule: "bandwidth"},
	{line: "b=AS:-1", column: 6, rule: "bandwidth"},
	{line: "t=2873397496 2873404696\nr=604800 3600 0 90000\nr=7d 1h 0 25h\nz=2882844526 -1h 2898848070 0"},
	{line: "t=0 0\nt=2873397496 0\nr=7d 1h 0"},
	{line: "t=0", column: 4, rule: "time-field"},
	{line: "t=0 x", column: 5, rule: "stop-time"},
	{line: "t=0 0\nr=7d 1h", column: 8, rule: "repeat-field"},
	{line: "t=0 0\nr=7x 1h 0", column: 4, rule: "repeat-field"},
	{line: "t=0 0\nr=9223372036854775808 1h 0", column: 3, rule: "repeat-interval"},
	{line: "t=0 0\nz=2882844526", column: 13, rule: "zone-field"},
	{line: "k=clear:secret"},
	{line: "k=prompt"},
	{line: "a=recvonly"},
	{line: "a=x-unknown:any thing: at \u00e4ll"},
	{line: "a=", column: 3, rule: "attribute-name"},
	{line: "a=:x", column: 3, rule: "attribute-name"},
	{line: "a=with space", column: 7, rule: "attribute-name", strict: true},
	{line: "a=x:", column: 5, rule: "attribute-value", strict: true, out: "a=x"},
	{line: "q=0", column: 1, rule: "session-description"},
	{line: "A=0", column: 1, rule: "session-description"},
	{line: "a", column: 1, rule: "line"},
	{line: "a x", column: 1, rule: "line"},
	{line: "m=audio 49170/2 RTP/AVP 31"},
	{line: "m=hologram 9 X/Y/Z weird-1 *\na=x"},
	{line: "m=audio 65535 RTP/AVP 0"},
	{line: "m=audio 65536 RTP/AVP 0", column: 9, rule: "port"},
	{line: "m=audio -1 RTP/AVP 0", column: 9, rule: "port"},
	{line: "m=audio 1/0 RTP/AVP 0", column: 11, rule: "integer"},
	{line: "m=audio 1 RTP/ 0", column: 15, rule: "proto"},
	{line: "m=audio 1 RTP/AVP", column: 18, rule: "fmt"},
	{line: "m=audio 0 RTP/AVP", column: 18, rule: "fmt", strict: true},
	{line: "m=audio 1 RTP/AVP 0 ", column: 21, rule: "fmt", strict: true, out: "m=audio 1 RTP/AVP 0"},
	{line: "m=audio 1 RTP/AVP 0\nt=0 0", column: 1, rule: "media-description"},
	{line: "m=audio 1 RTP/AVP 0\nq=1", column: 1, rule: "media-description"},
	{line: "m=audio 1 RTP/AVP 0\ni=a\nc=IN IP4 224.2.1.1/1\nc=IN IP4 224.2.1.2/1\nb=AS:1\nk=prompt\na=b"},
	{line: "m=audio 1 RTP/AVP 0\na=b\ni=a", column: 1, rule: "media-description", strict: true, out: "m=audio 1 RTP/AVP 0\ni=a\na=b"},
}

func TestFields(t *testing.T) {
	for _, c := range fieldCases {
		t.Run(c.line, func(t *testing.T) {
			text := c.text()
			for _, strict := range []bool{false, true} {
				p := sdp.Parser{}
				if strict {
					p.Tolerance = sdp.Strict
				}
				d, err := p.Parse(text)
				if c.column > 0 && (strict || !c.strict) {
					var e *sdp.SyntaxError
					require.ErrorAs(t, err, &e)
					require.Equal(t, fmt.Sprint(c.column, c.rule), fmt.Sprint(e.Column, e.Rule), "%v", err)
					at := 1 + strings.Count(text[:strings.Index(text, strings.ReplaceAll(c.line, "\n", "\r\n"))], "\n") + strings.Count(c.line, "\n")
					require.Equal(t, at, e.Line)
					continue
				}
				require.NoError(t, err)
				want := text
				if c.out != "" {
					c2 := c
					c2.line = c.out
					want = c2.text()
				}
				require.Equal(t, want, d.String())
			}
		})
	}
}

func TestStructure(t *testing.T) {
	_, err := sdp.Parse("")
	require.EqualError(t, err, "sdp: line 1, column 1: session-description: v= is missing before this line")
	for text, want := range map[string]string{
		"o=- 1 1 IN IP4 a\r\nv=0\r\n":                       "sdp: line 1, column 1: version-field: the first line must be v=",
		"v=0\r\ns=-\r\nt=0 0\r\n":                           "sdp: line 3, column 1: session-description: o= is missing before this line",
		"v=0\r\nm=audio 1 RTP/AVP 0\r\n":                    "sdp: line 2, column 1: session-description: o= is missing before this line",
		head + "t=0 0\r\nm=audio 1 RTP/AVP 0\r\n":           "sdp: line 5, column 1: connection-field: neither the session nor m= section 1 has a c= line",
		head + "z=2882844526 1h\r\n":                        "sdp: line 4, column 3: zone-field: no t= line before it",
		head + "\r\nt=0 0\r\n":                              `sdp: line 4, column 1: line: not a letter and "="`,
		head + "i=a\x00b\r\nt=0 0\r\n":                      "sdp: line 4, column 4: byte-string: NUL, or CR without LF",
		head + "i=a\rb\r\nt=0 0\r\n":                        "sdp: line 4, column 4: byte-string: NUL, or CR without LF",
		head + "i=a\r\r\nt=0 0\r\n":                         "sdp: line 4, column 4: byte-string: NUL, or CR without LF",
		head + "t=0 0\r\na=x\r":                             "",
		head + "t=0 0\r\n\r\n\n\r\n":                        "",
		head:                                                "",
		head[:5] + head[5:len(head)-5] + "t=0 0":            "",
		head + "t=0 0\r\nm=audio 0 RTP/AVP 0\r\n":           "",
		head + "t=0 0\r\nm=audio 1 RTP/AVP 0\r\nc=IN IP4 a": "",
		head + "t=0 0\r\na=x\r\nc=IN IP4 a\r\nb=AS:1\r\n":   "",
	} {
		_, err := sdp.Parse(text)
		if want == "" {
			require.NoError(t, err, "%q", text)
		} else {
			require.EqualError(t, err, want)
		}
	}
	for _, text := range []string{head, head[:len(head)-5] + "t=0 0\r\n", head + "t=0 0\r\na=x\r\nc=IN IP4 a\r\n"} {
		_, err := sdp.Parser{Tolerance: sdp.Strict}.Parse(text)
		require.Error(t, err, "%q", text)
	}
	d, err := sdp.Parser{Tolerance: sdp.TolerateConnection}.Parse(head + "t=0 0\r\nm=audio 1 RTP/AVP 0\r\n")
	require.NoError(t, err)
	_, ok := d.Media[0].Connection(d)
	require.False(t, ok)
}

func TestLimits(t *testing.T) {
	many := func(line string) func(n int) string {
		return func(n int) string {
			return head + "c=IN IP4 a\r\nt=0 0\r\n" + strings.Repeat(line+"\r\n", n)
		}
	}
	for name, c := range map[string]struct {
		set  func(*sdp.Parser, int)
		text func(n int) string
		def  int
	}{
		"media":      {func(p *sdp.Parser, n int) { p.MaxMedia = n }, many("m=audio 1 RTP/AVP 0"), sdp.DefaultMaxMedia},
		"attributes": {func(p *sdp.Parser, n int) { p.MaxAttributes = n }, many("a=x"), sdp.DefaultMaxAttributes},
		"fields":     {func(p *sdp.Parser, n int) { p.MaxFields = n }, func(n int) string { return many("b=AS:1")(n - 2) }, sdp.DefaultMaxFields},
		"formats": {func(p *sdp.Parser, n int) { p.MaxFormats = n }, func(n int) string {
			return many("m=audio 1 RTP/AVP" + strings.Repeat(" 0", n))(1)
		}, sdp.DefaultMaxFormats},
		"line": {func(p *sdp.Parser, n int) { p.MaxLine = n }, func(n int) string {
			return many("a=" + strings.Repeat("x", n-2))(1)
		}, sdp.DefaultMaxLine},
		"bytes": {func(p *sdp.Parser, n int) { p.MaxBytes, p.MaxLine = n, -1 }, func(n int) string {
			return head + "a=" + strings.Repeat("x", n-len(head)-2)
		}, sdp.DefaultMaxBytes},
	} {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{64, c.def} {
				var p sdp.Parser
				if n != c.def {
					c.set(&p, n)
				} else if name == "bytes" {
					p.MaxLine = -1
				}
				_, err := p.Parse(c.text(n))
				require.NoError(t, err)
				_, err = p.Parse(c.text(n + 1))
				require.ErrorIs(t, err, sdp.ErrLimit)
				var e *sdp.SyntaxError
				require.ErrorAs(t, err, &e)
				p.Tolerance = sdp.DefaultTolerance | sdp.TolerateMedia
				_, err = p.Parse(c.text(n + 1))
				require.ErrorIs(t, err, sdp.ErrLimit, "tolerance relaxes no limit")
				c.set(&p, -1)
				_, err = p.Parse(c.text(c.def + 1))
				require.NoError(t, err)
			}
		})
	}
}

// The parts of one description do not share room that an append could reach.
func TestAppendIsSafe(t *testing.T) {
	b, err := os.ReadFile("testdata/large.sdp")
	require.NoError(t, err)
	d, err := sdp.Parse(string(b))
	require.NoError(t, err)
	want := d.Clone()
	d.Attributes.Add("x", "y")
	for i := range d.Media {
		m := &d.Media[i]
		m.Attributes.Add("x", "y")
		m.Formats = append(m.Formats, "z")
		m.Connections = append(m.Connections, sdp.Connection{Address: "z"})
		m.Bandwidths = append(m.Bandwidths, sdp.Bandwidth{Type: "Z"})
	}
	for i := range d.Media {
		m := &d.Media[i]
		m.Attributes.Del("x")
		m.Formats = m.Formats[:len(m.Formats)-1]
		m.Connections = m.Connections[:len(m.Connections)-1]
		m.Bandwidths = m.Bandwidths[:len(m.Bandwidths)-1]
	}
	d.Attributes.Del("x")
	require.True(t, d.Equal(want))
	require.Equal(t, string(b), d.String())
}

func benchFiles(b *testing.B, f func(b *testing.B, text string)) {
	for _, size := range []string{"small", "large"} {
		text, err := os.ReadFile("testdata/" + size + ".sdp")
		require.NoError(b, err)
		b.Run(size, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			f(b, string(text))
		})
	}
}

func BenchmarkParse(b *testing.B) {
	benchFiles(b, func(b *testing.B, text string) {
		for b.Loop() {
			if _, err := sdp.Parse(text); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkAppendText(b *testing.B) {
	benchFiles(b, func(b *testing.B, text string) {
		d, err := sdp.Parse(text)
		require.NoError(b, err)
		buf := make([]byte, 0, 4096)
		for b.Loop() {
			if _, err := d.AppendText(buf); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestAllocations(t *testing.T) {
	for size, most := range map[string]float64{"small": 4, "large": 9} {
		text, err := os.ReadFile("testdata/" + size + ".sdp")
		require.NoError(t, err)
		s := string(text)
		got := testing.AllocsPerRun(100, func() { _, _ = sdp.Parse(s) })
		require.LessOrEqual(t, got, most, size)
	}
}
