package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/internal/leak"
	"github.com/gosofia/sofia/sresolv/dnstest"
)

func TestMain(m *testing.M) { leak.Main(m) }

const zone = `
$ORIGIN dig.test.
$TTL 60
@ SOA ns host 1 3600 600 86400 30
@ NAPTR 10 10 "s" "SIPS+D2T" "" _sips._tcp
@ NAPTR 20 10 "s" "SIP+D2U" "" _sip._udp
_sips._tcp SRV 1 0 5061 a
_sip._udp SRV 1 3 5060 a
_sip._udp SRV 1 1 5070 a
_sip._udp SRV 2 0 5080 b
a A 192.0.2.1
b A 192.0.2.2
b AAAA 2001:db8::2
$ORIGIN e164.arpa.
@ SOA ns host 1 3600 600 86400 30
1.1 NAPTR 10 10 "u" "E2U+sip" "!^.*$!sip:x@a.dig.test:9!" .
`

func TestDig(t *testing.T) {
	s, err := dnstest.Start(dnstest.Config{}, zone)
	require.NoError(t, err)
	defer s.Close()
	at := "@" + s.Addr().String()
	for _, c := range []struct {
		args   []string
		status int
		out    string
	}{
		{[]string{at, "sips:dig.test"}, 0, "\t1 1.000 tls 5061 192.0.2.1\n"},
		{[]string{at, "-4", "--udp", "b.dig.test"}, 0, "\t1 1.000 udp 5060 192.0.2.2\n"},
		{[]string{at, "-6", "-p", "tcp", "b.dig.test"}, 0, "\t1 1.000 tcp 5060 2001:db8::2\n"},
		{[]string{at, "sip:b.dig.test:7;transport=tcp", "-4"}, 0, "\t1 1.000 tcp 7 192.0.2.2\n"},
		{[]string{at, "192.0.2.9"}, 0, "\t1 1.000 udp 5060 192.0.2.9\n"},
		{[]string{at, "tel:+11"}, 0, "10 10 sip sip:x@a.dig.test:9\n\t1 1.000 udp 9 192.0.2.1\n"},
		{[]string{at, "none.dig.test", "192.0.2.9"}, 1, "none.dig.test\n192.0.2.9\n\t1 1.000 udp 5060 192.0.2.9\n"},
		{[]string{at, "tel:12"}, 1, ""},
		{[]string{at, "sip:"}, 1, ""},
		{[]string{"@nowhere", "dig.test"}, 2, ""},
		{[]string{"-p", "pigeon", "dig.test"}, 2, ""},
		{[]string{"-x"}, 2, ""},
		{nil, 2, ""},
	} {
		var out, errs bytes.Buffer
		require.Equal(t, c.status, run(t.Context(), c.args, "-", &out, &errs), "%v: %s", c.args, errs.String())
		require.Equal(t, c.out, out.String(), "%v", c.args)
		require.Equal(t, c.status != 0, errs.Len() > 0)
	}
	var out, errs bytes.Buffer
	require.Zero(t, run(t.Context(), []string{at, "-v", "b.dig.test"}, "-", &out, &errs))
	require.Contains(t, errs.String(), "udp b.dig.test. AAAA: NOERROR, 1 records")
	out.Reset()
	require.Zero(t, run(t.Context(), []string{at, "-udp", "-4", "dig.test"}, "-", &out, &errs))
	require.Contains(t, out.String(), "\t1 0.750 udp 5060 192.0.2.1\n")
	require.Contains(t, out.String(), "\t1 0.250 udp 5070 192.0.2.1\n")
	require.Contains(t, out.String(), "\t2 1.000 udp 5080 192.0.2.2\n")
}
