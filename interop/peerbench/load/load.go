// Package load drives a SIP server over UDP in a closed loop: a fixed number of
// operations is outstanding, and each that completes starts the next. It never
// resends a request; what is not answered is counted as lost.
//
// It is no SIP stack. It writes the messages of two exchanges and reads just
// enough of the answers, so that it takes little CPU beside the server.
package load

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"
)

// Work says what one operation is.
type Work string

// The operations: OPTIONS answered with 200, and INVITE answered with 200, ACK,
// BYE answered with 200. UACall is a call, too, but made by the library's own
// user agent instead of the generator: both ends of a call are measured.
const (
	Options Work = "options"
	Call    Work = "call"
	UACall  Work = "uacall"
)

// Calls reports whether the work takes a server that answers INVITE.
func (w Work) Calls() bool { return w != Options }

// Config describes a run.
type Config struct {
	Target      netip.AddrPort
	Work        Work
	Count       int           // operations that are measured
	Warm        int           // operations before, which are not
	Outstanding int           // default 32; over TCP the number of connections, one operation on each
	Network     string        // "udp", "tcp" or "tls"; default "udp"
	Timeout     time.Duration // without any answer: everything outstanding is lost; default 2 s
	// CPU reads the CPU time the server has used; nil measures none.
	CPU func() (time.Duration, error)
}

// Result is what a run measured.
type Result struct {
	Done, Lost int
	Elapsed    time.Duration
	CPU        time.Duration // of the server
	Caller     time.Duration // CPU time of this process
	P50, P99   time.Duration // from the first request of an operation to its last answer
}

// PerSecond is the number of completed operations a second.
func (r Result) PerSecond() float64 { return float64(r.Done) / r.Elapsed.Seconds() }

// CPUPerOp is the server's CPU time for each completed operation, in microseconds.
func (r Result) CPUPerOp() float64 {
	return float64(r.CPU.Nanoseconds()) / 1e3 / float64(max(r.Done, 1))
}

// CallerPerOp is the CPU time of this process for each completed operation, in
// microseconds.
func (r Result) CallerPerOp() float64 {
	return float64(r.Caller.Nanoseconds()) / 1e3 / float64(max(r.Done, 1))
}

// ErrSilent means that the server answered nothing at all for three timeouts.
var ErrSilent = errors.New("load: the server does not answer")

// Run runs the operations. An answer that is not 2xx ends it with an error.
func Run(cfg Config) (Result, error) {
	if cfg.Outstanding <= 0 {
		cfg.Outstanding = 32
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 2 * time.Second
	}
	if cfg.CPU == nil {
		cfg.CPU = func() (time.Duration, error) { return 0, nil }
	}
	switch cfg.Work {
	case Options, Call:
	case UACall:
		return runCaller(cfg)
	default:
		return Result{}, fmt.Errorf("load: no work %q; there is %q, %q and %q", cfg.Work, Options, Call, UACall)
	}
	if cfg.Network == "tcp" || cfg.Network == "tls" {
		return runStreams(cfg)
	}
	conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(cfg.Target))
	if err != nil {
		return Result{}, err
	}
	defer conn.Close()
	g := &generator{Config: cfg, conn: conn, transport: "UDP", local: conn.LocalAddr().String(), slots: make([]slot, cfg.Outstanding)}
	return cfg.measured(g.run)
}

// measured runs the warm-up and then the operations that count, with a clock on
// both processes.
func (cfg Config) measured(run func(count int) (Result, error)) (Result, error) {
	if cfg.Warm > 0 {
		if _, err := run(cfg.Warm); err != nil {
			return Result{}, err
		}
	}
	server, err := cfg.CPU()
	if err != nil {
		return Result{}, err
	}
	own, err := ProcessCPU(os.Getpid())
	if err != nil {
		return Result{}, err
	}
	r, err := run(cfg.Count)
	if err != nil {
		return Result{}, err
	}
	ownNow, err := ProcessCPU(os.Getpid())
	if err != nil {
		return Result{}, err
	}
	serverNow, err := cfg.CPU()
	r.CPU, r.Caller = serverNow-server, ownNow-own
	return r, err
}

// step says which answer an operation waits for.
type step uint8

const (
	idle step = iota
	final
	bye
)

type slot struct {
	step  step
	run   int // tells an answer of this operation from one that was given up
	begun time.Time
	to    string // the To of the 200, with the peer's tag
	peer  string // the Contact of the 200
}

type generator struct {
	Config
	conn  *net.UDPConn
	local string
	// transport stands in Via.
	transport string
	slots     []slot
	out       []byte
	runs      int
}

// run starts and finishes count operations.
func (g *generator) run(count int) (Result, error) {
	var r Result
	took := make([]time.Duration, 0, count)
	started, silent := 0, 0
	begun := time.Now()
	begin := func(i int) error {
		if started == count {
			g.slots[i].step = idle
			return nil
		}
		started++
		g.runs++
		g.slots[i] = slot{step: final, run: g.runs, begun: time.Now()}
		return g.send(g.first(i))
	}
	for i := range g.slots {
		if err := begin(i); err != nil {
			return r, err
		}
	}
	buf := make([]byte, 65536)
	for r.Done+r.Lost < count {
		if err := g.conn.SetReadDeadline(time.Now().Add(g.Timeout)); err != nil {
			return r, err
		}
		n, err := g.conn.Read(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			if silent++; silent == 3 {
				return r, ErrSilent
			}
			for i := range g.slots {
				if g.slots[i].step == idle {
					continue
				}
				r.Lost++
				if err := begin(i); err != nil {
					return r, err
				}
			}
			continue
		}
		if err != nil {
			return r, err
		}
		a, ok := readAnswer(buf[:n])
		if !ok || a.slot >= len(g.slots) || g.slots[a.slot].run != a.run || a.status < 200 {
			continue // provisional, or of an operation given up as lost
		}
		silent = 0
		if a.status >= 300 {
			return r, fmt.Errorf("load: the server answered %d to %s", a.status, a.method)
		}
		s := &g.slots[a.slot]
		switch {
		case g.Work == Call && a.method == "INVITE":
			if s.step == final {
				s.to, s.peer = a.to, a.contact
			}
			// A repeated 200 gets its ACK again (RFC 3261, 13.2.2.4).
			if err := g.send(g.ack(a.slot)); err != nil {
				return r, err
			}
			if s.step == final {
				s.step = bye
				if err := g.send(g.bye(a.slot)); err != nil {
					return r, err
				}
			}
		case s.step == final && g.Work == Options, s.step == bye && a.method == "BYE":
			r.Done++
			took = append(took, time.Since(s.begun))
			if err := begin(a.slot); err != nil {
				return r, err
			}
		}
	}
	r.Elapsed = time.Since(begun)
	slices.Sort(took)
	if n := len(took); n > 0 {
		r.P50, r.P99 = took[n/2], took[n*99/100]
	}
	return r, nil
}

func (g *generator) send(b []byte) error {
	_, err := g.conn.Write(b)
	return err
}
