package tport

import (
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
	return t.cfg.InterfaceInterval > 0 && (t.cfg.Interfaces != nil || t.system)
}

// watch is the goroutine that sees addresses of the host come and go. It
// begins with the first primary.
func (t *Transport) watch() {
	list, wake := t.cfg.Interfaces, (*wakeup)(nil)
	if list == nil {
		list, wake = systemAddrs, newWakeup()
	}
	defer wake.close()
	known, err := t.addresses(list)
	if err != nil {
		t.log.Warn("the addresses of this host cannot be listed", "err", err)
	}
	if wake != nil {
		t.spawn(wake.run)
	}
	for t.waitChange(wake) {
		now, err := t.addresses(list)
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

// addresses returns the addresses of the host in order.
func (t *Transport) addresses(list func() ([]netip.Addr, error)) (addrs []netip.Addr, err error) {
	t.guard(func() { addrs, err = list() })
	addrs = slices.Clone(addrs)
	for i, a := range addrs {
		addrs[i] = a.Unmap()
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	return slices.Compact(addrs), err
}

// without returns what is in a and not in b.
func without(a, b []netip.Addr) []netip.Addr {
	return slices.DeleteFunc(slices.Clone(a), func(x netip.Addr) bool {
		_, found := slices.BinarySearchFunc(b, x, netip.Addr.Compare)
		return found
	})
}

// changed acts on addresses that have come and gone.
func (t *Transport) changed(added, removed []netip.Addr) {
	t.log.Info("the network has changed", "added", added, "removed", removed)
	t.count.networkChanges.Add(1)
	t.forgetRoutes()
	if len(removed) > 0 {
		t.mu.Lock()
		var gone []*stream
		for _, s := range t.flows {
			local := s.flow.key.Local.Addr().WithZone("")
			if slices.ContainsFunc(removed, func(a netip.Addr) bool { return a.WithZone("") == local }) {
				gone = append(gone, s)
			}
		}
		t.mu.Unlock()
		for _, s := range gone {
			s.kill(ErrAddressGone)
		}
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

// systemAddrs are the addresses of the host's interfaces.
func systemAddrs() ([]netip.Addr, error) {
	all, err := net.InterfaceAddrs()
	addrs := make([]netip.Addr, 0, len(all))
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			addrs = append(addrs, p.Addr())
		}
	}
	return addrs, err
}
