//go:build linux

package lab

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
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

// A Registrar is one of the lab's kamailio instances with a location table:
// they differ in the algorithm of their digest challenges.
type Registrar struct {
	lab     *Lab
	service string
	prefix  string // of the keys it prints
}

// RegistrarMD5 is the service kamailio-registrar.
func (l *Lab) RegistrarMD5() Registrar { return Registrar{l, "kamailio-registrar", "REGISTRAR"} }

// RegistrarSHA256 is the service kamailio-registrar-sha256.
func (l *Lab) RegistrarSHA256() Registrar {
	return Registrar{l, "kamailio-registrar-sha256", "REGISTRAR256"}
}

// Addr starts the registrar, unless it runs, and returns where it listens for
// UDP and TCP.
func (r Registrar) Addr(t testing.TB) netip.AddrPort {
	t.Helper()
	return r.lab.Up(t, r.service).AddrPort(t, r.prefix+"_UDP")
}

// RPC calls a method of the registrar's JSON-RPC interface, such as
// "ul.lookup", "ul.rm" or "tm.stats", and returns its result. The registrar is
// started unless it runs.
func (r Registrar) RPC(t testing.TB, method string, params ...any) (json.RawMessage, error) {
	t.Helper()
	return callRPC(r.lab.Up(t, r.service)[r.prefix+"_RPC"], method, params)
}

// RPC is that of [Lab.RegistrarMD5].
func (l *Lab) RPC(t testing.TB, method string, params ...any) (json.RawMessage, error) {
	t.Helper()
	return l.RegistrarMD5().RPC(t, method, params...)
}

// Bindings is that of [Lab.RegistrarMD5].
func (l *Lab) Bindings(t testing.TB, user string) []Binding {
	t.Helper()
	return l.RegistrarMD5().Bindings(t, user)
}

// Bindings returns what the registrar's location table holds for a user of
// lab.test; nothing for a user without a registration.
func (r Registrar) Bindings(t testing.TB, user string) []Binding {
	t.Helper()
	result, err := r.RPC(t, "ul.lookup", "location", user)
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
