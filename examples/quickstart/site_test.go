package main

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/msg/auth"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
	"github.com/gosofia/sofia/tport/simnet"
)

// visitor sends requests to a site and answers its challenges.
type visitor struct {
	t     *testing.T
	agent *nta.Agent
	auth  *auth.Client
}

// ask returns the status of the answer. set goes over what a request for the site has.
func (v *visitor) ask(method, uri string, set ...msg.Setter) sip.Response {
	v.t.Helper()
	alice := sip.NameAddr{URI: sip.MustParseURI("sip:alice@quickstart.test")}
	req, err := sip.NewRequest(method, sip.MustParseURI(uri), append([]msg.Setter{
		sip.From.Set(alice.WithTag(v.agent.NewTag())), sip.To.Set(alice), sip.CallID.Set(v.agent.NewCallID()),
		sip.CSeq.Set(sip.Sequence{Seq: 1, Method: method}), sip.Contact.Set(v.agent.Contact("alice", "udp")),
	}, set...)...)
	require.NoError(v.t, err)
	site := sip.MustParseURI("sip:192.0.2.1")
	for {
		out, err := v.agent.Send(req, nta.SendConfig{NextHop: &site})
		require.NoError(v.t, err)
		resp, err := out.Final(context.Background())
		if resp.Message == nil {
			require.NoError(v.t, err)
		}
		v.auth.Done(resp)
		if resp.Status() != 401 || v.auth.Respond(resp) != nil {
			return resp
		}
		again, err := v.auth.Setters(method, req.RequestURI(), "")
		require.NoError(v.t, err)
		seq := req.CSeq()
		seq.Seq++
		req, err = req.Edit(append(again, sip.CSeq.Set(seq))...)
		require.NoError(v.t, err)
	}
}

// visit runs f against a site at 192.0.2.1.
func visit(t *testing.T, f func(v *visitor)) {
	synctest.Test(t, func(t *testing.T) {
		network := simnet.New(simnet.Config{})
		defer network.Close()
		defer network.Report(t)
		listen := func(name, address string, serve func(*nta.Incoming)) *nta.Agent {
			host := network.MustHost(name, address)
			agent, err := nta.New(nta.Config{Serve: serve, Transport: tport.Config{
				Listen: host.Listen, ListenPacket: host.ListenPacket, Dial: host.DialContext,
			}})
			require.NoError(t, err)
			_, err = agent.Listen(t.Context(), tport.Name{Proto: "udp", Host: address, Port: 5060})
			require.NoError(t, err)
			return agent
		}
		s, err := newSite(domain, map[string]string{"alice": "wonderland"})
		require.NoError(t, err)
		s.agent = listen("site", "192.0.2.1", s.serve)
		defer s.agent.Close()
		s.route = s.agent.Contact("", "udp")
		v := &visitor{t: t, auth: auth.NewClient(auth.ClientConfig{Users: []auth.User{{Username: "alice", Password: "wonderland"}}})}
		v.agent = listen("visitor", "192.0.2.2", func(in *nta.Incoming) { _ = in.Reply(200) })
		defer v.agent.Close()
		f(v)
	})
}

func TestSiteRegisters(t *testing.T) {
	visit(t, func(v *visitor) {
		const here = "sip:" + domain
		bound := func(resp sip.Response) bool { return sip.Contact.Has(resp) }
		resp := v.ask("REGISTER", here)
		require.Equal(t, 200, resp.Status())
		require.True(t, bound(resp))
		expires, _, err := sip.Expires.Get(resp)
		require.NoError(t, err)
		require.EqualValues(t, 3600, expires)

		for name, refused := range map[string]struct {
			status int
			uri    string
			set    []msg.Setter
		}{
			"another domain":    {403, "sip:elsewhere.test", nil},
			"an extension":      {420, here, []msg.Setter{sip.Require.Set("path")}},
			"somebody else":     {403, here, []msg.Setter{sip.To.Text("<sip:bob@quickstart.test>")}},
			"all, for a minute": {400, here, []msg.Setter{sip.Contact.Text("*"), sip.Expires.Set(60)}},
			"all, undated":      {400, here, []msg.Setter{sip.Contact.Text("*")}},
			"all, and one":      {400, here, []msg.Setter{sip.Contact.Text("*, <sip:a@b>").AsRead(), sip.Expires.Set(0)}},
		} {
			require.Equal(t, refused.status, v.ask("REGISTER", refused.uri, refused.set...).Status(), name)
			require.True(t, bound(v.ask("REGISTER", here, sip.Contact.Del())), name)
		}

		again := []msg.Setter{sip.CallID.Set("again"), sip.CSeq.Set(sip.Sequence{Seq: 7, Method: "REGISTER"})}
		require.Equal(t, 200, v.ask("REGISTER", here, again...).Status())
		require.Equal(t, 500, v.ask("REGISTER", here, sip.CallID.Set("again")).Status(), "out of order: nothing changes")
		require.Equal(t, 200, v.ask("REGISTER", here, sip.Contact.Text("*"), sip.Expires.Set(0)).Status())
		require.False(t, bound(v.ask("REGISTER", here, sip.Contact.Del())))
	})
}

func TestSiteForwards(t *testing.T) {
	visit(t, func(v *visitor) {
		require.Equal(t, 200, v.ask("REGISTER", "sip:"+domain).Status())
		const alice, route = "sip:alice@" + domain, "<sip:192.0.2.1;lr>"
		dialog := sip.To.Text("<sip:alice@quickstart.test>;tag=x")
		for name, row := range map[string]struct {
			status int
			uri    string
			set    []msg.Setter
		}{
			"to a user":                   {200, alice, nil},
			"by our own Route":            {200, alice, []msg.Setter{sip.Route.Text(route)}},
			"inside a dialog":             {481, "sip:alice@192.0.2.2", []msg.Setter{sip.Route.Text(route), dialog}}, // which the callee does not know
			"to nobody":                   {404, "sip:nobody@" + domain, nil},
			"relay":                       {403, "sip:alice@192.0.2.2", nil},
			"relay by our own Route":      {403, "sip:alice@192.0.2.2", []msg.Setter{sip.Route.Text(route)}},
			"relay by another's Route":    {403, "sip:alice@192.0.2.2", []msg.Setter{sip.Route.Text("<sip:192.0.2.9;lr>"), dialog}},
			"no hops left":                {483, alice, []msg.Setter{sip.MaxForwards.Set(0)}},
			"an extension for the proxy":  {420, alice, []msg.Setter{sip.ProxyRequire.Set("foo")}},
			"an extension for the callee": {200, alice, []msg.Setter{sip.Require.Set("foo")}},
			"a telephone number":          {416, "tel:+15551234", nil},
		} {
			require.Equal(t, row.status, v.ask("MESSAGE", row.uri, row.set...).Status(), name)
		}
	})
}
