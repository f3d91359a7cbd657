package nua_test

import (
	"sync"
	"time"

	"testing/synctest"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/tport"
)

// tape records what each element of a flow sends, in order.
type tape struct {
	mu  sync.Mutex
	all []taped
}

type taped struct {
	sender string
	m      *msg.Message
	flow   *tport.Flow
}

func (t *tape) trace(sender string) *tport.Trace {
	return &tport.Trace{Sent: func(flow *tport.Flow, m *msg.Message, _ int) {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.all = append(t.all, taped{sender, m, flow})
	}}
}

// take returns what was recorded, and starts anew.
func (t *tape) take() []taped {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := t.all
	t.all = nil
	return all
}

// replay holds what was sent since the last time against the messages of a
// section: the same ones, by the same senders, in the same order. It returns
// them by label.
func (s *stage) replay(messages []printed) map[string]taped {
	s.t.Helper()
	time.Sleep(time.Second) // for what nobody expects
	synctest.Wait()
	all := s.tape.take()
	got := map[string]taped{}
	for i, have := range all {
		if i >= len(messages) {
			s.t.Errorf("one message too many, from %s:\n%s", have.sender, have.m)
			continue
		}
		p := messages[i]
		if p.Sender != have.sender {
			s.t.Errorf("%v is from %s, printed from %s:\n%s", p, have.sender, p.Sender, have.m)
		}
		got[p.Label] = have
		s.compare(p, have.m)
		s.challenged(have.m)
	}
	if len(all) < len(messages) {
		s.t.Fatalf("%d messages, printed %d; the next is %v:\n%s", len(all), len(messages), messages[len(all)], messages[len(all)].m)
	}
	return got
}
