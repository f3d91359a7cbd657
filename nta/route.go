package nta

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
)

// replyFlow is where the responses to a request go (18.2.2): the connection it
// came on; for UDP, if Via asked for it, the source port (RFC 3581 section 4);
// else the port of sent-by. The address is always the source address of the
// request: that is what received says, and what sent-by says where received is
// absent. A maddr is not obeyed: it is for multicast, which nobody can switch on
// yet, and would let anybody aim our answers at anybody. It always leaves from
// the socket and address that the request was sent to.
func (a *Agent) replyFlow(d *tport.Delivery, via sip.ViaParm) *tport.Flow {
	if d.Flow.Reliable() {
		return d.Flow
	}
	if _, asked, _ := via.RPort(); asked {
		return d.Flow
	}
	to := netip.AddrPortFrom(d.From.Addr(), sentPort(via))
	if to == d.From {
		return d.Flow
	}
	k := d.Flow.Key()
	k.Remote = to
	if f, ok := a.tp.Find(k); ok {
		return f
	}
	return d.Flow
}

// ours reports whether a request has this agent as its target: the host of its
// Request-URI is an address that is listened on, or the one it was sent to, or
// an alias, and the port is one that is listened on.
func (a *Agent) ours(req sip.Request, d *tport.Delivery) bool {
	uri, err := req.URI()
	return err == nil && a.here(uri, d)
}

// here is ours for any URI in a request.
func (a *Agent) here(uri sip.URI, d *tport.Delivery) bool {
	if uri.Scheme != "sip" && uri.Scheme != "sips" {
		return false
	}
	port := uri.Port
	if port == 0 {
		port = defaultPort(uri)
	}
	if strings.EqualFold(uri.Host, a.nowhere) {
		return true
	}
	alias := slices.ContainsFunc(a.cfg.Aliases, func(s string) bool { return strings.EqualFold(s, uri.Host) })
	host, numeric := address(uri.Host)
	host = host.Unmap()
	if numeric && d.Flow != nil && d.Flow.Reliable() && d.To == netip.AddrPortFrom(host, port) {
		return true // our end of a connection that we have made
	}
	for _, p := range a.tp.Primaries() {
		if p.Addr().Port() != port && (uri.Port != 0 || !alias) {
			continue
		}
		if alias || numeric && (p.Addr().Addr() == host || p.Addr().Addr().IsUnspecified() && d.To.Addr().Unmap() == host) {
			return true
		}
	}
	return false
}

// defaultPort is the port of a URI that has none (RFC 3261 section 19.1.2, RFC
// 7118 section 5.5).
func defaultPort(uri sip.URI) uint16 {
	switch ws := webSocket(strings.ToLower(uri.Transport())); {
	case ws && uri.IsSIPS():
		return 443
	case ws:
		return 80
	case uri.IsSIPS():
		return 5061
	}
	return 5060
}

// address reads a numeric host.
func address(host string) (netip.Addr, bool) {
	if host == "" {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(host)
	return a, err == nil
}

// reconnect sends the latest response over a new connection to where the
// request came from, at the port of sent-by, or else to what sent-by names
// (18.2.2, RFC 3263 section 5). If that fails too, the response is lost; the
// transaction lives on (RFC 6026 section 7.1).
func (tx *serverTx) reconnect(s *Step) {
	a, f := tx.sh.a, tx.flow
	if webSocket(f.Proto()) && f.Primary() != nil {
		return // a WebSocket client cannot be dialled (RFC 7118 section 5.3)
	}
	name := tport.Name{Proto: f.Proto(), Host: f.Remote().Addr().String(), Port: tx.port, ServerName: tx.name}
	reply := tx.reply
	via := sip.Response{Message: reply}.TopVia()
	s.Go(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, a.timing[0].timeout)
		defer cancel()
		fresh, err := a.dialBack(ctx, name, via)
		if err != nil {
			a.cfg.Logger.Info("response lost", "to", name, "err", err)
			return
		}
		tx.sh.run(func(s *Step) {
			if !tx.gone {
				fresh.Hold()
				tx.flow.Release()
				tx.flow = fresh
				reply = tx.reply
			}
			if err := fresh.Send(reply); err != nil {
				a.count.sendErrors.Add(1)
			}
		})
	})
}

// backDials is how many connections may be tried for one response, each for an
// equal part of the time that there is.
const backDials = 4

// dialBack connects to name, or else to where the sent-by of a Via leads. A name
// there is looked up by this only: the peer had a connection of its own to say
// where it is, and it was lost.
func (a *Agent) dialBack(ctx context.Context, name tport.Name, via sip.ViaParm) (*tport.Flow, error) {
	dial := func(name tport.Name) (*tport.Flow, error) {
		ctx, cancel := context.WithTimeout(ctx, a.timing[0].timeout/backDials)
		defer cancel()
		return a.tp.Dial(ctx, name)
	}
	f, err := dial(name)
	if err == nil {
		return f, nil
	}
	walk := a.resolver.Load().WalkResponse(name.Proto, via.Host, via.Port)
	for range backDials - 1 {
		hop, end := walk.Next(ctx)
		if end != nil {
			return nil, err
		}
		next := tport.Name{Proto: hop.Transport, Host: hop.Addr.Addr().String(), Port: hop.Addr.Port(), ServerName: name.ServerName}
		if next == name {
			continue
		}
		if next.ServerName == "" {
			next.ServerName = hop.Name
		}
		if f, err = dial(next); err == nil {
			return f, nil
		}
	}
	return nil, err
}

// ReplyStateless answers a request without keeping anything: the same request
// gets the same To tag each time (RFC 3261 section 8.2.7). An ACK, a message
// without Via and a response are never answered (ErrNoReply). The error is that
// of a setter, or that of the transport.
func (a *Agent) ReplyStateless(d *tport.Delivery, status int, set ...msg.Setter) error {
	req, ok := sip.AsRequest(d.Msg)
	if !ok || req.Method() == sip.MethodAck {
		return ErrNoReply
	}
	via := req.TopVia()
	if via.Host == "" {
		return ErrNoReply
	}
	var buf [8]msg.Setter
	own := buf[:0]
	if status > 100 && req.ToTag() == "" && sip.To.Has(req) {
		own = append(own, a.withTag(req, a.statelessTag(req, via)))
	}
	if a.cfg.Server != "" {
		own = append(own, sip.Server.Text(a.cfg.Server).AsRead())
	}
	own = append(own, set...)
	composed := false
	err := a.replyFlow(d, via).SendComposed(func(dst []byte) ([]byte, error) {
		b, err := sip.AppendResponse(dst, req, status, own...)
		composed = err == nil
		return b, err
	})
	switch {
	case err == nil:
		a.count.statelessSent.Add(1)
	case composed:
		a.count.sendErrors.Add(1)
	}
	return err
}
