package tport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"github.com/gosofia/sofia/msg"
)

// secure is messages on TLS on TCP (RFC 3261 section 26.2.1), framed as on TCP.
type secure struct{ listening }

func (secure) bind(ctx context.Context, p *Primary, name Name) error {
	if err := p.configure(name); err != nil {
		return err
	}
	return listening{}.bind(ctx, p, name)
}

func (secure) upgrade(ctx context.Context, conn net.Conn, e end) (link, error) {
	s, err := handshake(ctx, conn, e)
	if err != nil {
		return link{}, err
	}
	return link{conn: conn, seal: s, frames: msg.NewFramer(e.class, e.t.cfg.Limits)}, nil
}

// handshake does the TLS handshake on a fresh connection, for every protocol
// over TLS, and verifies the peer before anything else is said to it. It is
// bounded by ctx. When it fails the connection is of no more use; the caller
// closes it. A panic in a hook of the user's configuration costs this handshake.
func handshake(ctx context.Context, conn net.Conn, e end) (s *sealed, err error) {
	defer func() {
		if r := recover(); r != nil {
			e.t.panicked(r)
			s, err = nil, fmt.Errorf("%w: panic in a hook of tls.Config", ErrTLS)
		}
	}()
	check := &verdict{e: e}
	s = &sealed{sock: &socket{Conn: conn}, check: check}
	if e.client {
		s.Conn = tls.Client(s.sock, e.tls.client(check, e.remote.Addr()))
	} else {
		s.Conn = tls.Server(s.sock, e.tls.server())
		ctx = context.WithValue(ctx, verdictKey{}, check)
	}
	if err := s.HandshakeContext(ctx); err != nil {
		return nil, handshakeError(err)
	}
	state := s.ConnectionState()
	if check.chains != nil {
		state.VerifiedChains = check.chains
		s.identities = Identities(state.PeerCertificates[0])
	}
	s.state, s.proved = &state, check.proved
	return s, nil
}

// handshakeError gives what failed in a handshake its final form.
func handshakeError(err error) error {
	switch {
	case errors.Is(err, ErrUntrusted):
		return err
	case refused(err):
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return fmt.Errorf("%w: %w", ErrTLS, err)
}

// refused reports whether err is an alert of the peer's.
func refused(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "remote error"
}
