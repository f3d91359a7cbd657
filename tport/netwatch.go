package tport

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"
)

// settleChange is how long addresses must stay as they are before a change is
// acted on: a renewed lease takes them away for a moment.
const settleChange = time.Second

// watches reports whether there is a network to watch.
func (t *Transport) watches() bool {
	return t.cfg.InterfaceInterval > 0 && (t.cfg.InterfaceAddrs != nil || t.system)
}

// watch begins to see addresses of the host come and go; the first primary does.
// What there is when it returns is no change.
func (t *Transport) watch() {
	list, wake := t.cfg.InterfaceAddrs, (*wakeup)(nil)
	if list == nil {
		list, wake = net.InterfaceAddrs, newWakeup()
	}
	known, err := t.addresses(list)
	if err != nil {
		t.log.Warn("the addresses of this host cannot be listed", "err", err)
	}
	if wake != nil {
		t.spawn(wake.run)
	}
	t.spawn(func() {
		defer wake.close()
		t.watchFrom(known, err == nil, list, wake)
	})
}

// watchFrom is the goroutine of watch.
func (t *Transport) watchFrom(known []netip.Addr, begun bool, list func() ([]net.Addr, error), wake *wakeup) {
	for t.waitChange(wake) {
		now, err := t.addresses(list)
		if err == nil && !begun {
			known, begun = now, true
		}
		if err != nil || slices.Equal(now, known) {
			continue
		}
		if !t.pause(settleChange) {
			return
		}
		if now, err = t.addresses(list); err != nil || slices.Equal(now, known) {
			continue
		}
		added, removed := without(now, known), without(known, now)
		known = now
		t.changed(added, removed)
	}
}

// waitChange waits until the addresses should be looked at.
func (t *Transport) waitChange(wake *wakeup) bool {
	if wake == nil {
		return t.pause(t.cfg.InterfaceInterval)
	}
	select {
	case <-t.ctx.Done():
		return false
	case _, ok := <-wake.c:
		if !ok { // the system tells no more
			return t.pause(t.cfg.InterfaceInterval)
		}
		return true
	}
}

// pause waits, and reports whether the transport is still open.
func (t *Transport) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-t.ctx.Done():
		return false
	}
}

// errNoList is a list of addresses that panicked.
var errNoList = errors.New("Config.InterfaceAddrs panicked")

// addresses returns the addresses of the host in order.
func (t *Transport) addresses(list func() ([]net.Addr, error)) (addrs []netip.Addr, err error) {
	var all []net.Addr
	err = errNoList
	t.guard(func() { all, err = list() })
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			addrs = append(addrs, p.Addr().Unmap())
		}
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	return slices.Compact(addrs), err
}

// without returns what is in a and not in b.
func without(a, b []netip.Addr) (rest []netip.Addr) {
	for _, x := range a {
		if _, found := slices.BinarySearchFunc(b, x, netip.Addr.Compare); !found {
			rest = append(rest, x)
		}
	}
	return rest
}

// changed acts on addresses that have come and gone.
func (t *Transport) changed(added, removed []netip.Addr) {
	t.log.Info("the network has changed", "added", added, "removed", removed)
	t.count.networkChanges.Add(1)
	t.forgetRoutes()
	if len(removed) > 0 {
		t.endFrom(func(local netip.Addr) bool {
			return slices.ContainsFunc(removed, func(a netip.Addr) bool { return a == local.WithZone("") })
		})
	}
	for _, p := range t.Primaries() {
		if p.packet == nil {
			continue
		}
		p.packet.forgetControls()
		if err := p.packet.joinMore(); err != nil {
			t.log.Warn("joining a multicast group failed", "addr", p.addr, "err", err)
		}
	}
	if t.cfg.Changed != nil {
		t.guard(func() { t.cfg.Changed(added, removed) })
	}
}

// endFrom ends the connections and flows whose local address has gone.
func (t *Transport) endFrom(gone func(netip.Addr) bool) {
	var dead []*stream
	t.mu.Lock()
	for _, s := range t.flows {
		if gone(s.flow.key.Local.Addr()) {
			dead = append(dead, s)
		}
	}
	t.mu.Unlock()
	for _, s := range dead {
		s.kill(ErrAddressGone)
	}
	t.keeper.goneFrom(gone)
}

// goneFrom ends the kept and watched flows from addresses that have gone.
func (k *keeper) goneFrom(gone func(netip.Addr) bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stopped {
		return
	}
	for key, e := range k.kept {
		if gone(key.Local.Addr()) {
			k.fail(e, ErrAddressGone)
		}
	}
}
