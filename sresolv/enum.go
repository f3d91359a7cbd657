package sresolv

import (
	"context"
	"errors"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
)

// Bounds of ENUM.
const (
	maxENUMLinks = 5    // non-terminal records in a row (RFC 6116 section 5.2.1)
	maxENUMURI   = 1024 // octets of a result
)

// ENUM is one way to reach a telephone number (RFC 6116).
type ENUM struct {
	Order      uint16   // lower comes first
	Preference uint16   // lower comes first in the same order
	Services   []string // Enumservices in lower case, without "E2U+": "sip", "email:mailto"
	URI        string   // as the record makes it of the number; it is not parsed
}

// Has reports whether one of the services is of this type, whatever its
// subtype: Has("voice") for "voice:sip".
func (e ENUM) Has(service string) bool {
	return slices.ContainsFunc(e.Services, func(s string) bool {
		kind, _, _ := strings.Cut(s, ":")
		return s == service || kind == service
	})
}

// LookupENUM looks a telephone number up in the domain Config.ENUMSuffix and
// returns how it can be reached, by order and preference (RFC 6116, and RFC 3824
// for SIP). The number is one of E.164 with "+" and country code; spaces,
// hyphens, dots and brackets in it are left out. With services given, only
// records that have one of these are returned, and of each only those services:
// LookupENUM(ctx, "+12125550101", "sip").
//
// Records that are no ENUM, or whose expression does not match the number or is
// bad, are left out. Non-terminal records are followed five deep. The error is
// an [*Error] with ErrBadNumber, ErrNotFound, or what [Resolver.Lookup] returns.
// ctx bounds the wait.
func (r *Resolver) LookupENUM(ctx context.Context, number string, services ...string) ([]ENUM, error) {
	aus, name, ok := enumName(number, r.cfg.ENUMSuffix)
	if !ok {
		return nil, &Error{Name: number, Err: ErrBadNumber}
	}
	out, err := r.enum(ctx, aus, name, services, nil)
	if err == nil && len(out) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return nil, &Error{Name: number, Err: err}
	}
	return out, nil
}

// enum handles the records of one name. path holds the names on the way to it.
func (r *Resolver) enum(ctx context.Context, aus, name string, services, path []string) ([]ENUM, error) {
	a, err := r.one(ctx, question{name, TypeNAPTR})
	if err != nil {
		return nil, err
	}
	var out []ENUM
	var bad error
	followed := 0
	for _, rec := range a.records {
		n := rec.NAPTR
		switch {
		case rec.Type != TypeNAPTR:
		case strings.EqualFold(n.Flags, "u"):
			have := enumServices(n.Service, services)
			if len(have) == 0 {
				continue
			}
			if uri, ok := rewrite(n.Regexp, aus); ok {
				out = append(out, ENUM{n.Order, n.Preference, have, uri})
			}
		case n.Flags == "" && n.Regexp == "" && validName(n.Replacement): // non-terminal
			next := append(slices.Clone(path), name)
			if len(next) > maxENUMLinks || slices.Contains(next, n.Replacement) || followed == maxENUMLinks {
				continue
			}
			followed++
			more, err := r.enum(ctx, aus, n.Replacement, services, next)
			if err != nil && !errors.Is(err, ErrNotFound) {
				bad = err
			}
			out = append(out, more...)
		}
		if len(out) >= DefaultMaxTargets {
			break
		}
	}
	if len(out) > 0 {
		bad = nil
	}
	return out, bad
}

// enumName writes a number as the application unique string and as a domain
// name (RFC 6116 sections 3.2 and 3.4).
func enumName(number, suffix string) (aus, name string, ok bool) {
	rest, plus := strings.CutPrefix(number, "+")
	var digits []byte
	for i := range len(rest) {
		switch c := rest[i]; {
		case isDigit(c):
			digits = append(digits, c)
		case !strings.ContainsRune(" -.()", rune(c)):
			return "", "", false
		}
	}
	if !plus || len(digits) == 0 || len(digits) > 15 {
		return "", "", false
	}
	var b strings.Builder
	for _, d := range slices.Backward(digits) {
		b.WriteByte(d)
		b.WriteByte('.')
	}
	return "+" + string(digits), b.String() + canonical(suffix), true
}

// enumServices reads the service field and keeps the services asked for.
//
//	service-field = "E2U" 1*(servicespec)
//	servicespec   = "+" enumservice
//	enumservice   = type 0*(subtypespec)
//	subtypespec   = ":" subtype
//
// The form of RFC 2916, "sip+E2U", is still seen.
func enumServices(field string, want []string) []string {
	parts := strings.Split(strings.ToLower(field), "+")
	switch {
	case len(parts) < 2:
		return nil
	case parts[0] == "e2u":
		parts = parts[1:]
	case parts[len(parts)-1] == "e2u":
		parts = parts[:len(parts)-1]
	default:
		return nil
	}
	var out []string
	for _, p := range parts {
		e := ENUM{Services: []string{p}}
		if p != "" && (len(want) == 0 || slices.ContainsFunc(want, func(w string) bool { return e.Has(strings.ToLower(w)) })) {
			out = append(out, p)
		}
	}
	return out
}

// rewrite applies the substitution expression of a NAPTR record (RFC 3402
// section 3.2):
//
//	subst-expr = delim-char  ere  delim-char  repl  delim-char  *flags
//	repl       = *(string / backref)
//
// The expression is a POSIX extended one with the longest match, done in time
// linear in its input, so that no record can make it slow.
func rewrite(expr, aus string) (string, bool) {
	if len(expr) < 3 || len(expr) > 255 {
		return "", false
	}
	delim := expr[0]
	if isDigit(delim) || delim == 'i' || delim == '\\' || delim >= 0x80 || delim < ' ' {
		return "", false
	}
	ere, rest, ok := cut(expr[1:], delim)
	if !ok {
		return "", false
	}
	repl, flags, ok := cut(rest, delim)
	if !ok || strings.Trim(flags, "i") != "" {
		return "", false
	}
	mode := syntax.POSIX
	if flags != "" {
		mode |= syntax.FoldCase
	}
	tree, err := syntax.Parse(strings.ReplaceAll(ere, `\`+string(delim), string(delim)), mode)
	if err != nil {
		return "", false
	}
	re, err := regexp.Compile(tree.String())
	if err != nil {
		return "", false
	}
	re.Longest()
	at := re.FindStringSubmatchIndex(aus)
	if at == nil {
		return "", false
	}
	out, ok := substitute(repl, aus, at, delim)
	// RFC 3402 section 3.2: what did not match stays around it.
	out = aus[:at[0]] + out + aus[at[1]:]
	return out, ok && cleanURI(out)
}

// cut splits s at the first delimiter that is not escaped.
func cut(s string, delim byte) (before, after string, ok bool) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case delim:
			return s[:i], s[i+1:], true
		}
	}
	return "", "", false
}

func substitute(repl, aus string, at []int, delim byte) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(repl); i++ {
		if repl[i] != '\\' {
			b.WriteByte(repl[i])
			continue
		}
		if i++; i == len(repl) {
			return "", false
		}
		switch c := repl[i]; {
		case '1' <= c && c <= '9':
			n, err := strconv.Atoi(string(c))
			if err != nil || 2*n+1 >= len(at) { // no such group: the record is bad
				return "", false
			}
			if at[2*n] >= 0 {
				b.WriteString(aus[at[2*n]:at[2*n+1]])
			}
		case c == '\\' || c == delim:
			b.WriteByte(c)
		default:
			return "", false
		}
	}
	return b.String(), true
}

// cleanURI refuses what no URI holds and what could break out of a header.
func cleanURI(s string) bool {
	scheme, _, ok := strings.Cut(s, ":")
	if !ok || scheme == "" || len(s) > maxENUMURI {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '<' || c == '>' || c == '"' {
			return false
		}
	}
	return true
}
