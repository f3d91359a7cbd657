package nua

import "time"

// refreshAfter returns how long after a 200 that granted the given life the
// binding is refreshed (sofia-map 2.10, RFC 3261 10.2.4): a life of 91 to 299 s
// is refreshed 30 to 60 s before its end, any other at a random point between
// a quarter and three quarters of it, so that a thousand agents started
// together do not refresh together. One of few seconds is refreshed after half of
// it at the earliest, and less than shortestLife is not worth keeping up with.
// random is in [0, 1).
func refreshAfter(granted time.Duration, random float64) time.Duration {
	if granted < shortestLife {
		return shortestRefresh
	}
	if granted > 90*time.Second && granted < 300*time.Second {
		lead := 30*time.Second + time.Duration(random*float64(30*time.Second))
		return granted - lead
	}
	return max(granted/4+time.Duration(random*float64(granted/2)), min(shortestRefresh, granted/2))
}

const (
	// shortestRefresh keeps a registrar that grants next to nothing from making
	// us flood it. A binding of shortestLife or more is refreshed in its life
	// all the same.
	shortestRefresh = 5 * time.Second
	shortestLife    = 2 * time.Second

	firstRetry = 2 * time.Second
	lastRetry  = 30 * time.Minute
)

// retryAfter returns how long to wait before a failed REGISTER is tried again:
// doubling from 2 s to 30 min, spread over the upper half (RFC 5626 4.5), and
// never less than what the registrar asked for in Retry-After.
func retryAfter(failures int, asked time.Duration, random float64) time.Duration {
	wait := firstRetry
	for i := 1; i < failures && wait < lastRetry; i++ {
		wait *= 2
	}
	wait = min(wait, lastRetry)
	wait = wait/2 + time.Duration(random*float64(wait/2))
	return max(wait, min(asked, lastRetry))
}

// glareAfter returns how long to wait after a 491 before the re-INVITE is sent
// again, in units of 10 ms: 2.1 to 4 s for the owner of the Call-ID, 0 to 2 s
// for the other side (RFC 3261 14.1).
func glareAfter(owner bool, random float64) time.Duration {
	const unit = 10 * time.Millisecond
	if owner {
		return 2100*time.Millisecond + time.Duration(random*191)*unit
	}
	return time.Duration(random*201) * unit
}
