package nua

import (
	"crypto/rand"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/stretchr/testify/require"
)

// raw is a peer without a stack: the test reads and writes each datagram.
type raw struct {
	l    *lab
	addr netip.AddrPort
	pc   net.PacketConn
	in   chan datagram
	seq  uint32
}

type datagram struct {
	m    *msg.Message
	from net.Addr
}

// raw opens a UDP socket at port 5060 of a host of its own.
func (l *lab) raw(name, addr string) *raw {
	l.t.Helper()
	h := l.net.MustHost(name, addr)
	pc, err := h.ListenPacket(l.t.Context(), "udp4", addr+":5060")
	require.NoError(l.t, err)
	r := &raw{l: l, pc: pc, addr: netip.MustParseAddrPort(addr + ":5060"), in: make(chan datagram, 1000)}
	go func() {
		defer close(r.in)
		buf := make([]byte, 65536)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			if m, err := sip.Parse(string(buf[:n])); err == nil {
				r.in <- datagram{m, from}
			}
		}
	}()
	l.closers = append(l.closers, func() { pc.Close() })
	return r
}

// next returns the next message, failing when none comes within d.
func (r *raw) next(d time.Duration) *msg.Message {
	r.l.t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case dg := <-r.in:
		return dg.m
	case <-timer.C:
		require.FailNow(r.l.t, "nothing came", "in %v", d)
		return nil
	}
}

// request returns the next request of a method, passing over everything else.
func (r *raw) request(method string) sip.Request {
	r.l.t.Helper()
	for {
		if req, ok := sip.AsRequest(r.next(5 * time.Minute)); ok && req.Method() == method {
			return req
		}
	}
}

// response returns the next response of a status to a method, passing over
// everything else.
func (r *raw) response(status int, method string) sip.Response {
	r.l.t.Helper()
	for {
		resp, ok := sip.AsResponse(r.next(5 * time.Minute))
		if ok && resp.CSeq().Method == method && (resp.Status() == status || status == 0 && resp.Status() >= 200) {
			return resp
		}
	}
}

// silent fails when a request of the method comes within d.
func (r *raw) silent(d time.Duration, method string) {
	r.l.t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case dg := <-r.in:
			require.False(r.l.t, dg.m.IsRequest() && dg.m.Method() == method, "%s came", method)
		case <-timer.C:
			return
		}
	}
}

func (r *raw) contact() msg.Setter {
	return sip.Contact.Text("<sip:peer@" + r.addr.String() + ">")
}

// reply answers a request with the given To tag.
func (r *raw) reply(req sip.Request, status int, tag string, set ...msg.Setter) sip.Response {
	r.l.t.Helper()
	if tag != "" && req.ToTag() == "" {
		to, err := req.To()
		require.NoError(r.l.t, err)
		set = append([]msg.Setter{sip.To.Set(to.WithTag(tag))}, set...)
	}
	resp, err := sip.NewResponse(req, status, append([]msg.Setter{r.contact()}, set...)...)
	require.NoError(r.l.t, err)
	r.send(resp.Message, req.TopVia())
	return resp
}

func (r *raw) send(m *msg.Message, via sip.ViaParm) {
	r.l.t.Helper()
	port := via.Port
	if port == 0 {
		port = 5060
	}
	r.sendTo(m, netip.AddrPortFrom(netip.MustParseAddr(via.Host), port))
}

func (r *raw) sendTo(m *msg.Message, to netip.AddrPort) {
	r.l.t.Helper()
	_, err := r.pc.WriteTo([]byte(m.String()), net.UDPAddrFromAddrPort(to))
	require.NoError(r.l.t, err)
}

// dialog is a raw peer's side of one.
type dialog struct {
	r                   *raw
	to                  netip.AddrPort
	callID, local, peer string // From and To values of our requests
	target              string
	seq                 uint32
}

// invite begins a dialog with a user agent.
func (r *raw) invite(to netip.AddrPort, set ...msg.Setter) (*dialog, sip.Request) {
	r.seq++
	d := &dialog{
		r: r, to: to, callID: sip.NewCallID(rand.Reader), local: "<sip:peer@" + r.addr.String() + ">;tag=raw1",
		peer: "<sip:them@" + to.String() + ">", target: "sip:them@" + to.String(),
	}
	return d, d.request("INVITE", set...)
}

// request sends a request of the dialog.
func (d *dialog) request(method string, set ...msg.Setter) sip.Request {
	d.r.l.t.Helper()
	if method != "ACK" && method != "CANCEL" {
		d.seq++
	}
	return d.requestSeq(method, d.seq, sip.NewBranch(rand.Reader), set...)
}

func (d *dialog) requestSeq(method string, seq uint32, branch string, set ...msg.Setter) sip.Request {
	d.r.l.t.Helper()
	uri, err := sip.ParseURI(d.target)
	require.NoError(d.r.l.t, err)
	own := []msg.Setter{
		sip.Via.Text("SIP/2.0/UDP " + d.r.addr.String() + ";branch=" + branch),
		sip.From.Text(d.local), sip.To.Text(d.peer), sip.CallID.Text(d.callID),
		sip.CSeq.Set(sip.Sequence{Seq: seq, Method: method}), d.r.contact(),
	}
	req, err := sip.NewRequest(method, uri, append(own, set...)...)
	require.NoError(d.r.l.t, err)
	d.r.sendTo(req.Message, d.to)
	return req
}

// learn takes the peer's tag and target from a response.
func (d *dialog) learn(resp sip.Response) {
	d.r.l.t.Helper()
	to, err := resp.To()
	require.NoError(d.r.l.t, err)
	d.peer = to.String()
	if c, ok, err := sip.Contact.Get(resp); ok && err == nil {
		d.target = c.URI.String()
	}
}

// from makes the raw side of a dialog that a user agent began.
func (r *raw) from(req sip.Request, tag string) *dialog {
	r.l.t.Helper()
	from, err := req.From()
	require.NoError(r.l.t, err)
	to, err := req.To()
	require.NoError(r.l.t, err)
	c, _, err := sip.Contact.Get(req)
	require.NoError(r.l.t, err)
	via := req.TopVia()
	port := via.Port
	if port == 0 {
		port = 5060
	}
	return &dialog{
		r: r, to: netip.AddrPortFrom(netip.MustParseAddr(via.Host), port), callID: strings.Clone(req.CallID()),
		local: to.WithTag(tag).String(), peer: from.String(), target: c.URI.String(),
	}
}
