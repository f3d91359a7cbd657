package server

import (
	"context"
	"crypto/tls"
	"net/netip"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/nua"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
)

// sofiaStateless answers OPTIONS without a transaction.
func sofiaStateless(addr netip.AddrPort) (*Server, error) { return stateless("udp", addr) }

// sofiaStatelessTCP does the same over TCP.
func sofiaStatelessTCP(addr netip.AddrPort) (*Server, error) { return stateless("tcp", addr) }

// sofiaStatelessTLS does the same over TLS.
func sofiaStatelessTLS(addr netip.AddrPort) (*Server, error) { return stateless("tls", addr) }

func stateless(proto string, addr netip.AddrPort) (*Server, error) {
	var agent *nta.Agent
	cert, err := certificate()
	if err != nil {
		return nil, err
	}
	transport := tport.Config{
		MaxFlowsPerSource: -1, // one address makes all the connections
		TLS:               &tls.Config{Certificates: []tls.Certificate{cert}},
	}
	agent, err = nta.New(nta.Config{Transport: transport, Stateless: func(_ *nta.Agent, d *tport.Delivery) nta.Verdict {
		if d.Msg.Method() != sip.MethodOptions {
			return nta.Continue
		}
		_ = agent.ReplyStateless(d, 200) // a lost answer shows at the generator
		return nta.Handled
	}})
	if err != nil {
		return nil, err
	}
	return listenOn(proto, agent, addr)
}

// sofiaServe uses the blocking floor of nta, as a program does that is written
// on transactions: each request has a goroutine while it is served.
func sofiaServe(addr netip.AddrPort) (*Server, error) {
	agent, err := nta.New(unbounded(nta.Config{Serve: func(in *nta.Incoming) {
		switch in.Request().Method() {
		case sip.MethodOptions:
			_ = in.Reply(200)
		case sip.MethodInvite:
			leg, err := in.Dialog(nta.LegConfig{Contact: contact(in), Serve: serveDialog})
			if err != nil {
				_ = in.Reply(400)
				return
			}
			in.Async() // the BYE must not wait for us
			if in.Reply(200, answer()) != nil {
				leg.End()
				return
			}
			if _, err := in.Ack(context.Background()); err != nil {
				leg.End()
			}
		default:
			_ = in.Reply(405)
		}
	}}))
	if err != nil {
		return nil, err
	}
	return listen(agent, addr)
}

func serveDialog(in *nta.Incoming) {
	if in.Request().Method() != sip.MethodBye {
		_ = in.Reply(405)
		return
	}
	_ = in.Reply(200)
	in.Leg().End()
}

// sofiaStep uses the step floor of nta, as an engine does: no goroutine at all.
func sofiaStep(addr netip.AddrPort) (*Server, error) {
	agent, err := nta.New(unbounded(nta.Config{Receive: func(s *nta.Step, in *nta.Incoming) bool {
		switch in.Request().Method() {
		case sip.MethodOptions:
			_ = s.Reply(in, 200)
		case sip.MethodInvite:
			leg, err := in.NewLeg(s, nta.LegConfig{Contact: contact(in), Receive: receiveDialog})
			if err != nil {
				_ = s.Reply(in, 400)
				return true
			}
			in.Watch(s, nta.Watch{End: func(s *nta.Step, err error) {
				if err != nil {
					leg.Close(s)
				}
			}})
			_ = s.Reply(in, 200, answer())
		default:
			_ = s.Reply(in, 405)
		}
		return true
	}}))
	if err != nil {
		return nil, err
	}
	return listen(agent, addr)
}

func receiveDialog(s *nta.Step, leg *nta.Leg, in *nta.Incoming) bool {
	if in.Request().Method() != sip.MethodBye {
		_ = s.Reply(in, 405)
		return true
	}
	_ = s.Reply(in, 200)
	leg.Close(s)
	return true
}

// sofiaUA uses the user agent, offer/answer engine included.
func sofiaUA(addr netip.AddrPort) (*Server, error) {
	ua, err := nua.New(nua.Config{
		Identity: "sip:bench@" + addr.Addr().String(),
		Media:    "m=audio 49172 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n",
		MaxCalls: -1,
		Agent:    unbounded(nta.Config{}),
		Handler:  nua.Handler{Invite: func(ctx context.Context, c *nua.Call) { _ = c.Answer(ctx) }},
	})
	if err != nil {
		return nil, err
	}
	if err := ua.Listen(context.Background(), "udp:"+addr.String()); err != nil {
		ua.Close()
		return nil, err
	}
	return &Server{Addr: ua.Agent().Transport().Primaries()[0].Addr(), Close: ua.Close}, nil
}

func listen(agent *nta.Agent, addr netip.AddrPort) (*Server, error) {
	return listenOn("udp", agent, addr)
}

func listenOn(proto string, agent *nta.Agent, addr netip.AddrPort) (*Server, error) {
	p, err := agent.Listen(context.Background(), tport.Name{Proto: proto, Host: addr.Addr().String(), Port: addr.Port()})
	if err != nil {
		agent.Close()
		return nil, err
	}
	return &Server{Addr: p.Addr(), Close: agent.Close}, nil
}

// contact is where the peer of a request reaches us.
func contact(in *nta.Incoming) sip.NameAddr {
	local := in.Flow().Local()
	return sip.NameAddr{URI: sip.URI{Scheme: "sip", User: "bench", Host: local.Addr().String(), Port: local.Port()}}
}

func answer() msg.Setter { return sip.Payload("application/sdp", SDP) }

// unbounded takes off the bounds on transactions: all load comes from one
// address, and a transaction stays for 32 s.
func unbounded(cfg nta.Config) nta.Config {
	cfg.MaxServerTransactions, cfg.MaxServerTransactionsPerSource, cfg.MaxLegs = -1, -1, -1
	return cfg
}
