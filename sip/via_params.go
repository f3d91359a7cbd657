package sip

import (
	"strings"

	"github.com/gosofia/sofia/internal/scan"
)

// Alias reports whether the alias parameter is there: requests may be sent over
// the connection the request came by (RFC 5923 section 5).
func (v ViaParm) Alias() bool { return v.Params.Has("alias") }

// Keep returns the keep parameter (RFC 6223 section 4): present tells that it is
// there, seconds the interval that was agreed, 0 if none is said.
func (v ViaParm) Keep() (seconds uint32, present bool) {
	seconds, _ = numberParam(v.Params, "keep", 1<<32-1)
	return seconds, v.Params.Has("keep")
}

// Comp returns the comp parameter in lower case, "" if there is none
// (RFC 3486 section 4).
func (v ViaParm) Comp() string { return lower(tagParam(v.Params, "comp")) }

// SigCompID returns the sigcomp-id parameter, "" if there is none (RFC 5049
// section 9.1).
func (v ViaParm) SigCompID() string { return tagParam(v.Params, "sigcomp-id") }

// ReceivedRealm returns the received-realm parameter, "" if there is none
// (RFC 8055 section 5).
func (v ViaParm) ReceivedRealm() string { return tagParam(v.Params, "received-realm") }

// Overload is what a Via says about overload control (RFC 7339 section 4).
type Overload struct {
	Load       uint32 // oc: percent of the load to shed, or requests per second, as Algorithm says
	HasLoad    bool   // oc has a value; without one a client only says that it can
	Validity   uint32 // oc-validity in milliseconds; 500 if not said
	Sequence   string // oc-seq: "1282321615.782", compare with OverloadSequence
	Algorithms string // oc-algo without quotes: "loss,rate"
}

// Overload returns the overload parameters; ok is false if oc is not there.
func (v ViaParm) Overload() (o Overload, ok bool) {
	if !v.Params.Has("oc") {
		return Overload{}, false
	}
	o.Load, o.HasLoad = numberParam(v.Params, "oc", 1<<32-1)
	if o.Validity, ok = numberParam(v.Params, "oc-validity", 1<<32-1); !ok {
		o.Validity = 500 // section 4.3
	}
	o.Sequence = tagParam(v.Params, "oc-seq")
	o.Algorithms = tagParam(v.Params, "oc-algo")
	return o, true
}

// Has reports whether the list of algorithms names the given one, compared
// without case.
func (o Overload) Has(algorithm string) bool {
	for a := range strings.SplitSeq(o.Algorithms, ",") {
		if scan.EqualFold(scan.Trim(a), algorithm) {
			return true
		}
	}
	return false
}

// Newer reports whether the sequence number of o is above that of p: whether o
// replaces it (RFC 7339 section 4.4). One without a number is never newer.
func (o Overload) Newer(p Overload) bool {
	if o.Sequence == "" {
		return false
	}
	a, b := splitSequence(o.Sequence), splitSequence(p.Sequence)
	return a[0] > b[0] || a[0] == b[0] && a[1] > b[1]
}

// splitSequence = 1*12DIGIT "." 1*5DIGIT; the fraction is filled up to five digits
func splitSequence(s string) (n [2]uint64) {
	whole, fraction, _ := strings.Cut(s, ".")
	n[0], _, _ = scan.Uint(whole, 1e12)
	for i := range 5 {
		n[1] *= 10
		if i < len(fraction) && scan.IsDigit(fraction[i]) {
			n[1] += uint64(fraction[i] - '0')
		}
	}
	return n
}
