package nta

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/tport"
	"github.com/gosofia/sofia/tport/simnet"
)

// W06: over a connection that it has opened the peer gets our requests, if it
// asks for that and has proved that they are for it (RFC 5923).
func TestW06Alias(t *testing.T) {
	for _, row := range []struct {
		name         string
		here, there  bool // Config.Alias
		uri          string
		dialledThere uint64
	}{
		{"both", true, true, "sips:alice@a.example.org", 0},
		{"not asked for", false, true, "sips:alice@a.example.org", 1},
		{"not granted", true, false, "sips:alice@a.example.org", 1},
		{"another domain at the same address", true, true, "sips:alice@c.example.org", 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			bubble(t, simnet.Config{}, func(w *world) {
				ca := simnet.NewAuthority("authority")
				got, back := make(chan *Incoming, 8), make(chan *Incoming, 8)
				a := w.secured(ca, "a.example.org", "192.0.2.1", []string{"a.example.org"},
					answering(back), func(c *Config) { c.Alias = row.here })
				require.NoError(t, w.net.Hosts()[0].Alias("c.example.org"))
				b := w.secured(ca, "b.example.org", "192.0.2.2", []string{"b.example.org"},
					answering(got), func(c *Config) { c.Alias = row.there })
				send := func(from *Agent, uri string) error {
					o, err := from.Send(w.request("OPTIONS", uri), SendConfig{})
					require.NoError(t, err)
					_, err = o.Final(w.ctx())
					return err
				}
				require.NoError(t, send(a, "sips:bob@b.example.org"))
				in := <-got
				require.Equal(t, row.here, in.Request().TopVia().Params.Has("alias"))
				err := send(b, row.uri)
				if row.uri == "sips:alice@c.example.org" {
					require.ErrorIs(t, err, tport.ErrUntrusted)
					require.EqualValues(t, 1, b.Transport().Stats().DialFailures)
					return
				}
				require.NoError(t, err)
				in = <-back
				require.EqualValues(t, row.dialledThere, b.Transport().Stats().Dialled)
				require.Equal(t, row.dialledThere == 0, in.Flow().Primary() == nil)
			})
		})
	}
}

// T08: a connection outlasts the last message of a transaction by 64*T1 and
// more, and serves the next one.
func TestT08ConnectionIsKept(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		got := make(chan *Incoming, 8)
		b := w.agent("b", "192.0.2.9", answering(got))
		a := w.agent("a", "192.0.2.1")
		var flow *tport.Flow
		for range 3 {
			o, err := a.Send(w.request("OPTIONS", "sip:bob@192.0.2.9;transport=tcp"), SendConfig{})
			require.NoError(t, err)
			_, err = o.Final(w.ctx())
			require.NoError(t, err)
			in := <-got
			if flow == nil {
				flow = in.Flow()
			}
			require.Same(t, flow, in.Flow())
			w.sleep(64*500*time.Millisecond + sec)
			require.NoError(t, flow.Err())
		}
		require.EqualValues(t, 1, b.Transport().Stats().Accepted)
		require.Zero(t, b.Transport().Stats().Held)
	})
}
