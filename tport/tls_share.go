package tport

import (
	"crypto/x509"
	"slices"
)

const (
	// namesShared is how many names one connection may serve.
	namesShared = 16
	// peersAsked is how many connections to one address are asked whether they
	// have proved another name.
	peersAsked = 16
)

// pooled returns the open connection for key, nil if there is none. A TLS
// connection to the same address that was made for another name serves too, if
// its peer's certificate proves the name: it is compared again for each (RFC
// 5922 section 7.3). The caller holds mu.
func (t *Transport) pooled(key poolKey) *stream {
	if s := t.pool[key]; s != nil && s.open() {
		return s
	}
	peers := t.shared[key.anyName()]
	for _, s := range peers[:min(len(peers), peersAsked)] {
		if len(s.reuse) < namesShared && s.open() && s.provesToo(key) {
			t.pool[key] = s
			s.reuse = append(s.reuse, key)
			return s
		}
	}
	return nil
}

// anyName is what the keys of all names that could share a connection have in common.
func (k poolKey) anyName() poolKey {
	k.server = ""
	return k
}

// provesToo reports whether the peer has proved the name of key as well, as far
// as we can tell: hooks of the user's are for a handshake.
func (s *stream) provesToo(key poolKey) bool {
	check := s.seal.check
	if key.server == "" || check.chains == nil || check.user.VerifyConnection != nil || check.user.VerifyPeerCertificate != nil {
		return false
	}
	at := now(check.user)
	valid := slices.ContainsFunc(check.chains, func(chain []*x509.Certificate) bool {
		for _, c := range chain {
			if at.Before(c.NotBefore) || at.After(c.NotAfter) {
				return false
			}
		}
		return true
	})
	return valid && proves(s.seal.state.PeerCertificates[0], key.server, check.e.rule())
}

// keep makes a dialled connection known for key, unless it has ended already.
// The caller holds mu.
func (t *Transport) keep(key poolKey, s *stream) {
	if t.flows[s.flow.key] != s {
		return
	}
	t.pool[key] = s
	s.reuse = append(s.reuse, key)
	if key.proto == TLS { // a WebSocket was opened at one name (RFC 6455 section 4.1)
		any := key.anyName()
		t.shared[any] = append(t.shared[any], s)
	}
}

// unpool undoes keep. The caller holds mu.
func (t *Transport) unpool(s *stream) {
	for _, key := range s.reuse {
		if t.pool[key] == s {
			delete(t.pool, key)
		}
	}
	if len(s.reuse) == 0 {
		return
	}
	any := s.reuse[0].anyName()
	peers := slices.DeleteFunc(t.shared[any], func(o *stream) bool { return o == s })
	if len(peers) == 0 {
		delete(t.shared, any)
	} else {
		t.shared[any] = peers
	}
	s.reuse = nil
}
