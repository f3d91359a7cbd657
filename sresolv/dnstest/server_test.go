package dnstest

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

const zone = `
$ORIGIN z.test.
$TTL 60
@ SOA ns host 1 3600 600 86400 30
a A 192.0.2.1
alias CNAME a
away CNAME host.other.test.
round CNAME round
deep.below A 192.0.2.2
*.wild A 192.0.2.3
`

// ask sends one question over a real socket and waits for one answer.
func ask(t *testing.T, s *Server, network, name string, typ uint16, edns bool) *dns.Msg {
	t.Helper()
	c, err := net.Dial(network, s.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	m := new(dns.Msg).SetQuestion(name, typ)
	if edns {
		m.SetEdns0(1232, false)
	}
	b, err := m.Pack()
	require.NoError(t, err)
	if network == "tcp" {
		b = append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
	}
	_, err = c.Write(b)
	require.NoError(t, err)
	in := make([]byte, 65535)
	n := 0
	if network == "tcp" {
		_, err = io.ReadFull(c, in[:2])
		require.NoError(t, err)
		n, err = io.ReadFull(c, in[:binary.BigEndian.Uint16(in)])
	} else {
		n, err = c.Read(in)
	}
	require.NoError(t, err)
	out := new(dns.Msg)
	require.NoError(t, out.Unpack(in[:n]))
	return out
}

func start(t *testing.T, cfg Config, zones ...string) *Server {
	t.Helper()
	s, err := Start(cfg, zones...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// TestAnswers: on real sockets, as a server that recurses would.
func TestAnswers(t *testing.T) {
	s := start(t, Config{}, zone)
	for _, c := range []struct {
		name    string
		typ     uint16
		rcode   int
		answers int
	}{
		{"a.z.test.", dns.TypeA, dns.RcodeSuccess, 1},
		{"A.Z.TEST.", dns.TypeA, dns.RcodeSuccess, 1},
		{"a.z.test.", dns.TypeAAAA, dns.RcodeSuccess, 0},
		{"alias.z.test.", dns.TypeA, dns.RcodeSuccess, 2},
		{"alias.z.test.", dns.TypeCNAME, dns.RcodeSuccess, 1},
		{"away.z.test.", dns.TypeA, dns.RcodeSuccess, 1},
		{"round.z.test.", dns.TypeA, dns.RcodeSuccess, 1},
		{"below.z.test.", dns.TypeA, dns.RcodeSuccess, 0},
		{"none.z.test.", dns.TypeA, dns.RcodeNameError, 0},
		{"x.y.wild.z.test.", dns.TypeA, dns.RcodeSuccess, 1},
		{"other.test.", dns.TypeA, dns.RcodeRefused, 0},
	} {
		for _, network := range []string{"udp", "tcp"} {
			m := ask(t, s, network, c.name, c.typ, true)
			require.Equal(t, c.rcode, m.Rcode, c.name)
			require.Len(t, m.Answer, c.answers, c.name)
			require.NotNil(t, m.IsEdns0())
			if c.answers == 0 && c.rcode != dns.RcodeRefused {
				require.Len(t, m.Ns, 1, "the SOA record")
			}
		}
	}
	require.Len(t, s.Queries(), 22)
	require.Equal(t, "A a.z.test", s.Asked()[0])
	s.Reset()
	require.Empty(t, s.Queries())
}

// TestRules: the script does what it says, as often as it says.
func TestRules(t *testing.T) {
	s := start(t, Config{}, zone)
	s.Script(
		Rule{Name: "a.z.test", Rcode: "SERVFAIL", Times: 1},
		Rule{Name: "a.z.test", Network: "udp", Truncate: true, Times: 1},
		Rule{Name: "a.z.test", Answer: "a.z.test. 1 IN A 192.0.2.99", Extra: "b.z.test. 1 IN A 192.0.2.98", Times: 1},
		Rule{Name: "a.z.test", Delay: time.Millisecond, Times: 1, Lie: WrongID | WrongQuestion | NotResponse},
		Rule{Name: "a.z.test", EDNS: true, Lie: NoQuestion},
	)
	get := func(edns bool) *dns.Msg { return ask(t, s, "udp", "a.z.test.", dns.TypeA, edns) }
	m := get(true)
	require.Equal(t, dns.RcodeServerFailure, m.Rcode)
	require.Nil(t, m.IsEdns0())
	require.True(t, get(false).Truncated)
	m = get(false)
	require.Contains(t, m.Answer[0].String(), "192.0.2.99")
	require.Len(t, m.Extra, 1)
	m = get(false)
	require.False(t, m.Response)
	require.Equal(t, "other.example.", m.Question[0].Name)
	require.Len(t, get(false).Question, 1)
	require.Empty(t, get(true).Question)
}

// TestTooBig: an answer that does not fit is cut, over TCP it is whole.
func TestTooBig(t *testing.T) {
	var text strings.Builder
	text.WriteString(zone)
	for i := range 100 {
		text.WriteString("srv SRV " + string(rune('0'+i%10)) + " " + string(rune('0'+i/10)) + " 5060 a.rather.long.name.of.a.host.z.test.\n")
	}
	s := start(t, Config{}, text.String())
	require.True(t, ask(t, s, "udp", "srv.z.test.", dns.TypeSRV, true).Truncated)
	m := ask(t, s, "tcp", "srv.z.test.", dns.TypeSRV, false)
	require.False(t, m.Truncated)
	require.Len(t, m.Answer, 100)
}

func TestNoEDNS(t *testing.T) {
	s := start(t, Config{NoEDNS: true, NoTCP: true}, zone)
	require.Equal(t, dns.RcodeFormatError, ask(t, s, "udp", "a.z.test.", dns.TypeA, true).Rcode)
	require.Equal(t, dns.RcodeSuccess, ask(t, s, "udp", "a.z.test.", dns.TypeA, false).Rcode)
	_, err := net.Dial("tcp", s.Addr().String())
	require.Error(t, err)
}

func TestBadZone(t *testing.T) {
	_, err := Start(Config{}, "nonsense")
	require.ErrorContains(t, err, "dnstest")
	_, err = Start(Config{Addr: "nowhere"}, zone)
	require.Error(t, err)
}
