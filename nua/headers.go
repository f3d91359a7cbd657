package nua

import (
	"slices"
	"strings"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

// allowance is what the UA lets peers do, in the form headers need it.
type allowance struct {
	methods   []string
	supported []string
	allow     msg.Setter
	support   msg.Setter
	accept    msg.Setter
	encoding  msg.Setter
}

func newAllowance(cfg *Config) allowance {
	a := allowance{
		methods: []string{sip.MethodInvite, sip.MethodAck, sip.MethodBye, sip.MethodCancel, sip.MethodOptions},
	}
	if cfg.Handler.Message != nil {
		a.methods = append(a.methods, sip.MethodMessage)
	}
	if cfg.Handler.Info != nil {
		a.methods = append(a.methods, sip.MethodInfo)
	}
	for _, m := range cfg.Allow {
		if !slices.Contains(a.methods, m) {
			a.methods = append(a.methods, m)
		}
	}
	a.supported = slices.Clone(cfg.Supported)
	a.allow = sip.Allow.Text(strings.Join(a.methods, ", "))
	// An empty Supported says that no extension is (RFC 3261 20.37).
	a.support = sip.Supported.Text(strings.Join(a.supported, ", "))
	a.encoding = sip.AcceptEncoding.Text(strings.Join(append([]string{"identity"}, cfg.ContentCodings...), ", "))
	a.accept = sip.Accept.Text("application/sdp")
	return a
}

func (a *allowance) allows(method string) bool { return slices.Contains(a.methods, method) }

func (a *allowance) supports(tag string) bool {
	return slices.ContainsFunc(a.supported, func(s string) bool { return strings.EqualFold(s, tag) })
}

// responseHeaders puts the UA's headers before the user's, so that the user's win.
func (u *UA) responseHeaders(set ...msg.Setter) []msg.Setter {
	out := make([]msg.Setter, 0, len(set)+2)
	return append(append(out, u.allow.allow, u.allow.support), set...)
}

// known lists the methods of registered RFCs: one of these that is not allowed
// gets 405, any other 501 (RFC 3261 21.4.6, 21.5.2).
func known(method string) bool {
	switch method {
	case "INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "PRACK", "SUBSCRIBE",
		"NOTIFY", "PUBLISH", "INFO", "REFER", "MESSAGE", "UPDATE":
		return true
	}
	return false
}

// outside is what a request outside a dialog is built from.
type outside struct {
	method string
	target sip.URI
	from   sip.NameAddr // without tag
	to     sip.NameAddr
	tag    string
	callID string
	seq    uint32
	route  []sip.NameAddr
}

// parseAddress reads a URI as it stands, or a name-addr with its URI in angle
// brackets. In a header, parameters after a bare URI would be the header's (RFC
// 3261 20.10); whoever writes one into a program means the URI's.
func parseAddress(text string) (sip.NameAddr, error) {
	if strings.Contains(text, "<") {
		return sip.ParseNameAddr(text)
	}
	uri, err := sip.ParseURI(strings.TrimSpace(text))
	return sip.NameAddr{URI: uri}, err
}

// parseTarget reads the address of a peer. Headers in the URI (RFC 3261 19.1.5)
// are not taken over; they must not reach a Request-URI or To.
func parseTarget(op, to string) (sip.NameAddr, error) {
	a, err := parseAddress(to)
	if err != nil {
		return a, &Error{Op: op, Err: err}
	}
	a.URI.Headers = ""
	a.Params = a.Params.Without("tag")
	return a, nil
}

// toURI returns the URI as To and From may hold it: no method, no port-bound
// parameters (RFC 3261 19.1.1 table 1).
func toURI(u sip.URI) sip.URI {
	u.Headers = ""
	for _, p := range []string{"method", "maddr", "ttl", "transport", "lr"} {
		u.Params = u.Params.Without(p)
	}
	return u
}

// build makes the request (RFC 3261 8.1.1); set comes last and wins. Addresses
// were read from text, and are written as they were: people dial "*31#".
func (u *UA) build(o outside, set ...msg.Setter) (sip.Request, error) {
	from := o.from
	from.URI = toURI(from.URI)
	from.Params = from.Params.With("tag", o.tag)
	to := o.to
	to.URI = toURI(to.URI)
	all := make([]msg.Setter, 0, len(set)+8)
	if len(o.route) > 0 {
		all = append(all, sip.Route.Set(o.route...).AsRead())
	}
	all = append(all,
		sip.From.Set(from).AsRead(),
		sip.To.Set(to).AsRead(),
		sip.CallID.Text(o.callID).AsRead(),
		sip.CSeq.Set(sip.Sequence{Seq: o.seq, Method: o.method}),
		u.allow.allow,
		u.allow.support,
		sip.RequestURI(o.target).AsRead(),
	)
	return sip.NewRequest(o.method, o.target, append(all, set...)...)
}

// route returns the preloaded route: a handle's own proxy, or the UA's.
func (u *UA) route(own string) ([]sip.NameAddr, error) {
	if own == "" {
		return u.addr.proxy, nil
	}
	return proxyRoute(own)
}

// identity returns a handle's own identity, or the UA's.
func (u *UA) identity(own string) (sip.NameAddr, error) {
	if own == "" {
		return u.addr.identity, nil
	}
	return parseAddress(own)
}
