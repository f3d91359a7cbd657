package simnet_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/gosofia/sofia/tport/simnet"
	"github.com/stretchr/testify/require"
)

func TestIntercept(t *testing.T) {
	inBubble(t, simnet.Config{}, func(t *testing.T, p pair) {
		b := p.udp(p.bob, ":5060")
		c := p.dial("udp", "bob:5060")
		acks := 0
		p.Intercept(func(d simnet.Datagram) simnet.Verdict {
			if d.Sender != p.alice || d.Receiver != p.bob || d.To.Port() != 5060 || !d.From.IsValid() {
				t.Errorf("%+v", d)
			}
			switch {
			case bytes.HasPrefix(d.Payload, []byte("ACK ")):
				acks++
				return simnet.Verdict{Drop: acks == 1}
			case bytes.HasPrefix(d.Payload, []byte("BYE ")):
				return simnet.Verdict{Delay: time.Second}
			}
			p.Stats() // it may ask the network
			return simnet.Verdict{}
		})
		for _, s := range []string{"INVITE 1", "ACK 1", "BYE 1", "ACK 2"} {
			write(t, c, s)
		}
		require.Equal(t, "INVITE 1", read(t, b))
		require.Equal(t, "ACK 2", read(t, b))
		require.Equal(t, time.Second, elapsed(func() { require.Equal(t, "BYE 1", read(t, b)) }))
		require.Equal(t, uint64(1), p.Stats().Filtered)
		p.Intercept(nil)
		write(t, c, "ACK 3")
		require.Equal(t, "ACK 3", read(t, b))
		require.Equal(t, 2, acks)
	})
}

func TestSenderMayReuseItsBuffer(t *testing.T) {
	inBubble(t, simnet.Config{Link: simnet.Link{Delay: time.Second}}, func(t *testing.T, p pair) {
		s := p.udp(p.bob, ":5060")
		c := p.dial("udp", "bob:5060")
		a, b := p.connect()
		buf := []byte("keep")
		_, err := c.Write(buf)
		require.NoError(t, err)
		_, err = a.Write(buf)
		require.NoError(t, err)
		copy(buf, "lost")
		require.Equal(t, "keep", read(t, s))
		require.Equal(t, "keep", read(t, b))
	})
}
