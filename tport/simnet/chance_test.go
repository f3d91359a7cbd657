package simnet

import (
	"fmt"
	"math"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestChanceIsEvenAndIndependent(t *testing.T) {
	const count = 100000
	for _, d := range []draw{drawLoss, drawJitter, drawReorder} {
		var cells [16]int
		var sum, product, previous float64
		for i := range uint64(count) {
			u := chance(42, i, d)
			if u < 0 || u >= 1 {
				t.Fatal(u)
			}
			cells[int(u*16)]++
			sum += u
			product += (u - 0.5) * (previous - 0.5)
			previous = u
		}
		require.InDelta(t, 0.5, sum/count, 0.005)
		require.InDelta(t, 0, product/count*12, 0.02, "successive packets")
		for _, c := range cells {
			require.InDelta(t, count/16, c, 5*math.Sqrt(count/16))
		}
	}
	both := 0
	for i := range uint64(count) {
		if chance(42, i, drawLoss) < 0.5 && chance(42, i, drawDuplicate) < 0.5 {
			both++
		}
	}
	require.InDelta(t, count/4, both, 1000)
}

func TestFlowsDiffer(t *testing.T) {
	n := New(Config{Seed: 1})
	defer n.Close()
	a, b := n.MustHost("a", "192.0.2.1"), n.MustHost("b", "192.0.2.2")
	ap := netip.MustParseAddrPort
	seen := make(map[uint64]string)
	for _, p := range []*path{n.path(a, b), n.path(b, a)} {
		for _, k := range []flowKey{
			{protoUDP, ap("192.0.2.1:5060"), ap("192.0.2.2:5060")},
			{protoTCP, ap("192.0.2.1:5060"), ap("192.0.2.2:5060")},
			{protoUDP, ap("192.0.2.2:5060"), ap("192.0.2.1:5060")},
			{protoUDP, ap("192.0.2.1:5061"), ap("192.0.2.2:5060")},
			{protoUDP, ap("192.0.2.1:5060"), ap("192.0.2.2:5061")},
		} {
			key := p.flow(k).key
			require.Empty(t, seen[key])
			seen[key] = fmt.Sprint(p.from.name, k)
			require.Same(t, p.flow(k), p.flow(k))
		}
	}
}

func TestFlowsAreBounded(t *testing.T) {
	n := New(Config{})
	defer n.Close()
	p := n.path(n.MustHost("a", "192.0.2.1"), n.MustHost("b", "192.0.2.2"))
	at := func(i int) *flow {
		return p.flow(flowKey{protoUDP, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 16), 0}), uint16(i)), netip.AddrPort{}})
	}
	for i := range maxFlows {
		require.NotSame(t, p.rest, at(i))
	}
	require.Same(t, p.rest, at(maxFlows))
	require.Len(t, p.flows, maxFlows)
	require.NotSame(t, p.rest, at(0))
}
