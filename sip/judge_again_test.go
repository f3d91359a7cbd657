package sip_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

// again says how what was read is written again.
func again(t *testing.T, id msg.ID, name, value string, class *msg.Class) (strictErr, err error) {
	m, err := msg.Parse(class, around(name, value), msg.Limits{})
	require.NoError(t, err, "%s: %q", name, value)
	for _, h := range everyHeader() {
		if h.id != id {
			continue
		}
		strict, asRead, strictErr, err := h.again(m)
		for _, out := range []*msg.Message{strict, asRead} {
			if out == nil {
				continue
			}
			wire := out.String()
			back, err := msg.Parse(class, wire, msg.Limits{})
			require.NoError(t, err, "%s: %q written as %q", name, value, wire)
			require.NoError(t, messageError(back), "%s: %q written as %q", name, value, wire)
			require.Equal(t, flattenAll(m, id), flattenAll(back, id), "%s: %q written as %q", name, value, wire)
		}
		return strictErr, err
	}
	t.Fatalf("%s is no header of the table", name)
	return nil, nil
}

func flattenAll(m *msg.Message, id msg.ID) (list []any) {
	for v, err := range sip.Decode(m, id) {
		if err != nil {
			return nil
		}
		list = append(list, flatten(v))
	}
	return list
}

// TestJudgeAgain writes what was read: all that the grammar has can be written.
func TestJudgeAgain(t *testing.T) {
	n := 0
	for _, c := range grammarCases() {
		id := sip.Class().Lookup(c.name)
		for _, value := range c.valid {
			if id == 0 || id == msg.IDContentLength {
				continue
			}
			strictErr, err := again(t, id, c.name, value, sip.StrictClass())
			if id == sip.IDCSeq && strictErr != nil { // 2^31 and above is read, but never sent: section 8.1.1.5
				continue
			}
			require.NoError(t, strictErr, "%s: %q", c.name, value)
			require.NoError(t, err, "%s: %q", c.name, value)
			n++
		}
	}
	t.Log("written again:", n)
}

// TestJudgeTolerated does so with what only the tolerant reading takes: setters
// refuse it unless they are told that it was read, copies and untouched fields go
// on byte for byte.
func TestJudgeTolerated(t *testing.T) {
	for _, l := range leniencies {
		id := sip.Class().Lookup(l.header)
		for _, value := range l.values {
			strictErr, err := again(t, id, l.header, value, sip.Class())
			require.NoError(t, err, "%s: %q", l.header, value)
			_ = strictErr
			m, err := sip.Parse(around(l.header, value))
			require.NoError(t, err)
			raw := func(m *msg.Message) (list []string) {
				for f := range m.Fields() {
					if f.ID == id {
						list = append(list, f.Value)
					}
				}
				return list
			}
			edited, err := m.Edit(sip.MaxForwards.Set(1), sip.Organization.Set("x"))
			require.NoError(t, err)
			require.Equal(t, raw(m), raw(edited))
			req, ok := sip.AsRequest(m)
			if !ok {
				continue
			}
			resp, err := sip.NewResponse(req, 200)
			require.NoError(t, err, "%s: %q", l.header, value)
			require.NoError(t, resp.Err())
			switch id {
			case sip.IDVia, sip.IDFrom, sip.IDTo, sip.IDCallID:
				require.Equal(t, raw(m), raw(resp.Message))
			}
		}
	}
	for _, tag := range []string{"a@b", "a/b", "\"a b\"", "\xc3\xbc", "a:b"} {
		m, err := sip.Parse(around("From", "<sip:a@h_i>;tag="+tag))
		require.NoError(t, err)
		req, _ := sip.AsRequest(m)
		from, err := req.From()
		require.NoError(t, err)
		_, err = req.Edit(sip.To.Set(from))
		require.ErrorIs(t, err, msg.ErrValue)
		out, err := req.Edit(sip.To.Set(from).AsRead(), msg.Join(sip.ReplyTo.Set(from)).AsRead())
		require.NoError(t, err)
		for _, h := range []sip.AddrHeader{sip.To, sip.ReplyTo} {
			raw, _ := h.Raw(out)
			require.Equal(t, "<sip:a@h_i>;tag="+tag, raw)
		}
		_, err = req.Edit(sip.Subject.Text("a\r\nEvil: x").AsRead())
		require.ErrorIs(t, err, msg.ErrValue, "no injection, either way")
		resp, err := sip.NewResponse(req, 180)
		require.NoError(t, err)
		raw, _ := sip.From.Raw(resp)
		require.Equal(t, "<sip:a@h_i>;tag="+tag, raw)
	}
}
