package tport

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTLSExchange(t *testing.T) {
	onRealNet(t, func(t *testing.T, host string) {
		ca := newAuthority(t, "authority")
		bob := realNode(t, serving(ca.domain("bob.example.com")))
		alice := realNode(t, trusting(ca))
		at := bob.listen(TLS, host, 0).Addr()
		f, err := alice.Dial(context.Background(), named("bob.example.com", at))
		require.NoError(t, err)
		exchange(t, alice, bob, f, at)
	})
}

func TestTLSVirtual(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		ca := newAuthority(t, "authority")
		alice, bob, at := v.tlsPair(ca, ca.domain("bob.example.com"))
		f, err := alice.Dial(context.Background(), named("bob.example.com", at))
		require.NoError(t, err)
		exchange(t, alice, bob, f, at)
	})
}
