package tport

import (
	"crypto/tls"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
)

const (
	// sessionsKept is how many TLS sessions one configuration remembers, so
	// that its next connection to the same name can resume one.
	sessionsKept = 256
	// configsKept is how many configurations of names to connect to are
	// remembered with their sessions; those of listening names always are.
	configsKept = 64
)

// tlsConfig is one configuration of the user's and what lasts longer than one
// connection: the sessions to resume, and at the accepting end the keys of the
// tickets.
type tlsConfig struct {
	t        *Transport
	user     *tls.Config // a copy; nobody changes it
	sessions tls.ClientSessionCache

	once   sync.Once
	accept *tls.Config
	warned sync.Once
}

// checkTLS tells what is wrong with a configuration of the user's.
func checkTLS(c *tls.Config) error {
	if c != nil && c.MaxVersion != 0 && c.MaxVersion < tls.VersionTLS12 {
		return errors.New("tls.Config.MaxVersion is below TLS 1.2; leave it 0")
	}
	return nil
}

func (t *Transport) newTLSConfig(c *tls.Config) *tlsConfig {
	c = strict(c)
	sessions := c.ClientSessionCache
	if sessions == nil {
		sessions = tls.NewLRUClientSessionCache(sessionsKept)
	}
	return &tlsConfig{t: t, user: c, sessions: sessions}
}

// strict returns a copy of c, which may be nil, that allows no less than we do.
func strict(c *tls.Config) *tls.Config {
	if c == nil {
		c = &tls.Config{} // MinVersion is set below
	}
	c = c.Clone()
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	c.Renegotiation = tls.RenegotiateNever
	// A message is of no use before its last octet has come: whole records.
	c.DynamicRecordSizingDisabled = true
	return c
}

// SetTLS replaces Config.TLS for connections made and accepted from now on:
// new certificates, or new authorities. It also holds for primaries whose Name
// had no TLS of its own. Connections that there are live on and are used
// further; close them where that must not be (see [Config.Trace] for finding
// them). Sessions made before are not resumed. The error says what is wrong
// with c, which must not be changed any more; it wraps [ErrNoCertificate] where a
// primary needs one and c has none. nil is a configuration without anything.
func (t *Transport) SetTLS(c *tls.Config) error {
	err := checkTLS(c)
	if err == nil && !canServe(c) && slices.ContainsFunc(t.Primaries(), (*Primary).needsTLS) {
		err = ErrNoCertificate
	}
	if err != nil {
		return wrap("configure", Key{}, err)
	}
	t.tls.Store(t.newTLSConfig(c))
	return nil
}

// needsTLS reports whether the primary lives on the transport's configuration.
func (p *Primary) needsTLS() bool {
	return (p.proto == TLS || p.proto == WSS) && p.tls.Load() == nil
}

// SetTLS replaces the configuration of connections accepted from now on, as
// [Transport.SetTLS] does for all names without their own. It changes nothing
// on a primary of a protocol without TLS. The error wraps [ErrNoCertificate]
// for a configuration that has nothing to show.
func (p *Primary) SetTLS(c *tls.Config) error {
	key := Key{Proto: p.proto, Local: p.addr}
	err := checkTLS(c)
	if err == nil && !canServe(c) {
		err = ErrNoCertificate
	}
	if err != nil {
		return wrap("configure", key, err)
	}
	p.tls.Store(p.t.newTLSConfig(c))
	return nil
}

// canServe reports whether a configuration has a certificate to show.
func canServe(c *tls.Config) bool {
	return c != nil && (len(c.Certificates) > 0 || c.GetCertificate != nil || c.GetConfigForClient != nil)
}

// configure takes the TLS configuration of a name to listen on.
func (p *Primary) configure(name Name) error {
	p.verify = name.Verify
	if name.TLS != nil {
		return p.SetTLS(name.TLS)
	}
	if !canServe(p.t.tls.Load().user) {
		return ErrNoCertificate
	}
	return nil
}

// config is what connections accepted now are configured by.
func (p *Primary) config() *tlsConfig {
	if c := p.tls.Load(); c != nil {
		return c
	}
	return p.t.tls.Load()
}

// tlsFor returns the configuration to connect with.
func (t *Transport) tlsFor(c *tls.Config) (*tlsConfig, error) {
	if c == nil {
		return t.tls.Load(), nil
	}
	if err := checkTLS(c); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if known := t.configs[c]; known != nil {
		return known, nil
	}
	if len(t.configs) >= configsKept {
		for old := range t.configs { // it only loses its sessions
			delete(t.configs, old)
			break
		}
	}
	made := t.newTLSConfig(c)
	t.configs[c] = made
	return made, nil
}

// client returns the configuration of one connection made from here.
func (c *tlsConfig) client(check *verdict, remote netip.Addr) *tls.Config {
	cfg := c.user.Clone()
	cfg.ClientSessionCache = c.sessions
	if name := check.e.server; name != "" {
		cfg.ServerName = name
	}
	if cfg.ServerName == "" {
		cfg.ServerName = remote.WithZone("").String()
	}
	// For an address this sends no server name (RFC 6066 section 3).
	check.expected = strings.Trim(strings.TrimSuffix(cfg.ServerName, "."), "[]")
	cfg.ServerName = check.expected
	if check.e.proto == WSS {
		cfg.NextProtos = alpnWebSocket()
	}
	check.user = c.user
	check.insecure = cfg.InsecureSkipVerify
	if check.insecure {
		c.warnInsecure()
		return cfg
	}
	cfg.InsecureSkipVerify = true // verdict does it all, by our rules
	cfg.VerifyPeerCertificate = nil
	cfg.VerifyConnection = check.server
	return cfg
}

// server returns the configuration of connections accepted. It is the same for
// all of them, because the keys of session tickets belong to it; what is of one
// connection comes through GetConfigForClient.
func (c *tlsConfig) server() *tls.Config {
	c.once.Do(func() {
		c.accept = c.user.Clone()
		c.accept.GetConfigForClient = c.forClient
	})
	return c.accept
}

// forClient returns the configuration of one connection accepted, after its
// client has said which name it wants.
func (c *tlsConfig) forClient(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	check, _ := hello.Context().Value(verdictKey{}).(*verdict)
	if check == nil {
		return nil, errors.New("no verdict in the context of a handshake")
	}
	cfg := c.user
	if choose := cfg.GetConfigForClient; choose != nil {
		chosen, err := choose(hello)
		if err != nil {
			return nil, err
		}
		if chosen != nil {
			if err := checkTLS(chosen); err != nil {
				return nil, err
			}
			cfg = strict(chosen)
		}
	}
	check.user = cfg
	cfg = cfg.Clone()
	if check.e.proto == WSS {
		cfg.NextProtos = alpnWebSocket()
	}
	switch cfg.ClientAuth {
	case tls.VerifyClientCertIfGiven:
		cfg.ClientAuth = tls.RequestClientCert
	case tls.RequireAndVerifyClientCert:
		cfg.ClientAuth = tls.RequireAnyClientCert
	default:
		return cfg, nil // nothing is proved
	}
	cfg.VerifyPeerCertificate = nil
	cfg.VerifyConnection = check.client
	return cfg, nil
}

// alpnWebSocket is what a WebSocket is upgraded from (RFC 6455 section 4.1): never
// HTTP/2. For SIP itself nothing is offered that the user did not ask for,
// though "sip/2" is registered: a server may refuse what it does not know
// (RFC 7301 section 3.2).
func alpnWebSocket() []string { return []string{"http/1.1"} }

// warnInsecure says, once for each configuration, that nothing is verified.
func (c *tlsConfig) warnInsecure() {
	c.warned.Do(func() {
		c.t.log.Warn("TLS PEERS ARE NOT VERIFIED: tls.Config.InsecureSkipVerify is set; anybody can be anybody on these connections")
	})
}
