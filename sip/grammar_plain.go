package sip

import (
	"strings"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// The values that every hop writes, recognised in one pass. What is not plain is
// left to the rules.

// fast asks plain before the rule.
func fast(plain func(string) bool, slow func(string, msg.Tolerance) error) func(string, msg.Tolerance) error {
	return func(s string, t msg.Tolerance) error {
		if plain(s) {
			return nil
		}
		return slow(s, t)
	}
}

// plainVia recognises a Via with no other parameters than branch and rport.
func plainVia(s string) bool {
	if !strings.HasPrefix(s, Version+"/") {
		return false
	}
	i := len(Version) + 1
	end := scan.Token(s, i)
	if end == i || end == len(s) || s[end] != ' ' {
		return false
	}
	if i = plainHostPort(s, end+1); i == fail {
		return false
	}
	const branch, rport = ";branch=", ";rport"
	if rest := s[i:]; strings.HasPrefix(rest, branch) {
		lo := i + len(branch)
		if i = scan.Token(s, lo); i == lo || s[lo:i] == MagicCookie {
			return false
		}
	}
	return i == len(s) || s[i:] == rport
}

// plainHostPort returns the end of a host name or IPv4 address with or without a port.
func plainHostPort(s string, i int) int {
	end := i + uriRun(s[i:], inHost)
	if h := s[i:end]; h == "" || !isHostName(h) && !isIPv4(h) {
		return fail
	}
	if end == len(s) || s[end] != ':' {
		return end
	}
	i = scan.Digits(s, end+1)
	if n, fits, ok := scan.Uint(s[end+1:i], 65535); !ok || !fits || n == 0 {
		return fail
	}
	return i
}

// plainURI returns the end of a SIP URI at the start of s that has at most one
// parameter, lr or transport.
func plainURI(s string) int {
	if !strings.HasPrefix(s, "sip:") {
		return fail
	}
	i := len("sip:")
	if n := uriRun(s[i:], inUser); n > 0 && i+n < len(s) && s[i+n] == '@' {
		if strings.IndexByte(s[i:i+n], '#') >= 0 {
			return fail
		}
		i += n + 1
	}
	if i = plainHostPort(s, i); i == fail {
		return fail
	}
	const lr, transport = ";lr", ";transport="
	switch rest := s[i:]; {
	case strings.HasPrefix(rest, transport):
		i += len(transport)
		end := i
		for end < len(s) && scan.IsAlpha(s[end]) {
			end++
		}
		if end == i {
			return fail
		}
		return end
	case strings.HasPrefix(rest, lr):
		return i + len(lr)
	}
	return i
}

// plainAddr recognises an address in brackets with nothing else but a tag.
func plainAddr(s string) bool {
	if s == "" || s[0] != '<' {
		return false
	}
	i := plainURI(s[1:]) + 1
	if i <= 0 || i == len(s) || s[i] != '>' {
		return false
	}
	const tag = ";tag="
	i++
	if lo := i + len(tag); strings.HasPrefix(s[i:], tag) {
		if i = scan.Token(s, lo); i == lo {
			return false
		}
	}
	return i == len(s)
}
