package peerbench

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
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

// What is forwarded is the message with the hop's changes and no others.
func TestForward(t *testing.T) {
	for _, name := range names {
		for _, c := range codecs() {
			m, err := c.Parse(load(t, name))
			if err != nil {
				t.Fatal(err)
			}
			before := c.Inspect(m)
			out, err := c.Forward(nil, m)
			if err != nil {
				t.Errorf("%s does not forward %s: %v", c.Name, name, err)
				continue
			}
			again, err := c.Parse(out)
			if err != nil {
				t.Errorf("%s does not read what it forwards of %s: %v", c.Name, name, err)
				continue
			}
			after := c.Inspect(again)
			if response := name == "ok"; response && after.Branch == before.Branch || !response && after.Branch != forwardBranch {
				t.Errorf("%s: branch of the forwarded %s is %s, was %s", c.Name, name, after.Branch, before.Branch)
			}
			after.Branch = before.Branch
			if after != before {
				t.Errorf("%s: %s forwarded as %+v, was %+v", c.Name, name, after, before)
			}
		}
	}
}

// measure runs f as often as b asks and reports, beside the wall time, the CPU
// time of the whole process: the collector's work counts, that of other
// processes does not.
func measure(b *testing.B, f func() error) {
	b.Helper()
	before := cpuTime(b)
	for b.Loop() {
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

func cpuTime(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
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
		measure(b, func() error {
			_, err := c.Parse(raw)
			return err
		})
	})
}

func BenchmarkParseInspect(b *testing.B) {
	each(b, func(b *testing.B, c Codec, raw []byte) {
		var f Fields
		measure(b, func() error {
			m, err := c.Parse(raw)
			if err == nil {
				f = c.Inspect(m)
			}
			return err
		})
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
		measure(b, func() error {
			buf, err = c.Append(buf[:0], m)
			return err
		})
		b.ReportMetric(float64(len(buf)), "out-bytes")
	})
}

// BenchmarkForward is a proxy's hop: parse, change, write.
func BenchmarkForward(b *testing.B) {
	each(b, func(b *testing.B, c Codec, raw []byte) {
		var buf []byte
		measure(b, func() error {
			m, err := c.Parse(raw)
			if err == nil {
				buf, err = c.Forward(buf[:0], m)
			}
			return err
		})
	})
}
