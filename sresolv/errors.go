package sresolv

import (
	"context"
	"errors"
	"fmt"
	"net"
)

// Conditions to test for with errors.Is. They come wrapped in an [*Error].
var (
	// ErrNotFound means that the name does not exist, or in a walk that it has
	// no address in any family asked for.
	ErrNotFound = errors.New("no address found; check the domain and its DNS records")

	// ErrNoData means that the name exists but has no record of the type asked
	// for. It is also an ErrNotFound.
	ErrNoData = fmt.Errorf("no record of this type (%w)", ErrNotFound)

	// ErrNoService means that the domain says it has no such service: the
	// target of its SRV records is "." (RFC 2782). It is also an ErrNotFound.
	ErrNoService = fmt.Errorf(`the domain has no such service, its SRV target is "." (%w)`, ErrNotFound)

	// ErrNoTransport means that the target needs a transport that the caller
	// does not speak, or that a sips target asks for a plain one (RFC 3263
	// section 4.1).
	ErrNoTransport = errors.New("no usable transport; add it to Config.Transports or name another in the URI")

	// ErrBadTarget means that scheme or host are not what RFC 3261 section
	// 25.1 allows, so that asking DNS is pointless.
	ErrBadTarget = errors.New("not a SIP target; use a sip or sips scheme and a domain name or IP address as host")

	// ErrBadNumber means that what was given to [Resolver.LookupENUM] is no
	// telephone number of E.164.
	ErrBadNumber = errors.New(`not a telephone number; use "+" and 1 to 15 digits, country code first`)

	// ErrBusy means that Config.MaxPending look-ups are waiting already. The
	// walk may be tried again later.
	ErrBusy = errors.New("too many look-ups pending; try again later or raise Config.MaxPending")

	// ErrTimeout means that the look-up had no answer within Config.Timeout, or
	// that the last server asked was silent.
	ErrTimeout = errors.New("look-up timed out; check that the name servers can be reached")

	// ErrServers means that every name server failed or refused to answer.
	ErrServers = errors.New("no name server could answer; check Config.Servers or resolv.conf, and the servers")

	// ErrAlias means that CNAME records lead in a circle, or over more than
	// eight links.
	ErrAlias = errors.New("aliases do not end; check the CNAME records of the domain")

	// ErrTooManyQueries means that the walk has asked Config.MaxQueries
	// questions.
	ErrTooManyQueries = errors.New("too many DNS queries for one target; check the domain or raise Config.MaxQueries")

	// ErrClosed means that the resolver was closed.
	ErrClosed = errors.New("resolver is closed")
)

// Error says which name could not be resolved, and why. Err is one of the
// sentinels of this package, the error of the context that bounded the wait,
// or the error of the look-up function.
type Error struct {
	Name string // the domain or address asked for
	Err  error
}

// Error returns the name, quoted, and the reason.
func (e *Error) Error() string { return "sresolv: " + quote(e.Name) + ": " + e.Err.Error() }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Timeout reports whether waiting longer or trying again may help.
func (e *Error) Timeout() bool {
	return errors.Is(e.Err, ErrTimeout) || errors.Is(e.Err, ErrServers) || errors.Is(e.Err, ErrBusy) ||
		errors.Is(e.Err, context.DeadlineExceeded)
}

// reason maps what a look-up function returned to the conditions above. ctx is
// the look-up's own context.
func reason(ctx context.Context, err error) error {
	var dns *net.DNSError
	switch {
	case errors.Is(context.Cause(ctx), ErrClosed):
		return ErrClosed
	case errors.As(err, &dns) && dns.IsNotFound:
		return ErrNotFound
	case ctx.Err() != nil, errors.As(err, &dns) && dns.IsTimeout:
		return ErrTimeout
	}
	return err
}
