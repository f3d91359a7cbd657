package nta

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sip"
)

// U02, U04, U05: the first check that fails answers, in the order of 8.2.
func TestRuleU02OrderOfChecks(t *testing.T) {
	c := Checks{
		Methods: []string{"INVITE", "ACK", "OPTIONS"}, Schemes: []string{"sip"}, Options: []string{"timer"},
		Content: []string{"application/sdp"}, Answers: []string{"application/sdp"},
	}
	p := &peer{addr: mustAddr("192.0.2.9:5060")}
	bad := "Require: timer, precondition, TIMER, x\nContent-Type: text/plain\nAccept: text/*, application/sdp;q=0"
	for name, row := range map[string]struct {
		method, uri, more string
		status            int
		header, value     string
	}{
		"good":                 {"INVITE", "", "Require: timer\nContent-Type: application/SDP;x=y\nAccept: application/*", 0, "", ""},
		"nobody knows":         {"WEIRD", "tel:1", bad, 501, "Allow", "INVITE, ACK, OPTIONS"},
		"not here":             {"MESSAGE", "tel:1", bad, 405, "Allow", "INVITE, ACK, OPTIONS"},
		"scheme":               {"INVITE", "tel:+1234", bad, 416, "", ""},
		"require":              {"INVITE", "", bad, 420, "Unsupported", "precondition, x"},
		"require of ACK":       {"ACK", "", "Require: x\nContent-Type: application/sdp", 0, "", ""},
		"content":              {"INVITE", "", strings.Replace(bad, ", precondition, TIMER, x", "", 1), 415, "Accept", "application/sdp"},
		"coding":               {"INVITE", "", "Content-Type: application/sdp\nContent-Encoding: gzip", 415, "Accept-Encoding", "identity"},
		"no type":              {"INVITE", "", "X: y", 415, "Accept", "application/sdp"},
		"need not be read":     {"INVITE", "", "Content-Type: text/plain\nContent-Disposition: x;handling=optional", 0, "", ""},
		"answer":               {"INVITE", "", "Content-Type: application/sdp\nAccept: text/*, application/sdp;q=0", 406, "Accept", "application/sdp"},
		"answer, any":          {"INVITE", "", "Content-Type: application/sdp\nAccept: */*", 0, "", ""},
		"answer, same of many": {"INVITE", "", "Content-Type: application/sdp\nAccept: text/plain, Application/SDP", 0, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			text := p.incoming(row.method, "z9hG4bK1", row.more) + "\n\nbody"
			if row.uri != "" {
				text = strings.Replace(text, "sip:bob@192.0.2.1 ", row.uri+" ", 1)
			}
			m, err := sip.Parse(wire(text))
			require.NoError(t, err)
			req, _ := sip.AsRequest(m)
			status, set := c.Refuse(req)
			require.Equal(t, row.status, status)
			if row.header == "" {
				require.Empty(t, set)
				return
			}
			resp, err := sip.NewResponse(req, status, set...)
			require.NoError(t, err)
			require.Equal(t, []string{row.value}, values(resp.Message, row.header))
		})
	}
	m, err := sip.Parse(wire(p.incoming("WEIRD", "z9hG4bK1", bad) + "\n\nbody"))
	require.NoError(t, err)
	status, _ := Checks{}.Refuse(sip.Request{Message: m})
	require.Zero(t, status, "nothing is checked that is not given")
}
