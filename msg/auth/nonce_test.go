package auth

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestNonce(t *testing.T) {
	secret := []byte("0123456789abcdef")
	var id nonceID
	binary.BigEndian.PutUint64(id[:], uint64(42))
	copy(id[8:], "random")
	n := makeNonce(secret, "r", id)
	require.Len(t, n, 48)
	require.Equal(t, -1, strings.IndexAny(n, "\"\\ ,=+/"), "needs no escapes")
	got, ok := readNonce(secret, "r", n)
	require.True(t, ok)
	require.Equal(t, id, got)
	require.EqualValues(t, 42, got.issued())

	_, ok = readNonce(secret, "R", n)
	require.False(t, ok, "another realm")
	_, ok = readNonce([]byte("0123456789abcdeF"), "r", n)
	require.False(t, ok, "another secret")
	for i := range n { // every octet counts
		for _, c := range []byte{'A', 'B', '\n', '\r', '=', 0} {
			if n[i] == c {
				continue
			}
			_, ok := readNonce(secret, "r", n[:i]+string(c)+n[i+1:])
			require.False(t, ok, "octet %d as %q", i, c)
		}
		_, ok := readNonce(secret, "r", n[:i])
		require.False(t, ok, "cut at %d", i)
	}
	raw, _ := base64.RawURLEncoding.DecodeString(n)
	for i := range 8 * len(raw) {
		b := append([]byte(nil), raw...)
		b[i/8] ^= 1 << (i % 8)
		_, ok := readNonce(secret, "r", base64.RawURLEncoding.EncodeToString(b))
		require.False(t, ok, "bit %d", i)
	}
	for _, s := range []string{"", "x", n + "A", n + "\n", strings.Repeat("A", 48), strings.Repeat("x", 4096)} {
		_, ok := readNonce(secret, "r", s)
		require.False(t, ok)
	}
}

func id(issued int64) (id nonceID) {
	binary.BigEndian.PutUint64(id[:], uint64(issued))
	return id
}

func table(size int) *nonceTable {
	return &nonceTable{max: size, life: time.Second, byID: map[nonceID]*usedNonce{}}
}

// TestWindow: each count once; 64 counts may overtake each other.
func TestWindow(t *testing.T) {
	for name, steps := range map[string][]struct {
		nc uint32
		ok bool
	}{
		"rising":      {{1, true}, {2, true}, {2, false}, {1, false}, {3, true}},
		"from later":  {{100, true}, {37, true}, {37, false}, {36, false}, {99, true}, {100, false}},
		"jump by 63":  {{1, true}, {64, true}, {1, false}, {2, true}, {63, true}, {63, false}},
		"jump by 64":  {{1, true}, {65, true}, {1, false}, {2, true}},
		"jump by 65":  {{1, true}, {66, true}, {2, false}, {3, true}},
		"to the end":  {{1, true}, {math.MaxUint32, true}, {math.MaxUint32, false}, {1, false}, {math.MaxUint32 - 63, true}, {math.MaxUint32 - 64, false}},
		"end at once": {{math.MaxUint32, true}, {math.MaxUint32, false}, {math.MaxUint32 - 1, true}},
	} {
		tab := table(10)
		for i, s := range steps {
			err := tab.use(id(1), s.nc, false, "", 1)
			require.Equal(t, s.ok, err == nil, "%s, step %d: %v", name, i, err)
			if !s.ok {
				require.ErrorIs(t, err, ErrReplay)
			}
		}
	}
}

// TestWindowModel: against a set that forgets nothing.
func TestWindowModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		tab, seen, high := table(10), map[uint32]bool{}, uint32(0)
		for range 500 {
			nc := uint32(max(1, int(high)-100+rng.IntN(150)))
			err := tab.use(id(1), nc, false, "", 1)
			want := !seen[nc] && (high < window || nc > high-window)
			require.Equal(t, want, err == nil, "nc %d, high %d", nc, high)
			if err == nil {
				seen[nc], high = true, max(high, nc)
			}
		}
	}
}

// TestTableBound: the table never grows over its limit, and what it forgot is
// stale and not new.
func TestTableBound(t *testing.T) {
	tab := table(10)
	for i := int64(1); i <= 100; i++ {
		require.NoError(t, tab.use(id(i), 1, false, "", 100))
		require.LessOrEqual(t, tab.len(), 10)
	}
	for i := int64(1); i <= 90; i++ {
		require.ErrorIs(t, tab.use(id(i), 2, false, "", 100), ErrStale)
	}
	for i := int64(91); i <= 100; i++ {
		require.ErrorIs(t, tab.use(id(i), 1, false, "", 100), ErrReplay)
		require.NoError(t, tab.use(id(i), 2, false, "", 100))
	}
	require.EqualValues(t, 91, tab.after(7), "a new nonce is not born stale")
	tab.floor = 200
	require.EqualValues(t, 201, tab.after(7))

	// Out of order, the oldest goes whatever came last.
	tab = table(2)
	require.NoError(t, tab.use(id(5), 1, false, "", 5))
	require.NoError(t, tab.use(id(9), 1, false, "", 9))
	require.NoError(t, tab.use(id(1), 1, false, "", 9), "first use of one that has no place")
	require.ErrorIs(t, tab.use(id(1), 2, false, "", 9), ErrStale)
	require.ErrorIs(t, tab.use(id(5), 1, false, "", 9), ErrReplay)
}

// TestTableAge: what is too old makes room without pushing others out.
func TestTableAge(t *testing.T) {
	tab := table(10)
	for i := int64(1); i <= 5; i++ {
		require.NoError(t, tab.use(id(i), 1, false, "", i))
	}
	require.NoError(t, tab.use(id(int64(time.Second)+4), 1, false, "", int64(time.Second)+4))
	require.Equal(t, 3, tab.len())
	require.Zero(t, tab.floor)
}

// TestPlain: an answer without count is good for one use of its nonce.
func TestPlain(t *testing.T) {
	tab := table(10)
	require.NoError(t, tab.use(id(1), 0, true, "", 1))
	require.ErrorIs(t, tab.use(id(1), 0, true, "", 1), ErrReplay)
	require.NoError(t, tab.use(id(1), 1, false, "", 1))
	require.NoError(t, tab.use(id(2), 0, true, strings.Repeat("c", maxCNonce+1), 1))
	_, ok := tab.first(id(2))
	require.False(t, ok, "too long to be kept")
}
