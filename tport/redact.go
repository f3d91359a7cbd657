package tport

import (
	"bytes"
	"strings"

	"github.com/gosofia/sofia/internal/scan"
)

// mask stands where a secret was.
const mask = "***"

// space is white space, that of folds included.
const space = " \t\r\n"

var newline = []byte("\n")

// Redact appends text to dst without the secrets in it and returns the result.
// It knows, in messages of SIP and HTTP and in descriptions of sessions:
//
//   - In Authorization, Proxy-Authorization, Authentication-Info and
//     Proxy-Authentication-Info: the parameters response, rspauth and auts, from
//     which passwords can be guessed, and all of a scheme other than Digest
//     (tokens, Basic).
//   - Cookie and Set-Cookie, whole, and fields whose name ends in -Token,
//     -Password, -Secret or -Api-Key, such as P-OSP-Auth-Token.
//   - The password of a sip: or sips: URI, wherever one stands, and these fields
//     among the headers of a URI.
//   - In bodies: the same fields, where a body has some (message/sipfrag), and the lines k=, a=crypto (from inline: on), a=key-mgmt and
//     a=ice-pwd of SDP (RFC 8866, 4568, 4567, 8839).
//
// The rest stays as it is, so that the result no longer has the length that
// Content-Length tells. It takes time linear in the length of text.
func Redact(dst, text []byte) []byte {
	r := redactor{dst: dst}
	place := before
	for len(text) > 0 {
		line := text
		if i := bytes.IndexByte(text, '\n'); i >= 0 {
			line = text[:i+1]
		}
		text = text[len(line):]
		content := bytes.TrimRight(line, "\r\n")
		if len(content) > 0 && (place != behind || secretLine(content) != fieldPlain) {
			// A field goes on over the folds that follow.
			for len(text) > 0 && (text[0] == ' ' || text[0] == '\t') {
				n := bytes.IndexByte(text, '\n') + 1
				if n == 0 {
					n = len(text)
				}
				line = line[:len(line)+n]
				text = text[n:]
			}
			content = bytes.TrimRight(line, "\r\n")
		}
		switch {
		case len(content) == 0 && place == within:
			place = behind
		case len(content) == 0:
		case place == behind:
			r.body(content)
		default:
			place = within
			r.head(content)
		}
		r.dst = append(r.dst, line[len(content):]...)
	}
	return r.dst
}

// Where in a message a line stands.
const (
	before = iota // CRLFs before the start line (RFC 3261 section 7.5)
	within        // the head
	behind        // the body
)

// redactor collects what is left.
type redactor struct{ dst []byte }

// field is how a header field is written.
type field uint8

const (
	fieldPlain       field = iota // anything; it may hold URIs
	fieldCredentials              // a scheme, and what is of it
	fieldDigest                   // parameters, some of them secret
	fieldSecret                   // nothing of it
)

// secretLine returns what the field is that a line begins.
func secretLine(line []byte) field {
	i := bytes.IndexByte(line, ':')
	if i < 0 {
		return fieldPlain
	}
	return fieldOf(string(bytes.TrimRight(line[:i], " \t")))
}

func fieldOf(name string) field {
	switch {
	case scan.EqualFold(name, "Authorization"), scan.EqualFold(name, "Proxy-Authorization"):
		return fieldCredentials
	case scan.EqualFold(name, "Authentication-Info"), scan.EqualFold(name, "Proxy-Authentication-Info"):
		return fieldDigest
	case scan.EqualFold(name, "Cookie"), scan.EqualFold(name, "Set-Cookie"):
		return fieldSecret
	}
	for _, end := range [...]string{"-Token", "-Password", "-Secret", "-Api-Key"} {
		if at := len(name) - len(end); at > 0 && scan.EqualFold(name[at:], end) {
			return fieldSecret
		}
	}
	return fieldPlain
}

// head writes a field with its folds, or a line that is none.
func (r *redactor) head(line []byte) {
	kind := secretLine(line)
	if kind == fieldPlain {
		r.plain(line)
		return
	}
	i := bytes.IndexByte(line, ':')
	value := line[i+1:]
	if kind == fieldCredentials {
		if kind = fieldDigest; !digestScheme(value) {
			kind = fieldSecret
			lead := len(value) - len(bytes.TrimLeft(value, " \t"))
			if j := bytes.IndexByte(value[lead:], ' '); j > 0 && scan.IsToken(string(value[lead:lead+j])) {
				i += 1 + lead + j // the scheme is worth knowing
			}
		}
	}
	r.dst = append(r.dst, line[:i+1]...)
	if value = line[i+1:]; kind == fieldDigest {
		r.digest(value)
		return
	}
	for more := true; more; {
		var line []byte
		if line, value, more = bytes.Cut(value, newline); more {
			line = append(line[:len(line):len(line)], '\n')
		}
		content := bytes.TrimRight(line, "\r\n")
		lead := len(content) - len(bytes.TrimLeft(content, " \t"))
		r.dst = append(append(r.dst, content[:lead]...), mask...)
		r.dst = append(r.dst, line[len(content):]...)
	}
}

// digestScheme reports whether credentials are of the scheme Digest, whose
// parameters can be told apart.
func digestScheme(value []byte) bool {
	value = bytes.TrimLeft(value, space)
	const name = "digest"
	return len(value) > len(name) && scan.EqualFold(string(value[:len(name)]), name) && strings.IndexByte(space, value[len(name)]) >= 0
}

// digest writes parameters without the values of those that are secret.
func (r *redactor) digest(value []byte) {
	for len(value) > 0 {
		// Up to the end of the next name, quoted strings passed over.
		i := 0
		for i < len(value) && value[i] != '=' && value[i] != '"' {
			i++
		}
		if i == len(value) {
			r.dst = append(r.dst, value...)
			return
		}
		if value[i] == '"' {
			end := i + quoted(value[i:])
			r.dst = append(r.dst, value[:end]...)
			value = value[end:]
			continue
		}
		secret := secretParam(value[:i])
		r.dst = append(r.dst, value[:i+1]...)
		value = value[i+1:]
		gap := len(value) - len(bytes.TrimLeft(value, space))
		end := gap
		if end < len(value) && value[end] == '"' {
			end += quoted(value[end:])
		} else if j := bytes.IndexAny(value[end:], ","+space); j >= 0 {
			end += j
		} else {
			end = len(value)
		}
		if secret {
			r.dst = append(append(r.dst, value[:gap]...), '"')
			r.dst = append(append(r.dst, mask...), '"')
			for range bytes.Count(value[gap:end], newline) { // lines stay lines
				r.dst = append(r.dst, "\r\n "...)
			}
		} else {
			r.dst = append(r.dst, value[:end]...)
		}
		value = value[end:]
	}
}

// secretParam reports whether the name at the end of b is that of a secret.
func secretParam(b []byte) bool {
	b = bytes.TrimRight(b, space)
	if i := bytes.LastIndexAny(b, ","+space); i >= 0 {
		b = b[i+1:]
	}
	name := string(b)
	return scan.EqualFold(name, "response") || scan.EqualFold(name, "rspauth") || scan.EqualFold(name, "auts")
}

// quoted returns the length of the quoted string that b begins with, or of b.
func quoted(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}

// plain writes what may hold URIs.
func (r *redactor) plain(line []byte) {
	start := len(r.dst)
	r.passwords(line)
	if bytes.IndexByte(r.dst[start:], '?') >= 0 {
		r.dst = appendWithoutSecrets(r.dst[:start], bytes.Clone(r.dst[start:]))
	}
}

// appendWithoutSecrets appends a line without the secrets among the headers of
// URIs (RFC 3261 section 19.1.1), which are escaped.
func appendWithoutSecrets(dst, b []byte) []byte {
	for {
		i := bytes.IndexAny(b, "?&")
		if i < 0 {
			return append(dst, b...)
		}
		dst, b = append(dst, b[:i+1]...), b[i+1:]
		end := bytes.IndexAny(b, "?&<>\""+space)
		if end < 0 {
			end = len(b)
		}
		name, value, _ := bytes.Cut(b[:end], []byte("="))
		if len(value) > 0 && fieldOf(string(name)) != fieldPlain {
			dst = append(append(append(dst, name...), '='), mask...)
		} else {
			dst = appendWithoutPasswords(dst, b[:end])
		}
		b = b[end:]
	}
}

// appendWithoutPasswords does what passwords does, for a URI with escapes.
func appendWithoutPasswords(dst, b []byte) []byte {
	for {
		end := bytes.Index(b, []byte("%40"))
		if end < 0 {
			return append(dst, b...)
		}
		userinfo := bytes.ToLower(b[:end])
		from := end
		for _, scheme := range [...]string{"sip%3a", "sips%3a"} {
			if i := bytes.Index(userinfo, []byte(scheme)); i >= 0 {
				from = min(from, i+len(scheme))
			}
		}
		if i := bytes.Index(userinfo[from:], []byte("%3a")); i >= 0 {
			dst = append(append(dst, b[:from+i+3]...), mask...)
		} else {
			dst = append(dst, b[:end]...)
		}
		dst, b = append(dst, "%40"...), b[end+3:]
	}
}

// passwords writes a line without the passwords of URIs: userinfo is user
// ":" password "@" (RFC 3261 section 25.1).
func (r *redactor) passwords(line []byte) {
	for len(line) > 0 {
		at := scheme(line)
		end := -1
		if at >= 0 {
			end = bytes.IndexAny(line[at:], space+"<>\"@")
		}
		if end < 0 {
			r.dst = append(r.dst, line...)
			return
		}
		end += at
		if colon := bytes.IndexByte(line[at:end], ':'); line[end] == '@' && colon >= 0 {
			r.dst = append(append(r.dst, line[:at+colon+1]...), mask...)
		} else {
			r.dst = append(r.dst, line[:end]...)
		}
		r.dst = append(r.dst, line[end])
		line = line[end+1:]
	}
}

// scheme returns the index behind the first "sip:" or "sips:" in b, -1 if
// there is none.
func scheme(b []byte) int {
	for from := 0; ; {
		i := bytes.IndexByte(b[from:], ':')
		if i < 0 {
			return -1
		}
		i += from
		if i >= 3 && scan.EqualFold(string(b[i-3:i]), "sip") || i >= 4 && scan.EqualFold(string(b[i-4:i]), "sips") {
			return i + 1
		}
		from = i + 1
	}
}

// secretLines are the lines of SDP that hold keys, and what their secret
// begins behind.
var secretLines = [...]struct{ line, behind string }{
	{"k=", "k="},
	{"a=crypto:", "inline:"},
	{"a=key-mgmt:", "a=key-mgmt:"},
	{"a=ice-pwd:", "a=ice-pwd:"},
}

func (r *redactor) body(line []byte) {
	if secretLine(line) != fieldPlain {
		r.head(line)
		return
	}
	for _, s := range secretLines {
		if len(line) < len(s.line) || !scan.EqualFold(string(line[:len(s.line)]), s.line) {
			continue
		}
		if i := bytes.Index(line, []byte(s.behind)); i >= 0 {
			r.dst = append(append(r.dst, line[:i+len(s.behind)]...), mask...)
			return
		}
		r.dst = append(append(r.dst, s.line...), mask...)
		return
	}
	r.plain(line)
}
