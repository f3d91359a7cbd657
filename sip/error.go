package sip

import (
	"slices"
	"strconv"
)

// StatusError is a final response that refuses a request or sends it elsewhere:
// 300 and above. It is an error of the peer; what fails on this side has other
// types.
type StatusError struct {
	Response Response // the final response; never the zero value
}

// Error implements error.
func (e *StatusError) Error() string {
	b := append([]byte("sip: "), e.Response.CSeq().Method...)
	b = strconv.AppendInt(append(b, " answered with "...), int64(e.Status()), 10)
	if p := e.Response.Phrase(); p != "" {
		b = append(append(b, ' '), p...)
	}
	return string(b)
}

// Status returns the status code.
func (e *StatusError) Status() int { return e.Response.Status() }

// Is reports whether target is a *StatusError with the same status code, so
// that errors.Is(err, sip.Status(486)) asks for a code.
func (e *StatusError) Is(target error) bool {
	switch t := target.(type) {
	case Status:
		return int(t) == e.Status()
	case *StatusError:
		return t.Status() == e.Status()
	}
	return false
}

// Status is a status code as a target of errors.Is.
type Status int

// Error implements error.
func (s Status) Error() string { return strconv.Itoa(int(s)) + " " + StatusText(int(s)) }

// Targets returns the addresses of Contact in the order in which to try them:
// by q, the highest first, and as written where that is equal (RFC 3261
// section 8.1.3.4). Malformed values and "*" are left out.
func (e *StatusError) Targets() []NameAddr {
	var list []NameAddr
	for a, err := range Contact.All(e.Response) {
		if err == nil && !a.Star() {
			list = append(list, a)
		}
	}
	slices.SortStableFunc(list, func(a, b NameAddr) int { return b.Q() - a.Q() })
	return list
}
