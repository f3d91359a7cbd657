package simnet

import (
	"encoding/binary"
	"net/netip"
)

// draw names a random choice, so that the choices made for one packet are
// independent of each other.
type draw uint64

const (
	drawLoss draw = 1 + iota
	drawJitter
	drawDuplicate
	drawDuplicateJitter
	drawReorder
	drawCorrupt
	drawCorruptAt
	drawCorruptBits
	drawRetry // and the numbers above it, one for each retransmission
)

// mix folds v into h; it is the finaliser of splitmix64, which spreads every
// input bit over the whole result.
func mix(h, v uint64) uint64 {
	h ^= v
	h += 0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

func mixString(h uint64, s string) uint64 {
	f := uint64(14695981039346656037) // FNV-1a
	for i := 0; i < len(s); i++ {
		f = (f ^ uint64(s[i])) * 1099511628211
	}
	return mix(h, f)
}

func mixAddrPort(h uint64, a netip.AddrPort) uint64 {
	b := a.Addr().As16()
	h = mix(h, binary.BigEndian.Uint64(b[:8]))
	h = mix(h, binary.BigEndian.Uint64(b[8:]))
	return mix(h, uint64(a.Port()))
}

// chance returns a number in [0,1) that depends on nothing but the flow, the
// number of the packet on it and the name of the choice.
func chance(flow, packet uint64, d draw) float64 {
	return float64(mix(mix(flow, packet), uint64(d))>>11) / (1 << 53)
}
