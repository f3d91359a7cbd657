package nua

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
	"github.com/gosofia/sofia/tport/simnet"
	"github.com/stretchr/testify/require"
)

// lab is a virtual network with user agents on it, inside a synctest bubble.
type lab struct {
	t       *testing.T
	net     *simnet.Network
	uas     []*UA
	agents  []*nta.Agent
	closers []func()
}

// inLab runs f in a bubble with a network whose links take 5 ms.
func inLab(t *testing.T, f func(l *lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &lab{t: t, net: simnet.New(simnet.Config{Seed: 7, Link: simnet.Link{Delay: 5 * time.Millisecond}})}
		defer l.net.Close()
		l.net.Report(t)
		f(l)
		for _, f := range l.closers {
			f()
		}
		for _, u := range l.uas {
			require.NoError(t, u.Close())
		}
		for _, a := range l.agents {
			require.NoError(t, a.Close())
		}
	})
}

func transportOn(h *simnet.Host) tport.Config {
	return tport.Config{Listen: h.Listen, ListenPacket: h.ListenPacket, Dial: h.DialContext}
}

// ua starts a user agent on a host of its own, on udp and tcp port 5060.
func (l *lab) ua(name, addr string, cfg Config) *UA {
	l.t.Helper()
	h := l.net.MustHost(name, addr)
	cfg.Agent.Transport = transportOn(h)
	if cfg.Identity == "" {
		cfg.Identity = "sip:" + name + "@" + addr
	}
	if cfg.Media == "" {
		cfg.Media = "m=audio 5004 RTP/AVP 0 8"
	}
	u, err := New(cfg)
	require.NoError(l.t, err)
	l.uas = append(l.uas, u)
	require.NoError(l.t, u.Listen(l.t.Context(), "udp:"+addr+":5060", "tcp:"+addr+":5060"))
	return u
}

// peer starts a bare agent that a test drives by hand.
func (l *lab) peer(name, addr string, serve func(*nta.Incoming)) *nta.Agent {
	l.t.Helper()
	a, err := nta.New(nta.Config{Transport: transportOn(l.net.MustHost(name, addr)), Serve: serve})
	require.NoError(l.t, err)
	l.agents = append(l.agents, a)
	for _, proto := range []string{"udp", "tcp"} {
		_, err = a.Listen(l.t.Context(), tport.Name{Proto: proto, Host: addr, Port: 5060})
		require.NoError(l.t, err)
	}
	return a
}

// rows records the transitions of calls.
type rows struct {
	mu  sync.Mutex
	all map[*Call][]string
}

func (r *rows) trace() *Trace {
	return &Trace{Transition: func(c *Call, row string, _, _ CallState) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.all == nil {
			r.all = map[*Call][]string{}
		}
		r.all[c] = append(r.all[c], row)
	}}
}

func (r *rows) of(c *Call) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.all[c]...)
}

// calls gives the test the calls that come in.
type calls chan *Call

func (ch calls) handler() Handler {
	return Handler{Invite: func(_ context.Context, c *Call) { ch <- c }}
}

// settle lets what is on its way arrive.
func (l *lab) settle() {
	time.Sleep(100 * time.Millisecond)
	synctest.Wait()
}

func (l *lab) within(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	l.t.Cleanup(cancel)
	return ctx
}

// states reads a finished call's events down to its states.
func (l *lab) states(c *Call) []CallState {
	l.t.Helper()
	var all []CallState
	for ev, err := range c.Events(l.within(time.Minute)) {
		require.NoError(l.t, err)
		if s, ok := ev.(StateChanged); ok && !s.Reinvite {
			all = append(all, s.State)
		}
	}
	return all
}

// names reads a finished call's events down to their names.
func (l *lab) names(c *Call) []string {
	l.t.Helper()
	var all []string
	for ev, err := range c.Events(l.within(time.Minute)) {
		require.NoError(l.t, err)
		name := ev.String()
		if s, ok := ev.(StateChanged); ok {
			name += " " + s.State.String()
		}
		all = append(all, name)
	}
	return all
}

// answerWith is a description a hand-driven peer sends.
const peerSDP = "v=0\r\no=peer 1 1 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 10.0.0.9\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"

func payload() msg.Setter { return sip.Payload("application/sdp", peerSDP) }
