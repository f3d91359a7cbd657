package simnet

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestQueue(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	var q queue[*int]
	var want []*int
	for range 20000 {
		if rnd.IntN(100) < 52 {
			v := new(int)
			q.push(v)
			want = append(want, v)
		} else if len(want) > 0 {
			require.Same(t, want[0], *q.peek())
			require.Same(t, want[0], q.pop())
			want = want[1:]
		}
		if q.len() != len(want) || len(q.all()) != len(want) {
			t.Fatal(q.len(), len(want))
		}
	}
	// Memory does not grow with what has passed through, nor is it kept alive.
	q = queue[*int]{}
	q.push(new(int))
	for range 100000 {
		q.push(new(int))
		q.pop()
	}
	require.Less(t, cap(q.items), 1000)
	for _, v := range q.items[:q.head] {
		require.Nil(t, v)
	}
}
