package nta

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/sresolv"
	"github.com/gosofia/sofia/tport"
)

// sentBy is where the peer of a flow reaches us: what stands in Via (18.1.1).
// A stream that we dialled leaves from a port nobody listens on, so the port of
// the listener of its protocol stands in, if there is one.
func (a *Agent) sentBy(f *tport.Flow) (host string, port uint16) {
	local := f.Local()
	port = local.Port()
	p := f.Primary()
	if p == nil {
		for _, q := range a.tp.Primaries() {
			if q.Proto() == f.Proto() && (q.Addr().Addr().IsUnspecified() || q.Addr().Addr() == local.Addr()) {
				p = q
				break
			}
		}
	}
	if p != nil {
		port = p.Addr().Port()
	}
	if local.Addr().IsUnspecified() {
		return a.hostName(local.Addr()), port
	}
	return local.Addr().WithZone("").String(), port
}

// via is the Via value for a request that leaves by f. Over UDP it asks for
// the response to come back to the source port (RFC 3581 section 3).
func (a *Agent) via(f *tport.Flow, branch string) sip.ViaParm {
	host, port := a.sentBy(f)
	v := sip.ViaParm{
		Protocol:  "SIP/2.0",
		Transport: strings.ToUpper(f.Proto()),
		Host:      host,
		Port:      port,
		Params:    msg.Params(";branch=" + branch),
	}
	if !f.Reliable() {
		v.Params = ";rport" + v.Params
	}
	return v
}

// stamp returns the delivery of a request with received and rport in its top
// Via (18.2.1, RFC 3581 section 4): one edit, before anybody sees the message.
func stamp(d *tport.Delivery, via sip.ViaParm) (*tport.Delivery, error) {
	source := d.From.Addr().Unmap().WithZone("")
	_, asked, _ := via.RPort()
	host, err := netip.ParseAddr(via.Host)
	same := err == nil && host.Unmap() == source
	if same && !asked {
		return d, nil
	}
	var rport uint16
	if asked {
		rport = d.From.Port()
	}
	via.Params = observed(via.Params, source, rport)
	m, err := d.Msg.Edit(sip.Via.Pop(), sip.Via.Push(via).AsRead())
	if err != nil {
		return nil, err
	}
	stamped := *d
	stamped.Msg = m
	return &stamped, nil
}

// observed sets received and, unless it is 0, rport, in the place of what the
// peer wrote there itself. It is Params.With in one allocation, not five: it runs
// for nearly every request over UDP.
func observed(p msg.Params, source netip.Addr, rport uint16) msg.Params {
	var room [192]byte
	b := room[:0]
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
	return msg.Params(b)
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
	default:
		return 5060
	}
}

// hopOf describes a flow as a hop.
func hopOf(f *tport.Flow) sresolv.Hop {
	return sresolv.Hop{Transport: f.Proto(), Addr: f.Remote()}
}
