package simnet_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosofia/sofia/tport/simnet"
	"github.com/stretchr/testify/require"
)

func TestCloseEndsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(simnet.Config{StreamBuffer: 1, Link: simnet.Link{Delay: time.Millisecond}})
		alice, bob := n.MustHost("alice", "192.0.2.1"), n.MustHost("bob", "192.0.2.2")
		p := pair{n, t, alice, bob}
		s := p.udp(alice, ":5060")
		a, b := p.connect()
		l := p.listen(":5070")
		silent := n.MustHost("silent", "192.0.2.3")
		silent.Down(true)
		calls := map[string]func() error{
			"datagram": func() error { _, err := s.Read(make([]byte, 1)); return err },
			"read":     func() error { _, err := a.Read(make([]byte, 1)); return err },
			"write":    func() error { _, err := b.Write(make([]byte, 3)); return err },
			"accept":   func() error { _, err := l.Accept(); return err },
			"dial":     func() error { _, err := alice.DialContext(background, "tcp", "silent:1"); return err },
		}
		var wg sync.WaitGroup
		for name, f := range calls {
			wg.Go(func() {
				if err := f(); !errors.Is(err, net.ErrClosed) {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		synctest.Wait()
		n.Close()
		wg.Wait()
		n.Close()
		_, err := alice.Listen(background, "tcp", ":1")
		require.ErrorIs(t, err, net.ErrClosed)
		_, err = alice.ListenPacket(background, "udp", ":1")
		require.ErrorIs(t, err, net.ErrClosed)
		for _, network := range []string{"udp", "tcp"} {
			_, err = alice.DialContext(background, network, "bob:1")
			require.ErrorIs(t, err, net.ErrClosed)
		}
		// Nothing of this touches a dead network in a harmful way.
		n.Partition(alice, bob, true)
		n.Partition(alice, bob, false)
		alice.Crash()
		bob.ResetConns()
		require.NotEmpty(t, n.Ladder())
		require.Equal(t, 3*time.Millisecond, n.Elapsed(), "the handshake")
	})
}

// TestManyCalls is the size the network is made for: 10,000 calls of ten
// datagrams with loss and retransmission, ten minutes of virtual time.
func TestManyCalls(t *testing.T) {
	const calls, messages = 10000, 5
	link := simnet.Link{Delay: 20 * time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.01}
	inBubble(t, simnet.Config{Seed: 1, Link: link}, func(t *testing.T, p pair) {
		server, client := p.udp(p.bob, "192.0.2.2:5060"), p.udp(p.alice, "192.0.2.1:5060")
		var readers sync.WaitGroup
		readers.Go(func() { // echoes
			b := make([]byte, 1500)
			for {
				n, from, err := server.ReadFromUDPAddrPort(b)
				if err != nil {
					return
				}
				if _, err := server.WriteToUDPAddrPort(b[:n], from); err != nil {
					t.Error(err)
				}
			}
		})
		answers := make([]chan int, calls)
		for i := range answers {
			answers[i] = make(chan int, 16)
		}
		readers.Go(func() { // dispatches
			b := make([]byte, 1500)
			for {
				n, _, err := client.ReadFromUDPAddrPort(b)
				if err != nil {
					return
				}
				var call, message int
				if _, err := fmt.Sscan(string(b[:min(n, 20)]), &call, &message); err != nil {
					t.Error(err)
				}
				select {
				case answers[call] <- message:
				default:
				}
			}
		})
		to := server.LocalAddr().(*net.UDPAddr).AddrPort()
		var wg sync.WaitGroup
		for i := range calls {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				b := make([]byte, 600)
				for m := range messages {
					copy(b, fmt.Sprintf("%d %d ", i, m))
					retry := 500 * time.Millisecond
				again:
					if _, err := client.WriteToUDPAddrPort(b, to); err != nil {
						t.Error(err)
					}
					after := time.After(retry)
					for {
						select {
						case got := <-answers[i]:
							if got != m {
								continue
							}
						case <-after:
							if retry *= 2; retry > time.Minute {
								t.Errorf("call %d is stuck", i)
								return
							}
							goto again
						}
						break
					}
				}
			})
		}
		wg.Wait()
		require.NoError(t, server.Close())
		require.NoError(t, client.Close())
		readers.Wait()
		s := p.Stats()
		require.Greater(t, s.Delivered, uint64(2*calls*messages))
		require.Zero(t, s.Overflow)
		require.InDelta(t, 0.01, float64(s.Lost)/float64(s.Sent), 0.002)
	})
}

func TestTLSInBubble(t *testing.T) {
	inBubble(t, simnet.Config{Link: simnet.Link{Delay: 10 * time.Millisecond}}, func(t *testing.T, p pair) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		cert := &x509.Certificate{
			SerialNumber: big.NewInt(1), DNSNames: []string{"bob"},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		}
		der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
		require.NoError(t, err)
		root, err := x509.ParseCertificate(der)
		require.NoError(t, err)
		pool := x509.NewCertPool()
		pool.AddCert(root)

		l := tls.NewListener(p.listen(":5061"), &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
		go func() {
			c, err := l.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			b := make([]byte, 100)
			n, err := c.Read(b)
			if err != nil {
				t.Error(err)
			}
			if _, err := c.Write(b[:n]); err != nil {
				t.Error(err)
			}
			c.Close()
		}()
		c := tls.Client(p.dial("tcp", "bob:5061"), &tls.Config{RootCAs: pool, ServerName: "bob"})
		require.NoError(t, c.HandshakeContext(context.Background()))
		write(t, c, "REGISTER sips:bob SIP/2.0")
		require.Equal(t, "REGISTER sips:bob SIP/2.0", read(t, c))
		require.NoError(t, c.Close())
	})
}

// TestRealTime uses the network without a bubble.
func TestRealTime(t *testing.T) {
	n := simnet.New(simnet.Config{Link: simnet.Link{Delay: 2 * time.Millisecond}})
	defer n.Close()
	alice, bob := n.MustHost("alice", "192.0.2.1"), n.MustHost("bob", "192.0.2.2")
	s, err := bob.ListenPacket(background, "udp", ":5060")
	require.NoError(t, err)
	c, err := alice.DialContext(background, "udp", "bob:5060")
	require.NoError(t, err)
	start := time.Now()
	write(t, c, "x")
	require.Equal(t, "x", read(t, s.(net.Conn)))
	require.GreaterOrEqual(t, time.Since(start), 2*time.Millisecond)
	require.Less(t, time.Since(start), 5*time.Second)
}

func BenchmarkDatagram(b *testing.B) {
	for name, link := range map[string]simnet.Link{"now": {}, "delayed": {Delay: time.Microsecond}} {
		b.Run(name, func(b *testing.B) {
			n := simnet.New(simnet.Config{Link: link})
			defer n.Close()
			alice, bob := n.MustHost("alice", "192.0.2.1"), n.MustHost("bob", "192.0.2.2")
			s, err := bob.ListenPacket(background, "udp", ":5060")
			require.NoError(b, err)
			c, err := alice.ListenPacket(background, "udp", ":5060")
			require.NoError(b, err)
			to := netip.MustParseAddrPort("192.0.2.2:5060")
			msg, buf := make([]byte, 600), make([]byte, 1500)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.(*simnet.PacketConn).WriteToUDPAddrPort(msg, to); err != nil {
					b.Fatal(err)
				}
				if _, _, err := s.(*simnet.PacketConn).ReadFromUDPAddrPort(buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
