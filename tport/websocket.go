package tport

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// WebSocketConfig is what SIP over WebSocket leaves to the user (RFC 7118). The
// zero value is safe and needs no more for clients that are no browsers.
type WebSocketConfig struct {
	// Path is the path of a [Name] that has none, "/" by default. Other layers
	// resolve SIP URIs, which cannot say where on a server SIP is: a client of a
	// server that has it elsewhere sets it here.
	Path string
	// Origin decides which web pages may connect: it gets each request for an
	// upgrade that has an Origin header (RFC 6455 section 10.2), and answers
	// whether to go on. By default a page may connect to the host and port that
	// it came from itself; others get 403. A server whose pages are elsewhere
	// needs a func of its own: a page that anybody wrote runs inside the network
	// of whoever looks at it, and can reach what trusts that network. A request
	// without Origin, which browsers do not make, is never asked about.
	//
	//	Origin: func(r *http.Request) bool {
	//		return r.Header.Get("Origin") == "https://www.example.com"
	//	},
	Origin func(r *http.Request) bool
	// Authorize sees each request that would be upgraded, last of all, with its
	// cookies and credentials (RFC 7118 section 7). To refuse, it answers by w,
	// for example with 401 and WWW-Authenticate, and returns false. nil lets
	// everybody in: SIP has its own authentication.
	Authorize func(w http.ResponseWriter, r *http.Request) bool
	// Header returns header fields for the request of a client, such as Cookie,
	// Authorization or Origin. It runs before each attempt, with challenge nil,
	// and once more with the header of a 401 that came in answer (RFC 7118
	// section 7): an error, or no header then, ends the attempt. nil adds nothing.
	Header func(ctx context.Context, name Name, challenge http.Header) (http.Header, error)
}

// subprotocol is asked for, checked and echoed (RFC 7118 section 4.1).
const subprotocol = "sip"

// anyPath is the Path of a Name that listens on every path.
const anyPath = "*"

// originAllowed applies Config.WebSocket.Origin or its default.
func (t *Transport) originAllowed(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return true
	}
	if t.cfg.WebSocket.Origin != nil {
		allowed := false
		t.guard(func() { allowed = t.cfg.WebSocket.Origin(r) })
		return allowed
	}
	u, err := url.Parse(origins[0])
	return len(origins) == 1 && err == nil && u.Host != "" && strings.EqualFold(withoutPort(u.Host), withoutPort(r.Host))
}

// withoutPort takes the ports off that a URL may leave out.
func withoutPort(host string) string {
	return strings.TrimSuffix(strings.TrimSuffix(host, ":80"), ":443")
}

// authorized applies Config.WebSocket.Authorize.
func (t *Transport) authorized(w http.ResponseWriter, r *http.Request) bool {
	if t.cfg.WebSocket.Authorize == nil {
		return true
	}
	allowed, done := false, false
	t.guard(func() {
		allowed = t.cfg.WebSocket.Authorize(w, r)
		done = true
	})
	if !done {
		http.Error(w, "internal error", http.StatusInternalServerError)
	}
	return allowed
}

// asked runs a hook of the user's on the way to a connection.
func asked[T any](t *Transport, hook func() (T, error)) (v T, err error) {
	err = errHook
	t.guard(func() { v, err = hook() })
	return v, err
}

// errHook is the end of an attempt whose hook has panicked.
var errHook = errors.New("a hook of Config panicked")

// offers reports whether a comma separated header has a token, in any case.
func offers(h http.Header, name, token string) bool {
	for _, v := range h.Values(name) {
		for part := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

// pathOf is the path that a Name stands for.
func (t *Transport) pathOf(name Name) string {
	switch {
	case name.Path != "":
		return name.Path
	case t.cfg.WebSocket.Path != "":
		return t.cfg.WebSocket.Path
	}
	return "/"
}
