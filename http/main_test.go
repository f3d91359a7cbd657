package http_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/http"
	"github.com/gosofia/sofia/internal/leak"
	"github.com/gosofia/sofia/msg"
)

func TestMain(m *testing.M) { leak.Main(m) }

// text makes a message of lines and a body.
func text(body string, lines ...string) string {
	return strings.Join(lines, "\r\n") + "\r\n\r\n" + body
}

func parse(t testing.TB, s string) *msg.Message {
	t.Helper()
	m, err := http.Parse(s)
	require.NoError(t, err, "%q", s)
	return m
}

func sample(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("testdata/response.http")
	require.NoError(t, err)
	return string(b)
}
