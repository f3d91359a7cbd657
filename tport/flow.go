package tport

import (
	"crypto/tls"
	"errors"
	"net/netip"

	"github.com/gosofia/sofia/msg"
)

// Flow is a way to one peer: a connection, or for UDP a pair of addresses on a
// bound socket. It is Sofia's secondary transport. All its methods are safe for
// concurrent use. A UDP flow is a small value that nobody keeps track of: there
// may be several for one pair of addresses, so compare flows by [Flow.Key].
type Flow struct {
	key     Key
	primary *Primary      // nil for a dialled stream
	stream  *stream       // nil for UDP
	socket  *packetSocket // the UDP socket that the peer is read from, if that is known
}

// Send sends m as it stands and never blocks: it writes at once if nothing is
// waiting and the socket takes it, and otherwise queues it. Messages leave in
// the order of the calls. A nil error does not mean that the peer got it; for
// what goes wrong later see [Config.Failed].
//
// The error is an [*Error] that wraps [ErrQueueFull] (nothing was sent; what is
// queued still goes), [ErrTooLarge], [ErrGone] together with why the flow ended,
// or what the system said.
func (f *Flow) Send(m *msg.Message) error {
	t := f.transport()
	b := t.encoders.get()
	defer t.encoders.put(b)
	text, err := m.AppendText(b.b[:0])
	b.b = text
	if err != nil {
		return wrap("send", f.key, err)
	}
	at := t.traceTime()
	if err := f.write(text); err != nil {
		return wrap("send", f.key, err)
	}
	t.count.sent.Add(1)
	octets(t, true, OctetsMessage, f.key, text, at)
	if t.cfg.Trace.Sent != nil {
		t.guard(func() { t.cfg.Trace.Sent(f, m, len(text)) })
	}
	return nil
}

// SendComposed is [Flow.Send] of what compose appends to the buffer that is sent
// from: one whole message, for which there need be no [msg.Message]. If compose
// fails nothing is sent, and its error is returned as it is. compose must not keep
// the buffer. Where [Trace].Sent is set the message is parsed for it.
func (f *Flow) SendComposed(compose func(dst []byte) ([]byte, error)) error {
	t := f.transport()
	b := t.encoders.get()
	defer t.encoders.put(b)
	text, err := compose(b.b[:0])
	b.b = text
	if err != nil {
		return err
	}
	at := t.traceTime()
	if err := f.write(text); err != nil {
		return wrap("send", f.key, err)
	}
	t.count.sent.Add(1)
	octets(t, true, OctetsMessage, f.key, text, at)
	if t.cfg.Trace.Sent != nil {
		t.guard(func() {
			if m, _ := msg.Parse(f.class(), string(text), t.cfg.Limits); m != nil {
				t.cfg.Trace.Sent(f, m, len(text))
			}
		})
	}
	return nil
}

// class is that of the messages that go this way.
func (f *Flow) class() *msg.Class {
	if f.stream != nil {
		return f.stream.class
	}
	return f.primary.class
}

// write sends octets and counts what is refused.
func (f *Flow) write(text []byte) (err error) {
	if f.stream != nil {
		err = f.stream.send(text)
	} else if err = f.primary.packet.send(f, text); errors.Is(err, ErrClosed) {
		err = goneBy(err)
	}
	if err != nil {
		f.transport().count.refusal(err)
	}
	return err
}

// Key returns the identity of the flow.
func (f *Flow) Key() Key { return f.key }

// Proto returns the protocol, as in [Name].
func (f *Flow) Proto() string { return f.key.Proto }

// Reliable reports whether the transport retransmits by itself, so that
// transactions need not (RFC 3261 section 17).
func (f *Flow) Reliable() bool {
	return f.stream != nil || f.transport().reliablePackets(f.key.Proto)
}

// Secure reports whether the protocol keeps messages secret and whole on their
// way to the peer: "tls", "wss", or a [Protocol] that is Secure. It says nothing
// of who the peer is; see [Key] and [Delivery].
func (f *Flow) Secure() bool { return f.transport().secureProtocol(f.key.Proto) }

// Local returns the address of this end. For a UDP flow it is the address that
// the peer sent to, also on a host with several; where that is not known or
// cannot be answered from (multicast) its address part is unspecified.
func (f *Flow) Local() netip.AddrPort { return f.key.Local }

// Remote returns the address of the peer.
func (f *Flow) Remote() netip.AddrPort { return f.key.Remote }

// Primary returns the bound transport that the flow came in by or, for UDP,
// goes out by. It is nil for a connection made from here.
func (f *Flow) Primary() *Primary { return f.primary }

// TLS returns the state of the TLS connection, nil without TLS. VerifiedChains
// is set if the peer's certificate was verified, by our rules. It is the flow's
// own: do not change it.
func (f *Flow) TLS() *tls.ConnectionState {
	switch {
	case f.stream == nil:
		return nil
	case f.stream.seal != nil:
		return f.stream.seal.state
	case f.stream.outer != nil:
		return f.stream.outer.state
	}
	return nil
}

// Identities returns the SIP domains that the peer has proved by a verified
// certificate (RFC 5922 section 7.1), nil where it has proved none: without TLS,
// from a client that had no certificate to show, or where the user has switched
// verification off. Do not change them.
func (f *Flow) Identities() []string {
	switch {
	case f.stream == nil:
		return nil
	case f.stream.seal != nil:
		return f.stream.seal.identities
	case f.stream.outer != nil:
		return f.stream.outer.identities
	}
	return nil
}

// Done returns a channel that is closed when the flow has ended. A UDP flow
// ends with its primary.
func (f *Flow) Done() <-chan struct{} {
	if f.stream != nil {
		return f.stream.doneChan()
	}
	return f.primary.done
}

// Err returns why the flow ended or is about to, nil while it is open.
func (f *Flow) Err() error {
	if f.stream != nil {
		return f.stream.reason()
	}
	return f.primary.Err()
}

// Close closes a connection in order: nothing more is read or taken for
// sending, and what is queued goes out first, for a few seconds at most. It
// does not wait; see [Flow.Done]. It does nothing for UDP. The error is always nil.
func (f *Flow) Close() error {
	if f.stream != nil {
		f.stream.shut(ErrClosed)
	}
	return nil
}

// String returns the flow's key in words.
func (f *Flow) String() string { return f.key.String() }

func (f *Flow) transport() *Transport {
	if f.stream != nil {
		return f.stream.t
	}
	return f.primary.t
}
