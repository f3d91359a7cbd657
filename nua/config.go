package nua

import (
	"log/slog"
	"time"

	"github.com/gosofia/sofia/msg/auth"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
)

// Config configures a UA. The zero value of each field is its default; a
// negative duration or count switches the thing off where that makes sense. A
// Config is not changed by New and must not be changed while the UA lives.
type Config struct {
	// Identity is the address of record used in From: "sip:alice@lab.test" or
	// `"Alice" <sip:alice@lab.test>`. Empty is allowed for a UA that only
	// answers; its requests then say anonymous@anonymous.invalid (RFC 3323 4.1.1.3).
	Identity string
	// Contact replaces the Contact made from the socket in use. Set it when a
	// fixed public address is known.
	Contact string
	// Auth holds the users whose credentials answer challenges.
	Auth []auth.User
	// AuthIncoming also answers challenges inside calls that the peer began,
	// for the realms that a user of Auth names. Off by default: it may give a
	// password's hash to whoever calls.
	AuthIncoming bool
	// Registrar is where REGISTER goes: "sip:lab.test". Default: the domain
	// of the identity.
	Registrar string
	// Proxy is the outbound proxy: the first Route of every request outside
	// a dialog (RFC 3261 8.1.2). Its URI is used as a loose route.
	Proxy string
	// Agent configures the layers below. Its Receive and Serve are the UA's
	// own; what is set there is ignored.
	Agent nta.Config
	// Handler answers what peers ask for.
	Handler Handler
	// Media is the session description template of the built-in engine; its
	// m= lines are enough ("m=audio 5004 RTP/AVP 0 8"). The default describes
	// one audio stream (PCMU, PCMA, telephone-event) at the discard port 9
	// and inactive: calls can be made and answered, and no peer sends media
	// to a UA that has nothing to play it.
	Media string
	// MediaAddress is the address put in c= by the built-in engine. Default:
	// the address of the socket that carries the call's signalling.
	MediaAddress string
	// NewEngine makes the media engine of a call. Default: a soa.Session
	// with Media. It is called once a call, on a goroutine of the agent, when
	// the engine is first needed: before our INVITE leaves, and when a peer's
	// call is answered. A call whose engine cannot be made is refused with 500.
	NewEngine func(*Call) (Engine, error)
	// Allow adds methods to Allow, for a Handler.Other that takes them.
	Allow []string
	// Supported lists option tags for Supported (RFC 3261 20.37) beyond those the UA
	// implements by itself; each is then also accepted in Require.
	Supported []string
	// ContentCodings lists the content codings (gzip, deflate …; RFC 3261
	// 20.12) that the Handler decodes by itself. A request with a body in any
	// other gets 415. A session description is never coded.
	ContentCodings []string
	// UserAgent is the User-Agent and Server header. Default: "sofia-go".
	// "-" sends none.
	UserAgent string
	// AnswerTimeout is how long a call from a peer may go unanswered before it
	// gets 480, and a re-INVITE before it gets 500 with Retry-After (480 would
	// end the call, RFC 5057). Default 180 s.
	AnswerTimeout time.Duration
	// InviteTimeout is how long an INVITE of ours may go unanswered before it
	// is cancelled. Default 120 s.
	InviteTimeout time.Duration
	// Expires is the life asked for in a registration. Default 3600 s.
	Expires time.Duration
	// ManualAck leaves the ACK of a 2xx to Call.Ack.
	ManualAck bool
	// ManualReinvite leaves the answer to a peer's re-INVITE to
	// Call.AcceptReinvite and Call.RejectReinvite. By default the engine
	// answers it.
	ManualReinvite bool
	// EventBuffer is how many unread events each handle keeps: default 32,
	// -1 keeps none but the last.
	EventBuffer int
	// Events, when set, receives the events of all handles. EventBuffer then
	// has no meaning: the queue has its own bound.
	Events *Queue
	// MaxCalls is how many calls may be open at once, default 10000; -1 has
	// no bound. An INVITE beyond it gets 503 with Retry-After, Invite returns
	// ErrBusy.
	MaxCalls int
	// Logger receives what no error can tell; nil is silent.
	Logger *slog.Logger
	// Trace holds hooks for tests and metrics; nil has none.
	Trace *Trace
}

// Trace is a set of hooks; each may be nil. They run after the step, on the
// goroutine that stepped, and must not block.
type Trace struct {
	// Transition is called for each row a call's machine takes.
	Transition func(call *Call, row string, from, to CallState)
}

const (
	defaultAnswerTimeout = 180 * time.Second
	defaultInviteTimeout = 120 * time.Second
	defaultExpires       = 3600 * time.Second
	defaultMaxCalls      = 10000
	defaultUserAgent     = "sofia-go"

	// defaultMedia: port 9 is the discard service; inactive keeps media away.
	defaultMedia = "m=audio 9 RTP/AVP 0 8 101\r\n" +
		"a=rtpmap:101 telephone-event/8000\r\n" +
		"a=fmtp:101 0-15\r\n" +
		"a=inactive\r\n"
)

// orDefault resolves a duration: 0 is the default, negative is off (0).
func orDefault(d, def time.Duration) time.Duration {
	switch {
	case d == 0:
		return def
	case d < 0:
		return 0
	}
	return d
}

func (c *Config) answerTimeout() time.Duration {
	return orDefault(c.AnswerTimeout, defaultAnswerTimeout)
}
func (c *Config) inviteTimeout() time.Duration {
	return orDefault(c.InviteTimeout, defaultInviteTimeout)
}
func (c *Config) expires() time.Duration { return orDefault(c.Expires, defaultExpires) }

func (c *Config) maxCalls() int {
	if c.MaxCalls == 0 {
		return defaultMaxCalls
	}
	return c.MaxCalls
}

func (c *Config) media() string {
	if c.Media == "" {
		return defaultMedia
	}
	return c.Media
}

func (c *Config) userAgent() string {
	switch c.UserAgent {
	case "":
		return defaultUserAgent
	case "-":
		return ""
	}
	return c.UserAgent
}

// CallConfig configures one outgoing call. Zero fields take what Config says.
type CallConfig struct {
	// From replaces the identity in From.
	From string
	// Proxy replaces Config.Proxy; "-" uses none.
	Proxy string
	// Media replaces the template of the built-in engine.
	Media string
	// Engine is the media engine of this call. The call owns it and closes it.
	Engine Engine
	// Offerless sends the INVITE without a session description: the peer
	// offers in its 2xx and the ACK carries our answer (RFC 3261 13.2.1).
	Offerless bool
	// Auth holds users tried before those of Config.Auth.
	Auth []auth.User
	// ManualAuth keeps a call that was challenged and has no credentials in
	// Authenticating, until Call.Authenticate gives them or InviteTimeout is
	// over. By default such a call ends with the *sip.StatusError.
	ManualAuth bool
	// InviteTimeout replaces Config.InviteTimeout.
	InviteTimeout time.Duration
	// ManualAck leaves the ACK of the 2xx to Call.Ack.
	ManualAck bool
	// ManualReinvite leaves re-INVITEs of the peer to the user.
	ManualReinvite bool
	// Events receives the call's events in place of a queue of its own.
	Events *Queue
}

// RegisterConfig configures one registration. Zero fields take what Config says.
type RegisterConfig struct {
	// Identity is the address of record to register.
	Identity string
	// Registrar is the Request-URI.
	Registrar string
	// Proxy replaces Config.Proxy; "-" uses none.
	Proxy string
	// Contact replaces the Contact made from the socket in use.
	Contact string
	// Auth holds users tried before those of Config.Auth.
	Auth []auth.User
	// Expires is the life asked for.
	Expires time.Duration
	// Events receives the registration's events in place of a queue of its own.
	Events *Queue
}

// addresses is Config with its texts parsed.
type addresses struct {
	identity  sip.NameAddr
	contact   sip.NameAddr // zero: made from the socket
	registrar sip.URI
	proxy     []sip.NameAddr // the preloaded Route
}
