// Websocket serves a web page and SIP over WebSocket (RFC 7118) on one port of
// one net/http server: the page at /, SIP at /sip. Open it in two browser tabs,
// register as two users, and send each other messages. The page speaks SIP by
// itself, in forty lines of script.
//
//	go run ./examples/websocket                        # http://127.0.0.1:8088/
//	go run ./examples/websocket -listen 0.0.0.0:8443 -cert cert.pem -key key.pem
//
// It stands for the part of a server that matters here: how SIP is mounted in a
// server that does other things, who may connect, and how a request reaches a
// browser, which can only be reached on the connection it came by. Anybody may
// register as anybody: do not leave it where others reach it.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/tport"
)

//go:embed page.html
var page []byte

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is main with its surroundings handed in; it returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("websocket", flag.ContinueOnError)
	flags.SetOutput(stderr)
	listen := flags.String("listen", "127.0.0.1:8088", "address for pages and SIP")
	cert := flags.String("cert", "", "certificate file; with -key the server speaks https and wss")
	key := flags.String("key", "", "key file")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() > 0 || (*cert == "") != (*key == "") {
		fmt.Fprintln(stderr, "websocket: -cert and -key go together, and nothing stands behind the flags")
		return 2
	}
	if err := serve(ctx, *listen, *cert, *key, stdout); err != nil {
		fmt.Fprintln(stderr, "websocket:", err)
		return 1
	}
	return 0
}

// serve runs the server until ctx ends.
func serve(ctx context.Context, listen, cert, key string, stdout io.Writer) error {
	office := newOffice()
	agent, err := nta.New(nta.Config{
		Serve: office.serve,
		// Who left is not reached any more.
		Failed: func(f *tport.Flow, _ error) { office.gone(f.Key()) },
	})
	if err != nil {
		return err
	}
	defer agent.Close()
	proto, scheme := tport.WS, "http"
	if cert != "" {
		proto, scheme = tport.WSS, "https"
	}
	sip, err := agent.Transport().WebSocketHandler(tport.Name{Proto: proto})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /sip", sip)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'self' 'unsafe-inline'; connect-src 'self' ws: wss:")
		_, _ = w.Write(page)
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "pages and SIP at %s://%s/\n", scheme, l.Addr())
	done := make(chan error, 1)
	go func() {
		if cert != "" {
			done <- server.ServeTLS(l, cert, key)
		} else {
			done <- server.Serve(l)
		}
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	// The HTTP server does not know of connections that were upgraded: it ends
	// first, so that no more come, and then the agent ends those.
	end, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err = errors.Join(server.Shutdown(end), agent.Shutdown(end))
	if served := <-done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
