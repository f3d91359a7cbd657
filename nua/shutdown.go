package nua

import "context"

// Shutdown ends every usage in order and then closes the UA: calls get BYE,
// CANCEL or 480, registrations are removed. From its call on nothing new
// begins: methods return [ErrClosed] and INVITEs get 480. When ctx ends first,
// what is left is dropped without further messages, and the error is ctx's.
// When Shutdown has returned, no goroutine and no socket of the UA is left: it
// waits for Handler funcs too, and must not be called from one.
func (u *UA) Shutdown(ctx context.Context) error {
	for _, x := range u.close() {
		x.shutdown()
	}
	var err error
	select {
	case <-u.drained:
	case <-ctx.Done():
		select {
		case <-u.drained:
		default:
			err = ctx.Err()
		}
	}
	u.drop()
	if down := u.agent.Shutdown(ctx); err == nil {
		err = down
	}
	return err
}

// Close ends the UA at once, without a word to the peers. Shutdown is the
// polite way. It waits for Handler funcs, and must not be called from one. The
// error is that of closing the sockets.
func (u *UA) Close() error {
	u.close()
	u.drop()
	return u.agent.Close()
}

// close stops new usages and returns those open.
func (u *UA) close() []usage {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.closing {
		u.closing = true
		if len(u.usages) == 0 {
			close(u.drained)
		}
	}
	return u.open()
}

// open lists the usages; u.mu is held.
func (u *UA) open() []usage {
	all := make([]usage, 0, len(u.usages))
	for x := range u.usages {
		all = append(all, x)
	}
	return all
}

// drop ends what is left without messages.
func (u *UA) drop() {
	u.mu.Lock()
	left := u.open()
	u.mu.Unlock()
	for _, x := range left {
		x.drop()
	}
}
