package tport

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

// FuzzWSServer: whatever octets come to a WebSocket server, from the first on,
// it stays up, keeps its bounds and lets go of the connection.
func FuzzWSServer(f *testing.F) {
	sip := masked(0x81, text("1", "hi"))
	for _, s := range []string{
		"", "\x16\x03\x01\x00\xa5\x01", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		upgradeRequest, upgradeRequest + sip, upgradeRequest + sip[:9], upgradeRequest + masked(0x88, "\x03\xe8") + sip,
		upgradeRequest + masked(0x01, "a") + masked(0x89, "p") + masked(0x80, "b"),
		upgradeRequest + "\x81\xff\x00\x00\x00\x00\x7f\xff\xff\xff", upgradeRequest + masked(0x81, "\r\n\r\n"),
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
	} {
		f.Add(s, uint16(len(s)/2))
	}
	f.Fuzz(func(t *testing.T, in string, cut uint16) {
		bubble(t, func(t *testing.T, v *virtual) {
			limits := msg.Limits{StartLine: 200, Headers: 500, Body: 500}
			bob, at := v.wsPair(anyOrigin, func(c *Config) { c.Limits = limits })
			c := v.connect(at)
			go io.Copy(io.Discard, c)
			n := min(int(cut), len(in))
			for _, part := range []string{in[:n], in[n:]} {
				if _, err := c.Write([]byte(part)); err != nil {
					break
				}
				synctest.Wait()
			}
			time.Sleep(DefaultHandshakeTimeout + DefaultMessageTimeout + time.Second)
			s := bob.Stats()
			require.Zero(t, s.Panics)
			require.EqualValues(t, 1, s.Accepted+s.Turned)
			for range len(bob.inbox) {
				d, _ := bob.next()
				require.LessOrEqual(t, d.Msg.Len(), int(messageLimit(limits)))
			}
			c.Close()
		})
	})
}
