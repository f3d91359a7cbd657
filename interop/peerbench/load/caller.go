package load

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosofia/sofia/nua"
)

// runCaller makes the calls with the library's own user agent: the other side of
// what the servers do, offer/answer engine included.
func runCaller(cfg Config) (Result, error) {
	ua, err := nua.New(nua.Config{
		Identity: "sip:load@127.0.0.1",
		Media:    "m=audio 49170 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n",
		MaxCalls: -1,
	})
	if err != nil {
		return Result{}, err
	}
	defer ua.Close()
	if err := ua.Listen(context.Background(), "udp:127.0.0.1:0"); err != nil {
		return Result{}, err
	}
	c := &caller{Config: cfg, ua: ua, to: "sip:bench@" + cfg.Target.String()}
	return c.Config.measured(c.run)
}

type caller struct {
	Config
	ua *nua.UA
	to string
}

// run keeps Outstanding calls under way until count are over.
func (c *caller) run(count int) (Result, error) {
	ctx, stop := context.WithCancelCause(context.Background())
	defer stop(nil)
	var (
		mu    sync.Mutex
		r     Result
		took  = make([]time.Duration, 0, count)
		next  atomic.Int64
		group sync.WaitGroup
	)
	begun := time.Now()
	for range c.Outstanding {
		group.Go(func() {
			for ctx.Err() == nil && next.Add(1) <= int64(count) {
				at := time.Now()
				err := c.call(ctx)
				d := time.Since(at)
				mu.Lock()
				if err == nil {
					r.Done++
					took = append(took, d)
				} else if r.Lost++; r.Lost > count/10 {
					stop(fmt.Errorf("load: too many calls fail: %w", err))
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	r.Elapsed = time.Since(begun)
	slices.Sort(took)
	if n := len(took); n > 0 {
		r.P50, r.P99 = took[n/2], took[n*99/100]
	}
	return r, context.Cause(ctx)
}

// call is INVITE, 200, ACK, BYE, 200.
func (c *caller) call(ctx context.Context) error {
	call, err := c.ua.Invite(ctx, c.to, nua.CallConfig{})
	if err != nil {
		return err
	}
	if err := call.Wait(ctx, nua.Ready); err != nil {
		return err
	}
	return call.Bye(ctx)
}
