//go:build linux

package lab

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func parseLines(s string) []string { return strings.Fields(s) }

func TestReadNetstring(t *testing.T) {
	for _, c := range []struct{ in, want, err string }{
		{"0:,", "", ""},
		{"5:hello,rest", "hello", ""},
		{"12:hello world!,", "hello world!", ""},
		{":x,", "", `':' in the length`},
		{"1x:a,", "", `'x' in the length`},
		{"-1:a,", "", `'-' in the length`},
		{"5:hello;", "", "no comma"},
		{"5:hel", "", "EOF"},
		{"", "", "EOF"},
		{"99999999:", "", "longer than"},
	} {
		got, err := readNetstring(bufio.NewReader(strings.NewReader(c.in)))
		if c.err != "" {
			require.ErrorContains(t, err, c.err, "%q", c.in)
			continue
		}
		require.NoError(t, err, "%q", c.in)
		require.Equal(t, c.want, string(got))
	}
}

func FuzzReadNetstring(f *testing.F) {
	for _, s := range []string{"0:,", "5:hello,", "5:hello,5:world,", "007:1234567,", "1:", "9:,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r := bufio.NewReader(strings.NewReader(s))
		var out string
		for {
			b, err := readNetstring(r)
			if err != nil {
				return
			}
			again, err := readNetstring(bufio.NewReader(strings.NewReader(fmt.Sprintf("%d:%s,", len(b), b))))
			require.NoError(t, err)
			require.Equal(t, string(b), string(again))
			if out += string(b); len(out) > len(s) {
				t.Fatalf("more text out (%d) than in (%d)", len(out), len(s))
			}
		}
	})
}

// A command's answer and the events around it arrive on one connection.
func TestBaresipDialogue(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	done := make(chan error, 1)
	send := func(w net.Conn, v map[string]any) error {
		b, err := json.Marshal(v)
		if err == nil {
			_, err = fmt.Fprintf(w, "%d:%s,", len(b), b)
		}
		return err
	}
	go func() {
		defer far.Close()
		cmd, err := readNetstring(bufio.NewReader(far))
		for _, v := range []map[string]any{
			{"event": true, "class": "register", "type": "REGISTER_OK"},
			{"event": true, "class": "call", "type": "CALL_INCOMING", "id": "a@b", "direction": "incoming"},
			{"response": true, "ok": true, "data": " dialled \n", "token": "dial"},
			{"event": true, "class": "call", "type": "CALL_ESTABLISHED", "id": "a@b"},
		} {
			if err == nil {
				err = send(far, v)
			}
		}
		if err == nil && string(cmd) != `{"command":"dial","params":"sip:x@y now","token":"dial"}` {
			err = fmt.Errorf("command %s", cmd)
		}
		done <- err
	}()
	b := &Baresip{t: t, lab: New(), conn: near, in: bufio.NewReader(near)}
	require.Equal(t, "dialled", b.Do("dial", "sip:x@y", "now"))
	require.Equal(t, "a@b", b.Wait(time.Second, "CALL_INCOMING").ID, "kept while Do waited")
	require.Empty(t, b.seen, "events before the one waited for are forgotten")
	require.Equal(t, "CALL_ESTABLISHED", b.Wait(time.Second, "CALL_CLOSED", "CALL_ESTABLISHED").Type)
	require.NoError(t, <-done)
}

func TestCallRPC(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			Method string
			Params []any
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || q.Params == nil {
			http.Error(w, "bad request", http.StatusBadRequest)
			return
		}
		switch q.Method {
		case "ul.lookup":
			fmt.Fprint(w, `{"jsonrpc":"2.0","result":{"AoR":"bob","Contacts":[{"Contact":{"Address":"sip:bob@127.0.7.1:5080","Expires":59,
				"Call-ID":"5fbf","CSeq":28980,"User-Agent":"x","Received":"[not set]","Path":"[not set]","Socket":"udp:127.0.7.1:5060","Reg-Id":1}}]},"id":1}`)
		case "broken":
			fmt.Fprint(w, `{`)
		default:
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprint(w, `{"jsonrpc":"2.0","error":{"code":500,"message":"AOR not found in location table"},"id":1}`)
		}
	}))
	defer s.Close()

	result, err := callRPC(s.URL, "ul.lookup", []any{"location", "bob"})
	require.NoError(t, err)
	got, err := parseBindings(result)
	require.NoError(t, err)
	require.Equal(t, []Binding{{
		Address: "sip:bob@127.0.7.1:5080", Expires: 59, CallID: "5fbf", CSeq: 28980, UserAgent: "x",
		Received: "[not set]", Path: "[not set]", Socket: "udp:127.0.7.1:5060", RegID: 1,
	}}, got)

	_, err = callRPC(s.URL, "other", nil)
	var refused *rpcError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, 500, refused.Code)
	_, err = callRPC(s.URL, "broken", nil)
	require.ErrorContains(t, err, "kamailio rpc: 200 OK")
}
