package tport

import (
	"net"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// mark marks what is sent on a connection of package net with Config.DSCP. What
// the system refuses costs the marking and no more.
func (t *Transport) mark(conn net.Conn) {
	c, ok := conn.(*net.TCPConn)
	if !ok || t.cfg.DSCP == 0 {
		return
	}
	err := markConn(c, t.cfg.DSCP<<2)
	if err != nil {
		t.log.Debug("the system does not mark a connection", "from", c.LocalAddr(), "to", c.RemoteAddr(), "err", err)
	}
}

func markConn(c *net.TCPConn, class int) error {
	if addrPortOf(c.RemoteAddr()).Addr().Is4() { // also on a socket of both families
		if ipv4.NewConn(c).SetTOS(class) == nil {
			return nil
		}
	}
	return ipv6.NewConn(c).SetTrafficClass(class)
}
