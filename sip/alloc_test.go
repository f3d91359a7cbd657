package sip_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sip"
)

func TestAllocations(t *testing.T) {
	texts := corpus(t, "bench/*.sip")
	for name, want := range map[string]float64{"register": 2, "invite": 2, "ok": 2, "notify": 2, "big": 3} {
		raw := []byte(texts[name])
		require.Equal(t, want, testing.AllocsPerRun(100, func() {
			if _, err := sip.Parse(string(raw)); err != nil {
				t.Fatal(err)
			}
		}), "parse %s", name)
	}

	m, err := sip.Parse(texts["invite"])
	require.NoError(t, err)
	req, _ := sip.AsRequest(m)
	buf := make([]byte, 0, m.Len())
	via := sip.ViaParm{Transport: "UDP", Host: "192.0.2.1", Params: ";branch=z9hG4bK1"}
	push, hops := sip.Via.Push(via), sip.MaxForwards.Set(68)

	for _, c := range []struct {
		name string
		want float64
		f    func()
	}{
		{"serialise", 0, func() { buf, _ = m.AppendText(buf[:0]) }},
		{"get From", 0, func() { _, _, _ = sip.From.Get(req) }},
		{"get CSeq", 0, func() { _, _, _ = sip.CSeq.Get(req) }},
		{"get Content-Type", 0, func() { _, _, _ = sip.ContentType.Get(req) }},
		{"get Via", 0, func() { _, _, _ = sip.Via.Get(m) }},
		{"all Via", 0, func() {
			for v, err := range sip.Via.All(m) {
				if err != nil || v.Branch() == "" {
					t.Fatal(err)
				}
			}
		}},
		{"all Contact", 0, func() {
			for a, err := range sip.Contact.All(req) {
				if err != nil || a.URI.Transport() != "udp" || a.Star() {
					t.Fatal(err)
				}
			}
		}},
		{"all Allow", 0, func() {
			for _, err := range sip.Allow.All(req) {
				if err != nil {
					t.Fatal(err)
				}
			}
		}},
		{"fields", 0, func() {
			for f := range m.Fields() {
				_ = f.Value
			}
		}},
		{"accessors", 0, func() {
			_, _, _, _ = req.TopVia(), req.CSeq(), req.CallID(), req.FromTag()
			_, _ = req.ToTag(), req.Branch()
			_, _ = req.MaxForwards()
		}},
		{"URI", 0, func() { _, _ = req.URI() }},
		{"edit", 2, func() {
			if _, err := m.Edit(push, sip.Route.Pop(), hops); err != nil {
				t.Fatal(err)
			}
		}},
		{"setter", 0, func() { _ = sip.MaxForwards.Set(68) }},
		{"response", 2, func() {
			if _, err := sip.NewResponse(req, 200); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		require.Equal(t, c.want, testing.AllocsPerRun(100, c.f), c.name)
	}
}
