package sip_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

var benchNames = []string{"register", "invite", "ok", "notify", "big"}

func BenchmarkParse(b *testing.B) {
	texts := corpus(b, "bench/*.sip")
	for _, name := range benchNames {
		b.Run(name, func(b *testing.B) {
			raw := []byte(texts[name])
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := sip.Parse(string(raw)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParseAll also decodes every header.
func BenchmarkParseAll(b *testing.B) {
	texts := corpus(b, "bench/*.sip")
	for _, name := range benchNames {
		b.Run(name, func(b *testing.B) {
			raw := []byte(texts[name])
			b.ReportAllocs()
			for b.Loop() {
				m, err := sip.Parse(string(raw))
				if err == nil {
					err = decode(m)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	texts := corpus(b, "bench/*.sip")
	for _, name := range benchNames {
		b.Run(name, func(b *testing.B) {
			m, err := sip.Parse(texts[name])
			require.NoError(b, err)
			buf := make([]byte, 0, 8192)
			b.ReportAllocs()
			for b.Loop() {
				buf, _ = m.AppendText(buf[:0])
			}
		})
	}
}

// BenchmarkProxy is what a proxy does to an INVITE: parse, push Via, pop Route,
// count Max-Forwards down, serialise.
func BenchmarkProxy(b *testing.B) {
	raw := []byte(corpus(b, "bench/invite.sip")["invite"])
	buf := make([]byte, 0, 8192)
	b.ReportAllocs()
	for b.Loop() {
		m, _ := sip.Parse(string(raw))
		m, err := m.Edit(
			sip.Via.Push(sip.ViaParm{Transport: "UDP", Host: "192.0.2.1", Port: 5060, Params: ";branch=z9hG4bK1"}),
			sip.Route.Pop(), sip.MaxForwards.Set(68))
		if err != nil {
			b.Fatal(err)
		}
		buf, _ = m.AppendText(buf[:0])
	}
}

func BenchmarkResponse(b *testing.B) {
	m, err := sip.Parse(corpus(b, "bench/invite.sip")["invite"])
	require.NoError(b, err)
	req, _ := sip.AsRequest(m)
	buf := make([]byte, 0, 8192)
	b.ReportAllocs()
	for b.Loop() {
		r, err := sip.NewResponse(req, 200)
		if err != nil {
			b.Fatal(err)
		}
		buf, _ = r.AppendText(buf[:0])
	}
}

func BenchmarkFramer(b *testing.B) {
	raw := []byte(corpus(b, "bench/invite.sip")["invite"])
	f := msg.NewFramer(sip.Class(), msg.Limits{})
	b.ReportAllocs()
	for b.Loop() {
		_ = f.Feed(raw)
		if fr, err := f.Next(); err != nil || len(fr.Text) != len(raw) {
			b.Fatal(err)
		}
	}
}
