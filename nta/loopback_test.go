package nta

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
)

// TestLoopback makes a call over the sockets of the system, each way.
func TestLoopback(t *testing.T) {
	for _, proto := range []string{"udp", "tcp"} {
		t.Run(proto, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			done := make(chan string, 1)
			server := loopback(t, proto, Config{Serve: func(in *Incoming) {
				switch in.Request().Method() {
				case "INVITE":
					_, err := in.Dialog(LegConfig{})
					require.NoError(t, err)
					in.Async()
					require.NoError(t, in.Reply(200, sip.Contact.Set(in.sh.a.Contact("bob", proto))))
					ack, err := in.Ack(ctx)
					require.NoError(t, err)
					done <- ack.Method()
				case "BYE":
					in.Leg().End()
					require.NoError(t, in.Reply(200))
				}
			}})
			client := loopback(t, proto, Config{})
			to := server.Contact("bob", proto)
			req, err := sip.NewRequest("INVITE", to.URI,
				sip.From.Set(client.Contact("alice", proto).WithTag(client.NewTag())), sip.To.Set(to),
				sip.CallID.Text(client.NewCallID()), sip.CSeq.Set(sip.Sequence{Seq: 1, Method: "INVITE"}),
				sip.Contact.Set(client.Contact("alice", proto)))
			require.NoError(t, err)
			o, err := client.Send(req, SendConfig{})
			require.NoError(t, err)
			resp, err := o.Final(ctx)
			require.NoError(t, err)
			leg, err := o.Dialog(resp, LegConfig{})
			require.NoError(t, err)
			client.Step(leg.CallID(), func(s *Step) { err = leg.Ack(s, resp) })
			require.NoError(t, err)
			require.Equal(t, "ACK", <-done)
			bye, err := leg.Send("BYE")
			require.NoError(t, err)
			_, err = bye.Final(ctx)
			require.NoError(t, err)
			leg.End()
			require.NoError(t, client.Shutdown(ctx))
			require.NoError(t, server.Shutdown(ctx))
		})
	}
}

func loopback(t testing.TB, proto string, cfg Config) *Agent {
	a, err := New(cfg)
	require.NoError(t, err)
	_, err = a.Listen(t.Context(), tport.Name{Proto: proto, Host: "127.0.0.1"})
	require.NoError(t, err)
	t.Cleanup(func() { a.Close() })
	return a
}
