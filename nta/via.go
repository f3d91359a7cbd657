package nta

import (
	"net/netip"
	"strconv"
	"strings"

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
	via.Params = via.Params.With("received", source.String())
	if asked {
		via.Params = via.Params.With("rport", strconv.Itoa(int(d.From.Port())))
	}
	m, err := d.Msg.Edit(sip.Via.Pop(), sip.Via.Push(via))
	if err != nil {
		return nil, err
	}
	stamped := *d
	stamped.Msg = m
	return &stamped, nil
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
