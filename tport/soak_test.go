package tport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/tport/simnet"
)

// soakProtocols are those that the soak sends over. Datagrams promise nothing;
// they are there to be in the way.
var soakProtocols = [...]string{UDP, TCP, TLS, WS, WSS}

const (
	soakProbe    = "probe"
	soakSeeds    = 1000
	soakRaceRuns = 60
	soakMessages = 25 // per protocol and direction
	soakTrouble  = time.Minute
	soakQuiet    = 4 * time.Minute // until every stall has ended one way or the other
)

// TestSoak sends over every protocol while everything goes wrong at once. What a
// connection took arrives, once and in order, unless the connection ended; then
// what arrived is what was sent first. Nothing is left. SOAK_SEED runs one seed.
func TestSoak(t *testing.T) {
	if s := os.Getenv("SOAK_SEED"); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		require.NoError(t, err)
		soak(t, seed, true)
		return
	}
	runs := uint64(soakSeeds)
	if underRace {
		runs = soakRaceRuns
	}
	var total soakCount
	for seed := range runs {
		total.add(soak(t, seed, false))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Logf("%d runs: %d messages taken, %d delivered, %d connections of which %d ended early", runs, total.taken, total.delivered, total.flows, total.ended)
	require.Greater(t, total.delivered, total.taken*3/4, "hardly anything arrives: the soak shows nothing")
	require.Greater(t, total.ended, total.flows/10, "hardly anything breaks: the soak shows nothing")
}

type soakCount struct{ taken, delivered, flows, ended int }

func (c *soakCount) add(d soakCount) {
	c.taken += d.taken
	c.delivered += d.delivered
	c.flows += d.flows
	c.ended += d.ended
}

func soak(t *testing.T, seed uint64, report bool) (count soakCount) {
	synctest.Test(t, func(t *testing.T) {
		dice := rand.New(rand.NewPCG(seed, 1))
		net := simnet.New(simnet.Config{Seed: seed, Link: soakLink(dice), StreamTimeout: soakTrouble})
		defer net.Close()
		if report {
			defer func() { t.Log(net.Ladder()) }()
		}
		s := newSoak(t, net, dice)
		s.run(dice)
		count = s.check()
	})
	return count
}

func soakLink(dice *rand.Rand) simnet.Link {
	upTo := func(d time.Duration) time.Duration { return time.Duration(dice.Int64N(int64(d))) }
	l := simnet.Link{
		Delay: upTo(50 * time.Millisecond), Jitter: upTo(50 * time.Millisecond),
		Loss: 0.2 * dice.Float64(), Duplicate: 0.1 * dice.Float64(), Reorder: 0.1 * dice.Float64(), Corrupt: 0.1 * dice.Float64(),
	}
	if dice.IntN(3) == 0 {
		l.Bandwidth = 64_000 + dice.Int64N(1_000_000)
	}
	return l
}

// soaker is the two ends and what they saw.
type soaker struct {
	t              *testing.T
	net            *simnet.Network
	near, far      *simnet.Host
	nat            *simnet.NAT
	client, server *Transport
	names          map[string]Name

	mu    sync.Mutex
	ways  [2]map[Key][]string // by direction and sender's flow: what it took, in order
	sent  [2]map[string]Key   // by id: the sender's flow
	came  [2]map[Key][]string // by receiver's flow: what arrived, in order
	ended [2]map[Key]error    // flows of that end that have ended
}

func newSoak(t *testing.T, net *simnet.Network, dice *rand.Rand) *soaker {
	s := &soaker{t: t, net: net, far: net.MustHost("far", "198.51.100.1"), names: map[string]Name{}}
	for i := range s.ways {
		s.ways[i], s.sent[i] = map[Key][]string{}, map[string]Key{}
		s.came[i], s.ended[i] = map[Key][]string{}, map[Key]error{}
	}
	s.nat = net.MustNAT("nat", simnet.NATConfig{
		Mapping: simnet.NATRule(dice.IntN(3)), Filtering: simnet.NATRule(dice.IntN(3)),
		UDPLifetime: 10 * time.Second, TCPLifetime: 30 * time.Second,
	}, "203.0.113.1")
	if dice.IntN(2) == 0 {
		s.near = s.nat.MustHost("near", "192.168.0.2")
	} else {
		s.near = net.MustHost("near", "192.0.2.1")
	}
	ca := simnet.NewAuthority("soak")
	mk := func(side int, h *simnet.Host, cfg Config) *Transport {
		cfg.Class = testClass()
		cfg.Listen, cfg.ListenPacket, cfg.Dial, cfg.DialFrom = h.Listen, h.ListenPacket, h.DialContext, h.DialFrom
		cfg.Failed = func(f *Flow, err error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.ended[side][f.Key()] = err
		}
		cfg.Deliver = func(d *Delivery) { s.deliver(side, d) }
		tr, err := New(cfg)
		require.NoError(t, err)
		return tr
	}
	s.client = mk(0, s.near, Config{TLS: &tls.Config{RootCAs: ca.Pool()}})
	s.server = mk(1, s.far, Config{TLS: &tls.Config{Certificates: []tls.Certificate{ca.Issue("example.com")}}})
	for i, proto := range soakProtocols {
		name := Name{Proto: proto, Host: "198.51.100.1", Port: uint16(5060 + i), ServerName: "example.com"}
		s.names[proto] = name
		_, err := s.server.Listen(t.Context(), name)
		require.NoError(t, err)
	}
	_, err := s.client.Listen(t.Context(), Name{Proto: UDP, Host: s.near.Addr().String(), Port: 5060})
	require.NoError(t, err)
	return s
}

// deliver notes a message; the server says it back, on the flow that it came by.
func (s *soaker) deliver(side int, d *Delivery) {
	if d.Err != nil {
		return // corrupted on the way, over UDP
	}
	id := idOf(d.Msg)
	if id == soakProbe {
		return
	}
	s.mu.Lock()
	s.came[side][d.Flow.Key()] = append(s.came[side][d.Flow.Key()], id)
	s.mu.Unlock()
	if side == 1 {
		s.take(1, "back "+id, d.Flow.Key(), d.Flow.Send(parse(s.t, text("back "+id, strings.Repeat("y", len(id)*100)))))
	}
}

// take notes a message that a flow took.
func (s *soaker) take(side int, id string, key Key, err error) {
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ways[side][key] = append(s.ways[side][key], id)
	s.sent[side][id] = key
}

func (s *soaker) run(dice *rand.Rand) {
	var wg sync.WaitGroup
	for _, proto := range soakProtocols {
		waits := make([]time.Duration, soakMessages)
		for i := range waits {
			waits[i] = time.Duration(dice.Int64N(int64(2*soakTrouble/soakMessages) + 1))
			if dice.IntN(3) == 0 {
				waits[i] = 0
			}
		}
		size := dice.IntN(3000)
		wg.Go(func() {
			for i, wait := range waits {
				time.Sleep(wait)
				id := fmt.Sprint(proto, i)
				ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
				f, err := s.client.Send(ctx, s.names[proto], parse(s.t, text(id, pad(size))))
				cancel()
				if err == nil {
					s.take(0, id, f.Key(), nil)
				}
			}
		})
	}
	troubles := []func(){
		func() { s.net.Partition(s.near, s.far, true) },
		func() { s.net.Partition(s.near, s.far, false) },
		func() { s.net.PartitionOneWay(s.near, s.far, true) },
		func() { s.net.PartitionOneWay(s.near, s.far, false) },
		func() { s.near.ResetConns() },
		func() { s.far.ResetConns() },
		func() { s.nat.Flush() },
		func() { s.near.Fail(simnet.FaultSend, syscall.ENOBUFS, 3) },
		func() { s.near.Fail(simnet.FaultOpen, syscall.EMFILE, 2) },
		func() { s.far.Fail(simnet.FaultAccept, syscall.EMFILE, 2) },
	}
	for range 2 + dice.IntN(6) {
		time.Sleep(time.Duration(dice.Int64N(int64(soakTrouble) / 4)))
		troubles[dice.IntN(len(troubles))]()
	}
	s.net.Partition(s.near, s.far, false)
	wg.Wait()
	time.Sleep(soakQuiet)
	s.probe()
	time.Sleep(soakQuiet)
}

// probe sends once more on every connection. A TCP that got no acknowledgement
// goes on to send, and meets the reset of a peer that has gone in the end; package
// simnet sends a reset once, and a partition may have swallowed it.
func (s *soaker) probe() {
	s.mu.Lock()
	var flows []*Flow
	for side, tr := range [...]*Transport{s.client, s.server} {
		for key := range s.ways[side] {
			if f, ok := tr.Find(key); ok && key.Proto != UDP {
				flows = append(flows, f)
			}
		}
	}
	s.mu.Unlock()
	for _, f := range flows {
		_ = f.Send(parse(s.t, text(soakProbe, "")))
	}
}

// check holds what arrived against what was sent, and ends both transports.
func (s *soaker) check() (count soakCount) {
	s.mu.Lock()
	var open [2]map[Key]bool
	for side, tr := range [...]*Transport{s.client, s.server} {
		open[side] = map[Key]bool{}
		for key := range s.ways[side] {
			_, ok := tr.Find(key)
			open[side][key] = ok && key.Proto != UDP
		}
	}
	for side := range s.ways {
		from := map[string]int{} // where each id came
		for key, ids := range s.came[1-side] {
			if key.Proto == UDP {
				continue
			}
			for _, id := range ids {
				require.NotContains(s.t, from, id, "delivered twice")
				from[id] = 1
			}
		}
		for key, ids := range s.ways[side] {
			if key.Proto == UDP {
				continue
			}
			count.flows++
			count.taken += len(ids)
			arrived := s.arrived(side, ids)
			count.delivered += len(arrived)
			require.LessOrEqual(s.t, len(arrived), len(ids))
			require.True(s.t, slices.Equal(ids[:len(arrived)], arrived), "%v: not what was sent first, in order", key)
			if open[side][key] {
				require.Len(s.t, arrived, len(ids), "%v is open, and lost something", key)
			} else {
				count.ended++
				require.Contains(s.t, s.ended[side], key, "ended without a word")
			}
		}
	}
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, tr := range [...]*Transport{s.client, s.server} {
		if err := tr.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			require.NoError(s.t, err)
		}
		st := tr.Stats()
		require.Zero(s.t, st.Flows+st.Primaries+st.Dialling+int(st.Panics))
	}
	return count
}

// arrived returns those of ids that arrived, in the order of arrival; that they
// came by one connection is a part of it.
func (s *soaker) arrived(side int, ids []string) (arrived []string) {
	want := map[string]bool{}
	for _, id := range ids {
		want[id] = true
	}
	by := 0
	for _, came := range s.came[1-side] {
		n := len(arrived)
		for _, id := range came {
			if want[id] {
				arrived = append(arrived, id)
			}
		}
		if len(arrived) > n {
			by++
		}
	}
	require.LessOrEqual(s.t, by, 1, "one connection came out as several")
	return arrived
}
