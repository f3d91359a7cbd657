package server

import (
	"log/slog"
	"net"
	"net/netip"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// sipgoServer uses sipgo as its own examples do: a Server for transactions and
// a DialogServerCache for dialogs. Logging is off.
func sipgoServer(addr netip.AddrPort) (*Server, error) {
	quiet := slog.New(slog.DiscardHandler)
	sip.SetDefaultLogger(quiet)
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return nil, err
	}
	bound := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	ua, err := sipgo.NewUA()
	if err != nil {
		conn.Close()
		return nil, err
	}
	stop := func() error { conn.Close(); return ua.Close() }
	srv, err := sipgo.NewServer(ua, sipgo.WithServerLogger(quiet))
	if err != nil {
		stop()
		return nil, err
	}
	client, err := sipgo.NewClient(ua)
	if err != nil {
		stop()
		return nil, err
	}
	contact := sip.ContactHeader{Address: sip.Uri{Scheme: "sip", User: "bench", Host: bound.Addr().String(), Port: int(bound.Port())}}
	dialogs := sipgo.NewDialogServerCache(client, contact)

	srv.OnOptions(func(req *sip.Request, tx sip.ServerTransaction) {
		_ = tx.Respond(sip.NewResponseFromRequest(req, sip.StatusOK, "OK", nil)) // a lost answer shows at the generator
	})
	srv.OnInvite(func(req *sip.Request, tx sip.ServerTransaction) {
		dialog, err := dialogs.ReadInvite(req, tx)
		if err != nil {
			_ = tx.Respond(sip.NewResponseFromRequest(req, sip.StatusBadRequest, err.Error(), nil))
			return
		}
		defer dialog.Close()
		// It returns when the ACK has come; the dialog must live until the BYE.
		if dialog.RespondSDP([]byte(SDP)) == nil {
			<-dialog.Context().Done()
		}
	})
	srv.OnAck(func(req *sip.Request, tx sip.ServerTransaction) { _ = dialogs.ReadAck(req, tx) })
	srv.OnBye(func(req *sip.Request, tx sip.ServerTransaction) {
		if dialogs.ReadBye(req, tx) != nil {
			_ = tx.Respond(sip.NewResponseFromRequest(req, sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist", nil))
		}
	})
	go func() { _ = srv.ServeUDP(conn) }() // ends when stop closes the socket
	return &Server{Addr: bound, Close: stop}, nil
}

// sipgoTCP answers OPTIONS over TCP.
func sipgoTCP(addr netip.AddrPort) (*Server, error) {
	quiet := slog.New(slog.DiscardHandler)
	sip.SetDefaultLogger(quiet)
	l, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(addr))
	if err != nil {
		return nil, err
	}
	ua, err := sipgo.NewUA()
	if err != nil {
		l.Close()
		return nil, err
	}
	stop := func() error { l.Close(); return ua.Close() }
	srv, err := sipgo.NewServer(ua, sipgo.WithServerLogger(quiet))
	if err != nil {
		stop()
		return nil, err
	}
	srv.OnOptions(func(req *sip.Request, tx sip.ServerTransaction) {
		_ = tx.Respond(sip.NewResponseFromRequest(req, sip.StatusOK, "OK", nil))
	})
	go func() { _ = srv.ServeTCP(l) }() // ends when stop closes the socket
	return &Server{Addr: l.Addr().(*net.TCPAddr).AddrPort(), Close: stop}, nil
}
