package load

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// runStreams keeps one OPTIONS under way on each of Outstanding connections.
// Each has a goroutine: the client is not what is measured.
func runStreams(cfg Config) (Result, error) {
	if cfg.Work != Options {
		return Result{}, fmt.Errorf("load: %q over TCP is not there; %q is", cfg.Work, Options)
	}
	g := &streams{Config: cfg}
	defer g.close()
	slots := make([]slot, cfg.Outstanding) // each connection has one of them
	for range cfg.Outstanding {
		conn, err := dial(cfg)
		if err != nil {
			return Result{}, err
		}
		g.conns = append(g.conns, &stream{Conn: conn, g: generator{
			Config: cfg, transport: strings.ToUpper(cfg.Network), local: conn.LocalAddr().String(), slots: slots,
		}})
	}
	return cfg.measured(g.run)
}

// dial connects. The certificate of the server is not what is measured.
func dial(cfg Config) (net.Conn, error) {
	if cfg.Network == "tls" {
		return tls.Dial("tcp4", cfg.Target.String(), &tls.Config{InsecureSkipVerify: true})
	}
	return net.Dial("tcp4", cfg.Target.String())
}

type streams struct {
	Config
	conns []*stream
}

// stream is one connection and the generator of its requests.
type stream struct {
	net.Conn
	g generator
}

func (g *streams) close() {
	for _, c := range g.conns {
		c.Close()
	}
}

func (g *streams) run(count int) (Result, error) {
	var (
		r     Result
		mu    sync.Mutex
		fail  error
		took  = make([]time.Duration, 0, count)
		next  atomic.Int64
		group sync.WaitGroup
	)
	begun := time.Now()
	for i, c := range g.conns {
		group.Go(func() {
			in := make([]byte, 8192)
			own := make([]time.Duration, 0, count/len(g.conns)+1)
			var err error
			for err == nil && next.Add(1) <= int64(count) {
				var d time.Duration
				if d, err = c.exchange(i, in); err == nil {
					own = append(own, d)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, own...)
			fail = errors.Join(fail, err)
		})
	}
	group.Wait()
	r.Elapsed = time.Since(begun)
	r.Done, r.Lost = len(took), count-len(took)
	slices.Sort(took)
	if n := len(took); n > 0 {
		r.P50, r.P99 = took[n/2], took[n*99/100]
	}
	return r, fail
}

// exchange sends one request and waits for its answer.
func (c *stream) exchange(i int, in []byte) (time.Duration, error) {
	c.g.runs++
	c.g.slots[i] = slot{step: final, run: c.g.runs, begun: time.Now()}
	if _, err := c.Write(c.g.first(i)); err != nil {
		return 0, err
	}
	if c.g.runs%256 == 1 { // a deadline for each would be the client's own cost
		if err := c.SetReadDeadline(time.Now().Add(256 * c.g.Timeout)); err != nil {
			return 0, err
		}
	}
	for have := 0; ; {
		n, err := c.Read(in[have:])
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				err = ErrSilent
			}
			return 0, err
		}
		have += n
		if bytes.HasSuffix(in[:have], []byte("\r\n\r\n")) {
			a, ok := readAnswer(in[:have])
			if !ok || a.slot != i || a.run != c.g.runs || a.status != 200 {
				return 0, fmt.Errorf("load: not the answer that was waited for: %.200q", in[:have])
			}
			return time.Since(c.g.slots[i].begun), nil
		}
		if have == len(in) {
			return 0, errors.New("load: the answer does not end")
		}
	}
}
