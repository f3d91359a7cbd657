package nta

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"time"

	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/sresolv"
	"github.com/gosofia/sofia/tport"
)

// The defaults of [Config] and [Timers].
const (
	DefaultT1          = 500 * time.Millisecond
	DefaultT2          = 4 * time.Second
	DefaultT4          = 5 * time.Second
	DefaultLinger      = 32 * time.Second
	DefaultProgress    = time.Minute
	DefaultTrying      = 200 * time.Millisecond
	DefaultTimerC      = 185 * time.Second
	DefaultAnswer      = 10 * time.Minute
	DefaultGranularity = 10 * time.Millisecond

	DefaultQueueSize             = 32
	DefaultMaxServerTransactions = 1 << 19
	DefaultMaxClientTransactions = 1 << 19
	DefaultMaxLegs               = 1 << 18
	DefaultMTU                   = 1300
)

// Config is what an [Agent] is made of. The zero value of a field is its
// default and, where the comment says so, a negative value switches it off. A
// Config must not be changed once it was given to [New].
type Config struct {
	// Transport sets up the sockets. Class is sip.Class() unless it is set;
	// Deliver and Failed belong to the agent, see Failed below.
	Transport tport.Config
	// Resolver finds where a request may go. By default the agent makes its
	// own, over the transports it listens on, and closes it.
	Resolver *sresolv.Resolver
	// Alias has connections over TLS serve requests both ways (RFC 5923): the
	// agent asks for it on those that it opens, and grants it to peers that ask
	// for it and have proved by a certificate who they are, for requests to the
	// domains that it names. It needs tport.Config.TLS with certificates at both
	// ends, ClientAuth included.
	Alias bool
	// Timers are the timer values of RFC 3261 section 17.
	Timers Timers

	// Serve takes the requests that no dialog and no engine took: requests
	// without a To tag, and those with one whose Request-URI is not ours, which
	// are to be forwarded, ACK included. It may block; see the package
	// documentation for who runs it. nil: such requests are answered 501, or 481
	// with a To tag.
	Serve func(*Incoming)
	// Stateless sees every good request, on the goroutine that read it, before
	// any state exists, and every response that no transaction waits for, with the
	// agent they came to: [Agent.ReplyStateless] and [Agent.RelayStateless] answer
	// them. Via is stamped already. It must not block. nil: [Continue].
	Stateless func(*Agent, *tport.Delivery) Verdict
	// Receive is the hook of an engine for the same requests. It runs inside the
	// step. True: taken, Serve is not called.
	Receive func(*Step, *Incoming) bool
	// Unmatched is the hook of an engine for requests with a To tag that no leg
	// of this agent has although their Request-URI is ours (a socket listened on,
	// or one of Aliases), ACK included, and for a CANCEL of nothing. It runs
	// inside the step. True: taken. nil or false: 481, and nothing for an ACK.
	Unmatched func(*Step, *Incoming) bool
	// Failed is told when a flow ended or could not send, after the agent has
	// dealt with it, on the flow's goroutine with no lock held. See
	// [tport.Config.Failed]. It must not block.
	Failed func(*tport.Flow, error)

	// Server and UserAgent are the values of these headers in what the agent
	// sends, unless the message has its own: products and comments, as in
	// "Phone/1.0 (beta)" (RFC 3261 sections 20.35 and 20.41). Empty: none.
	Server, UserAgent string
	// Aliases are further host names or addresses that mean this agent, at any
	// of the ports it listens on. The first one is what Contact shows where a socket is bound to every address.
	Aliases []string

	// Shards is the number of independent parts of the state, rounded up to a
	// power of two. By default four for each processor, at most 64.
	Shards int
	// QueueSize bounds the requests that wait for one dialog's user code, and
	// the responses that wait for one Outgoing's reader: 32 by default.
	QueueSize int
	// MaxServerTransactions and MaxClientTransactions bound the transactions,
	// finished ones that still absorb retransmissions included: 524288 each by
	// default, under 1 GB. Over UDP a finished one stays 32 s, so that is 16,384
	// new ones a second for ever. MaxLegs bounds the dialogs, 262144 by default.
	// Negative: no bound. A request above the bound is answered 503 with
	// Retry-After, without state; Send and NewLeg return ErrBusy.
	MaxServerTransactions, MaxClientTransactions, MaxLegs int
	// MaxServerTransactionsPerSource bounds those of one IPv4 address or one IPv6
	// /64 prefix likewise: half of MaxServerTransactions by default; negative: no
	// bound.
	MaxServerTransactionsPerSource int
	// MTU is the size in octets above which a request does not leave by UDP,
	// 1300 by default (RFC 3261 section 18.1.1); negative: never mind. On a path
	// that the system knows to be narrower, the border is 200 octets below that
	// path's own. What cannot be sent as a datagram at all goes over TCP anyway.
	MTU int

	// Rand is the source of tags, branches and Call-IDs: crypto/rand.Reader by
	// default. It must be safe for concurrent use.
	Rand io.Reader
	// Debug notes which func of the user each request was given to, so that a
	// request that is never answered is logged with the place of that func.
	Debug bool
	// Trace is called at the steps of a transaction; nil traces nothing.
	Trace *Trace
	// Logger takes what an operator should know; nil is silent.
	Logger *slog.Logger
}

// Timers are the timer values. The zero value of a field is its default.
type Timers struct {
	// T1 is the estimate of the round trip, 500 ms. 64*T1 bounds a transaction.
	T1 time.Duration
	// T2 is the longest interval of retransmission of a non-INVITE request and
	// of a final response to INVITE, 4 s.
	T2 time.Duration
	// T4 is how long a message may stay in the network, 5 s.
	T4 time.Duration
	// Linger is Timer D, how long the client keeps acknowledging a refused
	// INVITE on an unreliable transport: 32 s, and at least that in open networks.
	Linger time.Duration
	// Progress is how often a user agent server repeats its latest 101-199 to
	// an INVITE, 60 s (RFC 3261 section 13.3.1.1); negative: never.
	Progress time.Duration
	// C is Timer C, after which a forwarded INVITE (one that had a Via when it was
	// sent) that got nothing but provisional responses is cancelled; each of
	// 101-199 starts it anew. It must exceed 3 minutes (RFC 3261 section 16.6):
	// 185 s; negative: never. An INVITE of our own is bounded by its user.
	C time.Duration
	// Answer is how long an INVITE may stay without a final response, counted from
	// the latest provisional one that was sent for it: 10 minutes; negative: for
	// ever. Then it is answered 500 and counted, see [Stats].Forgotten.
	Answer time.Duration
	// Trying is how long the user may take before an INVITE is answered 100:
	// 200 ms; negative: never.
	Trying time.Duration
	// Granularity is the width of a slot of the timer wheel, 10 ms. A timer
	// fires less than that late, and never early. At least 1 ms.
	Granularity time.Duration
}

func (t Timers) resolve() (Timers, error) {
	or(&t.T1, DefaultT1)
	or(&t.T2, DefaultT2)
	or(&t.T4, DefaultT4)
	or(&t.Linger, DefaultLinger)
	or(&t.Progress, DefaultProgress)
	or(&t.Trying, DefaultTrying)
	or(&t.C, DefaultTimerC)
	or(&t.Answer, DefaultAnswer)
	or(&t.Granularity, DefaultGranularity)
	if t.T1 < 0 || t.T2 < t.T1 || t.T4 < 0 || t.Linger < 0 {
		return t, errors.New("nta: Config.Timers: T1, T4 and Linger cannot be negative, and T2 not be below T1")
	}
	if t.Granularity < time.Millisecond {
		return t, errors.New("nta: Config.Timers.Granularity must be 1 ms at least")
	}
	return t, nil
}

// timing is what the machines get to know.
func (t Timers) timing(reliable bool) *timing {
	return &timing{
		t1: t.T1, t2: t.T2, t4: t.T4, timeout: 64 * t.T1, linger: t.Linger, timerC: max(t.C, 0), answer: max(t.Answer, 0),
		trying: max(t.Trying, 0), progress: max(t.Progress, 0), reliable: reliable,
	}
}

// resolve returns the config with every default filled in.
func (c Config) resolve() (Config, error) {
	var err error
	if c.Timers, err = c.Timers.resolve(); err != nil {
		return c, err
	}
	if c.QueueSize < 0 || c.Shards < 0 {
		return c, errors.New("nta: Config.QueueSize and Shards cannot be negative; leave them 0 for the default")
	}
	if c.Transport.Deliver != nil {
		return c, errors.New("nta: Config.Transport.Deliver belongs to the agent; use Stateless, Receive or Serve")
	}
	for _, product := range []string{c.Server, c.UserAgent} {
		if product == "" {
			continue
		}
		if _, err := sip.NewFragment(sip.Server.Set(product)); err != nil {
			return c, fmt.Errorf("nta: Config.Server and UserAgent are products and comments, as in \"Phone/1.0 (beta)\": %w", err)
		}
	}
	or(&c.QueueSize, DefaultQueueSize)
	or(&c.MaxServerTransactions, DefaultMaxServerTransactions)
	share := -1
	if c.MaxServerTransactions > 0 {
		share = (c.MaxServerTransactions + 1) / 2
	}
	or(&c.MaxServerTransactionsPerSource, share)
	or(&c.MaxClientTransactions, DefaultMaxClientTransactions)
	or(&c.MaxLegs, DefaultMaxLegs)
	or(&c.MTU, DefaultMTU)
	if c.Shards == 0 {
		c.Shards = min(4*runtime.GOMAXPROCS(0), 64)
	}
	shards := 1
	for shards < c.Shards {
		shards *= 2
	}
	c.Shards = shards
	if c.Transport.Class == nil {
		c.Transport.Class = sip.Class()
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Trace == nil {
		c.Trace = &Trace{}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Transport.Logger == nil {
		c.Transport.Logger = c.Logger
	}
	return c, nil
}

func or[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
