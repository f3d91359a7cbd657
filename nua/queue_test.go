package nua

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// handles made by hand for the queue's tests.
func testSource(q *Queue, id string) (*Call, *source) {
	c := &Call{id: id}
	c.events = q.attach(c, true)
	return c, c.events
}

func state(c *Call, s CallState) StateChanged {
	return StateChanged{eventBase: c.base(), State: s}
}

func TestQueueOrderOverHandles(t *testing.T) {
	q := NewQueue(0)
	a, sa := testSource(q, "a")
	b, sb := testSource(q, "b")
	sa.put(state(a, Calling))
	sb.put(state(b, Received))
	sa.put(state(a, Proceeding))
	ctx := context.Background()
	for _, want := range []*Call{a, b, a} {
		ev, err := q.Next(ctx)
		require.NoError(t, err)
		require.Same(t, want, ev.Handle())
	}
}

func TestQueueCoalescesStatesFirst(t *testing.T) {
	q := NewQueue(3)
	c, src := testSource(q, "a")
	src.put(MediaError{eventBase: c.base(), Status: 1})
	src.put(state(c, Calling))
	src.put(MediaError{eventBase: c.base(), Status: 2})
	src.put(state(c, Proceeding)) // the older state goes, not the older event
	ctx := context.Background()
	ev, err := src.q.next(ctx, src)
	require.NoError(t, err)
	require.Equal(t, EventsLost{eventBase: c.base(), N: 1}, ev)
	require.Equal(t, "events_lost 1", ev.String())
	var got []any
	for range 3 {
		ev, err := src.q.next(ctx, src)
		require.NoError(t, err)
		switch ev := ev.(type) {
		case MediaError:
			got = append(got, ev.Status)
		case StateChanged:
			got = append(got, ev.State)
		}
	}
	require.Equal(t, []any{1, 2, Proceeding}, got)
}

func TestQueueDropsTheOldest(t *testing.T) {
	q := NewQueue(2)
	c, src := testSource(q, "a")
	for i := range 5 {
		src.put(MediaError{eventBase: c.base(), Status: i})
	}
	src.last(state(c, Terminated)) // has a place of its own
	src.put(MediaError{})          // after the last: nothing
	ctx := context.Background()
	var got []Event
	for {
		ev, err := src.q.next(ctx, src)
		if err != nil {
			require.ErrorIs(t, err, ErrClosed)
			break
		}
		got = append(got, ev)
	}
	require.Len(t, got, 4)
	require.Equal(t, 3, got[0].(EventsLost).N)
	require.Equal(t, 3, got[1].(MediaError).Status)
	require.Equal(t, Terminated, got[3].(StateChanged).State)
}

func TestQueueThatKeepsNone(t *testing.T) {
	q := NewQueue(-1)
	c, src := testSource(q, "a")
	src.put(state(c, Calling))
	src.last(state(c, Terminated))
	ev, err := src.q.next(context.Background(), src)
	require.NoError(t, err)
	require.Equal(t, Terminated, ev.(StateChanged).State)
	_, err = src.q.next(context.Background(), src)
	require.ErrorIs(t, err, ErrClosed)
}

func TestQueueLossIsPerHandle(t *testing.T) {
	q := NewQueue(1)
	a, sa := testSource(q, "a")
	b, sb := testSource(q, "b")
	sb.put(state(b, Received))
	sa.put(MediaError{eventBase: a.base()})
	sa.put(MediaError{eventBase: a.base()})
	ctx := context.Background()
	ev, _ := q.Next(ctx)
	require.Equal(t, "i_state", ev.String(), "b lost nothing")
	ev, _ = q.Next(ctx)
	require.Equal(t, EventsLost{eventBase: a.base(), N: 1}, ev)
}

func TestQueueEventBeatsEndedContext(t *testing.T) {
	q := NewQueue(0)
	c, src := testSource(q, "a")
	src.put(state(c, Calling))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := q.Next(ctx)
	require.NoError(t, err)
	_, err = q.Next(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

func TestQueueClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(0)
		c, src := testSource(q, "a")
		errs := make(chan error)
		go func() { _, err := q.Next(context.Background()); errs <- err }()
		go func() { _, err := q.next(context.Background(), src); errs <- err }()
		synctest.Wait()
		q.Close()
		require.ErrorIs(t, <-errs, ErrClosed)
		require.ErrorIs(t, <-errs, ErrClosed)
		require.Empty(t, q.blocked)
		src.put(state(c, Calling))
		_, err := q.Next(context.Background())
		require.ErrorIs(t, err, ErrClosed)
		n := 0
		for range q.Events(context.Background()) {
			n++
		}
		require.Zero(t, n)
	})
}

// TestQueueReadersShare: every event goes to exactly one of many readers, and
// none sleeps beside an event, also when readers give up.
func TestQueueReadersShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(1000)
		c, src := testSource(q, "a")
		var mu sync.Mutex
		got := map[int]int{}
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for {
					ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i+1)*time.Millisecond)
					ev, err := src.q.next(ctx, src)
					cancel()
					switch err {
					case nil:
						if m, ok := ev.(MediaError); ok {
							mu.Lock()
							got[m.Status]++
							mu.Unlock()
						}
					case ErrClosed:
						return
					default:
						if err != context.DeadlineExceeded {
							panic(err)
						}
					}
				}
			})
		}
		for i := range 200 {
			if i%3 == 0 {
				time.Sleep(time.Millisecond)
			}
			src.put(MediaError{eventBase: c.base(), Status: i})
		}
		src.last(state(c, Terminated))
		wg.Wait()
		require.Len(t, got, 200)
		for i, n := range got {
			require.Equal(t, 1, n, "event %d", i)
		}
	})
}

func TestEventNames(t *testing.T) {
	for _, tt := range []struct {
		ev   Event
		want string
	}{
		{StateChanged{}, "i_state"}, {InviteResult{}, "r_invite"}, {CancelReceived{}, "i_cancel"},
		{ByeReceived{}, "i_bye"}, {AckReceived{}, "i_ack"}, {MediaError{}, "i_media_error"},
		{ReinviteReceived{}, "i_invite"}, {MessageReceived{}, "i_message"},
		{RegisterResult{}, "r_register"}, {RegisterResult{Unregister: true}, "r_unregister"},
		{EventsLost{N: 4}, "events_lost 4"},
	} {
		require.Equal(t, tt.want, tt.ev.String())
	}
}
