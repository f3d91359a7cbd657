package nta

import (
	"fmt"
	"reflect"
	"runtime"
	"runtime/debug"
)

// serveQueue holds the requests of one owner (a dialog, or a transaction
// outside one) that wait for user code. It is guarded by the shard. A goroutine
// exists only while there is work, and one call runs at a time, but for those
// that said Async.
type serveQueue struct {
	jobs []serveJob
	busy bool
}

type serveJob struct {
	in *Incoming
	f  func(*Incoming)
}

// Serve queues f for a request on the queue of its dialog or, outside one, of
// its transaction: calls start in the order they were queued, each when the
// one before returned or called [Incoming.Async]. f runs on a goroutine of the
// agent and may block. The error is ErrBusy when the queue is full.
func (s *Step) Serve(in *Incoming, f func(*Incoming)) error {
	q := in.ownQueue()
	if len(q.jobs) >= s.sh.a.cfg.QueueSize {
		return ErrBusy
	}
	q.jobs = append(q.jobs, serveJob{in, f})
	if s.sh.a.cfg.Debug {
		in.where = funcName(f)
	}
	if !q.busy {
		q.busy = true
		sh := s.sh
		s.spawn(func() { sh.work(q) })
	}
	return nil
}

func (in *Incoming) ownQueue() *serveQueue {
	if in.queue == nil {
		in.queue = &serveQueue{}
	}
	return in.queue
}

// funcName is where a func is written.
func funcName(f any) string {
	pc := runtime.FuncForPC(reflect.ValueOf(f).Pointer())
	file, line := pc.FileLine(pc.Entry())
	return fmt.Sprintf("%s (%s:%d)", pc.Name(), file, line)
}

// serve is Serve for a request that nobody else takes: a full queue is
// answered 503 with Retry-After.
func (s *Step) serve(in *Incoming, f func(*Incoming)) {
	if s.Serve(in, f) == nil {
		return
	}
	s.sh.a.count.refused.Add(1)
	s.Reply(in, 503, retryAfter())
}

// serveAck is Serve for an ACK that is to be forwarded. It has no transaction,
// so the bound on those holds for it as well: above it, it is dropped.
func (s *Step) serveAck(in *Incoming) {
	a := s.sh.a
	if !room(a.cfg.MaxServerTransactions, a.count.servers.Load()+a.count.acksServed.Load()) {
		a.count.droppedAcks.Add(1)
		return
	}
	a.count.acksServed.Add(1)
	err := s.Serve(in, func(in *Incoming) {
		defer a.count.acksServed.Add(-1)
		a.cfg.Serve(in)
	})
	if err != nil {
		a.count.acksServed.Add(-1)
	}
}

// work runs the jobs of a queue until it is empty or a job let go of it.
func (sh *shard) work(q *serveQueue) {
	for {
		sh.mu.Lock()
		if len(q.jobs) == 0 {
			q.jobs, q.busy = nil, false
			sh.mu.Unlock()
			return
		}
		job := q.jobs[0]
		q.jobs[0] = serveJob{}
		q.jobs = q.jobs[1:]
		job.in.serving, job.in.async = true, false
		sh.mu.Unlock()

		sh.call(job)

		sh.mu.Lock()
		job.in.serving = false
		async, over, cancel := job.in.async, job.in.over, job.in.cancel
		sh.mu.Unlock()
		if over && cancel != nil {
			cancel(nil)
		}
		if async {
			return // the queue has another goroutine, or none
		}
	}
}

// call runs user code. A panic in it must not end a server: it is logged and
// counted, and the request is answered 500.
func (sh *shard) call(job serveJob) {
	defer func() {
		if r := recover(); r != nil {
			sh.a.count.panics.Add(1)
			sh.a.cfg.Logger.Error("panic in user code", "panic", fmt.Sprint(r),
				"method", job.in.req.Method(), "stack", string(debug.Stack()))
			job.in.Reply(500)
		}
	}()
	job.f(job.in)
}

// Async lets the next request of the dialog start although this one's user code
// has not returned. A handler that is going to wait for the peer calls it
// first. Further calls do nothing.
func (in *Incoming) Async() {
	in.sh.run(func(s *Step) {
		q := in.queue
		if !in.serving || in.async {
			return
		}
		in.async = true
		if len(q.jobs) == 0 {
			q.busy = false
			return
		}
		s.spawn(func() { in.sh.work(q) })
	})
}
