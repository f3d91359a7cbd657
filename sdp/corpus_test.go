package sdp_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sdp"
)

// The descriptions printed in RFCs, as testdata/corpus/rfcNNNN-NN.sdp.
func corpus(t testing.TB) map[string]string {
	t.Helper()
	files, err := filepath.Glob("testdata/corpus/*.sdp")
	require.NoError(t, err)
	require.Len(t, files, 141)
	out := make(map[string]string)
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		out[strings.TrimSuffix(filepath.Base(f), ".sdp")] = string(b)
	}
	return out
}

// Descriptions with an m= line that is no SDP: a port above 65535, or left out,
// or standing as a variable in the RFC's text.
var malformed = map[string]*sdp.SyntaxError{
	"rfc6871-03": {Line: 12, Column: 9, Rule: "port"},
	"rfc8839-02": {Line: 10, Column: 9, Rule: "port"},
	"rfc8839-04": {Line: 10, Column: 9, Rule: "port"},
	"rfc8859-07": {Line: 7, Column: 14, Rule: "fmt"},
	"rfc8859-10": {Line: 13, Column: 9, Rule: "port"},
	"rfc8859-09": {Line: 9, Column: 8, Rule: "media-field"},
}

// Descriptions that deviate in a line which is printed as it was read: a TTL
// after a unicast address, an attribute name with spaces.
var deviating = map[string]string{"rfc4568-01": "IP4-multicast", "rfc6871-11": "attribute-name"}

func TestCorpus(t *testing.T) {
	exact := 0
	for name, text := range corpus(t) {
		t.Run(name, func(t *testing.T) {
			d, err := sdp.Parse(text)
			if want := malformed[name]; want != nil {
				var e *sdp.SyntaxError
				require.ErrorAs(t, err, &e)
				require.Equal(t, []any{want.Line, want.Column, want.Rule}, []any{e.Line, e.Column, e.Rule}, e)
				d, err = sdp.Parser{Tolerance: sdp.DefaultTolerance | sdp.TolerateMedia}.Parse(text)
			}
			require.NoError(t, err)
			require.Equal(t, strings.Count(text, "\r\nm="), len(d.Media))
			require.Equal(t, canonical(text), d.String())
			if canonical(text) == text && malformed[name] == nil {
				exact++
				strict, err := sdp.Parser{Tolerance: sdp.Strict}.Parse(text)
				if rule := deviating[name]; rule != "" {
					var e *sdp.SyntaxError
					require.ErrorAs(t, err, &e)
					require.Equal(t, rule, e.Rule)
					return
				}
				require.NoError(t, err, "obeys the grammar, so strict reading accepts it")
				require.True(t, strict.Equal(d))
			}
		})
	}
	require.Equal(t, 10, exact, "descriptions printed byte for byte")
}

// canonical puts right, without the parser, what the corpus does wrong: an
// empty or missing s=, and fields in another order than the grammar's.
func canonical(text string) string {
	lines := strings.Split(strings.TrimSuffix(text, "\r\n"), "\r\n")
	order := func(letters string, lines []string) {
		slices.SortStableFunc(lines, func(a, b string) int {
			return strings.Index(letters, a[:1]) - strings.Index(letters, b[:1])
		})
	}
	var out []string
	head := true
	for len(lines) > 0 {
		n := 1
		for n < len(lines) && lines[n][0] != 'm' {
			n++
		}
		section := lines[:n]
		lines = lines[n:]
		if head {
			if i := slices.Index(section, "s="); i >= 0 {
				section[i] = "s=-"
			} else if !slices.ContainsFunc(section, func(l string) bool { return l[0] == 's' }) {
				section = slices.Insert(slices.Clone(section), 2, "s=-")
			}
			order("vosiuepcbtka", section)
		} else {
			order("micbka", section)
		}
		head = false
		out = append(out, section...)
	}
	return strings.Join(out, "\r\n") + "\r\n"
}

// Every description of the corpus, cut at every byte, is refused or read, and
// what is read can be written and read again.
func TestCutEverywhere(t *testing.T) {
	for name, text := range corpus(t) {
		if malformed[name] != nil {
			continue
		}
		for i := range text {
			d, err := sdp.Parse(text[:i])
			if err != nil {
				var e *sdp.SyntaxError
				require.ErrorAs(t, err, &e)
				require.Positive(t, e.Line)
				require.Positive(t, e.Column)
				continue
			}
			roundTrip(t, sdp.Parser{}, d)
		}
	}
}

func TestBareLF(t *testing.T) {
	for name, text := range corpus(t) {
		if malformed[name] != nil {
			continue
		}
		want, err := sdp.Parse(text)
		require.NoError(t, err)
		got, err := sdp.Parse(strings.ReplaceAll(text, "\r\n", "\n"))
		require.NoError(t, err, name)
		require.True(t, want.Equal(got), name)
	}
}

func roundTrip(t testing.TB, p sdp.Parser, d *sdp.Description) {
	t.Helper()
	text, err := d.AppendText(nil)
	require.NoError(t, err)
	p.MaxBytes, p.MaxLine = -1, -1
	again, err := p.Parse(string(text))
	require.NoError(t, err, "%q", text)
	text2, err := again.AppendText(nil)
	require.NoError(t, err)
	require.Equal(t, string(text), string(text2))
	third, err := p.Parse(string(text2))
	require.NoError(t, err)
	require.True(t, again.Equal(third))
	require.True(t, d.Clone().Equal(d))
}

func FuzzParse(f *testing.F) {
	for _, text := range corpus(f) {
		f.Add(text, uint16(0))
		f.Add(strings.ReplaceAll(text, "\r\n", "\n"), uint16(sdp.DefaultTolerance|sdp.TolerateMedia))
	}
	for _, file := range []string{"testdata/small.sdp", "testdata/large.sdp"} {
		b, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(string(b), uint16(sdp.Strict))
	}
	for _, c := range fieldCases {
		f.Add(c.text(), uint16(0))
	}
	f.Fuzz(func(t *testing.T, text string, tolerance uint16) {
		p := sdp.Parser{Tolerance: sdp.Tolerance(tolerance)}
		d, err := p.Parse(text)
		if err != nil {
			var e *sdp.SyntaxError
			require.ErrorAs(t, err, &e)
			require.Positive(t, e.Line)
			require.Positive(t, e.Column)
			require.LessOrEqual(t, e.Line, strings.Count(text, "\n")+1)
			require.NotEmpty(t, e.Rule)
			require.Nil(t, d)
			return
		}
		roundTrip(t, p, d)
		if tolerance == uint16(sdp.Strict) {
			printed := d.String()
			lines := strings.Split(strings.ReplaceAll(strings.TrimRight(text, "\r\n"), "\r\n", "\n"), "\n")
			require.Equal(t, len(lines), strings.Count(printed, "\r\n"), "strict input is canonical but for line ends and leading zeros")
		}
		for i := range d.Media {
			m := &d.Media[i]
			require.True(t, m.Port >= 0 && m.Port <= 65535)
			_ = m.Direction(d)
			codecs := m.Codecs()
			for _, c := range codecs {
				require.True(t, c.Payload >= 0 && c.Payload <= 127)
				require.True(t, c.Name == "" || c.Clock > 0)
			}
			for _, r := range m.RTPMaps() {
				require.Positive(t, r.Clock)
			}
			if m.IsRTP() && len(codecs) > 0 {
				m.SetCodecs(codecs)
				require.Equal(t, normal(codecs), normal(m.Codecs()))
			}
		}
		_, err = d.AppendText(nil)
		require.NoError(t, err)
	})
}

// normal drops what SetCodecs need not keep: the difference between no channel
// count and one channel.
func normal(codecs []sdp.Codec) []sdp.Codec {
	out := slices.Clone(codecs)
	for i := range out {
		out[i].Channels = max(1, out[i].Channels)
	}
	return out
}
