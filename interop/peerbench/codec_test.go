package peerbench

import (
	"os"
	"path/filepath"
	"testing"
)

// The five messages: a REGISTER, an INVITE with a session description, its 200
// through three hops, a NOTIFY with a presence document, and one with 70 header
// fields.
var names = []string{"register", "invite", "ok", "notify", "big"}

func load(tb testing.TB, name string) []byte {
	tb.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name+".sip"))
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// Libraries that read a message differently compare nothing.
func TestFields(t *testing.T) {
	for _, name := range names {
		raw := load(t, name)
		var first Fields
		for i, c := range codecs() {
			m, err := c.Parse(raw)
			if err != nil {
				t.Errorf("%s refuses %s: %v", c.Name, name, err)
				continue
			}
			f := c.Inspect(m)
			if f.CallID == "" || f.FromTag == "" || f.CSeq == 0 || f.Method == "" || f.Branch == "" {
				t.Errorf("%s reads %s as %+v", c.Name, name, f)
			}
			if i == 0 {
				first = f
			} else if f != first {
				t.Errorf("%s and %s differ on %s: %+v, %+v", codecs()[0].Name, c.Name, name, first, f)
			}
			out, err := c.Append(nil, m)
			if err != nil {
				t.Errorf("%s does not write %s: %v", c.Name, name, err)
				continue
			}
			again, err := c.Parse(out)
			if err != nil {
				t.Errorf("%s does not read its own %s: %v", c.Name, name, err)
			} else if g := c.Inspect(again); g != f {
				t.Errorf("%s: %s after a round trip: %+v, was %+v", c.Name, name, g, f)
			}
		}
	}
}

func each(b *testing.B, f func(b *testing.B, c Codec, raw []byte)) {
	for _, name := range names {
		raw := load(b, name)
		for _, c := range codecs() {
			b.Run("msg="+name+"/lib="+c.Name, func(b *testing.B) {
				b.SetBytes(int64(len(raw)))
				b.ReportAllocs()
				f(b, c, raw)
			})
		}
	}
}

func BenchmarkParse(b *testing.B) {
	each(b, func(b *testing.B, c Codec, raw []byte) {
		for b.Loop() {
			if _, err := c.Parse(raw); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkParseInspect(b *testing.B) {
	each(b, func(b *testing.B, c Codec, raw []byte) {
		var f Fields
		for b.Loop() {
			m, err := c.Parse(raw)
			if err != nil {
				b.Fatal(err)
			}
			f = c.Inspect(m)
		}
		if f.CallID == "" {
			b.Fatal("no Call-ID")
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	each(b, func(b *testing.B, c Codec, raw []byte) {
		m, err := c.Parse(raw)
		if err != nil {
			b.Fatal(err)
		}
		var buf []byte
		for b.Loop() {
			if buf, err = c.Append(buf[:0], m); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(buf)), "out-bytes")
	})
}
