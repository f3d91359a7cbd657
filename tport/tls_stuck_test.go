package tport

import (
	"crypto/tls"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A connection with a TLS layer that is not ours, such as a net/http server's,
// is closed at once as any other, though its peer reads nothing.
func TestCloseOfOtherTLS(t *testing.T) {
	ca := newAuthority(t, "authority")
	bob := realNode(t, func(c *Config) { c.WriteTimeout = -1 })
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{ca.domain("example.com")}})
	require.NoError(t, err)
	p, err := bob.Serve(l, Name{Proto: TCP})
	require.NoError(t, err)
	c, err := tls.Dial("tcp", p.Addr().String(), &tls.Config{RootCAs: ca.pool(), ServerName: "example.com"})
	require.NoError(t, err)
	defer c.NetConn().Close()
	write(t, c, text("1", ""))
	d, _ := bob.next()
	big, waits := parse(t, text("2", pad(60000))), int64(-1)
	require.Eventually(t, func() bool { // until the system takes no more, either
		for d.Flow.Send(big) == nil {
		}
		before := waits
		waits = bob.buffered.Load()
		return waits == before
	}, time.Minute, 50*time.Millisecond)
	begin := time.Now()
	require.NoError(t, bob.Close())
	require.Less(t, time.Since(begin), 2*time.Second) // of package tls it would take 5
}

// What the TLS layer has to say of itself, as it does for each update of keys
// that a peer asks for (RFC 8446 section 4.6.3), is bounded too.
func TestTLSAnswersAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		ca := newAuthority(t, "authority")
		_, bob, at := v.tlsPair(ca, ca.domain("example.com"))
		c := tls.Client(v.connect(at), &tls.Config{RootCAs: ca.pool(), ServerName: "example.com"})
		write(t, c, text("1", ""))
		d, _ := bob.next()
		s := d.Flow.stream
		for d.Flow.Send(parse(t, text("2", pad(60000)))) == nil { // the peer reads nothing
			synctest.Wait()
		}
		record := make([]byte, 27) // that of a KeyUpdate
		n := 0
		for ; n < 1000; n++ {
			if _, err := s.seal.sock.Write(record); err != nil {
				require.ErrorIs(t, err, ErrGone)
				break
			}
		}
		require.LessOrEqual(t, n, maxOwed)
		require.ErrorIs(t, get(t, bob.failed).err, ErrQueueFull)
		c.NetConn().Close()
	})
}
