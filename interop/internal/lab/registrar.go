//go:build linux

package lab

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"
)

// maxAnswer bounds an answer of the registrar's RPC port.
const maxAnswer = 8 << 20

// A Binding is one contact in the registrar's location table, as kamailio
// reports it.
type Binding struct {
	Address   string // the Contact URI
	Expires   int    // seconds left
	CallID    string `json:"Call-ID"`
	CSeq      int
	UserAgent string `json:"User-Agent"`
	Received  string // source address, where it differs; else "[not set]"
	Path      string // else "[not set]"
	Socket    string // the registrar's own, "udp:127.0.16.1:5060"
	Instance  string
	RegID     int `json:"Reg-Id"`
}

// An rpcError is a refusal of kamailio's RPC interface.
type rpcError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (e *rpcError) Error() string { return fmt.Sprintf("kamailio rpc: %d %s", e.Code, e.Message) }

// RPC calls a method of the registrar's JSON-RPC interface, such as
// "ul.lookup", "ul.rm" or "tm.stats", and returns its result. The service
// kamailio-registrar is started unless it runs.
func (l *Lab) RPC(t testing.TB, method string, params ...any) (json.RawMessage, error) {
	t.Helper()
	return callRPC(l.Up(t, "kamailio-registrar")["REGISTRAR_RPC"], method, params)
}

// Bindings returns what the registrar's location table holds for a user of
// lab.test; nothing for a user without a registration.
func (l *Lab) Bindings(t testing.TB, user string) []Binding {
	t.Helper()
	result, err := l.RPC(t, "ul.lookup", "location", user)
	if err, ok := err.(*rpcError); ok && err.Message == "AOR not found in location table" {
		return nil
	}
	if err != nil {
		t.Fatalf("lab: %v", err)
	}
	bindings, err := parseBindings(result)
	if err != nil {
		t.Fatalf("lab: ul.lookup %s: %v", user, err)
	}
	return bindings
}

func parseBindings(result []byte) ([]Binding, error) {
	var table struct {
		Contacts []struct{ Contact Binding }
	}
	if err := json.Unmarshal(result, &table); err != nil {
		return nil, err
	}
	var all []Binding
	for _, c := range table.Contacts {
		all = append(all, c.Contact)
	}
	return all, nil
}

func callRPC(url, method string, params []any) (json.RawMessage, error) {
	if params == nil {
		params = []any{}
	}
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
	if err != nil {
		return nil, err
	}
	// No idle connection may outlive the test: the leak check would find its goroutines.
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	resp, err := c.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	var answer struct {
		Result json.RawMessage `json:"result"`
		Error  *rpcError       `json:"error"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, fmt.Errorf("kamailio rpc: %s: %w in %q", resp.Status, err, text)
	}
	if answer.Error != nil {
		return nil, answer.Error
	}
	return answer.Result, nil
}
