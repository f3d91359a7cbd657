package simnet_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosofia/sofia/tport/simnet"
	"github.com/stretchr/testify/require"
)

// TestStreamIsWhole sends random octets in random pieces both ways, over links
// that lose, delay and cut, and compares.
func TestStreamIsWhole(t *testing.T) {
	links := map[string]simnet.Link{
		"perfect": {},
		"poor":    {Delay: 20 * time.Millisecond, Jitter: 40 * time.Millisecond, Loss: 0.2, Duplicate: 0.2, Reorder: 0.3},
		"tiny":    {MTU: 1},
		"slow":    {Bandwidth: 64000, Delay: time.Millisecond},
	}
	for name, link := range links {
		t.Run(name, func(t *testing.T) {
			inBubble(t, simnet.Config{Seed: 5, Link: link, StreamBuffer: 5000}, func(t *testing.T, p pair) {
				a, b := p.connect()
				var wg sync.WaitGroup
				transfer := func(from, to *simnet.Conn, seed uint64) {
					rnd := rand.New(rand.NewPCG(seed, 1))
					data := make([]byte, 40000)
					for i := range data {
						data[i] = byte(rnd.Uint32())
					}
					wg.Go(func() {
						for left := data; len(left) > 0; {
							n := min(rnd.IntN(3000), len(left))
							if _, err := from.Write(left[:n]); err != nil {
								t.Error(err)
								return
							}
							left = left[n:]
						}
						if err := from.CloseWrite(); err != nil {
							t.Error(err)
						}
					})
					wg.Go(func() {
						got, err := io.ReadAll(to)
						if err != nil || !bytes.Equal(got, data) {
							t.Errorf("%d octets, %v; want %d", len(got), err, len(data))
						}
					})
				}
				transfer(a, b, 1)
				transfer(b, a, 2)
				wg.Wait()
				require.NoError(t, a.Close())
				require.NoError(t, b.Close())
			})
		})
	}
}

func TestWritesDoNotMix(t *testing.T) {
	inBubble(t, simnet.Config{StreamBuffer: 7}, func(t *testing.T, p pair) {
		a, b := p.connect()
		var wg sync.WaitGroup
		for i := range 5 {
			wg.Go(func() { write(t, a, strings.Repeat(string(rune('a'+i)), 100)) })
		}
		go func() { wg.Wait(); a.Close() }()
		got, err := io.ReadAll(b)
		require.NoError(t, err)
		require.Len(t, got, 500)
		for i := 0; i < 500; i += 100 {
			require.Equal(t, strings.Repeat(string(got[i]), 100), string(got[i:i+100]))
		}
	})
}

func TestBackPressure(t *testing.T) {
	inBubble(t, simnet.Config{StreamBuffer: 1000, Link: simnet.Link{MTU: 140}}, func(t *testing.T, p pair) {
		a, b := p.connect()
		done := make(chan int, 1)
		go func() {
			n, err := a.Write(make([]byte, 1500))
			if err != nil {
				t.Error(err)
			}
			done <- n
		}()
		synctest.Wait()
		require.Empty(t, done, "the buffer takes 1000 octets")
		_, err := io.ReadFull(b, make([]byte, 499))
		require.NoError(t, err)
		synctest.Wait()
		require.Empty(t, done, "one octet is still without room")
		_, err = io.ReadFull(b, make([]byte, 1))
		require.NoError(t, err)
		require.Equal(t, 1500, <-done)
		// What was written is still there when the deadline cut a Write short.
		require.NoError(t, a.SetWriteDeadline(time.Now().Add(time.Second)))
		n, err := a.Write(make([]byte, 1500))
		requireTimeout(t, err)
		require.Equal(t, 0, n)
		_, err = io.ReadFull(b, make([]byte, 300))
		require.NoError(t, err)
		require.NoError(t, a.SetWriteDeadline(time.Now().Add(time.Second)))
		n, err = a.Write(make([]byte, 1500))
		requireTimeout(t, err)
		require.Equal(t, 300, n)
	})
}

func TestDelayOfStream(t *testing.T) {
	inBubble(t, simnet.Config{Link: simnet.Link{Delay: 50 * time.Millisecond}}, func(t *testing.T, p pair) {
		l := p.listen(":5060")
		accepted := make(chan time.Time)
		go func() {
			_, err := l.Accept()
			if err != nil {
				t.Error(err)
			}
			accepted <- time.Now()
		}()
		start := time.Now()
		p.dial("tcp", "bob:5060")
		require.Equal(t, 100*time.Millisecond, time.Since(start), "SYN and SYN-ACK")
		require.Equal(t, 150*time.Millisecond, (<-accepted).Sub(start), "and ACK")
	})
}

func TestLossShowsAsDelay(t *testing.T) {
	inBubble(t, simnet.Config{}, func(t *testing.T, p pair) {
		a, b := p.connect()
		p.SetLink(p.alice, p.bob, simnet.Link{Loss: 1})
		write(t, a, "x")
		require.Equal(t, 200*time.Millisecond*(1<<8-1), elapsed(func() { read(t, b) }))
	})
}

func TestCloseWakesEverybody(t *testing.T) {
	inBubble(t, simnet.Config{StreamBuffer: 1}, func(t *testing.T, p pair) {
		a, b := p.connect()
		errs := make(chan error)
		go func() { _, err := a.Read(make([]byte, 1)); errs <- err }()
		go func() { _, err := a.Write(make([]byte, 2)); errs <- err }()
		go func() { _, err := a.Write(make([]byte, 2)); errs <- err }()
		synctest.Wait()
		require.NoError(t, a.Close())
		for range 3 {
			err := <-errs
			require.ErrorIs(t, err, net.ErrClosed)
			require.ErrorAs(t, err, new(*net.OpError))
		}
		for _, err := range []error{a.Close(), a.CloseRead(), a.CloseWrite(), a.SetLinger(0), a.SetDeadline(time.Time{})} {
			require.ErrorIs(t, err, net.ErrClosed)
		}
		require.Equal(t, "\x00", read(t, b))
		_, err := b.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err)
	})
}

func TestHalfClose(t *testing.T) {
	inBubble(t, simnet.Config{Link: simnet.Link{Delay: time.Millisecond}}, func(t *testing.T, p pair) {
		a, b := p.connect()
		write(t, a, "question")
		require.NoError(t, a.CloseWrite())
		require.NoError(t, a.CloseWrite())
		_, err := a.Write([]byte("more"))
		require.ErrorIs(t, err, syscall.EPIPE)
		got, err := io.ReadAll(b)
		require.NoError(t, err)
		require.Equal(t, "question", string(got))
		write(t, b, "answer")
		require.NoError(t, b.Close())
		got, err = io.ReadAll(a)
		require.NoError(t, err)
		require.Equal(t, "answer", string(got))
		require.NoError(t, a.Close())

		a, b = p.connect()
		require.NoError(t, a.CloseRead())
		_, err = a.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err)
		write(t, b, strings.Repeat("x", 200000)) // is thrown away, and never waits
		write(t, a, "still talking")
		require.Equal(t, "still talking", read(t, b))
	})
}

func TestReset(t *testing.T) {
	tests := map[string]func(t *testing.T, p pair, a *simnet.Conn){
		"linger": func(t *testing.T, _ pair, a *simnet.Conn) {
			require.NoError(t, a.SetLinger(0))
			require.NoError(t, a.Close())
		},
		"host":  func(_ *testing.T, p pair, _ *simnet.Conn) { p.alice.ResetConns() },
		"crash": func(_ *testing.T, p pair, _ *simnet.Conn) { p.alice.Crash() },
		"far":   func(_ *testing.T, p pair, _ *simnet.Conn) { p.bob.ResetConns() },
	}
	for name, reset := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, simnet.Config{Link: simnet.Link{Delay: time.Millisecond}}, func(t *testing.T, p pair) {
				a, b := p.connect()
				woken := make(chan error)
				go func() { _, err := b.Read(make([]byte, 1)); woken <- err }()
				synctest.Wait()
				reset(t, p, a)
				require.ErrorIs(t, <-woken, syscall.ECONNRESET)
				_, err := b.Write([]byte("x"))
				require.ErrorIs(t, err, syscall.EPIPE)
				_, err = b.Read(make([]byte, 1))
				require.ErrorIs(t, err, syscall.ECONNRESET)
				require.ErrorIs(t, b.CloseWrite(), syscall.ENOTCONN)
				require.NoError(t, b.Close())
				time.Sleep(time.Second)
				if name != "linger" {
					_, err = a.Write([]byte("x"))
					require.ErrorIs(t, err, syscall.ECONNRESET)
					_, err = a.Write([]byte("x"))
					require.ErrorIs(t, err, syscall.EPIPE)
					_, err = a.Read(make([]byte, 1))
					require.ErrorIs(t, err, syscall.ECONNRESET)
					require.NoError(t, a.Close())
				}
			})
		})
	}
}

func TestWriteToClosedPeer(t *testing.T) {
	inBubble(t, simnet.Config{Link: simnet.Link{Delay: time.Millisecond}}, func(t *testing.T, p pair) {
		a, b := p.connect()
		require.NoError(t, b.Close())
		time.Sleep(time.Second)
		write(t, a, "goes out, and is answered by an RST")
		time.Sleep(time.Second)
		_, err := a.Write([]byte("x"))
		require.ErrorIs(t, err, syscall.EPIPE)
		_, err = a.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err, "the FIN came before the RST")
	})
}

func TestCrashInSilence(t *testing.T) {
	inBubble(t, simnet.Config{}, func(t *testing.T, p pair) {
		a, b := p.connect()
		p.bob.Down(true)
		p.bob.Crash()
		_, err := b.Read(make([]byte, 1))
		require.ErrorIs(t, err, syscall.ECONNRESET)
		require.NoError(t, a.SetReadDeadline(time.Now().Add(time.Hour)))
		_, err = a.Read(make([]byte, 1))
		requireTimeout(t, err)
		require.NoError(t, a.SetReadDeadline(time.Time{}))
		write(t, a, "are you there?")
		p.bob.Down(false)
		_, err = a.Read(make([]byte, 1))
		require.ErrorIs(t, err, syscall.ECONNRESET)
	})
}

func TestNothingIsLeftOfAConnection(t *testing.T) {
	inBubble(t, simnet.Config{}, func(t *testing.T, p pair) {
		l := p.listen(":5060")
		// More than there are ephemeral ports.
		for range 30000 {
			a := p.dial("tcp", "bob:5060")
			b, err := l.Accept()
			require.NoError(t, err)
			if err := a.Close(); err != nil {
				t.Fatal(err)
			}
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestStreamRepeats(t *testing.T) {
	// The same octets arrive in the same segments at the same times.
	run := func() []simnet.Record {
		var out []simnet.Record
		inBubble(t, simnet.Config{Seed: 9, Link: simnet.Link{Delay: time.Millisecond, Jitter: 9 * time.Millisecond, Loss: 0.3}}, func(t *testing.T, p pair) {
			a, b := p.connect()
			go func() {
				for range 50 {
					write(t, a, strings.Repeat("z", 2000))
				}
				a.Close()
			}()
			var sink bytes.Buffer
			_, err := io.Copy(&sink, b)
			require.NoError(t, err)
			out = p.Records()
		})
		return out
	}
	first, second := run(), run()
	require.Len(t, second, len(first))
	for i := range first {
		require.Equal(t, first[i], second[i])
	}
}

func TestReadersShareASegment(t *testing.T) {
	inBubble(t, simnet.Config{}, func(t *testing.T, p pair) {
		a, b := p.connect()
		got := make(chan int)
		for range 3 {
			go func() {
				n, err := b.Read(make([]byte, 2))
				if err != nil {
					t.Error(err)
				}
				got <- n
			}()
		}
		synctest.Wait()
		write(t, a, "sixsix")
		for range 3 {
			require.Equal(t, 2, <-got)
		}
	})
}

// TestLogWhileWriteWaits has lines to log pending when Write starts to wait.
func TestLogWhileWriteWaits(t *testing.T) {
	var lines atomic.Int32
	cfg := simnet.Config{StreamBuffer: 1, Logf: func(string, ...any) { lines.Add(1) }}
	inBubble(t, cfg, func(t *testing.T, p pair) {
		a, b := p.connect()
		require.EqualValues(t, 2, lines.Load(), "SYN and SYN-ACK")
		done := make(chan error)
		go func() { _, err := a.Write([]byte("xy")); done <- err }()
		synctest.Wait()
		require.EqualValues(t, 3, lines.Load(), "the first octet, before the second has room")
		read(t, b)
		require.NoError(t, <-done)
		require.EqualValues(t, 4, lines.Load())
	})
}
