//go:build linux

package interop

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/nua"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
)

// The library and kamailio over TLS, with certificates that openssl has made.

// labTLS is a TLS configuration that trusts the lab's authority and shows the
// lab's certificate of that name, if there is one.
func labTLS(t *testing.T, certificate string) *tls.Config {
	t.Helper()
	dir := peers.Up(t, "kamailio-registrar")["LAB_CERTS"]
	pem, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	require.NoError(t, err)
	cfg := &tls.Config{RootCAs: x509.NewCertPool()}
	require.True(t, cfg.RootCAs.AppendCertsFromPEM(pem))
	if certificate != "" {
		chain := filepath.Join(dir, certificate+".chain.pem")
		cert, err := tls.LoadX509KeyPair(chain, filepath.Join(dir, certificate+".key"))
		require.NoError(t, err)
		cfg.Certificates = []tls.Certificate{cert}
	}
	return cfg
}

// securePhone is a phone that listens with TLS on the family of the registrar.
func securePhone(t *testing.T, user string, registrar netip.AddrPort, m manner) (p *phone, at netip.AddrPort) {
	t.Helper()
	cfg := labUser(user, user+"-secret", "lab.test", registrar, "tls")
	cfg.Agent.Transport.TLS = labTLS(t, "server")
	p = newPhone(t, cfg, m)
	at = peers.Addr(t)
	if registrar.Addr().Is6() {
		at = netip.AddrPortFrom(netip.IPv6Loopback(), at.Port())
	}
	require.NoError(t, p.Listen(t.Context(), "tls:"+at.String()))
	return p, at
}

// clientPhone is a phone that has no certificate and listens on no TLS port.
func clientPhone(t *testing.T, user string, registrar netip.AddrPort, m manner) *phone {
	t.Helper()
	cfg := labUser(user, user+"-secret", "lab.test", registrar, "tls")
	cfg.Agent.Transport.TLS = labTLS(t, "")
	return newPhone(t, cfg, m)
}

// eachFamily runs a test over the registrar's TLS sockets.
func eachFamily(t *testing.T, f func(t *testing.T, at netip.AddrPort)) {
	for _, key := range []string{"REGISTRAR_TLS", "REGISTRAR_TLS6"} {
		t.Run(key, func(t *testing.T) {
			env := peers.Up(t, "kamailio-registrar")
			if env[key] == "" {
				t.Skip("another instance of the lab has ::1")
			}
			f(t, env.AddrPort(t, key))
		})
	}
}

func TestTLSRegister(t *testing.T) {
	eachFamily(t, func(t *testing.T, registrar netip.AddrPort) {
		r := peers.RegistrarMD5()
		p, at := securePhone(t, "dave", registrar, nil)
		reg, err := p.Register(within(t, patience), nua.RegisterConfig{Expires: 300 * time.Second})
		require.NoError(t, err)
		require.Equal(t, nua.Registered, reg.State())
		for _, m := range p.all(sent, "REGISTER") {
			require.Equal(t, "tls", m.proto)
			require.Equal(t, registrar, m.peer)
			require.Contains(t, m.Message.String(), "\r\nVia: SIP/2.0/TLS "+at.String()+";")
		}
		table := r.Bindings(t, "dave")
		require.Len(t, table, 1)
		address, err := sip.ParseURI(table[0].Address)
		require.NoError(t, err)
		require.Equal(t, at.String(), address.HostPort())
		require.Equal(t, "tls", address.Transport())
		require.Equal(t, "tls:"+registrar.String(), table[0].Socket)
		require.NoError(t, reg.Refresh(within(t, patience)))
		require.Len(t, r.Bindings(t, "dave"), 1)
		require.NoError(t, reg.Unregister(within(t, patience)))
		require.Empty(t, r.Bindings(t, "dave"))
		require.EqualValues(t, 1, p.Agent().Transport().Stats().Dialled, "all on one connection")
	})
}

// One phone calls another through kamailio, over TLS on all three ways.
func TestTLSCall(t *testing.T) {
	eachFamily(t, func(t *testing.T, registrar netip.AddrPort) {
		dave, _ := securePhone(t, "dave", registrar, answering)
		reg, err := dave.Register(within(t, patience), nua.RegisterConfig{})
		require.NoError(t, err)
		alice, _ := securePhone(t, "alice", registrar, nil)
		callBothWays(t, alice, dave, func(out, _ *nua.Call) *nua.Call { return out })
		require.NoError(t, reg.Unregister(within(t, patience)))
		for _, p := range []*phone{alice, dave} {
			for _, method := range []string{"INVITE", "ACK", "BYE"} {
				for _, m := range p.all(sent, method) {
					require.Equal(t, "tls", m.proto, method)
				}
			}
		}
	})
}

// A phone without a certificate is called on the connection of its registration.
func TestTLSCallWithoutListener(t *testing.T) {
	eachFamily(t, func(t *testing.T, registrar netip.AddrPort) {
		dave := clientPhone(t, "dave", registrar, answering)
		reg, err := dave.Register(within(t, patience), nua.RegisterConfig{})
		require.NoError(t, err)
		alice := clientPhone(t, "alice", registrar, nil)
		callBothWays(t, alice, dave, func(_, in *nua.Call) *nua.Call { return in })
		require.NoError(t, reg.Unregister(within(t, patience)))
		for _, p := range []*phone{alice, dave} {
			require.EqualValues(t, 1, p.Agent().Transport().Stats().Dialled)
		}
	})
}

// What kamailio shows is verified by name; what we show is verified by kamailio.
func TestTLSCertificates(t *testing.T) {
	for _, c := range []struct {
		key, server, show string
		want              error
		says              []string
	}{
		{key: "REGISTRAR_TLS", server: "lab.test"},
		{key: "REGISTRAR_TLS", server: "LAB.test"},
		{key: "REGISTRAR_TLS", server: "reg.lab.test", want: tport.ErrWrongName, says: []string{"reg.lab.test", "lab.test"}}, // a DNS name beside a sip URI
		{key: "REGISTRAR_TLS_EXPIRED", server: "lab.test", want: tport.ErrUntrusted, says: []string{"expired", "lab.test"}},
		{key: "REGISTRAR_TLS_WRONGNAME", server: "lab.test", want: tport.ErrWrongName, says: []string{"other.example", "lab.test"}},
		{key: "REGISTRAR_TLS_MUTUAL", server: "lab.test", want: tport.ErrRefused},
		{key: "REGISTRAR_TLS_MUTUAL", server: "lab.test", show: "client"},
		{key: "REGISTRAR_TLS_MUTUAL", server: "lab.test", show: "client-untrusted", want: tport.ErrRefused},
		{key: "REGISTRAR_TLS_MUTUAL", server: "lab.test", show: "client-expired", want: tport.ErrRefused},
	} {
		t.Run(strings.Join([]string{c.key, c.server, c.show}, " "), func(t *testing.T) {
			cfg := labTLS(t, "")
			if c.show != "" {
				mine := labTLS(t, c.show).Certificates[0]
				// Also where the server has said that it will not take it.
				cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &mine, nil }
			}
			a, err := nta.New(nta.Config{Transport: tport.Config{TLS: cfg}})
			require.NoError(t, err)
			t.Cleanup(func() { a.Close() })
			at := peers.Up(t, "kamailio-registrar").AddrPort(t, c.key)
			uri, err := sip.ParseURI(fmt.Sprintf("sips:%s:%d;maddr=%s", c.server, at.Port(), at.Addr()))
			require.NoError(t, err)
			err = askOptions(within(t, patience), a, uri)
			if c.want == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, c.want)
			for _, s := range c.says {
				require.ErrorContains(t, err, s)
			}
		})
	}
}

// askOptions asks for OPTIONS and any answer.
func askOptions(ctx context.Context, a *nta.Agent, to sip.URI) error {
	req, err := sip.NewRequest("OPTIONS", to, sip.From.Text("<sip:tester@lab.test>;tag="+a.NewTag()),
		sip.To.Set(sip.NameAddr{URI: to}), sip.CallID.Text(a.NewCallID()), sip.CSeq.Set(sip.Sequence{Seq: 1, Method: "OPTIONS"}))
	if err != nil {
		return err
	}
	o, err := a.Send(req, nta.SendConfig{})
	if err != nil {
		return err
	}
	_, err = o.Final(ctx)
	return err
}

// The lab's set of certificates, shown by a server of ours.
func TestTLSLabCertificates(t *testing.T) {
	for name, ok := range map[string]bool{
		"server": true, "server-rsa": true, "uri-only": true, "dns-only": true, "cn-only": true,
		"expired": false, "notyet": false, "wrongname": false, "untrusted": false,
		"sips-uri": false, "user-uri": false, "wildcard": false,
	} {
		t.Run(name, func(t *testing.T) {
			server := newTransport(t, tport.Config{TLS: labTLS(t, name)})
			p, err := server.Listen(t.Context(), tport.Name{Proto: tport.TLS, Host: peers.Host(t).String()})
			require.NoError(t, err)
			client := newTransport(t, tport.Config{TLS: labTLS(t, "")})
			_, err = client.Dial(within(t, patience), tport.Name{
				Proto: tport.TLS, Host: p.Addr().Addr().String(), Port: p.Addr().Port(), ServerName: "lab.test",
			})
			if ok {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, tport.ErrUntrusted)
			require.ErrorContains(t, err, "lab.test")
		})
	}
}

func newTransport(t *testing.T, cfg tport.Config) *tport.Transport {
	t.Helper()
	cfg.Class, cfg.Deliver = sip.Class(), func(*tport.Delivery) {}
	tp, err := tport.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { tp.Close() })
	return tp
}

// openssl asks for new keys in the middle of a connection (RFC 8446 section 4.6.3).
func TestTLSKeyUpdate(t *testing.T) {
	peers.Require(t, "openssl")
	a, err := nta.New(nta.Config{
		Transport: tport.Config{TLS: labTLS(t, "server")},
		Serve:     func(in *nta.Incoming) { _ = in.Reply(200) },
	})
	require.NoError(t, err)
	t.Cleanup(func() { a.Close() })
	p, err := a.Listen(t.Context(), tport.Name{Proto: tport.TLS, Host: peers.Host(t).String()})
	require.NoError(t, err)
	ca := filepath.Join(peers.Up(t, "kamailio-registrar")["LAB_CERTS"], "ca.pem")
	cmd := exec.CommandContext(within(t, patience), "openssl", "s_client", "-tls1_3", "-crlf", "-verify_return_error",
		"-CAfile", ca, "-verify_hostname", "lab.test", "-servername", "lab.test", "-connect", p.Addr().String())
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	told, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines, news := bufio.NewScanner(out), bufio.NewScanner(told)
	for _, id := range []string{"one", "two"} {
		_, err = fmt.Fprintf(in, "OPTIONS sip:lab.test SIP/2.0\nVia: SIP/2.0/TLS x.lab.test;branch=z9hG4bK%[1]s\nFrom: <sip:x@lab.test>;tag=1\n"+
			"To: <sip:lab.test>\nCall-ID: %[1]s\nCSeq: 1 OPTIONS\nMax-Forwards: 70\nContent-Length: 0\n\n", id)
		require.NoError(t, err)
		answered := false
		for !answered && lines.Scan() {
			answered = lines.Text() == "Call-ID: "+id
		}
		require.True(t, answered, id)
		_, err = fmt.Fprintln(in, "K")
		require.NoError(t, err)
		for news.Scan() && news.Text() != "KEYUPDATE" { // it has done it when it says so
		}
	}
	stats := a.Transport().Stats()
	require.EqualValues(t, 1, stats.Accepted)
	require.EqualValues(t, 1, stats.Flows)
	require.NoError(t, in.Close())
	_ = cmd.Wait()
}
