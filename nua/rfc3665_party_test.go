package nua_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport/simnet"
	"github.com/stretchr/testify/require"
)

// party is a SIP element without a stack, at port 5060 of a host: it sends the
// messages of the RFC and hands out what it receives.
type party struct {
	t     *testing.T
	host  *simnet.Host
	proto string
	in    chan *msg.Message

	pc net.PacketConn
	ln net.Listener

	mu    sync.Mutex
	conns []net.Conn
	users sync.WaitGroup
}

func newParty(t *testing.T, host *simnet.Host, proto string) *party {
	t.Helper()
	p := &party{t: t, host: host, proto: proto, in: make(chan *msg.Message, 100)}
	var err error
	address := netip.AddrPortFrom(host.Addr(), 5060).String()
	if proto == "udp" {
		p.pc, err = host.ListenPacket(t.Context(), proto, address)
		require.NoError(t, err)
		p.users.Go(p.readPackets)
		return p
	}
	p.ln, err = host.Listen(t.Context(), proto, address)
	require.NoError(t, err)
	p.users.Go(func() {
		for {
			conn, err := p.ln.Accept()
			if err != nil {
				return
			}
			p.adopt(conn)
		}
	})
	return p
}

func (p *party) close() {
	if p.pc != nil {
		p.pc.Close()
	} else {
		p.ln.Close()
	}
	p.mu.Lock()
	for _, c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	p.users.Wait()
}

func (p *party) readPackets() {
	buf := make([]byte, 65536)
	for {
		n, _, err := p.pc.ReadFrom(buf)
		if err != nil {
			return
		}
		p.received(string(buf[:n]))
	}
}

func (p *party) adopt(conn net.Conn) {
	p.mu.Lock()
	p.conns = append(p.conns, conn)
	p.mu.Unlock()
	p.users.Go(func() {
		framer := msg.NewFramer(sip.Class(), msg.Limits{})
		buf := make([]byte, 4096)
		for {
			n, err := conn.Read(buf)
			if err != nil || framer.Feed(buf[:n]) != nil {
				return
			}
			for {
				frame, err := framer.Next()
				if err != nil {
					break
				}
				if frame.Kind == msg.FrameMessage {
					p.received(frame.Text)
				}
			}
		}
	})
}

func (p *party) received(text string) {
	m, err := sip.Parse(strings.Clone(text))
	if err != nil {
		p.t.Errorf("%s received what cannot be read: %v\n%s", p.host, err, text)
		return
	}
	p.in <- m
}

// next returns the next message, failing when none comes.
func (p *party) next() *msg.Message {
	p.t.Helper()
	select {
	case m := <-p.in:
		return m
	case <-time.After(10 * time.Second):
		require.FailNow(p.t, "nothing came", "at %s", p.host)
		return nil
	}
}

// send sends a message to port 5060 of a host: on the latest connection, which
// is made when there is none.
func (p *party) send(m *msg.Message, to netip.Addr) {
	p.t.Helper()
	target := netip.AddrPortFrom(to, 5060)
	if p.pc != nil {
		_, err := p.pc.WriteTo([]byte(m.String()), net.UDPAddrFromAddrPort(target))
		require.NoError(p.t, err)
		return
	}
	p.mu.Lock()
	var conn net.Conn
	if n := len(p.conns); n > 0 {
		conn = p.conns[n-1]
	}
	p.mu.Unlock()
	if conn == nil {
		var err error
		conn, err = p.host.DialContext(context.Background(), "tcp", target.String())
		require.NoError(p.t, err)
		p.adopt(conn)
	}
	_, err := conn.Write([]byte(m.String()))
	require.NoError(p.t, err)
}
