package tport

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// Serials of one transport differ, and those of the next process do not begin
// where these did. Zero is no serial.
func TestSerialEpoch(t *testing.T) {
	cfg := Config{Class: testClass(), Deliver: func(*Delivery) {}}
	seen := map[uint64]bool{}
	for range 20 {
		tr, err := New(cfg)
		require.NoError(t, err)
		for range 50 {
			n := tr.nextSerial()
			require.False(t, seen[n])
			seen[n] = true
		}
		require.NoError(t, tr.Close())
	}
	cfg.Rand = bytes.NewReader(make([]byte, 31))
	_, err := New(cfg)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	cfg.Rand = bytes.NewReader(make([]byte, 64))
	var tr [2]*Transport
	for i := range tr {
		tr[i], err = New(cfg)
		require.NoError(t, err)
	}
	require.Equal(t, tr[0].nextSerial(), tr[1].nextSerial(), "chance is Config.Rand")
	tr[0].serial.Store(^uint64(0))
	require.EqualValues(t, 1, tr[0].nextSerial())
}

// A connection between the same two addresses as one before it is another flow:
// nothing meant for the first one reaches it.
func TestSuccessorOnSameAddresses(t *testing.T) {
	for range 10 {
		if succeed(t) {
			return
		}
	}
	t.Skip("another program takes every port that we give back")
}

// succeed is TestSuccessorOnSameAddresses, unless our port was taken meanwhile.
func succeed(t *testing.T) bool {
	bob := realNode(t)
	at := bob.listen(TCP, "127.0.0.1", 0).Addr()
	from := netip.AddrPort{}
	connect := func() net.Conn {
		d := net.Dialer{}
		if from.IsValid() {
			d.LocalAddr = net.TCPAddrFromAddrPort(from)
		}
		c, err := d.Dial("tcp", at.String())
		if err != nil {
			require.True(t, from.IsValid())
			return nil
		}
		from = addrPortOf(c.LocalAddr())
		require.NoError(t, c.(*net.TCPConn).SetLinger(0)) // no TIME_WAIT
		return c
	}
	c := connect()
	write(t, c, text("first", ""))
	d, _ := bob.next()
	old := d.Flow
	require.NoError(t, c.Close())
	get(t, bob.failed)

	if c = connect(); c == nil {
		return false
	}
	defer c.Close()
	write(t, c, text("second", ""))
	d, _ = bob.next()
	k := d.Flow.Key()
	require.NotEqual(t, old.Key(), k)
	k.Serial = old.Key().Serial
	require.Equal(t, old.Key(), k, "all but the serial is the same")

	_, ok := bob.Find(old.Key())
	require.False(t, ok)
	k.Serial = 0
	_, ok = bob.Find(k)
	require.False(t, ok, "addresses alone find no connection")
	require.ErrorIs(t, old.Send(parse(t, text("answer to first", ""))), ErrGone)
	found, ok := bob.Find(d.Flow.Key())
	require.True(t, ok)
	answer := text("answer to second", "")
	require.NoError(t, found.Send(parse(t, answer)))
	expect(t, c, answer)
	return true
}

// Messages are handled by the goroutine that has read them, in their order.
func TestNoGoroutinePerMessage(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		most, last := 0, 0
		alice, bob, at := v.pair(func(c *Config) {
			c.Deliver = func(d *Delivery) {
				most = max(most, runtime.NumGoroutine())
				n, _ := strconv.Atoi(idOf(d.Msg))
				require.Equal(t, last+1, n)
				last = n
			}
		})
		f := alice.dial(TCP, at)
		get(t, bob.opened)
		synctest.Wait()
		before := runtime.NumGoroutine()
		for i := range 1000 {
			for f.Send(parse(t, text(fmt.Sprint(i+1), ""))) != nil {
				synctest.Wait()
			}
		}
		synctest.Wait()
		require.Equal(t, 1000, last)
		require.LessOrEqual(t, most, before+1) // alice's writer
	})
}

// The addresses, the protocol and the proved name must all be right.
func TestFindIsExact(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		alice, bob, at := v.pair()
		alice.dial(TCP, at)
		key := get(t, bob.opened).Key()
		_, ok := bob.Find(key)
		require.True(t, ok)
		for _, change := range []func(*Key){
			func(k *Key) { k.Serial++ },
			func(k *Key) { k.Proto = TLS },
			func(k *Key) { k.Name = "example.com" },
			func(k *Key) { k.Remote = netip.AddrPortFrom(k.Remote.Addr(), 1) },
			func(k *Key) { k.Local = netip.AddrPortFrom(k.Local.Addr(), 1) },
		} {
			other := key
			change(&other)
			_, ok := bob.Find(other)
			require.False(t, ok, other)
		}
	})
}

// What cannot go out on its own flow goes nowhere, and says why.
func TestGoneSaysWhy(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		alice, bob, at := v.pair()
		f := alice.dial(TCP, at)
		accepted := get(t, bob.opened)
		require.NoError(t, f.Close())
		get(t, bob.failed)
		alice.dial(TCP, at) // the successor
		err := f.Send(parse(t, text("1", "")))
		require.ErrorIs(t, err, ErrGone)
		require.ErrorIs(t, err, ErrClosed)
		err = accepted.Send(parse(t, text("2", "")))
		require.ErrorIs(t, err, ErrGone)
		require.ErrorIs(t, err, io.EOF)
		require.ErrorIs(t, f.KeepAlive(KeepAlive{}), ErrGone)
		synctest.Wait()
		none(t, bob.inbox)
		require.Zero(t, alice.Stats().WriteErrors)
	})
}

// Fresh: a new connection for this request, which nobody else gets.
func TestFresh(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		alice, bob, at := v.pair()
		alice.listen(UDP, "192.0.2.1", 5060)
		name := nameOf(TCP, at)
		old := alice.dial(TCP, at)
		fresh := name
		fresh.Fresh = true
		_, ok := alice.Ready(fresh)
		require.False(t, ok)
		flows := map[*Flow]bool{old: true}
		for range 3 {
			f, err := alice.Send(t.Context(), fresh, parse(t, text("fresh", "")))
			require.NoError(t, err)
			require.False(t, flows[f])
			flows[f] = true
			d, _ := bob.next()
			require.Equal(t, f.Local(), d.From)
		}
		require.Same(t, old, alice.dial(TCP, at), "the old one by default")
		require.NoError(t, old.Close())
		<-old.Done()
		require.False(t, flows[alice.dial(TCP, at)], "a fresh one is never shared")
		for f := range flows {
			require.NoError(t, f.Close())
			<-f.Done()
		}
		synctest.Wait()
		require.Len(t, alice.pool, 1)
		fresh.Proto = UDP
		_, ok = alice.Ready(fresh)
		require.True(t, ok)
	})
}

// Without reuse there is a connection for each message, with it one for all
// (Sofia's TPTAG_REUSE), also when all ask at once.
func TestReuse(t *testing.T) {
	for _, reuse := range []bool{true, false} {
		bubble(t, func(t *testing.T, v *virtual) {
			alice, bob, at := v.pair()
			name := nameOf(TCP, at)
			name.Fresh = !reuse
			const count = 30
			var all sync.WaitGroup
			for range count {
				all.Go(func() {
					_, err := alice.Send(t.Context(), name, parse(t, text("1", "")))
					require.NoError(t, err)
				})
			}
			all.Wait()
			from := map[netip.AddrPort]bool{}
			for range count {
				d, _ := bob.next()
				from[d.From] = true
			}
			want := count
			if reuse {
				want = 1
			}
			require.Len(t, from, want)
			require.EqualValues(t, want, alice.Stats().Dialled)
		})
	}
}

// Many who ask at once for one target open one connection, and the order of
// each is kept, by whichever way its messages come to it.
func TestManyAtOnce(t *testing.T) {
	bob := realNode(t)
	alice := realNode(t, func(c *Config) { c.QueueSize, c.QueueBytes = 1<<20, 1<<30 })
	name := nameOf(TCP, bob.listen(TCP, "127.0.0.1", 0).Addr())
	const callers, each = 50, 20
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			for n := range each {
				_, err := alice.Send(t.Context(), name, parse(t, text(fmt.Sprint(i, " ", n+1), pad(50))))
				require.NoError(t, err)
			}
		})
	}
	all.Wait()
	var last [callers]int
	for range callers * each {
		_, id := bob.next()
		var i, n int
		_, err := fmt.Sscanf(id, "%d %d", &i, &n)
		require.NoError(t, err)
		require.Equal(t, last[i]+1, n)
		last[i] = n
	}
	require.EqualValues(t, 1, alice.Stats().Dialled)
	require.EqualValues(t, 1, bob.Stats().Accepted)
}
