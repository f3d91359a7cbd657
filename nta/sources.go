package nta

import (
	"hash/maphash"
	"net/netip"
	"sync"
)

// sources counts the server transactions of each source, so that none can take
// all the room. It is split like the shards, since one source may be most of
// the traffic of several; its locks are leaves.
type sources struct {
	bound int
	seed  maphash.Seed
	parts [16]struct {
		sync.Mutex
		n map[netip.Addr]int32
	}
}

func newSources(bound int) *sources {
	c := &sources{bound: bound, seed: maphash.MakeSeed()}
	for i := range c.parts {
		c.parts[i].n = map[netip.Addr]int32{}
	}
	return c
}

// sourceOf is whom an address belongs to: an IPv6 host has a whole /64.
func sourceOf(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a
	}
	p, err := a.Prefix(64)
	if err != nil {
		return a
	}
	return p.Addr()
}

// take counts one more of a source, unless it has its share.
func (c *sources) take(source netip.Addr) bool {
	if c.bound < 0 {
		return true
	}
	part := &c.parts[maphash.Comparable(c.seed, source)%16]
	part.Lock()
	defer part.Unlock()
	n := part.n[source]
	if int(n) >= c.bound {
		return false
	}
	part.n[source] = n + 1
	return true
}

// give takes one off.
func (c *sources) give(source netip.Addr) {
	if c.bound < 0 {
		return
	}
	part := &c.parts[maphash.Comparable(c.seed, source)%16]
	part.Lock()
	defer part.Unlock()
	if n := part.n[source]; n > 1 {
		part.n[source] = n - 1
		return
	}
	delete(part.n, source)
}

// len is the number of sources there are.
func (c *sources) len() (n int) {
	for i := range c.parts {
		part := &c.parts[i]
		part.Lock()
		n += len(part.n)
		part.Unlock()
	}
	return n
}
