package simnet_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/gosofia/sofia/tport/simnet"
	"github.com/stretchr/testify/require"
)

func within(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(background, d)
}

func TestFail(t *testing.T) {
	inBubble(t, simnet.Config{}, func(t *testing.T, p pair) {
		a, b := p.udp(p.alice, ":5060"), p.udp(p.bob, ":5060")
		to := addrPort(t, "192.0.2.2:5060")
		p.alice.Fail(simnet.FaultSend, syscall.ENOBUFS, 2)
		for range 2 {
			_, err := a.WriteToUDPAddrPort([]byte("x"), to)
			require.ErrorIs(t, err, syscall.ENOBUFS)
		}
		_, err := a.WriteToUDPAddrPort([]byte("y"), to)
		require.NoError(t, err)
		require.Equal(t, "y", readPacket(t, b))

		p.alice.Fail(simnet.FaultOpen, syscall.EMFILE, -1)
		_, err = p.alice.ListenPacket(background, "udp", ":1")
		require.ErrorIs(t, err, syscall.EMFILE)
		_, err = p.alice.Listen(background, "tcp", ":1")
		require.ErrorIs(t, err, syscall.EMFILE)
		_, err = p.alice.DialContext(background, "tcp", "bob:1")
		require.ErrorIs(t, err, syscall.EMFILE)
		_, err = p.alice.DialContext(background, "udp", "bob:1")
		require.ErrorIs(t, err, syscall.EMFILE)
		p.alice.Fail(simnet.FaultOpen, 0, 0)

		l := p.listen(":5061")
		failed := make(chan error)
		go func() {
			_, err := l.Accept() // waits already when it begins
			failed <- err
		}()
		time.Sleep(time.Second)
		p.bob.Fail(simnet.FaultAccept, syscall.EMFILE, 1)
		require.ErrorIs(t, <-failed, syscall.EMFILE)
		c := p.dial("tcp", "bob:5061")
		s, err := l.Accept() // it had stayed in the queue
		require.NoError(t, err)
		write(t, c, "z")
		require.Equal(t, "z", read(t, s))
	})
}

func readPacket(t *testing.T, s *simnet.PacketConn) string {
	t.Helper()
	b := make([]byte, 65536)
	n, _, err := s.ReadFrom(b)
	require.NoError(t, err)
	return string(b[:n])
}

// One octet of as many datagrams as asked for is changed, the same ones for the
// same seed.
func TestLinkCorrupts(t *testing.T) {
	run := func(seed uint64) (changed []int) {
		inBubble(t, simnet.Config{Seed: seed, Link: simnet.Link{Corrupt: 0.25}}, func(t *testing.T, p pair) {
			a, b := p.udp(p.alice, ":5060"), p.udp(p.bob, ":5060")
			sent := bytes.Repeat([]byte("octets"), 20)
			for i := range 400 {
				_, err := a.WriteToUDPAddrPort(sent, addrPort(t, "192.0.2.2:5060"))
				require.NoError(t, err)
				got, differ := readPacket(t, b), 0
				for j := range sent {
					if got[j] != sent[j] {
						differ++
					}
				}
				require.LessOrEqual(t, differ, 1)
				if differ == 1 {
					changed = append(changed, i)
				}
			}
			require.Equal(t, bytes.Repeat([]byte("octets"), 20), sent)
		})
		return changed
	}
	first := run(1)
	require.InDelta(t, 100, len(first), 30)
	require.Equal(t, first, run(1))
	require.NotEqual(t, first, run(2))
}

// TLS runs over a connection of the network, with certificates made in the bubble.
func TestAuthority(t *testing.T) {
	inBubble(t, simnet.Config{Link: simnet.Link{Delay: 10 * time.Millisecond}}, func(t *testing.T, p pair) {
		ca := simnet.NewAuthority("test")
		l := p.listen(":5061")
		served := make(chan error, 1)
		go func() {
			c, err := l.Accept()
			if err != nil {
				served <- err
				return
			}
			s := tls.Server(c, &tls.Config{
				Certificates: []tls.Certificate{ca.Issue("example.com", "192.0.2.2", "sip:example.com")},
				ClientCAs:    ca.Pool(), ClientAuth: tls.RequireAndVerifyClientCert,
			})
			_, err = s.Write([]byte("hello"))
			served <- err
		}()
		c := tls.Client(p.dial("tcp", "bob:5061"), &tls.Config{
			RootCAs: ca.Pool(), ServerName: "example.com", Certificates: []tls.Certificate{ca.Issue("alice")},
		})
		require.NoError(t, c.Handshake())
		b := make([]byte, 10)
		n, err := c.Read(b)
		require.NoError(t, err)
		require.Equal(t, "hello", string(b[:n]))
		require.NoError(t, <-served)
		leaf := c.ConnectionState().PeerCertificates[0]
		require.Equal(t, []string{"example.com"}, leaf.DNSNames)
		require.Equal(t, "sip:example.com", leaf.URIs[0].String())
		require.True(t, leaf.IPAddresses[0].Equal(net.ParseIP("192.0.2.2")))
		require.NoError(t, leaf.VerifyHostname("192.0.2.2"))

		old := ca.IssueFrom(&x509.Certificate{NotAfter: time.Now().Add(-time.Minute)}, "example.com")
		_, err = old.Leaf.Verify(x509.VerifyOptions{Roots: ca.Pool()})
		require.Error(t, err)
		require.Panics(t, func() { ca.Issue() })
	})
}
