package tport

import (
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

// traffic is a stream of messages and keep-alives, and the ids in it.
func traffic() (string, []string) {
	return "\r\n\r\n" + text("1", "") + "\r\n" + text("2", "a\r\n\r\nbody") + text("3", pad(300)) + "\r\n\r\n" + text("4", "end"),
		[]string{"1", "2", "3", "4"}
}

// T11: however the stream is cut, the same messages come in the same order, and
// each ping has its answer. Both ways to read are cut: without a descriptor in
// virtual time, where every piece is read alone, and by descriptor.
func TestStreamCutAtEveryByte(t *testing.T) {
	stream, ids := traffic()
	check := func(t *testing.T, bob *node, c net.Conn) {
		for _, want := range ids {
			d, id := bob.next()
			require.NoError(t, d.Err)
			require.Equal(t, want, id)
		}
		expect(t, c, pong+pong)
		none(t, bob.inbox)
	}
	bubble(t, func(t *testing.T, v *virtual) {
		_, bob, at := v.pair()
		for cut := range len(stream) + 1 {
			c := v.connect(at)
			write(t, c, stream[:cut])
			synctest.Wait()
			write(t, c, stream[cut:])
			check(t, bob, c)
			require.NoError(t, c.Close())
		}
		c := v.connect(at)
		for i := range len(stream) {
			write(t, c, stream[i:i+1])
			synctest.Wait()
		}
		check(t, bob, c)
		require.NoError(t, c.Close())
		require.EqualValues(t, 2*(len(stream)+2), bob.Stats().Pings)
	})
	bob := realNode(t)
	at := bob.listen(TCP, "127.0.0.1", 0).Addr()
	for cut := range len(stream) {
		c, err := net.Dial("tcp", at.String())
		require.NoError(t, err)
		write(t, c, stream[:cut])
		runtime.Gosched()
		write(t, c, stream[cut:])
		check(t, bob, c)
		require.NoError(t, c.Close())
	}
}

// What breaks the framing is delivered as far as it can be answered; the
// answer arrives, and then the end.
func TestStreamRefused(t *testing.T) {
	for _, row := range []struct {
		name, head string
		want       error
	}{
		{"announces 4 GB", "Content-Length: 4294967295\r\n\r\n", msg.ErrBodyTooLarge},
		{"announces more than a number holds", "Content-Length: 99999999999999999999999\r\n\r\n", nil},
		{"announces less than nothing", "Content-Length: -1\r\n\r\n", msg.ErrLength},
		{"two lengths", "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", nil},
		{"no length", "\r\n", msg.ErrNoLength},
		{"never ends its head", strings.Repeat("X: "+pad(1000)+"\r\n", 80), msg.ErrHeadTooLarge},
		{"never ends a header", "X: " + pad(70<<10), nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			bob := realNode(t, func(c *Config) {
				deliver := c.Deliver
				c.Deliver = func(d *Delivery) {
					if m, err := msg.Parse(testClass(), refusal, msg.Limits{}); err == nil {
						_ = d.Flow.Send(m)
					}
					deliver(d)
				}
			})
			at := bob.listen(TCP, "127.0.0.1", 0).Addr()
			c, err := net.Dial("tcp", at.String())
			require.NoError(t, err)
			defer c.Close()
			require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			write(t, c, "MESSAGE sip:bob@example.com SIP/2.0\r\nX-ID: 1\r\n"+row.head)
			write(t, c, text("after", "")) // never read as a message
			d, id := bob.next()
			runtime.ReadMemStats(&after)
			require.Equal(t, "1", id)
			require.True(t, d.Fatal)
			require.Error(t, d.Err)
			if row.want != nil {
				require.ErrorIs(t, d.Err, row.want)
			}
			_, ok := errors.AsType[*msg.SyntaxError](d.Err)
			require.True(t, ok, "%T", d.Err)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(2<<20), "no memory for what was only announced")
			got, err := io.ReadAll(c)
			require.NoError(t, err, "the answer must not be lost to a reset")
			require.Equal(t, refusal, string(got))
			require.NoError(t, c.Close()) // or we would linger
			require.ErrorIs(t, get(t, bob.failed).err, errFraming)
			none(t, bob.inbox)
			require.EqualValues(t, 1, bob.Stats().FramingErrors)
		})
	}
}

// A stream that is no message at all is closed unanswered.
func TestStreamNoise(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		_, bob, at := v.pair()
		c := v.connect(at)
		write(t, c, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 client hello\r\n\r\n"+text("after", ""))
		got, err := io.ReadAll(c)
		require.NoError(t, err)
		require.Empty(t, got)
		require.NoError(t, c.Close())
		require.Equal(t, TCP, get(t, bob.drops).Proto)
		require.EqualValues(t, 1, bob.Stats().Noise)
		none(t, bob.inbox)
	})
}

// T12: one deadline holds for a whole message, however slowly octets trickle.
func TestStreamMessageTimeout(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		_, bob, at := v.pair()
		c := v.connect(at)
		write(t, c, text("1", ""))
		bob.next()
		<-time.After(time.Minute) // between messages there is no hurry
		begin := time.Now()
		for s := "MESSAGE sip:bob@example.com SIP/2.0\r\nX: "; ; s = "x" {
			if _, err := c.Write([]byte(s)); err != nil {
				break
			}
			<-time.After(time.Second)
			if time.Since(begin) > time.Minute {
				break
			}
		}
		f := get(t, bob.failed)
		require.ErrorIs(t, f.err, ErrMessageTimeout)
		require.Less(t, time.Since(begin), DefaultMessageTimeout+3*time.Second)
		require.EqualValues(t, 1, bob.Stats().MessageTimeouts)
		require.NoError(t, c.Close())
	})
}

// The deadline is that of the message under way, not of the first.
func TestStreamMessageTimeoutIsPerMessage(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		_, bob, at := v.pair()
		c := v.connect(at)
		m := text("1", "body")
		write(t, c, m[:10])
		for range 5 { // each piece ends one message and begins the next
			<-time.After(20 * time.Second)
			write(t, c, m[10:]+m[:10])
			bob.next()
		}
		none(t, bob.failed)
		<-time.After(DefaultMessageTimeout + time.Second)
		require.ErrorIs(t, get(t, bob.failed).err, ErrMessageTimeout)
		require.NoError(t, c.Close())
	})
}

// A message that the class refuses but the framer can cut leaves the stream open.
func TestStreamRefusedByClass(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		class := msg.NewClass(msg.ClassConfig{Version: "SIP/2.0", Headers: msg.Common(), Check: func(c msg.Check) {
			if _, _, ok := c.First(msg.IDDate); !ok {
				c.Fail(msg.IDDate, msg.ErrMissing)
			}
		}})
		_, bob, _ := v.pair()
		p, err := bob.Listen(t.Context(), Name{Proto: TCP, Host: "198.51.100.1", Port: 5070, Class: class})
		require.NoError(t, err)
		c := v.connect(p.Addr())
		write(t, c, text("1", "")+strings.Replace(text("2", ""), "\r\n", "\r\nDate: now\r\n", 1))
		d, id := bob.next()
		require.Equal(t, "1", id)
		require.ErrorIs(t, d.Err, msg.ErrMissing)
		require.False(t, d.Fatal)
		d, id = bob.next()
		require.Equal(t, "2", id)
		require.NoError(t, d.Err)
		require.NoError(t, c.Close())
	})
}
