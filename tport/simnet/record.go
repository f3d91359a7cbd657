package simnet

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Fate is what became of a packet.
type Fate uint8

const (
	InFlight    Fate = iota // has not arrived yet, or waits behind a partition
	Delivered               // was handed to a socket
	Lost                    // was lost by the chance of its link
	Cut                     // met a partition or a host that was down
	Filtered                // was dropped by the function given to Intercept
	Overflow                // found a full buffer, link queue or backlog
	Unreachable             // found no such host, or nobody on the port
)

// String returns the fate in lower case words.
func (f Fate) String() string {
	names := [...]string{"in flight", "delivered", "lost", "cut", "filtered", "overflow", "unreachable"}
	if int(f) < len(names) {
		return names[f]
	}
	return fmt.Sprintf("Fate(%d)", uint8(f))
}

// Record is one packet as the recorder saw it.
type Record struct {
	// Number counts the packets of the network from 1.
	Number uint64
	// Sent and Arrived are times since New. Arrived is when the fate was
	// decided, and 0 while the packet is in flight.
	Sent, Arrived time.Duration
	// Network is udp or tcp.
	Network string
	// FromHost and ToHost are the names of the hosts; ToHost is empty when no
	// host has the address.
	FromHost, ToHost string
	From, To         netip.AddrPort
	Fate             Fate
	// Size is the length of the payload in octets.
	Size int
	// First is the first line of the payload, made printable and cut to 120
	// characters; for a TCP segment without payload it is SYN, SYN-ACK, FIN or
	// RST.
	First string
	// Duplicate is set on the second copy that a link made of a datagram, and
	// Reordered on a datagram that a link held back.
	Duplicate, Reordered bool
}

// String returns the record as one line.
func (r Record) String() string {
	to := r.ToHost
	if to == "" {
		to = "nobody"
	}
	return fmt.Sprintf("%s %s %s (%v) -> %s (%v) %d octets %s: %s",
		stamp(r.Sent), r.Network, r.FromHost, r.From, to, r.To, r.Size, r.note(), r.First)
}

// note says in a few words what happened.
func (r Record) note() string {
	var b strings.Builder
	b.WriteString(r.Fate.String())
	if took := r.Arrived - r.Sent; r.Fate == Delivered && took > 0 {
		b.WriteString(" +")
		b.WriteString(took.String())
	}
	if r.Reordered {
		b.WriteString(", reordered")
	}
	if r.Duplicate {
		b.WriteString(", duplicate")
	}
	return b.String()
}

func stamp(d time.Duration) string { return fmt.Sprintf("%12.6f", d.Seconds()) }

// recorder keeps the last records in a ring.
type recorder struct {
	keep  int
	ring  []Record
	total uint64
}

func (r *recorder) add(rec Record) uint64 {
	r.total++
	rec.Number = r.total
	if r.keep == 0 {
		return r.total
	}
	if len(r.ring) < r.keep {
		r.ring = append(r.ring, rec)
	} else {
		r.ring[(r.total-1)%uint64(r.keep)] = rec
	}
	return r.total
}

// at returns the record with the number, or nil if it is no longer kept.
func (r *recorder) at(number uint64) *Record {
	if r.keep == 0 || number == 0 || number+uint64(r.keep) <= r.total {
		return nil
	}
	return &r.ring[(number-1)%uint64(r.keep)]
}

func (r *recorder) all() []Record {
	out := make([]Record, 0, len(r.ring))
	for i := r.total - uint64(len(r.ring)) + 1; i <= r.total; i++ {
		out = append(out, *r.at(i))
	}
	return out
}

// Records returns the packets the recorder still has, in the order they were
// sent.
func (n *Network) Records() []Record {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.rec.all()
}

// sent records a packet that sets out, and counts it unless it is a copy.
func (n *Network) sent(p proto, from, to *Host, src, dst netip.AddrPort, payload []byte, label string, t trip, dup bool) uint64 {
	if dup {
		n.stats.Duplicated++
	} else {
		n.stats.Sent++
	}
	if t.reordered && !dup {
		n.stats.Reordered++
	}
	if n.rec.keep == 0 {
		return n.rec.add(Record{})
	}
	r := Record{
		Sent: n.now(), Network: p.String(), FromHost: from.name, From: src, To: dst,
		Size: len(payload), First: label, Duplicate: dup, Reordered: t.reordered && !dup,
	}
	if to != nil {
		r.ToHost = to.name
	}
	if label == "" {
		r.First = firstLine(payload)
	}
	return n.rec.add(r)
}

// decided records the fate of packet number, and counts it.
func (n *Network) decided(number uint64, f Fate) {
	switch f {
	case Delivered:
		n.stats.Delivered++
	case Lost:
		n.stats.Lost++
	case Cut:
		n.stats.Cut++
	case Filtered:
		n.stats.Filtered++
	case Overflow:
		n.stats.Overflow++
	case Unreachable:
		n.stats.Unreachable++
	}
	r := n.rec.at(number)
	if r == nil {
		return
	}
	r.Fate, r.Arrived = f, n.now()
	if n.cfg.Logf != nil {
		line := *r
		n.after = append(n.after, func() { n.cfg.Logf("simnet: %v", line) })
	}
}

const firstLineMax = 120

// firstLine returns the first line of b with what is not printable ASCII shown
// as a dot, so that it can stand in a ladder.
func firstLine(b []byte) string {
	if len(b) > firstLineMax {
		b = b[:firstLineMax]
	}
	binary := 0
	for i, c := range b {
		if c == '\r' || c == '\n' {
			if i == 0 {
				return "(empty line)" // such as an RFC 5626 keep-alive
			}
			b = b[:i]
			break
		}
		if c < ' ' || c > '~' {
			binary++
		}
	}
	switch {
	case len(b) == 0:
		return "(empty)"
	case binary == 0:
		return string(b)
	case binary*4 > len(b):
		return "(binary)"
	}
	out := make([]byte, len(b))
	for i, c := range b {
		if c < ' ' || c > '~' {
			c = '.'
		}
		out[i] = c
	}
	return string(out)
}
