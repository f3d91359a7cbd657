//go:build linux

package interop

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
	"github.com/gosofia/sofia/tport/simnet"
)

// Programs that are clients of a server of the library.

// A site is a server that answers OPTIONS over UDP, TCP and TLS on one host.
type site struct {
	*wire
	addr map[string]netip.AddrPort // by protocol
	ca   string                    // file
}

func newSite(t *testing.T, host string) site {
	t.Helper()
	ca := simnet.NewAuthority("interop")
	s := site{wire: &wire{}, addr: map[string]netip.AddrPort{}, ca: filepath.Join(t.TempDir(), "ca.pem")}
	cert := ca.Issue(host, "localhost")
	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Certificate().Raw})
	require.NoError(t, os.WriteFile(s.ca, root, 0o600))
	agent, err := nta.New(nta.Config{
		Transport: tport.Config{Trace: s.trace(), TLS: &tls.Config{
			Certificates: []tls.Certificate{cert},
			MaxVersion:   tls.VersionTLS12, // sipsak takes the session tickets of 1.3 for an answer, and gives up
		}},
		Serve: func(in *nta.Incoming) { _ = in.Reply(200, sip.Allow.Set("OPTIONS")) },
	})
	require.NoError(t, err)
	t.Cleanup(func() { agent.Close() })
	// Clients take the port after that of UDP and TCP for TLS.
	for try := 0; ; try++ {
		require.Less(t, try, 50, "no two free ports")
		probe, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		require.NoError(t, err)
		port := uint16(probe.Addr().(*net.TCPAddr).Port)
		probe.Close()
		var ps []*tport.Primary
		for i, proto := range []string{"udp", "tcp", "tls"} {
			if i == 2 {
				port++
			}
			p, err := agent.Listen(context.Background(), tport.Name{Proto: proto, Host: host, Port: port})
			if err != nil {
				break
			}
			ps = append(ps, p)
		}
		if len(ps) == 3 {
			for _, p := range ps {
				s.addr[p.Proto()] = p.Addr()
			}
			return s
		}
		for _, p := range ps {
			p.Close()
		}
	}
}

// Sofia's own sip-options asks over UDP, TCP and TLS.
func TestSIPOptionsAsks(t *testing.T) {
	peers.Require(t, "sip-options")
	for _, host := range []string{"127.0.0.1", "::1"} {
		s := newSite(t, host)
		for _, proto := range []string{"udp", "tcp", "tls"} {
			t.Run(proto+" "+host, func(t *testing.T) {
				own, to := "sip:"+net.JoinHostPort(host, "*")+";transport="+proto, fmt.Sprintf("sip:%s;transport=%s", s.addr[proto], proto)
				if proto == "tls" { // it binds TLS for sips only
					own, to = "sips:"+net.JoinHostPort(host, "*"), fmt.Sprintf("sips:%s", s.addr[proto])
				}
				out, err := exec.CommandContext(within(t, patience), "sip-options", "--bind="+own, to).CombinedOutput()
				require.NoError(t, err, "%s", out)
				require.Contains(t, string(out), "200 OK")
				require.Contains(t, string(out), "Allow: OPTIONS")
				seen := s.all(received, "OPTIONS")
				require.Equal(t, proto, seen[len(seen)-1].proto)
			})
		}
	}
}

// sipsak asks over UDP, TCP and TLS, and looks at our certificate.
func TestSipsakAsks(t *testing.T) {
	peers.Require(t, "sipsak")
	s := newSite(t, "127.0.0.1")
	for _, proto := range []string{"udp", "tcp", "tls"} {
		t.Run(proto, func(t *testing.T) {
			args := []string{"-vv", "--transport=" + proto, "-s", "sip:bob@" + s.addr[proto].String()}
			if proto == "tls" {
				args = append(args, "--tls-ca-cert="+s.ca)
			}
			out, err := exec.CommandContext(within(t, patience), "sipsak", args...).CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.Contains(t, string(out), "SIP/2.0 200 OK")
			seen := s.all(received, "OPTIONS")
			require.Equal(t, proto, seen[len(seen)-1].proto)
		})
	}
}
