package nua

import (
	"testing"
	"time"

	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/tport"
	"github.com/gosofia/sofia/tport/simnet"
	"github.com/stretchr/testify/require"
)

func agentOn(h *simnet.Host) nta.Config { return nta.Config{Transport: transportOn(h)} }

// TestCallOverTCP: the Contact names the transport, so the dialog stays on it.
func TestCallOverTCP(t *testing.T) {
	inLab(t, func(l *lab) {
		t := l.t
		in := make(calls, 1)
		alice := l.ua("alice", "10.0.0.1", Config{})
		l.ua("bob", "10.0.0.2", Config{Handler: in.handler()})
		ctx := l.within(time.Minute)
		a, err := alice.Invite(ctx, "sip:bob@10.0.0.2;transport=tcp", CallConfig{})
		require.NoError(t, err)
		b := <-in
		require.Equal(t, "TCP", b.Request().TopVia().Transport)
		require.NoError(t, b.Answer(ctx))
		require.NoError(t, a.Wait(ctx, Ready))
		require.NoError(t, b.Wait(ctx, Ready))
		require.NoError(t, b.Bye(ctx))
		require.NoError(t, a.Wait(ctx, Terminated))
	})
}

func TestCallOverIPv6(t *testing.T) {
	inLab(t, func(l *lab) {
		t := l.t
		in := make(calls, 1)
		start := func(name, addr string, h Handler) *UA {
			host := l.net.MustHost(name, addr)
			u, err := New(Config{Identity: "sip:" + name + "@lab.test", Agent: agentOn(host), Handler: h})
			require.NoError(t, err)
			l.uas = append(l.uas, u)
			require.NoError(t, u.Listen(l.within(time.Second), "udp:["+addr+"]:5060"))
			return u
		}
		alice := start("alice", "2001:db8::1", Handler{})
		start("bob", "2001:db8::2", in.handler())
		ctx := l.within(time.Minute)
		a, err := alice.Invite(ctx, "sip:bob@[2001:db8::2]", CallConfig{})
		require.NoError(t, err)
		b := <-in
		require.NoError(t, b.Answer(ctx))
		require.NoError(t, a.Wait(ctx, Ready))
		require.Contains(t, a.LocalSDP(), "c=IN IP6 2001:db8::1")
		require.Contains(t, b.LocalSDP(), "c=IN IP6 2001:db8::2")
		require.NoError(t, a.Bye(ctx))
	})
}

// TestCallsThroughLoss: with a fifth of the datagrams lost and some doubled and
// overtaken, calls are made and ended on both sides.
func TestCallsThroughLoss(t *testing.T) {
	inLab(t, func(l *lab) {
		t := l.t
		in := make(calls, 16)
		alice := l.ua("alice", "10.0.0.1", Config{})
		l.ua("bob", "10.0.0.2", Config{Handler: in.handler()})
		hosts := l.net.Hosts()
		l.net.SetLink(hosts[0], hosts[1], simnet.Link{
			Delay: 20 * time.Millisecond, Jitter: 10 * time.Millisecond,
			Loss: 0.2, Duplicate: 0.1, Reorder: 0.1, ReorderDelay: 100 * time.Millisecond,
		})
		ctx := l.within(30 * time.Minute)
		for range 20 {
			a, err := alice.Invite(ctx, "sip:bob@10.0.0.2", CallConfig{})
			require.NoError(t, err)
			b := <-in
			require.NoError(t, b.Ring())
			require.NoError(t, b.Answer(ctx))
			require.NoError(t, a.Wait(ctx, Ready))
			require.NoError(t, b.Wait(ctx, Ready))
			require.NoError(t, a.Bye(ctx))
			require.NoError(t, b.Wait(ctx, Terminated))
			require.NoError(t, a.Err())
			require.NoError(t, b.Err())
		}
	})
}

func TestParseListen(t *testing.T) {
	for text, want := range map[string]tport.Name{
		"udp:127.0.0.1:5062": {Proto: "udp", Host: "127.0.0.1", Port: 5062},
		"TCP:[::1]:0":        {Proto: "tcp", Host: "::1"},
		"udp:*:5060":         {Proto: "udp", Host: "*", Port: 5060},
		"udp:10.0.0.1":       {Proto: "udp", Host: "10.0.0.1", Port: 5060},
		"udp:[::1]":          {Proto: "udp", Host: "::1", Port: 5060},
		"udp:":               {Proto: "udp", Port: 5060},
	} {
		got, err := parseListen(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "udp", ":5060", "udp:1.2.3.4:port", "udp:1.2.3.4:70000", "udp:[::1", "udp:a b:1"} {
		_, err := parseListen(text)
		require.Error(t, err, text)
	}
}

func TestNewRefusesBadConfig(t *testing.T) {
	for _, cfg := range []Config{
		{Identity: "alice"}, {Contact: "<sip:"}, {Registrar: "nowhere at all"}, {Proxy: "::"},
		{Media: "audio"}, {Media: "m=audio x RTP/AVP 0"},
	} {
		_, err := New(cfg)
		var bad *Error
		require.ErrorAs(t, err, &bad)
		require.Contains(t, err.Error(), "configure")
	}
}
