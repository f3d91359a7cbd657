package tport

import (
	"container/list"
	"context"
	"errors"
	"net"
	"net/netip"
)

// immediate is a stream protocol whose upgrade never waits for the peer.
type immediate interface{ immediate() }

func (tcp) immediate() {}

// halfOpen is an accepted connection that does not carry messages yet.
type halfOpen struct {
	source netip.Prefix
	cancel context.CancelCauseFunc
	place  *list.Element
}

// beginHandshake takes an accepted connection into the books of those that are
// half open. Where there is no place the oldest of them goes, since one that is
// honest does not take long; the oldest of the same source if that has half of
// all places or as many connections as it may have.
func (t *Transport) beginHandshake(conn net.Conn) (context.Context, *halfOpen, error) {
	h := &halfOpen{source: sourceOf(addrPortOf(conn.RemoteAddr()).Addr())}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, nil, ErrClosed
	}
	own, oldest := 0, (*halfOpen)(nil)
	for e := t.halfOpen.Front(); e != nil; e = e.Next() {
		if other := e.Value.(*halfOpen); other.source == h.source {
			if own++; oldest == nil {
				oldest = other
			}
		}
	}
	limit, perSource := t.cfg.MaxHandshakes, t.cfg.MaxFlowsPerSource
	full := limit >= 0 && t.halfOpen.Len() >= limit
	switch {
	case oldest != nil && perSource >= 0 && own+len(t.sources[h.source]) >= perSource,
		full && own > limit/2:
		t.dropHandshake(oldest)
	case full && t.halfOpen.Len() > 0:
		t.dropHandshake(t.halfOpen.Front().Value.(*halfOpen))
	case full:
		return nil, nil, ErrTooManyFlows
	}
	ctx, cancel := context.WithCancelCause(t.ctx)
	h.cancel = cancel
	h.place = t.halfOpen.PushBack(h)
	return ctx, h, nil
}

// dropHandshake gives one up. The caller holds mu.
func (t *Transport) dropHandshake(h *halfOpen) {
	t.halfOpen.Remove(h.place)
	h.place = nil
	h.cancel(ErrShed)
	t.count.halfOpenShed.Add(1)
}

// endHandshake takes one off the books.
func (t *Transport) endHandshake(h *halfOpen) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if h.place != nil {
		t.halfOpen.Remove(h.place)
		h.place = nil
	}
	h.cancel(nil)
}

// upgrade makes a link of a connection, within ctx and Config.HandshakeTimeout:
// when they end, whatever waits for the connection wakes.
func (t *Transport) upgrade(ctx context.Context, proto streamProtocol, conn net.Conn, e end) (link, error) {
	if _, ok := proto.(immediate); ok {
		return proto.upgrade(ctx, conn, e)
	}
	if t.cfg.HandshakeTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, t.cfg.HandshakeTimeout, ErrHandshakeTimeout)
		defer cancel()
	}
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = conn.SetDeadline(past)
		close(woken)
	})
	l, err := proto.upgrade(ctx, conn, e)
	if !stop() {
		<-woken
		if err = context.Cause(ctx); t.ctx.Err() != nil {
			return link{}, ErrClosed
		}
	}
	if err != nil {
		t.count.handshake(err)
		return link{}, err
	}
	return l, nil
}

// handshake counts one that failed.
func (c *counters) handshake(err error) {
	c.handshakeFailures.Add(1)
	switch {
	case errors.Is(err, ErrHandshakeTimeout):
		c.handshakeTimeouts.Add(1)
	case errors.Is(err, ErrUntrusted):
		c.untrusted.Add(1)
	}
}
