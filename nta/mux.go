package nta

import (
	"slices"
	"strings"
	"sync"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

// Mux hands requests outside dialogs to the user code of a URI and a method:
// give its Serve to [Config]. What matches best wins: URI and method, then the
// URI with any method, then the method at any URI, then what takes everything. A
// request that nothing takes is answered 405 with Allow when its URI takes other
// methods, 501 when no entry has its method at all, and 404 otherwise (RFC 3261
// section 8.2.1, 21.4.6, 21.5.2); an ACK is dropped. The zero value is ready.
// Its methods are safe for concurrent use.
type Mux struct {
	mu      sync.RWMutex
	entries map[muxKey]func(*Incoming)
}

type muxKey struct {
	uri    string // user@host:port; "": any
	method string // "": any
}

// Handle sets the user code for the requests with this method and Request-URI;
// nil takes it away. An empty method is any, and so is the zero URI. Of the URI
// the scheme, user, host and port count, where sips is a scheme of its own. A
// host that means the agent itself, by any address or alias and at any port it
// listens on, counts as the same as another such: see [Incoming.Ours]. A URI
// without a user takes the users that have no entry of their own.
func (m *Mux) Handle(method string, uri sip.URI, f func(*Incoming)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := muxKey{method: method}
	if uri.Host != "" {
		k.uri = muxURI(uri)
	}
	if f == nil {
		delete(m.entries, k)
		return
	}
	if m.entries == nil {
		m.entries = map[muxKey]func(*Incoming){}
	}
	m.entries[k] = f
}

func muxURI(u sip.URI) string {
	bare := sip.URI{Scheme: strings.ToLower(u.Scheme), User: u.User, Host: strings.ToLower(u.Host), Port: u.Port}
	return bare.String()
}

// Serve is the func for [Config].
func (m *Mux) Serve(in *Incoming) {
	if f := m.find(in); f != nil {
		f(in)
		return
	}
	req := in.Request()
	if req.Method() == sip.MethodAck {
		return
	}
	here, known := m.methods(in)
	switch {
	case len(here) > 0:
		in.Reply(405, allow(here)...)
	case !known:
		in.Reply(501)
	default:
		in.Reply(404)
	}
}

func allow(methods []string) (set []msg.Setter) {
	return []msg.Setter{sip.Allow.Set(methods...)}
}

// find looks for the best entry.
func (m *Mux) find(in *Incoming) func(*Incoming) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	method := in.Request().Method()
	for _, uri := range m.uris(in) {
		for _, k := range []muxKey{{uri, method}, {uri, ""}} {
			if f := m.entries[k]; f != nil {
				return f
			}
		}
	}
	return nil
}

// uris are the keys that a request may be found by: its own URI, the same user
// at the other hosts of this agent, the host without a user, any.
func (m *Mux) uris(in *Incoming) []string {
	uri, err := in.Request().URI()
	if err != nil {
		return []string{""}
	}
	keys := []string{muxURI(uri)}
	ours := in.Ours(uri)
	also := func(user string) {
		bare := uri
		bare.User = user
		keys = append(keys, muxURI(bare))
		if !ours {
			return
		}
		for k := range m.entries {
			u, err := sip.ParseURI(k.uri)
			if err == nil && u.User == user && u.Scheme == strings.ToLower(uri.Scheme) && in.Ours(u) && !slices.Contains(keys, k.uri) {
				keys = append(keys, k.uri)
			}
		}
	}
	also(uri.User)
	if uri.User != "" {
		also("")
	}
	return append(keys, "")
}

// methods are those that the URI of a request takes, and whether its method
// stands in any entry.
func (m *Mux) methods(in *Incoming) (here []string, known bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	method := in.Request().Method()
	uris := m.uris(in)
	var anywhere []string
	for k := range m.entries {
		known = known || k.method == method
		switch {
		case k.method == "" || !slices.Contains(uris, k.uri):
		case k.uri == "":
			anywhere = append(anywhere, k.method)
		default:
			here = append(here, k.method)
		}
	}
	if len(here) == 0 { // the URI is known to nobody
		return nil, known
	}
	here = append(here, anywhere...)
	slices.Sort(here)
	return slices.Compact(here), known
}
