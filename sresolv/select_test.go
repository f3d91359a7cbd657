package sresolv

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// seeded is a source of chance that is the same in each run.
type seeded struct {
	mu sync.Mutex
	*rand.Rand
}

func newSeeded(seed uint64) *seeded { return &seeded{Rand: rand.New(rand.NewPCG(seed, 2))} }

func (s *seeded) Read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 0; i < len(b); i += 8 {
		var v [8]byte
		binary.NativeEndian.PutUint64(v[:], s.Uint64())
		copy(b[i:], v[:])
	}
	return len(b), nil
}

// TestWeights: in 4,000 draws each server comes first as often as its weight
// says, within 3 percentage points (RFC 2782).
func TestWeights(t *testing.T) {
	const draws = 4000
	for _, c := range []struct {
		name    string
		weights []uint16
		want    []float64 // of being first, in per cent
	}{
		{"60 30 10", []uint16{60, 30, 10}, []float64{60, 30, 10}},
		{"3 1", []uint16{75, 25}, []float64{75, 25}},
		{"equal", []uint16{7, 7, 7, 7}, []float64{25, 25, 25, 25}},
		{"all zero", []uint16{0, 0, 0}, []float64{33.3, 33.3, 33.3}},
		{"zero beside weight", []uint16{0, 100}, []float64{1, 99}},
		{"zeros beside weight", []uint16{0, 0, 100}, []float64{0.5, 0.5, 99}},
		{"the largest", []uint16{65535, 65535}, []float64{50, 50}},
		{"one", []uint16{0}, []float64{100}},
	} {
		t.Run(c.name, func(t *testing.T) {
			chance := newSeeded(1)
			first := make([]int, len(c.weights))
			for range draws {
				in := []SRV{{Priority: 2, Weight: 65535, Port: 99}}
				for i, w := range c.weights {
					in = append(in, SRV{Priority: 1, Weight: w, Port: uint16(i)})
				}
				out, err := order(in, chance)
				require.NoError(t, err)
				require.Len(t, out, len(c.weights)+1)
				require.EqualValues(t, 99, out[len(out)-1].Port, "priority goes before weight")
				seen := map[uint16]bool{}
				for _, s := range out {
					seen[s.Port] = true
				}
				require.Len(t, seen, len(out), "each once")
				first[out[0].Port]++
			}
			for i, n := range first {
				require.InDelta(t, c.want[i], float64(n)*100/draws, 3)
			}
		})
	}
}

type broken struct{}

var errBroken = errors.New("no chance left")

func (broken) Read([]byte) (int, error) { return 0, errBroken }

func TestWeightsWithoutChance(t *testing.T) {
	_, err := order([]SRV{{Weight: 1}, {Weight: 1}}, broken{})
	require.ErrorIs(t, err, errBroken)
	_, err = order([]SRV{{Weight: 1}}, broken{})
	require.NoError(t, err)
}
