package tport

import (
	"context"
)

// Rebind closes the socket of a UDP primary and binds another to the same
// address and port, for systems on which a socket does not outlive a change of
// the network, such as sleep on a telephone. The primary and its flows live on;
// what was queued is lost. Listening sockets of streams need none and are left
// alone, as are sockets that were given to [Transport.ServePacket].
//
// If the address cannot be bound the primary stays without a socket and Send
// returns [ErrUnbound], until another Rebind succeeds or the primary is closed.
// ctx bounds the binding. The error is an [*Error] that wraps [ErrClosed] or
// what the system said.
func (p *Primary) Rebind(ctx context.Context) error {
	if p.packet == nil || p.socket != nil {
		return nil
	}
	return wrap("listen", Key{Proto: p.proto, Local: p.addr}, p.packet.rebind(ctx))
}

func (k *packet) rebind(ctx context.Context) error {
	t := k.p.t
	t.mu.Lock()
	closed := t.closed
	if !closed {
		t.work.Add(1) // so that Close waits
	}
	t.mu.Unlock()
	if closed {
		return ErrClosed
	}
	defer t.work.Done()
	// One at a time: a slot, for binding may wait.
	select {
	case k.moving <- struct{}{}:
		defer func() { <-k.moving }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if !k.unbind() {
		return ErrClosed
	}
	if err := k.open(ctx); err != nil {
		return err
	}
	k.serve()
	t.log.Info("bound again", "proto", k.p.proto, "addr", k.p.addr)
	return nil
}
