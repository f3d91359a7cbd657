package nua

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// slowEngine is a media engine that takes its time over every call.
type slowEngine struct {
	delay time.Duration
	err   error
	mu    sync.Mutex
	log   []string
	n     int
	busy  bool
	end   bool
	bad   bool // the call broke its promises
}

func newSlowEngine(delay time.Duration) *slowEngine { return &slowEngine{delay: delay} }

func (e *slowEngine) enter(what string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.busy || e.end {
		e.bad = true
		panic(what + " at once with another call, or after Close")
	}
	e.busy = true
	e.log = append(e.log, what)
}

func (e *slowEngine) leave() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.busy = false
}

func (e *slowEngine) work(ctx context.Context, what string) (string, error) {
	e.enter(what)
	defer e.leave()
	select {
	case <-time.After(e.delay):
	case <-ctx.Done():
		return "", ctx.Err()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.n++
	return fmt.Sprintf("v=0\r\no=slow 1 %d IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 5004 RTP/AVP 0\r\n", e.n), e.err
}

func (e *slowEngine) Offer(ctx context.Context) (string, error) { return e.work(ctx, "offer") }
func (e *slowEngine) Answer(ctx context.Context, _ string) (string, error) {
	return e.work(ctx, "answer")
}
func (e *slowEngine) SetAnswer(ctx context.Context, _ string) error {
	_, err := e.work(ctx, "set answer")
	return err
}
func (e *slowEngine) Hold(media string) { e.enter("hold " + media); e.leave() }
func (e *slowEngine) Rollback()         { e.enter("rollback"); e.leave() }
func (e *slowEngine) Activate()         { e.enter("activate"); e.leave() }
func (e *slowEngine) Close() error {
	e.enter("close")
	e.leave()
	e.mu.Lock()
	e.end = true
	e.mu.Unlock()
	return nil
}

func (e *slowEngine) closed() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.end
}

// failed reports whether the engine was called at once from two goroutines, or
// after Close.
func (e *slowEngine) failed() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.bad
}

func (e *slowEngine) calls() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.log...)
}
