package simnet_test

import (
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gosofia/sofia/tport/simnet"
	"github.com/stretchr/testify/require"
)

func TestStreamStallsOverPartition(t *testing.T) {
	cut := map[string]func(p pair, on bool){
		"partition": func(p pair, on bool) { p.Partition(p.alice, p.bob, on) },
		"down":      func(p pair, on bool) { p.bob.Down(on) },
	}
	for name, f := range cut {
		t.Run(name, func(t *testing.T) {
			inBubble(t, simnet.Config{Link: simnet.Link{Delay: 10 * time.Millisecond}}, func(t *testing.T, p pair) {
				a, b := p.connect()
				write(t, a, "one ")
				f(p, true)
				write(t, a, "two ")
				write(t, a, "three")
				require.NoError(t, a.Close())
				require.NoError(t, b.SetReadDeadline(time.Now().Add(time.Minute)))
				_, err := b.Read(make([]byte, 1))
				requireTimeout(t, err)
				require.NoError(t, b.SetReadDeadline(time.Time{}))
				f(p, false)
				took := elapsed(func() {
					got, err := io.ReadAll(b)
					require.NoError(t, err)
					require.Equal(t, "one two three", string(got))
				})
				require.Equal(t, 10*time.Millisecond, took)
			})
		})
	}
}

func TestStalledStreamTimesOut(t *testing.T) {
	inBubble(t, simnet.Config{}, func(t *testing.T, p pair) {
		a, b := p.connect()
		p.Partition(p.alice, p.bob, true)
		write(t, a, "x")
		took := elapsed(func() {
			_, err := a.Read(make([]byte, 1))
			require.ErrorIs(t, err, syscall.ETIMEDOUT)
		})
		require.Equal(t, 924600*time.Millisecond, took)
		_, err := a.Write([]byte("x"))
		require.ErrorIs(t, err, syscall.EPIPE)
		// The far end had nothing to send and knows of nothing, until it does.
		p.Partition(p.alice, p.bob, false)
		write(t, b, "x")
		_, err = b.Read(make([]byte, 1))
		require.ErrorIs(t, err, syscall.ECONNRESET)
	})
	inBubble(t, simnet.Config{StreamTimeout: -1}, func(t *testing.T, p pair) {
		a, b := p.connect()
		p.Partition(p.alice, p.bob, true)
		write(t, a, "x")
		time.Sleep(1000 * time.Hour)
		p.Partition(p.alice, p.bob, false)
		require.Equal(t, "x", read(t, b))
	})
	// A stall that ended does not count.
	inBubble(t, simnet.Config{StreamTimeout: 10 * time.Second}, func(t *testing.T, p pair) {
		a, b := p.connect()
		for range 3 {
			p.Partition(p.alice, p.bob, true)
			write(t, a, "x")
			time.Sleep(8 * time.Second)
			p.Partition(p.alice, p.bob, false)
			require.Equal(t, "x", read(t, b))
		}
	})
}

func TestSegmentsFitTheLink(t *testing.T) {
	inBubble(t, simnet.Config{Link: simnet.Link{MTU: 140}}, func(t *testing.T, p pair) {
		for network, size := range map[string]int{"tcp4": 100, "tcp6": 80} {
			l := p.listen(":5060")
			a := p.dial(network, "bob:5060")
			b, err := l.Accept()
			require.NoError(t, err)
			before := p.Stats().Sent
			write(t, a, strings.Repeat("x", 8*size+1))
			require.Equal(t, uint64(9), p.Stats().Sent-before, network)
			require.Len(t, read(t, b), 8*size+1)
			require.NoError(t, l.Close())
		}
	})
}
