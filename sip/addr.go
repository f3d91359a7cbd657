package sip

import (
	"fmt"
	"strings"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// NameAddr is a URI with a display name and header parameters: the value of
// From, To, Contact, Route, Record-Route and others (RFC 3261 section 20.10).
type NameAddr struct {
	Display string     // decoded, without quotes
	URI     URI        // the zero URI stands for the "*" of Contact
	Params  msg.Params // of the header, not of the URI: ";tag=…", ";expires=…"
}

// Star returns the "*" with which Contact means every binding (RFC 3261
// section 10.2.2).
func Star() NameAddr { return NameAddr{} }

// Star reports whether a is the "*" of Contact.
func (a NameAddr) Star() bool { return a.URI.IsZero() }

// Tag returns the tag parameter, "" if there is none. Tags compare with case.
func (a NameAddr) Tag() string {
	t, _ := a.Params.Get("tag")
	return t
}

// WithTag returns a with the given tag; "" takes the tag away.
func (a NameAddr) WithTag(tag string) NameAddr {
	if tag == "" {
		a.Params = a.Params.Without("tag")
	} else {
		a.Params = a.Params.With("tag", tag)
	}
	return a
}

// Expires returns the expires parameter of a Contact in seconds. ok is false if
// there is none, or it is no number of 32 bits: then the default holds
// (RFC 3261 section 20.10, RFC 4475 section 3.1.2.4).
func (a NameAddr) Expires() (seconds uint32, ok bool) {
	v, ok := a.Params.Get("expires")
	if !ok {
		return 0, false
	}
	n, fits, ok := scan.Uint(v, 1<<32-1)
	return uint32(n), ok && fits
}

// Q returns the q parameter in thousandths, 0 to 1000; 1000 if there is none or
// it is malformed.
func (a NameAddr) Q() int { return a.Params.Q() }

// String returns a as it stands in a header, unchecked.
func (a NameAddr) String() string {
	if a.Star() {
		return "*"
	}
	return string(a.append(nil))
}

func (a NameAddr) append(dst []byte) []byte {
	if a.Display != "" {
		dst = append(scan.AppendQuoted(dst, a.Display), ' ')
	}
	dst = append(a.URI.append(append(dst, '<')), '>')
	return append(dst, a.Params...)
}

// AppendText appends a as it stands in a header. It fails with an error that
// wraps msg.ErrValue if a cannot be written.
func (a NameAddr) AppendText(dst []byte) ([]byte, error) { return AddrCodec{}.Append(dst, a) }

// ParseNameAddr reads one address with or without display name and brackets,
// which must be all of s. The error wraps ErrURI, ErrHost, ErrPort, ErrBrackets
// or msg.ErrSyntax.
func ParseNameAddr(s string) (NameAddr, error) {
	a, rest, err := AddrCodec{}.Parse(scan.Trim(s))
	if err == nil && rest != "" {
		err = msg.ErrTrailing
	}
	if err != nil {
		return NameAddr{}, fmt.Errorf("sip: address %q: %w", s, err)
	}
	return a, nil
}

// AddrCodec reads and writes a [NameAddr]. It always writes the brackets, as
// without them the parameters of the URI would be those of the header.
type AddrCodec struct{}

// Parse implements [msg.Codec].
//
//	name-addr = [ display-name ] LAQUOT addr-spec RAQUOT
//	contact-param = (name-addr / addr-spec) *(SEMI contact-params)
func (AddrCodec) Parse(s string) (a NameAddr, rest string, err error) {
	end, err := a.read(s)
	if err != nil {
		return NameAddr{}, "", err
	}
	return a, s[end:], nil
}

// read fills a, which must be zero. rest is where the text behind the value
// begins.
func (a *NameAddr) read(s string) (rest int, err error) {
	rest, _, _, err = a.parse(s, "")
	if a.Display != "" && a.Display[0] == '"' {
		a.Display = scan.Unquote(a.Display)
	}
	return rest, err
}

// parse fills a, which must be zero, but leaves a display name that has to be
// decoded as it is written, with its quotes. rest is where the text behind the
// value begins, lo and hi are where the value of the named header parameter
// stands, as in [scan.FindParam].
func (a *NameAddr) parse(s, name string) (rest, lo, hi int, err error) {
	if s == "" {
		return 0, 0, 0, msg.ErrSyntax
	}
	i := 0
	if s[0] == '"' {
		end, ok := scan.PlainQuoted(s, 0)
		if ok {
			a.Display = s[1 : end-1]
		} else if end, ok = scan.Quoted(s, 0); ok {
			a.Display = s[:end]
		} else {
			return 0, 0, 0, msg.ErrSyntax
		}
		if end < len(s) && s[end] == ' ' {
			end++
		}
		if i = scan.Space(s, end); i == len(s) || s[i] != '<' {
			return 0, 0, 0, msg.ErrSyntax
		}
	} else if s[0] != '<' { // display-name = *(token LWS), then "<"; or an addr-spec
		for i < len(s) && (scan.IsTokenChar(s[i]) || scan.IsSpace(s[i]) || s[i] >= 0x80) {
			i++
		}
		if i == len(s) || s[i] != '<' {
			return a.parseBare(s, name)
		}
		a.Display = scan.Trim(s[:i])
	}
	i++
	end, ok := 0, false
	if isSIP(s[i:]) {
		if end, ok = a.URI.plain(s, i+4); ok && end < len(s) && s[end] == '>' {
			a.URI.Scheme = schemeSIP
		} else {
			a.URI, ok = URI{}, false
		}
	}
	if !ok {
		end = strings.IndexByte(s[i-1:], '>')
		if end < 0 {
			return 0, 0, 0, msg.ErrSyntax
		}
		end += i - 1
		if err = a.URI.parse(s[i:end]); err != nil {
			return 0, 0, 0, err
		}
	}
	if i = end + 1; i == len(s) {
		return i, 0, 0, nil
	}
	return a.parseParams(s, i, name)
}

// parseBare reads an addr-spec without brackets: it ends where the parameters of
// the header begin, and holds no "?" (RFC 3261 section 20).
func (a *NameAddr) parseBare(s, name string) (rest, lo, hi int, err error) {
	i := 0
	for i < len(s) && !scan.IsSpace(s[i]) && s[i] != ',' && s[i] != ';' {
		if s[i] == '?' || s[i] == '<' || s[i] == '>' || s[i] == '"' {
			return 0, 0, 0, ErrBrackets
		}
		i++
	}
	if err = a.URI.parse(s[:i]); err != nil {
		return 0, 0, 0, err
	}
	return a.parseParams(s, i, name)
}

// parseParams reads the parameters at i, which must go to the end or a comma.
func (a *NameAddr) parseParams(s string, i int, name string) (rest, lo, hi int, err error) {
	end, lo, hi, ok := scan.FindParam(s, i, name)
	next := end
	if end < len(s) && s[end] != ',' {
		if next = scan.Space(s, end); next < len(s) && s[next] != ',' {
			ok = false
		}
	}
	if !ok {
		return 0, 0, 0, msg.ErrSyntax
	}
	if i < end && s[i] != ';' {
		i = min(scan.Space(s, i), end)
	}
	a.Params = msg.Params(s[i:end])
	return next, lo, hi, nil
}

// Append implements [msg.Codec].
func (AddrCodec) Append(dst []byte, a NameAddr) ([]byte, error) {
	if !a.URI.valid() || !a.Params.Valid() || !validDisplay(a.Display) {
		return dst, fmt.Errorf("address with host %q: %w", a.URI.Host, msg.ErrValue)
	}
	return a.append(dst), nil
}

func validDisplay(s string) bool { return !scan.HasLineOctet(s) }

// ContactCodec is AddrCodec that also knows the "*" of Contact.
type ContactCodec struct{}

// Parse implements [msg.Codec].
func (ContactCodec) Parse(s string) (a NameAddr, rest string, err error) {
	if s == "*" {
		return Star(), "", nil
	}
	end, err := a.read(s)
	if err != nil {
		return NameAddr{}, "", err
	}
	return a, s[end:], nil
}

// Append implements [msg.Codec].
func (ContactCodec) Append(dst []byte, a NameAddr) ([]byte, error) {
	if a == Star() {
		return append(dst, '*'), nil
	}
	return AddrCodec{}.Append(dst, a)
}
