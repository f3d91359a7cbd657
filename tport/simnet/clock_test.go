package simnet

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSchedulerOrder(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var s scheduler
	var want []event
	for i := range 2000 {
		e := event{at: time.Duration(rnd.IntN(100)), seq: uint64(i)}
		want = append(want, e)
		s.push(e)
		if i%3 == 0 { // mix pops in, as a network does
			least := slices.MinFunc(want, compareEvents)
			require.Equal(t, least, s.pop())
			want = slices.DeleteFunc(want, func(e event) bool { return e == least })
		}
	}
	slices.SortFunc(want, compareEvents)
	for _, e := range want {
		require.Equal(t, e, s.pop())
	}
	require.Empty(t, s.heap)
}

func compareEvents(a, b event) int {
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.seq, b.seq))
}

func TestJobsFireWhenDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(Config{})
		var got []time.Duration
		ask := func(at time.Duration, f func()) {
			n.at(at, jobFunc(func(now time.Duration) {
				got = append(got, now)
				if f != nil {
					f()
				}
			}))
		}
		n.mu.Lock()
		ask(3*time.Second, nil)
		ask(time.Second, func() {
			ask(2*time.Second, nil) // asked for while the scheduler runs
			ask(time.Second, nil)   // due at once
		})
		n.mu.Unlock()
		time.Sleep(2500 * time.Millisecond)
		n.mu.Lock()
		ask(2600*time.Millisecond, nil) // before what the timer is set for
		ask(time.Hour, nil)
		n.mu.Unlock()
		time.Sleep(time.Minute)
		n.Close()
		time.Sleep(2 * time.Hour)
		n.mu.Lock()
		defer n.mu.Unlock()
		require.Equal(t, []time.Duration{
			time.Second, time.Second, 2 * time.Second, 2600 * time.Millisecond, 3 * time.Second,
		}, got)
	})
}
