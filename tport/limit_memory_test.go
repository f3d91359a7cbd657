package tport

import (
	"fmt"
	"net"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// What is over the bound of all octets that wait costs the connection that has
// most of them; the others do not notice.
func TestMaxBufferedInput(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		_, bob, at := v.pair(func(c *Config) { c.MaxBuffered = 100 << 10 })
		head := "MESSAGE sip:bob@example.com SIP/2.0\r\nX-ID: 1\r\nContent-Length: 60000\r\n\r\n"
		var c [5]net.Conn
		for i := range c {
			c[i] = v.connect(at)
		}
		write(t, c[0], head+pad(20<<10))
		write(t, c[1], head+pad(40<<10))
		write(t, c[2], head+pad(30<<10))
		synctest.Wait()
		require.Greater(t, bob.Stats().Buffered, 90<<10)
		none(t, bob.failed)
		write(t, c[3], head+pad(15<<10))
		got := get(t, bob.failed)
		require.ErrorIs(t, got.err, ErrMemory)
		require.Equal(t, addrPortOf(c[1].LocalAddr()), got.flow.Remote())
		require.True(t, gone(t, c[1]))
		require.EqualValues(t, 1, bob.Stats().Memory)
		write(t, c[4], text("2", ""))
		bob.next()
		write(t, c[0], pad(60000-20<<10))
		bob.next()
		synctest.Wait()
		require.Less(t, bob.Stats().Buffered, 50<<10)
		none(t, bob.failed)
		for _, c := range c {
			require.NoError(t, c.Close())
		}
	})
}

// What waits to be sent counts as well.
func TestMaxBufferedOutput(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		_, bob, at := v.pair(func(c *Config) { c.MaxBuffered = 500 << 10 })
		var c [4]net.Conn
		var f [4]*Flow
		for i := range c {
			c[i] = v.connect(at)
			f[i] = get(t, bob.opened)
		}
		m := parse(t, text("1", pad(50<<10)))
		sent := 0
		for i := 0; f[i%3].Send(m) == nil; i++ { // nobody reads
			synctest.Wait()
			sent++
			require.Less(t, sent, 200)
		}
		got := get(t, bob.failed)
		require.ErrorIs(t, got.err, ErrMemory)
		require.LessOrEqual(t, bob.Stats().Buffered, 500<<10)
		require.NoError(t, f[3].Send(m), "there is room for the others")
		expect(t, c[3], text("1", pad(50<<10)))
		for _, c := range c {
			require.NoError(t, c.Close())
		}
	})
}

// The books are even again when all has been read, sent or lost.
func TestBufferedIsEven(t *testing.T) {
	bob := realNode(t, func(c *Config) {
		deliver := c.Deliver
		c.Deliver = func(d *Delivery) {
			_ = d.Flow.Send(d.Msg)
			deliver(d)
		}
	})
	at := bob.listen(TCP, "127.0.0.1", 0).Addr()
	const peers, each = 20, 10
	for i := range peers {
		go func() {
			c, err := net.Dial("tcp", at.String())
			if err != nil {
				return
			}
			defer c.Close()
			for j := range each {
				m := text(fmt.Sprint(i), pad(50000*(j%3)))
				_, _ = c.Write([]byte(m[:len(m)/2]))
				_, _ = c.Write([]byte(m[len(m)/2:]))
				if i%2 == 0 {
					_, _ = c.Read(make([]byte, 1000))
				}
			}
			_, _ = c.Write([]byte(text("1", pad(1000))[:500])) // and no more
		}()
	}
	for range peers {
		get(t, bob.failed)
	}
	require.NoError(t, bob.Close())
	require.Zero(t, bob.Stats().Buffered)
	require.Zero(t, bob.doomed.Load())
}
