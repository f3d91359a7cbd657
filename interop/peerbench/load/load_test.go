package load

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/gosofia/sofia/interop/peerbench/server"
)

// Every server answers everything; no figure is judged.
func TestServers(t *testing.T) {
	for _, name := range server.Names() {
		t.Run(name, func(t *testing.T) {
			s, err := server.Start(name, netip.MustParseAddrPort("127.0.0.1:0"))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			for _, work := range []Work{Options, Call, UACall} {
				if work.Calls() && !server.TakesCalls(name) {
					continue
				}
				r, err := Run(Config{Target: s.Addr, Work: work, Network: server.Network(name), Warm: 20, Count: 200, CPU: func() (time.Duration, error) { return ProcessCPU(os.Getpid()) }})
				if err != nil {
					t.Fatalf("%s: %v", work, err)
				}
				if r.Done != 200 || r.Lost != 0 {
					t.Errorf("%s: %d done, %d lost", work, r.Done, r.Lost)
				}
				if r.CPU <= 0 || r.P50 <= 0 || r.P99 < r.P50 {
					t.Errorf("%s: %+v", work, r)
				}
			}
		})
	}
}

// What is not answered is lost, and counted once.
func TestLoss(t *testing.T) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { // answers every request but each fourth
		defer close(done)
		buf := make([]byte, 65536)
		for n := 0; ; n++ {
			k, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			if n%4 == 3 {
				continue
			}
			resp := append([]byte("SIP/2.0 200 OK\r\n"), buf[:k]...)
			if _, err := conn.WriteToUDPAddrPort(resp, from); err != nil {
				return
			}
		}
	}()
	target := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	r, err := Run(Config{Target: target, Work: Options, Count: 40, Outstanding: 8, Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if r.Done != 30 || r.Lost != 10 {
		t.Errorf("%d done, %d lost; want 30 and 10", r.Done, r.Lost)
	}
	conn.Close()
	<-done
}

func TestSilentServer(t *testing.T) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = Run(Config{Target: conn.LocalAddr().(*net.UDPAddr).AddrPort(), Work: Options, Count: 1000, Timeout: 20 * time.Millisecond})
	if !errors.Is(err, ErrSilent) {
		t.Errorf("got %v", err)
	}
}

func TestReadAnswer(t *testing.T) {
	const ok = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP x\r\nTo: <sip:bench@x>;tag=9\r\nCall-ID: load-3-17@127.0.0.1\r\nCSeq: 1 INVITE\r\nm: \"B\" <sip:b@h:5>;x=y\r\n\r\n"
	a, is := readAnswer([]byte(ok))
	if want := (answer{200, 3, 17, "INVITE", "<sip:bench@x>;tag=9", "sip:b@h:5"}); !is || a != want {
		t.Errorf("got %+v, %v", a, is)
	}
	for _, bad := range []string{"", "SIP/2.0 200 OK", "SIP/2.0 abc OK\r\n\r\n", "OPTIONS sip:x SIP/2.0\r\n\r\n",
		"SIP/2.0 200 OK\r\nCall-ID: other@x\r\nCSeq: 1 INVITE\r\n\r\n", "SIP/2.0 200 OK\r\nCall-ID: load--3-17@x\r\nCSeq: 1 INVITE\r\n\r\n",
		"SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n"} {
		if a, is := readAnswer([]byte(bad)); is {
			t.Errorf("%q read as %+v", bad, a)
		}
	}
}
