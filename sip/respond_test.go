package sip_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/internal/own"
	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

// variants calls f for every message of the corpus, and for n that were damaged.
func variants(t *testing.T, n int, f func(text string)) {
	var all []string
	for _, set := range []string{"rfc3665/*.sip", "rfc4475/*.dat", "rfc5118/*.dat", "bench/*.sip"} {
		for _, text := range corpus(t, set) {
			all = append(all, text)
		}
	}
	slices.Sort(all)
	for _, text := range all {
		f(text)
	}
	r := rand.New(rand.NewPCG(1, 2))
	const odd = ",;:<>\"\\ \t\r\n\x00=@[]vViatTo0129\xff"
	for range n {
		b := []byte(all[r.IntN(len(all))])
		head := max(strings.Index(string(b), "\r\n\r\n"), 1)
		for range 1 + r.IntN(3) {
			i := r.IntN(min(head, len(b)))
			c := odd[r.IntN(len(odd))]
			switch r.IntN(4) {
			case 0:
				b[i] = c
			case 1:
				b = slices.Insert(b, i, c)
			case 2:
				b = slices.Delete(b, i, i+1)
			default: // a line again
				line := strings.LastIndexByte(string(b[:i]), '\n') + 1
				if end := strings.IndexByte(string(b[line:]), '\n'); end >= 0 {
					b = slices.Insert(b, line, slices.Clone(b[line:line+end+1])...)
				}
			}
		}
		f(string(b))
	}
}

func TestAppendResponseIsNewResponse(t *testing.T) {
	sets := [][]msg.Setter{
		nil,
		{sip.To.Text("<sip:a@b>;tag=x").AsRead()},
		{sip.To.Text("<sip:a@b>;tag=x").AsRead(), sip.Server.Text("s/1").AsRead(), sip.To.Text("<sip:c@d>").AsRead()},
		{sip.RetryAfter.Text("5").AsRead(), {}, sip.Contact.Text("").AsRead()},
		{sip.Server.Set("s/1")},
		{sip.Phrase("Fine")},
		{msg.Body("x")},
		{sip.To.Text("bad \" <")},
		{sip.RecordRoute.Text("<sip:a@b;lr>, <sip:c@d;lr>").AsRead()},
		{sip.Via.Pop()},
		{msg.FieldText("X-Mine", "1").AsRead()},
		{msg.RequestLine("X", "sip:a@b")},
		{sip.ContentLength.Text("7").AsRead()},
		{msg.Fail(msg.ErrValue)},
	}
	statuses := []int{100, 180, 200, 299, 404, 503, 699, 99, 700, 0}
	n := 0
	variants(t, 6000, func(text string) {
		m, _ := sip.Parse(text)
		req, ok := sip.AsRequest(m)
		if !ok {
			return
		}
		n++
		set, status := sets[n%len(sets)], statuses[n/len(sets)%len(statuses)]
		if n%3 == 0 {
			set = sets[n/3%3]
		}
		want := "before"
		resp, err := sip.NewResponse(req, status, set...)
		if err == nil {
			want += resp.String()
		}
		got, gotErr := sip.AppendResponse([]byte("before"), req, status, set...)
		require.Equal(t, err, gotErr, "%q", text)
		require.Equal(t, want, string(got), "%q", text)
	})
	require.Greater(t, n, 1000)
	for status := 100; status < 700; status++ {
		m, err := sip.Parse(corpus(t, "bench/invite.sip")["invite"])
		require.NoError(t, err)
		resp, err := sip.NewResponse(sip.Request{Message: m}, status)
		require.NoError(t, err)
		got, err := sip.AppendResponse(nil, sip.Request{Message: m}, status)
		require.NoError(t, err)
		require.Equal(t, resp.String(), string(got))
		if status == 110 {
			status = 190
		}
	}
	_, err := sip.AppendResponse(nil, sip.Request{}, 200)
	require.ErrorIs(t, err, msg.ErrStartLine)
}

func TestAppendResponseAllocatesNothing(t *testing.T) {
	m, err := sip.Parse(corpus(t, "bench/invite.sip")["invite"])
	require.NoError(t, err)
	req, buf := sip.Request{Message: m}, make([]byte, 0, 4096)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if _, err := sip.AppendResponse(buf, req, 200, sip.To.Text("<sip:a@b>;tag=x").AsRead()); err != nil {
			t.Fatal(err)
		}
	}))
}

// read is what every layer reads.
func read(m *msg.Message) []any {
	r := sip.Request{Message: m}
	hops, ok := r.MaxForwards()
	all := []any{r.TopVia(), r.Branch(), r.CallID(), r.CSeq(), r.FromTag(), r.ToTag(), hops, ok, m.Method(), m.RequestURI(), m.Body(), m.Len()}
	for v, err := range sip.Via.All(m) {
		all = append(all, v, err == nil)
	}
	for f := range m.Fields() {
		all = append(all, f)
	}
	return all
}

// A message that was edited in place is what its octets are, and what an edit of a
// copy is.
func TestReplaceFirstIsAnEdit(t *testing.T) {
	values := []string{
		"SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bKx;received=192.0.2.1;rport=9", "SIP/2.0/TCP h.example.com",
		"SIP/2.0/UDP [2001:db8::1];x=\"y\";branch=z9hG4bKx", "SIP/2.0/UDP 10.0.0.1 ; branch=z", "no Via at all", "",
	}
	done, n := 0, 0
	variants(t, 6000, func(text string) {
		m, _ := sip.Parse(text)
		if m == nil {
			return
		}
		n++
		value := values[n%len(values)]
		before, err := m.String(), m.Err()
		again, _ := sip.Parse(text)
		if !m.ReplaceFirst(own.Sole{}, sip.IDVia, []byte(value)) {
			require.Equal(t, before, m.String(), "as it was")
			require.Equal(t, err, m.Err())
			return
		}
		done++
		// The error of an edit says no place, that of a parser does.
		fresh, freshErr := msg.Parse(sip.Class(), m.String(), msg.Limits{Lines: -1, Headers: -1})
		require.NotNil(t, fresh)
		require.Equal(t, freshErr == nil, m.Err() == nil, "%q", m.String())
		require.Equal(t, read(fresh), read(m), "%q", m.String())
		other, editErr := again.Edit(sip.Via.Text(value).AsRead())
		require.NoError(t, editErr)
		require.Equal(t, other.Err() == nil, m.Err() == nil)
		if m.Err() == nil {
			edited, err := m.Edit(sip.Via.Pop(), sip.MaxForwards.Set(3))
			require.NoError(t, err)
			parsed, err := fresh.Edit(sip.Via.Pop(), sip.MaxForwards.Set(3))
			require.NoError(t, err)
			require.Equal(t, parsed.String(), edited.String())
		}
		require.False(t, m.ReplaceFirst(own.Sole{}, sip.IDVia, []byte(values[0])), "once")
	})
	require.Greater(t, done, 1000)

	m, err := sip.Parse(corpus(t, "bench/invite.sip")["invite"])
	require.NoError(t, err)
	for id, value := range map[msg.ID]string{
		sip.IDVia: "a, b", sip.IDTo: "x\r\ny", msg.IDContentLength: "0", 0: "x", sip.IDPath: "<sip:a>", 9999: "x",
	} {
		require.False(t, m.ReplaceFirst(own.Sole{}, id, []byte(value)), value)
	}
}

func TestReplaceFirstAllocations(t *testing.T) {
	text, value := corpus(t, "bench/invite.sip")["invite"], []byte("SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx;received=192.0.2.1")
	require.Equal(t, 2.0, testing.AllocsPerRun(100, func() { // the message itself is one
		m, _ := sip.Parse(text)
		if !m.ReplaceFirst(own.Sole{}, sip.IDVia, value) {
			t.Fatal("not in place")
		}
	}))
}
