package sip

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

// What is composed without asking the grammar is what the codec writes, and the
// grammar has it.
func TestCompose(t *testing.T) {
	hosts := []string{"a", "a.b", "a.b.", ".", "", ".a", "a..b", "a-", "a-.b", "a.-b", "-a", "a--b", "1", "a.1", "1.a", "a.1b", "a.b1",
		"192.0.2.1", "256.1.1.1", "1.2.3", "1.2.3.4.5", "2001:db8::1", "a_b", "a b", "ä", "A.B", "a:b", "@", "[", "`a", "{a", "a\x00", "\ra"}
	params := []msg.Params{"", ";rport", ";branch=z9hG4bKx", ";branch=z9hG4bK", ";branch=", ";branch=a@b", ";rport;branch=z9hG4bKx",
		";branch=z9hG4bKx;rport", ";rport;branch=z9hG4bKx;rport", ";rport;rport", ";rport=1", ";rporty", ";branch=x;branch=y", ";branch=x y", ";", "rport"}
	valid := viaRule(t)
	exact := 0
	for _, protocol := range []string{"", Version, "SIP/3.0", "sip/2.0"} {
		for _, transport := range []string{"UDP", "", "U P", "TLS-SCTP"} {
			for _, host := range hosts {
				for _, p := range params {
					v := ViaParm{Protocol: protocol, Transport: transport, Host: host, Port: uint16(len(p)), Params: p}
					want, wrong := ViaCodec{}.Append(nil, v)
					got, err := ViaCodec{}.Compose(v)
					require.Equal(t, wrong == nil, err == nil, v)
					if wrong == nil {
						require.Equal(t, string(want), got.String())
					}
					require.True(t, !v.plain() || wrong == nil && valid(got.String(), msg.Strict) == nil, v)
					if v.plain() {
						exact++
					}
				}
			}
		}
	}
	require.Greater(t, exact, 100)

	_, err := SequenceCodec{}.Compose(Sequence{1, "A B"})
	require.ErrorIs(t, err, msg.ErrValue)
	c, err := SequenceCodec{}.Compose(Sequence{1<<31 - 1, strings.Repeat("X", 200)})
	require.NoError(t, err)
	require.Equal(t, "2147483647 "+strings.Repeat("X", 200), c.String())
	_, err = CallIDCodec{}.Compose("a b")
	require.True(t, errors.Is(err, msg.ErrValue))
	c, err = CallIDCodec{}.Compose("a@b")
	require.NoError(t, err)
	require.Equal(t, "a@b", c.String())
}

func viaRule(t *testing.T) func(string, msg.Tolerance) error {
	info, ok := class.Info(IDVia)
	require.True(t, ok)
	require.NotNil(t, info.Valid)
	return info.Valid
}
