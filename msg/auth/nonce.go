package auth

import (
	"container/heap"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"sync"
	"time"
)

// A nonce is base64url of time (nanoseconds, 8 octets), random (12 octets) and
// mac (16 octets of HMAC-SHA256 over time, random and realm). Whoever made it
// can tell that it did, and when, without having kept it.
const (
	nonceIDSize  = 8 + 12
	nonceMACSize = 16
	nonceSize    = nonceIDSize + nonceMACSize
)

// window is how far behind the highest nonce count one may come and still be
// taken, once: requests overtake each other.
const window = 64

// nonceID is the part of a nonce that makes it unique.
type nonceID [nonceIDSize]byte

// issued returns when the nonce was made, in nanoseconds.
func (id nonceID) issued() int64 { return int64(binary.BigEndian.Uint64(id[:8])) }

// makeNonce renders the nonce with that ID. The fixed length of the ID makes
// the hashed text unambiguous.
func makeNonce(secret []byte, realm string, id nonceID) string {
	var b [nonceSize]byte
	copy(b[:], id[:])
	copy(b[nonceIDSize:], nonceMAC(secret, realm, id))
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// readNonce returns the ID of a nonce of ours.
func readNonce(secret []byte, realm, nonce string) (id nonceID, ok bool) {
	var b [nonceSize]byte
	if len(nonce) != base64.RawURLEncoding.EncodedLen(nonceSize) || strings.ContainsAny(nonce, "\r\n") {
		return id, false
	}
	if n, err := base64.RawURLEncoding.Decode(b[:], []byte(nonce)); err != nil || n != nonceSize {
		return id, false
	}
	copy(id[:], b[:])
	return id, hmac.Equal(b[nonceIDSize:], nonceMAC(secret, realm, id))
}

func nonceMAC(secret []byte, realm string, id nonceID) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write(id[:])
	h.Write([]byte(realm))
	return h.Sum(nil)[:nonceMACSize]
}

// nonceTable remembers the nonce counts of nonces that were answered correctly.
// It is bounded: when it is full the nonce made longest ago goes, and with it
// every unused one that is as old, because nothing else could tell a replay.
type nonceTable struct {
	max  int
	life time.Duration

	mu    sync.Mutex
	byID  map[nonceID]*usedNonce
	byAge ageHeap // oldest first
	floor int64   // nonces made then or before are stale unless in byID
}

// usedNonce has in bit i of seen whether nonce count high-i came. A request
// without nonce count (RFC 2069) is allowed once.
type usedNonce struct {
	id     nonceID
	high   uint32
	seen   uint64
	plain  bool
	cnonce string // of the first use: cnonce-prime of a -sess algorithm
}

// maxCNonce bounds what a used nonce holds.
const maxCNonce = 128

// use claims one nonce count, or with plain the one use without. It returns
// nil, ErrStale or ErrReplay. now is in nanoseconds.
func (t *nonceTable) use(id nonceID, nc uint32, plain bool, cnonce string, now int64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.byAge) > 0 && t.byAge[0].id.issued() < now-int64(t.life) {
		t.remove() // stale by its age
	}
	u := t.byID[id]
	if u == nil {
		if id.issued() <= t.floor {
			return ErrStale
		}
		u = &usedNonce{id: id}
		if len(cnonce) <= maxCNonce {
			u.cnonce = strings.Clone(cnonce)
		}
		t.byID[id] = u
		heap.Push(&t.byAge, u)
		if len(t.byAge) > t.max {
			t.floor = max(t.floor, t.remove())
		}
	}
	if plain {
		if u.plain {
			return ErrReplay
		}
		u.plain = true
		return nil
	}
	switch {
	case nc > u.high:
		u.seen = u.seen<<min(nc-u.high, window) | 1
		u.high = nc
	case u.high-nc >= window, u.seen&(1<<(u.high-nc)) != 0:
		return ErrReplay
	default:
		u.seen |= 1 << (u.high - nc)
	}
	return nil
}

// remove drops the oldest nonce and returns when it was made.
func (t *nonceTable) remove() int64 {
	u := heap.Pop(&t.byAge).(*usedNonce)
	delete(t.byID, u.id)
	return u.id.issued()
}

// first returns the cnonce of the first use of a nonce, if it is remembered.
func (t *nonceTable) first(id nonceID) (cnonce string, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if u := t.byID[id]; u != nil {
		return u.cnonce, u.cnonce != ""
	}
	return "", false
}

// after returns a time for a new nonce that the table does not hold for stale.
func (t *nonceTable) after(now int64) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(now, t.floor+1)
}

func (t *nonceTable) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.byAge)
}

// ageHeap is a container/heap.
type ageHeap []*usedNonce

func (h ageHeap) Len() int           { return len(h) }
func (h ageHeap) Less(i, j int) bool { return h[i].id.issued() < h[j].id.issued() }
func (h ageHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *ageHeap) Push(x any)        { *h = append(*h, x.(*usedNonce)) }
func (h *ageHeap) Pop() any {
	old := *h
	u := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return u
}
