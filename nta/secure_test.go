package nta

import (
	"crypto/tls"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/sresolv"
	"github.com/gosofia/sofia/tport"
	"github.com/gosofia/sofia/tport/simnet"
)

// secured makes an agent on UDP, TCP and TLS whose certificate has the names.
func (w *world) secured(ca *simnet.Authority, host, addr string, names []string, change ...func(*Config)) *Agent {
	w.t.Helper()
	a := w.agent(host, addr, append([]func(*Config){func(c *Config) {
		c.Transport.TLS = &tls.Config{
			RootCAs: ca.Pool(), ClientCAs: ca.Pool(), ClientAuth: tls.VerifyClientCertIfGiven,
			Certificates: []tls.Certificate{ca.Issue(names...)},
		}
		c.Resolver = sresolv.New(sresolv.Config{
			Transports:  []string{"udp", "tcp", "tls"},
			LookupNetIP: w.net.Hosts()[len(w.net.Hosts())-1].LookupNetIP,
		})
	}}, change...)...)
	_, err := a.Listen(w.t.Context(), tport.Name{Proto: tport.TLS, Host: addr, Port: 5061})
	require.NoError(w.t, err)
	return a
}

// answering has an agent answer 200 and note what came.
func answering(got chan *Incoming) func(*Config) {
	return func(c *Config) {
		c.Serve = func(in *Incoming) {
			got <- in
			_ = in.Reply(200)
		}
	}
}

func TestOptionsOverTLS(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		ca := simnet.NewAuthority("authority")
		got := make(chan *Incoming, 8)
		a := w.secured(ca, "a.example.org", "192.0.2.1", []string{"a.example.org"})
		b := w.secured(ca, "b.example.org", "192.0.2.2", []string{"sip:b.example.org"}, answering(got))
		for _, uri := range []string{"sips:bob@b.example.org", "sip:bob@B.example.org;transport=tls", "sips:bob@b.example.org;transport=tcp"} {
			o, err := a.Send(w.request("OPTIONS", uri), SendConfig{})
			require.NoError(t, err)
			_, err = o.Final(w.ctx())
			require.NoError(t, err, uri)
			in := <-got
			via := in.Request().TopVia()
			require.Equal(t, "TLS", via.Transport)
			require.Equal(t, "192.0.2.1", via.Host)
			require.EqualValues(t, 5061, via.Port)
			require.Equal(t, tport.TLS, in.Flow().Proto())
			// W07: the transaction user knows who the peer is.
			require.Equal(t, []string{"a.example.org"}, in.Delivery().Identities)
			require.Equal(t, []string{"a.example.org"}, in.Flow().Identities())
			require.Equal(t, []string{"b.example.org"}, o.Flow().Identities())
			require.Equal(t, "b.example.org", o.Flow().Key().Name)
		}
		require.EqualValues(t, 1, a.Transport().Stats().Dialled, "one connection for all")
		_ = b
	})
}

// T10: a SIPS request goes over TLS or not at all, whatever says otherwise and
// whatever fails.
func TestT10SIPSNeverFallsBack(t *testing.T) {
	for _, row := range []struct {
		name  string
		uri   string
		set   []msg.Setter
		cfg   SendConfig
		names []string // of the peer's certificate
		close bool     // nobody listens on TLS
		want  error
	}{
		{name: "wrong certificate", uri: "sips:bob@b.example.org", names: []string{"c.example.org"}, want: tport.ErrUntrusted},
		{name: "wildcard certificate", uri: "sips:bob@b.example.org", names: []string{"*.example.org"}, want: tport.ErrUntrusted},
		{name: "nobody listens", uri: "sips:bob@b.example.org", close: true},
		{name: "udp asked for", uri: "sips:bob@b.example.org;transport=udp", want: sresolv.ErrNoTransport},
		{name: "udp asked for by the route", uri: "sips:bob@b.example.org", want: sresolv.ErrNoTransport,
			set: []msg.Setter{sip.Route.Text("<sip:b.example.org;transport=udp;lr>")}},
		{name: "udp asked for by the user", uri: "sips:bob@b.example.org", cfg: SendConfig{Transport: "udp"}, want: sresolv.ErrNoTransport},
		{name: "route to a plain port", uri: "sips:bob@b.example.org", want: tport.ErrTLS,
			set: []msg.Setter{sip.Route.Text("<sip:192.0.2.2:5060;lr>")}},
		{name: "next hop by a plain URI", uri: "sips:bob@b.example.org", want: tport.ErrUntrusted,
			cfg: SendConfig{NextHop: &sip.URI{Scheme: "sip", Host: "b.example.org"}}, names: []string{"c.example.org"}},
		{name: "by address, certificate without", uri: "sips:bob@192.0.2.2", want: tport.ErrUntrusted},
	} {
		t.Run(row.name, func(t *testing.T) {
			bubble(t, simnet.Config{}, func(w *world) {
				ca := simnet.NewAuthority("authority")
				a := w.secured(ca, "a.example.org", "192.0.2.1", []string{"a.example.org"})
				names := row.names
				if names == nil {
					names = []string{"b.example.org"}
				}
				b := w.secured(ca, "b.example.org", "192.0.2.2", names, answering(make(chan *Incoming, 8)))
				if row.close {
					require.NoError(t, b.Transport().Primaries()[2].Close())
				}
				o, err := a.Send(w.request("OPTIONS", row.uri, row.set...), row.cfg)
				require.NoError(t, err)
				_, err = o.Final(w.ctx())
				require.Error(t, err)
				if row.want != nil {
					require.ErrorIs(t, err, row.want)
				}
				if row.names != nil {
					require.ErrorContains(t, err, row.names[0])
					require.ErrorContains(t, err, "b.example.org")
				}
				synctest.Wait()
				require.Zero(t, b.Transport().Stats().Received)
				require.Zero(t, a.Transport().Stats().Sent)
			})
		})
	}
}

// T10: a flow without TLS takes no SIPS request, also where the user gives it.
func TestT10PlainFlow(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		ca := simnet.NewAuthority("authority")
		a := w.secured(ca, "a.example.org", "192.0.2.1", []string{"a.example.org"})
		b := w.secured(ca, "b.example.org", "192.0.2.2", []string{"b.example.org"}, answering(make(chan *Incoming, 8)))
		for _, proto := range []string{tport.UDP, tport.TCP} {
			f, err := a.Transport().Dial(w.ctx(), tport.Name{Proto: proto, Host: "192.0.2.2", Port: 5060})
			require.NoError(t, err)
			o, err := a.Send(w.request("OPTIONS", "SIPS:bob@b.example.org"), SendConfig{Flow: f})
			require.NoError(t, err)
			_, err = o.Final(w.ctx())
			require.ErrorIs(t, err, ErrInsecure)
		}
		require.Zero(t, b.Transport().Stats().Received)
	})
}

// T10: a dialog made with SIPS stays on TLS, and its Contacts are SIPS URIs
// (12.1.1, 12.2.1.1), also against a peer that gives a sip URI as its Contact.
func TestT10SecureDialog(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		ca := simnet.NewAuthority("authority")
		arrived := make(chan *Incoming, 8)
		var callee *Leg
		a := w.secured(ca, "a.example.org", "192.0.2.1", []string{"a.example.org"}, answering(make(chan *Incoming, 8)))
		b := w.secured(ca, "b.example.org", "192.0.2.2", []string{"b.example.org", "192.0.2.2"}, func(c *Config) {
			c.Serve = func(in *Incoming) {
				if in.Request().Method() != "INVITE" {
					arrived <- in
					_ = in.Reply(200)
					return
				}
				leg, err := in.Dialog(LegConfig{
					Contact: sip.NameAddr{URI: sip.URI{Scheme: "sip", User: "bob", Host: "192.0.2.2"}},
					Serve: func(in *Incoming) {
						arrived <- in
						_ = in.Reply(200)
					},
				})
				require.NoError(t, err)
				callee = leg
				_ = in.Reply(200)
				arrived <- in
				_, _ = in.Ack(w.ctx())
			}
		})
		o, err := a.Send(w.request("INVITE", "sips:bob@b.example.org",
			sip.Contact.Text("<sips:alice@192.0.2.1:5061>")), SendConfig{})
		require.NoError(t, err)
		resp, err := o.Final(w.ctx())
		require.NoError(t, err)
		<-arrived
		require.True(t, callee.Secure())
		contact, _, err := sip.Contact.Get(resp)
		require.NoError(t, err)
		require.Equal(t, "sips:bob@192.0.2.2", contact.URI.String())

		leg, err := o.Dialog(resp, LegConfig{
			Contact: sip.NameAddr{URI: sip.URI{Scheme: "sip", User: "alice", Host: "192.0.2.1", Port: 5061, Params: ";transport=tls"}},
			Target:  sip.URI{Scheme: "sip", User: "bob", Host: "192.0.2.2"}, // as a careless peer would
		})
		require.NoError(t, err)
		require.True(t, leg.Secure())
		a.Step(leg.CallID(), func(s *Step) { require.NoError(t, leg.Ack(s, resp)) })
		update, err := leg.Send("UPDATE")
		require.NoError(t, err)
		_, err = update.Final(w.ctx())
		require.NoError(t, err)
		in := <-arrived
		require.NotNil(t, in.Flow().TLS())
		contact, _, err = sip.Contact.Get(in.Request())
		require.NoError(t, err)
		require.Equal(t, "sips:alice@192.0.2.1:5061", contact.URI.String())
		a.Step(leg.CallID(), leg.Close)
		b.Step(callee.CallID(), callee.Close)
		require.EqualValues(t, 1, b.Transport().Stats().Accepted, "all of it on one TLS connection and nothing plain")
	})
}

func TestSecure(t *testing.T) {
	for in, want := range map[string]string{
		"<sip:a@192.0.2.1:5061;transport=tls;ob>": "<sips:a@192.0.2.1:5061;ob>",
		"<sip:a@192.0.2.1;transport=tcp>":         "<sips:a@192.0.2.1>",
		"<sips:a@192.0.2.1>;q=0.5":                "<sips:a@192.0.2.1>;q=0.5",
		"<sip:a@x.invalid;transport=ws>":          "<sips:a@x.invalid;transport=ws>",
		"<sip:a@x.invalid;transport=wss>":         "<sips:a@x.invalid;transport=ws>",
		"<tel:+1234>":                             "<tel:+1234>",
	} {
		c, err := sip.ParseNameAddr(in)
		require.NoError(t, err)
		require.Equal(t, want, Secure(c).String())
	}
}

// 18.2.2: a response whose TLS connection has gone goes over a new one, to a
// peer that proves the name it had proved.
func TestResponseOverNewTLSConnection(t *testing.T) {
	for _, names := range [][]string{{"a.example.org"}, {"other.example.org"}} {
		bubble(t, simnet.Config{}, func(w *world) {
			ca := simnet.NewAuthority("authority")
			got := make(chan *Incoming, 1)
			a := w.secured(ca, "a.example.org", "192.0.2.1", []string{"a.example.org"})
			b := w.secured(ca, "b.example.org", "192.0.2.2", []string{"b.example.org"}, func(c *Config) {
				c.Serve = func(in *Incoming) { got <- in }
			})
			o, err := a.Send(w.request("OPTIONS", "sips:bob@b.example.org"), SendConfig{})
			require.NoError(t, err)
			in := <-got
			require.NoError(t, in.Flow().Close())
			<-in.Flow().Done()
			w.sleep(ms)
			require.NoError(t, a.Transport().SetTLS(&tls.Config{
				RootCAs: ca.Pool(), Certificates: []tls.Certificate{ca.Issue(names...)},
			}))
			_ = in.Reply(200)
			w.sleep(sec)
			_, err = o.Final(w.ctx())
			require.Error(t, err, "the client has given up")
			stats := b.Transport().Stats()
			if names[0] == "a.example.org" {
				require.EqualValues(t, 1, stats.Dialled)
				require.EqualValues(t, 1, a.Transport().Stats().Received)
				return
			}
			require.EqualValues(t, 1, stats.Untrusted)
			require.Zero(t, a.Transport().Stats().Received)
		})
	}
}
