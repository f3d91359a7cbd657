package tport

import (
	"context"
	"sync"
	"sync/atomic"
)

const (
	// DefaultSpoolSize is how many records of [HEP] and [PCAP] may wait.
	DefaultSpoolSize = 4096
	// spoolOctets bounds the octets that may wait.
	spoolOctets = 16 << 20
)

// spool takes records from goroutines that must not wait to one that may.
type spool struct {
	size  int
	count atomic.Uint64 // written
	lost  atomic.Uint64

	mu      sync.Mutex
	records [][]byte
	octets  int
	closed  bool

	wake   chan struct{} // of one slot
	ended  chan struct{}
	ctx    context.Context
	cancel context.CancelFunc
}

func newSpool(size int) *spool {
	if size <= 0 {
		size = DefaultSpoolSize
	}
	s := &spool{size: size, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// put takes a record, or counts it as lost.
func (s *spool) put(record []byte) {
	s.mu.Lock()
	full := s.closed || len(s.records) >= s.size || s.octets+len(record) > spoolOctets
	if !full {
		s.records = append(s.records, record)
		s.octets += len(record)
	}
	s.mu.Unlock()
	if full {
		s.lost.Add(1)
		return
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// take returns all that waits; more is false when nothing will come any more.
func (s *spool) take() (records [][]byte, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	records, s.records, s.octets = s.records, nil, 0
	return records, !s.closed
}

// run is the goroutine that writes. write gives up when ctx ends; what it could
// not write is lost. idle runs when all is written.
func (s *spool) run(write func(record []byte) error, idle func()) {
	defer close(s.ended)
	for {
		records, more := s.take()
		for _, r := range records {
			if s.ctx.Err() != nil || write(r) != nil {
				s.lost.Add(1)
			} else {
				s.count.Add(1)
			}
		}
		switch {
		case len(records) > 0:
			continue
		case !more:
			idle()
			return
		}
		idle()
		<-s.wake
	}
}

// close ends the goroutine once all is written, or when ctx ends.
func (s *spool) close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
	defer s.cancel()
	select {
	case <-s.ended:
		return nil
	case <-ctx.Done():
	}
	s.cancel()
	<-s.ended
	return ctx.Err()
}
