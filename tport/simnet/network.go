package simnet

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Defaults of Config. They are larger than a kernel's where a kernel's value
// would make a burst sent at one virtual instant lose packets by accident.
const (
	defaultRecord        = 4096
	defaultPacketBuffer  = 8 << 20
	defaultStreamBuffer  = 64 << 10
	defaultBacklog       = 128
	defaultStreamTimeout = 924600 * time.Millisecond // Linux: 15 retransmissions of one segment
)

// Config describes a Network. The zero value is a perfect network: no delay, no
// loss, an MTU of 1500 octets. New copies it; later changes have no effect.
type Config struct {
	// Seed decides every random choice of the network: loss, jitter,
	// duplication and reordering. Equal seeds give equal impairments per flow.
	Seed uint64
	// Link is what every pair of different hosts is joined by until SetLink or
	// SetOneWay says otherwise. Traffic of a host to itself is never impaired
	// unless SetLink(h, h, …) asks for it.
	Link Link
	// Logf, if set, gets one line for each packet whose fate is decided, while
	// the recorder has it (see Record). It is called without a lock held, from
	// whichever goroutine decided the fate, possibly from several at once.
	// t.Logf of a test fits: Close the network before the test ends.
	Logf func(format string, args ...any)
	// Record is how many of the last packets the recorder keeps for Ladder,
	// Report and Records: 0 is 4096, negative keeps none.
	Record int
	// PacketBuffer bounds the octets that wait in one UDP socket for a reader;
	// what does not fit is dropped with fate Overflow. 0 is 8 MiB.
	// PacketConn.SetReadBuffer changes it for one socket.
	PacketBuffer int
	// StreamBuffer bounds the octets one TCP direction has accepted and its
	// receiver has not yet read; a Write blocks beyond it. 0 is 64 KiB.
	StreamBuffer int
	// Backlog bounds the connections that wait in one Listener for Accept; a
	// SYN beyond it is dropped, as Linux does, and tried again by the dialler.
	// 0 is 128.
	Backlog int
	// StreamTimeout is how long a TCP connection may fail to get a segment
	// across a partition before it fails with ETIMEDOUT. 0 is 924.6 s, the
	// default of Linux; negative is never.
	StreamTimeout time.Duration
}

// Network is a virtual network of hosts. Everything on it happens on one clock,
// which is the fake clock inside a testing/synctest bubble and the real one
// outside. A Network is safe for concurrent use.
//
// A Network belongs to the bubble it was made in: make it, use it and Close it
// inside the same bubble.
type Network struct {
	cfg    Config
	start  time.Time
	filter atomic.Pointer[func(Datagram) Verdict]

	// mu guards everything below and the state of every host, socket and
	// connection. Nothing waits while holding it: waiting is on sync.Cond,
	// which is durably blocking in a bubble.
	mu     sync.Mutex
	after  []func() // user code to call once mu is released
	closed bool
	hosts  []*Host
	byName map[string]*Host
	byAddr map[netip.Addr]*Host
	paths  map[pathKey]*path
	sched  scheduler
	rec    recorder
	stats  Stats
	lastID uint64 // of connections, so that they can be walked in order of birth
}

// New returns a network without hosts. It starts no goroutine; a single timer
// runs while packets are in flight, and Close stops it.
func New(cfg Config) *Network {
	if cfg.Record == 0 {
		cfg.Record = defaultRecord
	}
	if cfg.PacketBuffer <= 0 {
		cfg.PacketBuffer = defaultPacketBuffer
	}
	if cfg.StreamBuffer <= 0 {
		cfg.StreamBuffer = defaultStreamBuffer
	}
	if cfg.Backlog <= 0 {
		cfg.Backlog = defaultBacklog
	}
	if cfg.StreamTimeout == 0 {
		cfg.StreamTimeout = defaultStreamTimeout
	}
	return &Network{
		cfg:    cfg,
		start:  time.Now(),
		byName: make(map[string]*Host),
		byAddr: make(map[netip.Addr]*Host),
		paths:  make(map[pathKey]*path),
		rec:    recorder{keep: max(cfg.Record, 0)},
	}
}

// Seed returns the seed the network was made with, to be printed by a test that
// draws its seed.
func (n *Network) Seed() uint64 { return n.cfg.Seed }

// Stats counts what happened to packets since New. A duplicate made by the
// network counts in Duplicated and again in the count of its own fate.
type Stats struct {
	Sent        uint64 // datagrams, and TCP segments with data, SYN, FIN or RST
	Delivered   uint64 // handed to a socket
	Lost        uint64 // lost by the chance of a link
	Duplicated  uint64 // second copies made by a link
	Reordered   uint64 // held back so that later ones overtake
	Cut         uint64 // met a partition or a host that was down
	Filtered    uint64 // dropped by the function given to Intercept
	Overflow    uint64 // found a full buffer, link queue or backlog
	Unreachable uint64 // no such host, or nobody listened on the port
}

// Stats returns the counters as they stand.
func (n *Network) Stats() Stats {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.stats
}

// Close ends the network: every socket, listener and connection on it is closed
// (calls that wait return net.ErrClosed), packets in flight vanish, and nothing
// is left running. Hosts, links and the record stay readable. Closing twice is
// harmless.
func (n *Network) Close() {
	n.mu.Lock()
	defer n.unlock()
	if n.closed {
		return
	}
	for _, h := range n.hosts {
		h.closeSockets(func(c *Conn) { c.shut() })
	}
	n.closed = true
	n.sched.stop()
}

// unlock releases mu and then runs the user code that was asked for meanwhile.
func (n *Network) unlock() {
	after := n.after
	n.after = nil
	n.mu.Unlock()
	for _, f := range after {
		f()
	}
}

// wait waits on c, whose lock is mu. It may return without cause; callers loop.
func (n *Network) wait(c *sync.Cond) {
	if len(n.after) > 0 {
		n.unlock()
		n.mu.Lock()
		return
	}
	c.Wait()
}

// now is the time since the network was made.
func (n *Network) now() time.Duration { return time.Since(n.start) }
