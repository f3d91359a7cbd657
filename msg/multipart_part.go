package msg

import (
	"strings"

	"github.com/gosofia/sofia/internal/scan"
)

// Part is one part of a [Multipart]: header fields and a body. The headers of
// this package read it ([ContentType].Get(p), [ContentID].Get(p)). It is
// immutable and safe for concurrent use.
type Part struct {
	m      *Message
	raw    string // as it came; "" if it was made or edited
	edited bool
	depth  int    // multiparts around it
	lim    Limits // for multiparts in it
	plain  string // Content-Type if it has none
}

// NewPart makes a part of the given media type, with the fields of the setters.
// The body may hold any octets.
func NewPart(contentType, body string, set ...Setter) (*Part, error) {
	t, err := ParseMediaType(contentType)
	if err != nil {
		return nil, err
	}
	m, err := NewFragment(mime, append([]Setter{ContentType.Set(t), Framed(body)}, set...)...)
	if err != nil {
		return nil, err
	}
	return &Part{m: m, edited: true, lim: Limits{}.resolved()}, nil
}

// parsePart reads a part. A bare LF ends a line in it, as in the bodies that
// some senders write; a message is never framed by one.
//
//	body-part = MIME-part-headers [ CRLF *OCTET ]    (RFC 2046 section 5.1.1)
func parsePart(raw, plain string, depth int, lim Limits) (*Part, error) {
	text := raw
	if end := headEnd(raw); strings.IndexByte(raw[:end], '\n') >= 0 && bareLF(raw[:end]) {
		text = strings.ReplaceAll(strings.ReplaceAll(raw[:end], "\r\n", "\n"), "\n", "\r\n") + raw[end:]
	}
	m, err := parseFragment(mime, text, lim, false)
	if m == nil {
		return nil, err
	}
	return &Part{m: m, raw: raw, depth: depth, lim: lim, plain: plain}, err
}

// headEnd returns where the body of a part begins.
func headEnd(s string) int {
	for i := 0; ; {
		n := strings.IndexByte(s[i:], '\n')
		if n < 0 {
			return len(s)
		}
		if n == 0 || n == 1 && s[i] == '\r' {
			return i + n + 1
		}
		i += n + 1
	}
}

func bareLF(s string) bool {
	return strings.Count(s, "\n") != strings.Count(s, "\r\n")
}

// Msg returns the part as a fragment of a message, so that a Part is a [Source].
func (p *Part) Msg() *Message { return p.m }

// Body returns the body as it stands in the part; see Content.
func (p *Part) Body() string { return p.m.body }

// Type returns the media type; a part without Content-Type has text/plain, or
// message/rfc822 in a multipart/digest (RFC 2046 sections 5.1 and 5.1.5). One
// that is malformed gives application/octet-stream, which fits any octets.
func (p *Part) Type() MediaType {
	t, ok, err := ContentType.Get(p)
	switch {
	case err != nil:
		return MediaType{Type: "application", Subtype: "octet-stream"}
	case !ok:
		if p.plain == "" {
			return MediaType{Type: "text", Subtype: "plain"}
		}
		t, _ = ParseMediaType(p.plain)
	}
	return t
}

// ID returns the Content-ID, "" if there is none.
func (p *Part) ID() string {
	id, _, _ := ContentID.Get(p)
	return id
}

// Required reports whether the part must be understood: it must unless its
// Content-Disposition says handling=optional (RFC 3261 section 20.11).
func (p *Part) Required() bool {
	d, _, _ := ContentDisposition.Get(p)
	h, _ := d.Params.Get("handling")
	return !scan.EqualFold(h, "optional")
}

// Content returns the body without its content transfer encoding (RFC 2045
// section 6): 7bit, 8bit, binary, base64 or quoted-printable. It fails with
// ErrEncoding for another one and with ErrSyntax for one that is malformed, in a
// *[SyntaxError].
func (p *Part) Content() (string, error) {
	enc, _, err := ContentTransferEncoding.Get(p)
	if err != nil {
		return "", err
	}
	s, err := transferDecode(enc, p.Body())
	if err != nil {
		return "", &SyntaxError{Offset: -1, Header: "Content-Transfer-Encoding", Err: err}
	}
	return s, nil
}

// Multipart reads the body of a part that is a multipart itself. It fails with
// ErrNotMultipart if it is none, with ErrTooDeep if [Limits].Levels are used up,
// and as [ParseMultipart] does.
func (p *Part) Multipart() (*Multipart, error) {
	t := p.Type()
	if !scan.EqualFold(t.Type, "multipart") {
		return nil, &SyntaxError{Offset: -1, Err: ErrNotMultipart}
	}
	return parseMultipart(t, p.Body(), p.depth+1, p.lim)
}

// Edit returns a copy of p with the setters applied; see [Message.Edit]. Use
// [Framed] for another body: a part has no Content-Length.
func (p *Part) Edit(set ...Setter) (*Part, error) {
	m, err := p.m.Edit(set...)
	if err != nil {
		return nil, err
	}
	c := *p
	c.m, c.raw, c.edited = m, "", true
	return &c, nil
}

// AppendText appends the part as it stands between two boundaries: as it came if
// it was not edited.
func (p *Part) AppendText(dst []byte) ([]byte, error) {
	if !p.edited {
		return append(dst, p.raw...), nil
	}
	dst, err := p.m.AppendText(dst)
	if err == nil && p.m.short > 0 {
		dst = append(dst, "\r\n"...) // the empty line, so that no body is an empty one
	}
	return dst, err
}

// String returns the part as AppendText writes it.
func (p *Part) String() string {
	b, _ := p.AppendText(nil)
	return string(b)
}
