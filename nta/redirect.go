package nta

import (
	"slices"

	"github.com/gosofia/sofia/sip"
)

// Redirects is where a request may go next after 3xx responses (RFC 3261 section
// 8.1.3.4): the targets of all of them by q, each once, never one that was tried. The
// zero value is ready; a Redirects belongs to one request and is not safe for
// concurrent use.
type Redirects struct {
	// Downgrade lets a request to a SIPS URI go on to one that is not (the user
	// has agreed to it). Without it such targets are left out.
	Downgrade bool
	// Max bounds the targets that are tried, 10 by default; negative: no bound.
	Max int

	tried []sip.URI
	list  []sip.NameAddr
}

// Tried notes where the request has been: the first Request-URI.
func (r *Redirects) Tried(uri sip.URI) { r.tried = append(r.tried, uri) }

// Add takes the targets of a 3xx. A 305, which names a proxy to use for this
// request, is no list of targets and adds none.
func (r *Redirects) Add(resp sip.Response) {
	if resp.Status()/100 != 3 || resp.Status() == 305 {
		return
	}
	for _, target := range (&sip.StatusError{Response: resp}).Targets() {
		if target.URI.IsSIP() && !r.known(target.URI) {
			r.list = append(r.list, target)
		}
	}
	slices.SortStableFunc(r.list, func(a, b sip.NameAddr) int { return b.Q() - a.Q() })
}

// Next returns the next target, and notes it as tried; false when there is none.
// It is the Request-URI of a new request with the same Call-ID, From and To and the
// next CSeq; headers that it names are for [sip.URI.HeaderSetters].
func (r *Redirects) Next() (sip.URI, bool) {
	bound := r.Max
	or(&bound, 10)
	for len(r.list) > 0 && room(bound, len(r.tried)) {
		uri := r.list[0].URI
		r.list = r.list[1:]
		if r.lowers(uri) {
			continue
		}
		r.tried = append(r.tried, uri)
		return uri, true
	}
	return sip.URI{}, false
}

func (r *Redirects) lowers(uri sip.URI) bool {
	return !r.Downgrade && !uri.IsSIPS() && slices.ContainsFunc(r.tried, sip.URI.IsSIPS)
}

func (r *Redirects) known(uri sip.URI) bool {
	return slices.ContainsFunc(r.tried, uri.Equal) ||
		slices.ContainsFunc(r.list, func(a sip.NameAddr) bool { return a.URI.Equal(uri) })
}
