package tport

import (
	"bytes"

	"github.com/gosofia/sofia/internal/scan"
)

// mask stands where a secret was.
const mask = "***"

// Redact appends text to dst without the secrets in it and returns the result.
// It knows, in messages of SIP and HTTP and in descriptions of sessions:
//
//   - In Authorization, Proxy-Authorization, Authentication-Info and
//     Proxy-Authentication-Info: the parameters response, rspauth and auts, from
//     which passwords can be guessed, and all of a scheme other than Digest
//     (tokens, Basic).
//   - Cookie and Set-Cookie, whole.
//   - The password of a sip: or sips: URI, wherever one stands in the head.
//   - In bodies: the lines k=, a=crypto (from inline: on), a=key-mgmt and
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

// redactor keeps, over the lines of a head, what the current field is.
type redactor struct {
	dst   []byte
	field field
}

// field is how a header field is written.
type field uint8

const (
	fieldPlain  field = iota // anything; it may hold URIs
	fieldDigest              // parameters, some of them secret
	fieldSecret              // nothing of it
)

func (r *redactor) head(line []byte) {
	if line[0] == ' ' || line[0] == '\t' { // a fold
		r.value(line)
		return
	}
	r.field = fieldPlain
	i := bytes.IndexByte(line, ':')
	if i < 0 {
		r.passwords(line)
		return
	}
	value := line[i+1:]
	name := string(bytes.TrimRight(line[:i], " \t"))
	switch {
	case scan.EqualFold(name, "Authorization"), scan.EqualFold(name, "Proxy-Authorization"):
		if r.field = fieldDigest; digestScheme(value) {
			break
		}
		r.field = fieldSecret
		space := len(value) - len(bytes.TrimLeft(value, " \t"))
		if j := bytes.IndexByte(value[space:], ' '); j > 0 && scan.IsToken(string(value[space:space+j])) {
			i += 1 + space + j // the scheme is worth knowing
		}
	case scan.EqualFold(name, "Authentication-Info"), scan.EqualFold(name, "Proxy-Authentication-Info"):
		r.field = fieldDigest
	case scan.EqualFold(name, "Cookie"), scan.EqualFold(name, "Set-Cookie"):
		r.field = fieldSecret
	default:
		r.passwords(line)
		return
	}
	r.dst = append(r.dst, line[:i+1]...)
	r.value(line[i+1:])
}

// value writes a value, or a line of one.
func (r *redactor) value(value []byte) {
	switch r.field {
	case fieldDigest:
		r.digest(value)
	case fieldSecret:
		value = value[:len(value)-len(bytes.TrimLeft(value, " \t"))]
		r.dst = append(append(r.dst, value...), mask...)
	default:
		r.passwords(value)
	}
}

// digestScheme reports whether credentials are of the scheme Digest, whose
// parameters can be told apart.
func digestScheme(value []byte) bool {
	value = bytes.TrimLeft(value, " \t")
	const name = "digest"
	return len(value) > len(name) && scan.EqualFold(string(value[:len(name)]), name) && (value[len(name)] == ' ' || value[len(name)] == '\t')
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
		gap := len(value) - len(bytes.TrimLeft(value, " \t"))
		end := gap
		if end < len(value) && value[end] == '"' {
			end += quoted(value[end:])
		} else if j := bytes.IndexAny(value[end:], ", \t"); j >= 0 {
			end += j
		} else {
			end = len(value)
		}
		if secret {
			r.dst = append(append(r.dst, value[:gap]...), '"')
			r.dst = append(append(r.dst, mask...), '"')
		} else {
			r.dst = append(r.dst, value[:end]...)
		}
		value = value[end:]
	}
}

// secretParam reports whether the name at the end of b is that of a secret.
func secretParam(b []byte) bool {
	b = bytes.TrimRight(b, " \t")
	if i := bytes.LastIndexAny(b, ", \t"); i >= 0 {
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

// passwords writes a line without the passwords of URIs: userinfo is user
// ":" password "@" (RFC 3261 section 25.1).
func (r *redactor) passwords(line []byte) {
	for len(line) > 0 {
		at := scheme(line)
		end := -1
		if at >= 0 {
			end = bytes.IndexAny(line[at:], " \t<>\"@")
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
	r.dst = append(r.dst, line...)
}
