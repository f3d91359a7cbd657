package auth

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/internal/leak"
	"github.com/gosofia/sofia/msg"
)

func TestMain(m *testing.M) { leak.Main(m) }

// class is a message class with the headers that all classes share.
var class = msg.NewClass(msg.ClassConfig{Version: "SIP/2.0", Headers: msg.Common()})

// response makes a response with the given fields.
func response(t testing.TB, status string, fields ...string) *msg.Message {
	t.Helper()
	text := "SIP/2.0 " + status + " Reason\r\n" + strings.Join(append(fields, ""), "\r\n") + "\r\n"
	m, err := msg.Parse(class, text, msg.Limits{})
	require.NoError(t, err)
	return m
}

// request makes a request and applies the setters.
func request(t testing.TB, method, uri, body string, set ...msg.Setter) *msg.Message {
	t.Helper()
	m, err := msg.New(class, append([]msg.Setter{msg.RequestLine(method, uri), msg.Body(body)}, set...)...)
	require.NoError(t, err)
	return reparse(t, m)
}

// reparse sends m over the wire.
func reparse(t testing.TB, m *msg.Message) *msg.Message {
	t.Helper()
	m, err := msg.Parse(class, m.String(), msg.Limits{})
	require.NoError(t, err)
	return m
}

// challenged makes the response that carries the challenges of v.
func challenged(t testing.TB, v *Verifier, proxy, stale bool, fields ...string) *msg.Message {
	t.Helper()
	status := "401"
	if proxy {
		status = "407"
	}
	m, err := response(t, status, fields...).Edit(v.Challenge(proxy, stale))
	require.NoError(t, err)
	return reparse(t, m)
}

type vector struct {
	Source, Alg, User, Realm, PW, Method, URI, Nonce string
	CNonce, NC, QOP, Body                            string
	HA1, HA2, Response, RSPAuth, UserHash            string
}

type vectors struct {
	Digest []vector
	Forms  []struct {
		Line, Why string
		OK        bool
	} `json:"header_forms"`
}

func corpus(t testing.TB) (v vectors) {
	t.Helper()
	b, err := os.ReadFile("testdata/vectors.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &v))
	require.Len(t, v.Digest, 39)
	require.Len(t, v.Forms, 10)
	return v
}
