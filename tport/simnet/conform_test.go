package simnet_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/gosofia/sofia/tport/simnet"
	"golang.org/x/net/nettest"
)

// TestNetConn runs the conformance test of golang.org/x/net on both kinds of
// net.Conn, in real time.
func TestNetConn(t *testing.T) {
	links := map[string]simnet.Link{
		"perfect":   {},
		"delayed":   {Delay: 200 * time.Microsecond, Jitter: 100 * time.Microsecond},
		"small MTU": {MTU: 300},
	}
	for name, link := range links {
		t.Run("TCP "+name, func(t *testing.T) {
			nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
				n := simnet.New(simnet.Config{Link: link})
				a, b := n.MustHost("a", "192.0.2.1"), n.MustHost("b", "192.0.2.2")
				l, err := b.Listen(context.Background(), "tcp", ":5060")
				if err != nil {
					return nil, nil, nil, err
				}
				if c1, err = a.DialContext(context.Background(), "tcp", "b:5060"); err != nil {
					return nil, nil, nil, err
				}
				if c2, err = l.Accept(); err != nil {
					return nil, nil, nil, err
				}
				return c1, c2, n.Close, nil
			})
		})
	}
}
