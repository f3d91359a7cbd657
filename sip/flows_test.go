package sip_test

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

// flow is a message printed in an RFC.
type flow struct {
	File     string
	Kind     string
	Method   string
	Status   int
	CSeq     *uint32
	Body     int
	Complete bool     // nothing was left out
	Missing  []string // mandatory headers that the RFC does not print
	Broken   []string // headers whose values break the grammar as printed
	text     string
}

// flows returns the call-flow messages of 52 RFCs.
func flows(t testing.TB) (list []flow) {
	t.Helper()
	z, err := zip.OpenReader("testdata/flows.zip")
	require.NoError(t, err)
	defer func() { require.NoError(t, z.Close()) }()
	read := func(name string) []byte {
		f, err := z.Open(name)
		require.NoError(t, err)
		b, err := io.ReadAll(f)
		require.NoError(t, err)
		return b
	}
	require.NoError(t, json.Unmarshal(read("index.json"), &list))
	for i := range list {
		list[i].text = string(read(list[i].File))
	}
	return list
}

// misprints are headers of other messages that are wrong as their RFC prints
// them: white space, quotes and semicolons unescaped in the headers part of a
// URI, and a CSeq that names another method than the request.
var misprints = map[string]string{
	"rfc4244/A-F05-INVITE.sip": "History-Info", "rfc4244/A-F08-INVITE.sip": "History-Info", "rfc4244/A-F12-486.sip": "History-Info",
	"rfc4244/B-m17-INVITE.sip": "History-Info", "rfc4244/B-m19-INVITE.sip": "History-Info", "rfc4244/D-F04-INVITE.sip": "History-Info",
	"rfc4244/D-F05-INVITE.sip": "History-Info", "rfc4458/6.4-F02-INVITE.sip": "History-Info", "rfc7433/4.3-m01-INVITE.sip": "History-Info",
	"rfc5589/6.1-F05-INVITE.sip": "CSeq", "rfc5589/6.2-F04-NOTIFY.sip": "CSeq", "rfc5589/6.2-F05-INVITE.sip": "CSeq", "rfc5589/6.2-F06-NOTIFY.sip": "CSeq",
}

// retired are headers whose grammar is that of an obsolete RFC, or an arrow in
// the reason phrase: only the strict reading minds.
var retired = map[string]string{
	"rfc4244/B-m20-200.sip": "", "rfc5763/7.1-m02-INVITE.sip": "Identity",
}

func (f flow) broken(header string, strict bool) bool {
	if h, ok := misprints[f.File]; ok && strings.EqualFold(h, header) {
		return true
	}
	if h, ok := retired[f.File]; strict && ok && strings.HasPrefix(header, h) {
		return true
	}
	return slices.ContainsFunc(f.Broken, func(h string) bool { return strings.EqualFold(h, header) })
}

func TestCallFlows(t *testing.T) {
	n, incomplete := 0, 0
	for _, f := range flows(t) {
		n++
		m, err := sip.Parse(f.text)
		require.NotNil(t, m, "%s: %v", f.File, err)
		require.Equal(t, f.text, m.String(), "%s: not re-emitted byte for byte", f.File)
		require.Equal(t, f.Kind == "request", m.IsRequest(), f.File)
		if misprints[f.File] != "CSeq" {
			require.Equal(t, f.Method, methodOf(m), f.File)
		}
		require.Equal(t, f.Status, m.Status(), f.File)
		require.Len(t, m.Body(), f.Body, f.File)
		if !f.Complete {
			incomplete++
		}
		require.ElementsMatch(t, f.Missing, missing(m), f.File)
		for _, e := range m.Errors() {
			var s *msg.SyntaxError
			require.ErrorAs(t, e, &s)
			if !errors.Is(e, msg.ErrMissing) {
				require.True(t, f.broken(s.Header, false), "%s: %v", f.File, e)
			}
		}
		for err := range sip.Malformed(m) {
			var s *msg.SyntaxError
			require.ErrorAs(t, err, &s)
			require.True(t, f.broken(s.Header, false), "%s: %v", f.File, err)
		}
		if f.CSeq != nil && m.Err() == nil {
			seq, ok, err := sip.CSeq.Get(m)
			require.True(t, ok && err == nil, f.File)
			require.Equal(t, *f.CSeq, seq.Seq, f.File)
		}
	}
	require.Equal(t, 1096, n)
	require.Equal(t, 112, incomplete)
}

// What the RFCs print is right in the strict reading, too.
func TestCallFlowsStrict(t *testing.T) {
	for _, f := range flows(t) {
		m, err := msg.Parse(sip.StrictClass(), f.text, msg.Limits{})
		require.NotNil(t, m, "%s: %v", f.File, err)
		require.Equal(t, f.text, m.String(), f.File)
		require.ElementsMatch(t, f.Missing, missing(m), f.File)
		for _, e := range m.Errors() {
			var s *msg.SyntaxError
			require.ErrorAs(t, e, &s)
			require.True(t, errors.Is(e, msg.ErrMissing) || f.broken(s.Header, true), "%s: %v", f.File, e)
		}
	}
}

func methodOf(m *msg.Message) string {
	if m.IsRequest() {
		return m.Method()
	}
	seq, _, _ := sip.CSeq.Get(m)
	return seq.Method
}

func missing(m *msg.Message) (names []string) {
	for _, e := range m.Errors() {
		var s *msg.SyntaxError
		if errors.As(e, &s) && errors.Is(e, msg.ErrMissing) {
			names = append(names, strings.ToLower(s.Header))
		}
	}
	return names
}
