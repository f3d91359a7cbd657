// Package nua is a SIP user agent: calls, registrations, messages.
//
// # Use
//
// A [UA] is made from a [Config], listens, and then makes and takes calls:
//
//	ua, err := nua.New(nua.Config{
//		Identity: "sip:alice@lab.test",
//		Auth:     []auth.User{{Username: "alice", Password: password}},
//		Media:    "m=audio 5004 RTP/AVP 0 8",
//		Handler:  nua.Handler{Invite: answer},
//	})
//	…
//	err = ua.Listen(ctx, "udp:192.0.2.1:5060")
//	registration, err := ua.Register(ctx, nua.RegisterConfig{})
//	call, err := ua.Invite(ctx, "sip:bob@lab.test", nua.CallConfig{})
//	err = call.Wait(ctx, nua.Ready)
//	…
//	err = ua.Shutdown(ctx)
//
// [Call] and [Registration] are handles: methods act on them, events tell what
// happened. The protocol never waits for a reader of events: retransmissions,
// ACK, credentials, refreshes and the answers to BYE and CANCEL happen when they
// are due.
//
// # States
//
// A call has Sofia-SIP's eleven states ([CallState]) and takes its transitions,
// named C1 to C12 for the caller, S1 to S9 for the callee and T1 to T5 for the
// established call; a re-INVITE runs in a machine of its own beside them (R).
// One transition departs from Sofia: a 2xx that crosses a CANCEL never makes the
// call ready. It is acknowledged and ended with BYE, and the caller gets
// [ErrCanceled].
//
// # Media
//
// Offer/answer goes through [Engine]. The built-in one is a soa.Session over
// Config.Media. An engine may take its time: it runs outside every lock, and
// the call goes on to answer what comes meanwhile.
//
// # Contexts
//
// A context given to a method bounds that wait; what the method began goes on.
// The exception is the context of [UA.Invite], which cancels the call when it
// ends before the call is established.
//
// # Concurrency
//
// All methods are safe for concurrent use and must not be called from inside a
// step of package nta. A call's state, and the order of its events and of what
// it sends, is that of the shard its Call-ID belongs to. Handler funcs run on
// goroutines of the agent. An idle call or registration holds no goroutine, no
// channel, no context and no runtime timer.
//
// # Limits
//
// Config.MaxCalls bounds the calls, Config.EventBuffer the unread events of a
// handle. Per call at most 16 early dialogs and 16 extra 2xx responses are
// followed, 8 changes of the session and 32 requests wait.
package nua
