package nua

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestContactFollowsTheRoute: on a host with several addresses and wildcard
// sockets, the Contact and the media address are where the peer can reach us.
func TestContactFollowsTheRoute(t *testing.T) {
	inLab(t, func(l *lab) {
		t := l.t
		host := l.net.MustHost("home", "10.0.0.1", "2001:db8::1")
		u, err := New(Config{Identity: "sip:home@lab.test", Agent: agentOn(host)})
		require.NoError(t, err)
		l.uas = append(l.uas, u)
		_, err = u.contactFor(u.addr.identity, parse(t, "sip:a@10.0.0.9"), nil)
		require.ErrorIs(t, err, ErrNotListening)
		require.NoError(t, u.Listen(l.within(time.Second), "udp:*:5070", "tcp:*:5071"))
		for target, want := range map[string]string{
			"sip:a@10.0.0.9":                      "sip:home@10.0.0.1:5070",
			"sip:a@[2001:db8::9]":                 "sip:home@[2001:db8::1]:5070",
			"sip:a@10.0.0.9;transport=tcp":        "sip:home@10.0.0.1:5071;transport=tcp",
			"sip:a@[2001:db8::9]:9;transport=TCP": "sip:home@[2001:db8::1]:5071;transport=tcp",
		} {
			c, err := u.contactFor(u.addr.identity, parse(t, target), nil)
			require.NoError(t, err, target)
			require.Equal(t, want, c.URI.String(), target)
		}
	})
}

// TestContactConfigured wins over every socket.
func TestContactConfigured(t *testing.T) {
	onStage(t, Config{Contact: "sip:alice@public.example;ob"}, func(s *stage) {
		_, inv := s.call(CallConfig{})
		require.Contains(s.t, inv.String(), "<sip:alice@public.example;ob>")
	})
}
