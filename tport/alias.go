package tport

// Alias has a TLS connection that the peer opened found by [Transport.Dial],
// [Transport.Ready] and [Transport.Send] for name, as if it had been dialled: a
// row of the alias table of RFC 5923 section 5. Host and port of name are those
// at which the peer says it can be reached; they need not be its own end of the
// connection. Whether a peer wants this, and may have it, is for the caller to
// decide; that the peer is who it says is not: with its certificate it must have
// proved to be name.ServerName (sections 8.2 and 9.2), so a connection without
// TLS, or without a verified certificate of the peer, never gets an alias.
//
// A connection that had the name before keeps what it carries, and is used for
// it no more: the peer has opened the newer one for a reason. The alias ends
// with the flow. One connection has at most 16 names, those that Dial has found
// it good for included.
//
// The error is an [*Error] that wraps [ErrNotProved], [ErrGone], [ErrAliases],
// [ErrNoTransport] (not the protocol of this flow), [ErrNotNumeric] or [ErrNoPort].
func (f *Flow) Alias(name Name) error {
	return wrap("alias", f.key, f.alias(name))
}

func (f *Flow) alias(name Name) error {
	s := f.stream
	switch {
	case s == nil || name.Proto != f.key.Proto:
		return ErrNoTransport
	case s.seal == nil || name.Proto != TLS:
		return ErrNotProved // a WebSocket ends at a user agent, which has no name
	}
	key, err := s.t.poolKey(name)
	if err != nil {
		return err
	}
	t := s.t
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.flows[s.flow.key] != s || !s.open():
		return goneBy(ErrClosed)
	case t.pool[key] == s:
		return nil
	case !s.provesToo(key):
		return ErrNotProved
	case len(s.reuse) >= namesShared:
		return ErrAliases
	}
	t.pool[key] = s
	s.reuse = append(s.reuse, key)
	return nil
}
