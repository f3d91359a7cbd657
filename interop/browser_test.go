//go:build linux

package interop

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
	"github.com/gosofia/sofia/tport/simnet"
)

// A page that registers over WebSocket and posts what it got to where it came from.
const registerPage = `<!DOCTYPE html><title>page</title><script>
const show = s => fetch("/", {method: "POST", body: s})
const ws = new WebSocket("%s", "sip")
ws.onerror = () => show("error")
ws.onclose = e => { if (document.title != "done") show("closed " + e.code) }
ws.onopen = () => ws.send([
	"REGISTER sip:example.com SIP/2.0",
	"Via: SIP/2.0/%s df7jal23ls0d.invalid;branch=z9hG4bKasudf",
	"From: <sip:alice@example.com>;tag=65bnmj.34asd",
	"To: <sip:alice@example.com>",
	"Call-ID: aiuy7k9njasd",
	"CSeq: 1 REGISTER",
	"Max-Forwards: 70",
	"Supported: path, outbound",
	"Contact: <sip:alice@df7jal23ls0d.invalid;transport=ws>;reg-id=1;+sip.instance=\"<urn:uuid:f81-7dec-14a06cf1>\"",
	"Content-Length: 0", "", ""].join("\r\n"))
ws.onmessage = e => { document.title = "done"; show(ws.protocol + " " + e.data.split("\r\n")[0]) }
</script>`

// A headless Chromium registers over ws and wss.
func TestBrowserRegisters(t *testing.T) {
	peers.Require(t, "chromium")
	ca := simnet.NewAuthority("interop")
	for _, proto := range []string{"ws", "wss"} {
		t.Run(proto, func(t *testing.T) {
			seen := &wire{}
			said := make(chan string, 1)
			pages := httptest.NewUnstartedServer(nil)
			agent, err := nta.New(nta.Config{
				Transport: tport.Config{
					Trace: seen.trace(),
					TLS:   &tls.Config{Certificates: []tls.Certificate{ca.Issue("127.0.0.1")}},
					WebSocket: tport.WebSocketConfig{Origin: func(r *http.Request) bool {
						return r.Header.Get("Origin") == pages.URL
					}},
				},
				Serve: func(in *nta.Incoming) {
					contact, _ := sip.Contact.Raw(in.Request())
					_ = in.Reply(200, sip.Contact.Text(contact+";expires=60"))
				},
			})
			require.NoError(t, err)
			t.Cleanup(func() { agent.Close() })
			p, err := agent.Listen(context.Background(), tport.Name{Proto: proto, Host: "127.0.0.1"})
			require.NoError(t, err)
			pages.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					b, _ := io.ReadAll(io.LimitReader(r.Body, 1000))
					select {
					case said <- string(b):
					default:
					}
					return
				}
				fmt.Fprintf(w, registerPage, proto+"://"+p.Addr().String()+"/", strings.ToUpper(proto))
			})
			pages.Start()
			t.Cleanup(pages.Close)

			dir, err := os.MkdirTemp("", "chromium")
			require.NoError(t, err)
			defer os.RemoveAll(dir) // as far as its last children allow
			cmd := exec.CommandContext(within(t, 2*patience), "chromium", "--headless", "--no-sandbox", "--disable-gpu",
				"--disable-dev-shm-usage", "--ignore-certificate-errors", "--user-data-dir="+dir,
				"--remote-debugging-port=0", pages.URL)
			// It leaves children behind.
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
			cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
			require.NoError(t, cmd.Start())
			defer func() {
				_ = cmd.Cancel()
				_ = cmd.Wait()
			}()
			select {
			case what := <-said:
				require.Equal(t, "sip SIP/2.0 200 OK", what)
			case <-within(t, 2*patience).Done():
				require.Fail(t, "the page said nothing")
			}
			got := seen.all(received, "REGISTER")
			require.Len(t, got, 1)
			require.Equal(t, proto, got[0].proto)
			require.Len(t, seen.all(sent, "200 REGISTER"), 1)
		})
	}
}
