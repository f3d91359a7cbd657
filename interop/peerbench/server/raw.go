package server

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/ipv4"
)

// The raw servers are the floor: sockets of package net and the least work that
// makes a 200 to OPTIONS of a request. They check nothing and keep nothing.

// rawAnswer appends the answer to the request in b: Via, From, To, Call-ID and
// CSeq as they stand, found by their first letter.
func rawAnswer(out, b []byte) []byte {
	out = append(out, "SIP/2.0 200 OK\r\n"...)
	for {
		i := bytes.IndexByte(b, '\n')
		if i < 2 {
			return append(out, "Content-Length: 0\r\n\r\n"...)
		}
		b = b[i+1:]
		j := bytes.IndexByte(b, '\n')
		if j < 2 {
			return append(out, "Content-Length: 0\r\n\r\n"...)
		}
		switch line := b[:j+1]; {
		case bytes.HasPrefix(line, []byte("Via:")), bytes.HasPrefix(line, []byte("From:")),
			bytes.HasPrefix(line, []byte("Call-ID:")), bytes.HasPrefix(line, []byte("CSeq:")):
			out = append(out, line...)
		case bytes.HasPrefix(line, []byte("To:")):
			out = append(append(out, line[:len(line)-2]...), ";tag=raw\r\n"...)
		}
	}
}

// rawUDP is one goroutine that reads, answers and reads again.
func rawUDP(addr netip.AddrPort) (*Server, error) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return nil, err
	}
	go func() {
		in, out := make([]byte, 65536), make([]byte, 0, 65536)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(in)
			if err != nil {
				return
			}
			_, _ = conn.WriteToUDPAddrPort(rawAnswer(out, in[:n]), from)
		}
	}()
	return &Server{Addr: conn.LocalAddr().(*net.UDPAddr).AddrPort(), Close: conn.Close}, nil
}

// rawBatch reads and writes up to 32 datagrams in one system call.
func rawBatch(addr netip.AddrPort) (*Server, error) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return nil, err
	}
	go func() {
		const size = 32
		p := ipv4.NewPacketConn(conn)
		in, out := make([]ipv4.Message, size), make([]ipv4.Message, size)
		room := make([][]byte, size)
		for i := range in {
			in[i].Buffers = [][]byte{make([]byte, 8192)}
			out[i].Buffers = [][]byte{nil}
			room[i] = make([]byte, 0, 8192)
		}
		for {
			n, err := p.ReadBatch(in, 0)
			if err != nil {
				return
			}
			for i := range n {
				out[i].Buffers[0] = rawAnswer(room[i], in[i].Buffers[0][:in[i].N])
				out[i].Addr = in[i].Addr
			}
			for done := 0; done < n; {
				k, err := p.WriteBatch(out[done:n], 0)
				if err != nil || k == 0 {
					break
				}
				done += k
			}
		}
	}()
	return &Server{Addr: conn.LocalAddr().(*net.UDPAddr).AddrPort(), Close: conn.Close}, nil
}

// rawTCP has a goroutine and a buffer for each connection. It takes a request
// that comes in pieces, and several that come at once.
func rawTCP(addr netip.AddrPort) (*Server, error) {
	l, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(addr))
	if err != nil {
		return nil, err
	}
	return rawStreams(l), nil
}

// rawTLS is the same over TLS.
func rawTLS(addr netip.AddrPort) (*Server, error) {
	cert, err := certificate()
	if err != nil {
		return nil, err
	}
	l, err := tls.Listen("tcp4", addr.String(), &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		return nil, err
	}
	return rawStreams(l), nil
}

func rawStreams(l net.Listener) *Server {
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go rawConn(c)
		}
	}()
	return &Server{Addr: l.Addr().(*net.TCPAddr).AddrPort(), Close: l.Close}
}

// certificate makes one that proves nothing.
func certificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

func rawConn(c net.Conn) {
	defer c.Close()
	in, out, have := make([]byte, 8192), make([]byte, 0, 8192), 0
	for {
		n, err := c.Read(in[have:])
		if err != nil {
			return
		}
		have += n
		for {
			end := bytes.Index(in[:have], []byte("\r\n\r\n"))
			if end < 0 {
				break
			}
			if _, err := c.Write(rawAnswer(out, in[:end+4])); err != nil {
				return
			}
			have = copy(in, in[end+4:have])
		}
		if have == len(in) {
			return
		}
	}
}
