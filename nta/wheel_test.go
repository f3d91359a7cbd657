package nta

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestWheelAgainstModel arms, stops and moves at random and compares every
// timer with a list that knows what is due.
func TestWheelAgainstModel(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 7))
		var w wheel
		w.init()
		timers := make([]timer, 300)
		due := map[*timer]uint64{}
		now := uint64(0)
		for range 3000 {
			tm := &timers[r.IntN(len(timers))]
			switch r.IntN(4) {
			case 0, 1:
				// Distances of every level, in equal shares.
				tick := now + 1 + r.Uint64N(1<<(1+r.UintN(30)))
				w.arm(tm, tick)
				due[tm] = tick
			case 2:
				_, armed := due[tm]
				require.Equal(t, armed, w.stop(tm), "seed %d", seed)
				delete(due, tm)
			case 3:
				next, ok := w.next()
				require.Equal(t, len(due) > 0, ok, "seed %d", seed)
				if ok {
					for _, tick := range due {
						if next > tick {
							t.Fatalf("seed %d: sleeps past a timer", seed)
						}
					}
				}
				now += r.Uint64N(1 << (1 + r.UintN(20)))
				for {
					got, ok := w.pop(now)
					if !ok {
						break
					}
					require.LessOrEqual(t, due[got], now, "seed %d: early", seed)
					require.Equal(t, due[got], got.tick)
					require.Equal(t, got.tick, w.now, "seed %d: handed out at another tick", seed)
					delete(due, got)
				}
				for _, tick := range due {
					if tick <= now {
						t.Fatalf("seed %d: late", seed)
					}
				}
			}
			require.Equal(t, len(due), w.count, "seed %d", seed)
		}
	}
}

func TestWheelNextIsTheNextSlotThatHoldsAnything(t *testing.T) {
	var w wheel
	w.init()
	_, ok := w.next()
	require.False(t, ok)

	var near, far timer
	w.arm(&far, 3200) // 32 s of 10 ms
	w.arm(&near, 50)
	next, _ := w.next()
	require.EqualValues(t, 50, next)

	w.stop(&near)
	steps := 0
	for {
		next, ok = w.next()
		require.True(t, ok)
		require.LessOrEqual(t, next, uint64(3200))
		steps++
		if tm, ok := w.pop(next); ok {
			require.Same(t, &far, tm)
			require.EqualValues(t, 3200, next)
			break
		}
	}
	require.LessOrEqual(t, steps, 2, "one move down a level, one to fire")
	_, ok = w.next()
	require.False(t, ok)
}

func TestWheelStopsWhatIsDueAlready(t *testing.T) {
	var w wheel
	w.init()
	var a, b timer
	w.arm(&a, 5)
	w.arm(&b, 5)
	got, _ := w.pop(9)
	other := &a
	if got == &a {
		other = &b
	}
	require.True(t, w.stop(other), "a timer stopped by another of the same slot does not fire")
	_, ok := w.pop(9)
	require.False(t, ok)
	require.Zero(t, w.count)
	require.EqualValues(t, 9, w.now)
}

func TestWheelNeverArmsIntoThePast(t *testing.T) {
	var w wheel
	w.init()
	w.pop(1000)
	var tm timer
	w.arm(&tm, 3)
	require.EqualValues(t, 1001, tm.tick)
	w.arm(&tm, 1<<63)
	require.EqualValues(t, wheelMax, tm.tick, "a date beyond the wheel stays in it")
	require.Equal(t, 1, w.count)
}

func TestClockIsNeverEarlyAndLateByLessThanAStep(t *testing.T) {
	start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	r := rand.New(rand.NewPCG(1, 2))
	for _, step := range []time.Duration{time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond} {
		c := clock{start: start, step: step}
		for range 1000 {
			now := start.Add(time.Duration(r.Int64N(int64(time.Hour))))
			d := time.Duration(r.Int64N(int64(time.Minute)))
			at := c.at(c.dueTick(now, d))
			require.False(t, at.Before(now.Add(d)))
			require.Less(t, at.Sub(now.Add(d)), step)
			require.Equal(t, c.dueTick(now, d), c.passed(at), "the tick has passed at its own time")
		}
		exact := c.at(c.dueTick(start, 500*time.Millisecond))
		require.Equal(t, start.Add(500*time.Millisecond), exact)
	}
}

func BenchmarkWheelArmAndStop(b *testing.B) {
	var w wheel
	w.init()
	timers := make([]timer, 1024)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		tm := &timers[i&1023]
		w.stop(tm)
		w.arm(tm, w.now+uint64(i&4095)+1)
	}
}
