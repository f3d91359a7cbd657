package sresolv

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
)

// dialer is the default of Config.Dial.
type dialer struct{ rand io.Reader }

// Local ports are drawn from here, the range that Linux uses itself.
const (
	firstPort = 32768
	lastPort  = 60999
)

// dial connects. A datagram socket gets a random port, so that an answer is
// hard to forge whatever the system does (RFC 5452 section 9.2).
func (d dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if strings.HasPrefix(network, "udp") {
		for range 4 {
			n, err := random(d.rand)
			if err != nil {
				return nil, err
			}
			port := firstPort + int(n%(lastPort-firstPort+1))
			c, err := (&net.Dialer{LocalAddr: &net.UDPAddr{Port: port}}).DialContext(ctx, network, address)
			if !errors.Is(err, syscall.EADDRINUSE) {
				return c, err
			}
		}
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

func random(r io.Reader) (uint64, error) {
	var b [8]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return 0, err
	}
	return binary.NativeEndian.Uint64(b[:]), nil
}
