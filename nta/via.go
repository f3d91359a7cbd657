package nta

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/gosofia/sofia/internal/own"
	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/sresolv"
	"github.com/gosofia/sofia/tport"
)

// sentBy is where the peer of a flow reaches us: what stands in Via (18.1.1).
// A stream that we dialled leaves from a port nobody listens on, so the port of
// the listener of its protocol stands in, if there is one. A WebSocket client
// without one says that nobody can (RFC 7118 appendix B.1).
func (a *Agent) sentBy(f *tport.Flow) (host string, port uint16) {
	local := f.Local()
	addr := local.Addr()
	port = local.Port()
	p := f.Primary()
	if p == nil {
		for _, q := range a.tp.Primaries() {
			if q.Proto() == f.Proto() && (!q.Addr().IsValid() || q.Addr().Addr().IsUnspecified() || q.Addr().Addr() == addr) {
				p = q
				break
			}
		}
	}
	switch {
	case p == nil && webSocket(f.Proto()):
		return a.nowhere, 0
	case p != nil && p.Addr().IsValid():
		port = p.Addr().Port()
		if bound := p.Addr().Addr(); !bound.IsUnspecified() {
			addr = bound // also where a proxy in front of us is known by it
		}
	}
	if !addr.IsValid() || addr.IsUnspecified() {
		return a.hostName(addr), port
	}
	return addr.WithZone("").String(), port
}

// invalid is the domain of hosts that cannot be reached (RFC 2606 section 2).
const invalid = ".invalid"

// unreachable reports whether a host is such a one.
func unreachable(host string) bool {
	return len(host) > len(invalid) && strings.EqualFold(host[len(host)-len(invalid):], invalid)
}

func webSocket(proto string) bool { return proto == tport.WS || proto == tport.WSS }

// via is the Via value for a request that leaves by f. Over UDP it asks for
// the response to come back to the source port (RFC 3581 section 3).
func (a *Agent) via(f *tport.Flow, branch string) sip.ViaParm {
	host, port := a.sentBy(f)
	v := sip.ViaParm{
		Protocol:  "SIP/2.0",
		Transport: strings.ToUpper(f.Proto()),
		Host:      host,
		Port:      port,
		Params:    msg.Params(";branch="+branch) + a.aliasParam(f),
	}
	if !f.Reliable() {
		v.Params = ";rport" + v.Params
	}
	switch group := f.Remote().Addr().WithZone(""); { // 18.1.1
	case !group.IsMulticast():
	case group.Is4():
		v.Params += msg.Params(";maddr=" + group.String() + ";ttl=" + strconv.Itoa(max(a.cfg.Transport.MulticastTTL, 1)))
	default:
		v.Params += msg.Params(";maddr=[" + group.String() + "]")
	}
	return v
}

// via is the Via of the user's own, if there is one, or else the agent's.
func (c *SendConfig) via(agents sip.ViaParm, branch string) sip.ViaParm {
	if c.Via.Host == "" {
		return agents
	}
	own := c.Via
	own.Protocol, own.Transport = agents.Protocol, agents.Transport
	own.Params = own.Params.With("branch", branch)
	return own
}

// stamp returns the delivery of a request with received and rport in its top
// Via (18.2.1, RFC 3581 section 4), before anybody sees the message: in place
// unless that is not possible, or a trace has been given it as it came.
func (a *Agent) stamp(d *tport.Delivery, via sip.ViaParm) (*tport.Delivery, error) {
	if !d.From.IsValid() { // a transport without addresses
		return d, nil
	}
	source := d.From.Addr().Unmap().WithZone("")
	_, asked, _ := via.RPort()
	if !asked {
		host, err := netip.ParseAddr(via.Host)
		same := err == nil && host.Unmap() == source
		// A WebSocket client has no use for it, and it may tell the address of a proxy
		// inside our network (RFC 7118 section 5.3).
		if same || d.Flow != nil && webSocket(d.Flow.Proto()) {
			return d, nil
		}
	}
	var rport uint16
	if asked {
		rport = d.From.Port()
	}
	var room [256]byte
	if raw, _ := sip.Via.Raw(d.Msg); a.unseen && usual(raw, via) {
		b := append(room[:0], raw[:len(raw)-len(via.Params)]...)
		if d.Msg.ReplaceFirst(own.Sole{}, sip.IDVia, appendObserved(b, via.Params, source, rport)) {
			return d, nil
		}
	}
	via.Params = msg.Params(appendObserved(room[:0], via.Params, source, rport))
	m, err := d.Msg.Edit(sip.Via.Pop(), sip.Via.Push(via).AsRead())
	if err != nil {
		return nil, err
	}
	stamped := *d
	stamped.Msg = m
	return &stamped, nil
}

// usual reports whether raw is a Via value that ends with its parameters and begins
// without anything that would be written in another way.
func usual(raw string, via sip.ViaParm) bool {
	head, ok := strings.CutSuffix(raw, string(via.Params))
	head, version := strings.CutPrefix(head, sip.Version+"/")
	return ok && version && strings.IndexFunc(head, control) < 0 && strings.IndexByte(head, '\t') < 0 &&
		strings.Count(head, " ") == 1 && !strings.HasSuffix(head, " ")
}

// appendObserved appends parameters with received and, unless it is 0, rport, in
// the place of what the peer wrote there itself: Params.With without an
// allocation, as it runs for nearly every request over UDP.
func appendObserved(b []byte, p msg.Params, source netip.Addr, rport uint16) []byte {
	var received, ported bool
	for s, i := string(p), 0; ; {
		q, next, ok := scan.NextParam(s, i)
		if !ok {
			break
		}
		switch name := s[q.NameLo:q.NameHi]; {
		case scan.EqualFold(name, "received"):
			if !received {
				b, received = appendReceived(b, source), true
			}
		case rport != 0 && scan.EqualFold(name, "rport"):
			if !ported {
				b, ported = strconv.AppendUint(append(b, ";rport="...), uint64(rport), 10), true
			}
		default:
			b = append(b, s[i:next]...)
		}
		i = next
	}
	if !received {
		b = appendReceived(b, source)
	}
	return b
}

func appendReceived(b []byte, source netip.Addr) []byte {
	return source.AppendTo(append(b, ";received="...))
}

// sentPort is the port in sent-by, or the default of its transport.
func sentPort(via sip.ViaParm) uint16 {
	switch {
	case via.Port != 0:
		return via.Port
	case strings.EqualFold(via.Transport, "TLS"):
		return 5061
	case strings.EqualFold(via.Transport, "WS"): // RFC 7118 section 5.5
		return 80
	case strings.EqualFold(via.Transport, "WSS"):
		return 443
	default:
		return 5060
	}
}

// hopOf describes a flow as a hop.
func hopOf(f *tport.Flow) sresolv.Hop {
	return sresolv.Hop{Transport: f.Proto(), Addr: f.Remote()}
}
