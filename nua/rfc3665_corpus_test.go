package nua_test

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/stretchr/testify/require"
)

// printed is one message of RFC 3665.
type printed struct {
	Section, Label, Sender, Receiver, Method string
	Status                                   int
	File                                     string

	m *msg.Message
}

func (p printed) String() string { return p.Section + " " + p.Label }

// flow loads the messages of one section, in the order they are printed.
func flow(t *testing.T, section string) []printed {
	t.Helper()
	dir := filepath.Join("testdata", "rfc3665")
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	require.NoError(t, err)
	var manifest struct{ Messages []printed }
	require.NoError(t, json.Unmarshal(text, &manifest))
	var all []printed
	for _, p := range manifest.Messages {
		if p.Section != section {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, p.File))
		require.NoError(t, err)
		p.m, err = sip.Parse(plainText(string(text)))
		require.NoError(t, err, p.File)
		all = append(all, p)
	}
	require.NotEmpty(t, all, section)
	return all
}

// plainText takes TLS out of a message: section 2 of the RFC registers over
// TLS with SIPS URIs, this library has TCP and SIP URIs so far.
func plainText(text string) string {
	return strings.NewReplacer("sips:", "sip:", "SIP/2.0/TLS", "SIP/2.0/TCP", ":5061", ":5060").Replace(text)
}

// leg picks the messages that one party of a flow sends or receives.
func legOf(all []printed, party string) []printed {
	var leg []printed
	for _, p := range all {
		if p.Sender == party || p.Receiver == party {
			leg = append(leg, p)
		}
	}
	return leg
}

// hostsOf3665 are the names of the RFC and the addresses that its Via headers
// show for them; the domains stand for what their DNS records lead to.
func hostsOf3665() map[string]netip.Addr {
	hosts := map[string]netip.Addr{}
	for name, addr := range map[string]string{
		"client.atlanta.example.com": "192.0.2.101",
		"ss1.atlanta.example.com":    "192.0.2.111",
		"client.biloxi.example.com":  "192.0.2.201",
		"ss2.biloxi.example.com":     "192.0.2.222",
		"client.chicago.example.com": "192.0.2.100",
	} {
		hosts[name] = netip.MustParseAddr(addr)
	}
	return hosts
}

// sdpOfAlice and sdpOfBob are what the RFC prints as their first description.
const (
	sdpOfAlice = "v=0\r\no=alice 2890844526 2890844526 IN IP4 client.atlanta.example.com\r\ns=-\r\nc=IN IP4 192.0.2.101\r\nt=0 0\r\n" +
		"m=audio 49172 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
	sdpOfBob = "v=0\r\no=bob 2890844527 2890844527 IN IP4 client.biloxi.example.com\r\ns=-\r\nc=IN IP4 192.0.2.201\r\nt=0 0\r\n" +
		"m=audio 3456 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)
