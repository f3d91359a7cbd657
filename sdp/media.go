package sdp

import (
	"errors"
	"fmt"
	"strings"
)

// mediaField starts a section.
//
// media-field = %s"m" "=" media SP port ["/" integer] SP proto 1*(SP fmt) CRLF
func (p *parser) mediaField(v string) {
	d := &p.out.Description
	if p.media == nil {
		p.required()
	}
	if len(d.Media) == p.MaxMedia {
		p.fail(v, "media-description", fmt.Errorf("%w: more m= lines than MaxMedia", ErrLimit))
	}
	if p.failed != nil {
		return
	}
	p.closeSection()
	p.seen = 0
	switch len(d.Media) {
	case 0:
		d.Media = p.out.media[:0:1]
	case 1: // room for all at once; most descriptions have one
		n := 2 + strings.Count(p.rest, "\nm=")
		d.Media = append(make([]Media, 0, min(n, p.MaxMedia, DefaultMaxMedia)), d.Media...)
	}
	d.Media = append(d.Media, Media{})
	p.media = &d.Media[len(d.Media)-1]
	first := len(p.formats)
	p.mediaLine(p.trim(v))
	if p.failed == nil || !p.tolerates(TolerateMedia) || v == "" {
		return
	}
	if errors.Is(p.failed, ErrLimit) {
		return
	}
	p.failed, p.formats = nil, p.formats[:first]
	word, _ := scanToken(v)
	*p.media = Media{Type: word, Malformed: v}
}

func (p *parser) mediaLine(v string) {
	const rule = "media-field"
	m := p.media
	m.Type, v = p.word(v, tokenChar, "media")
	v = p.space(v, rule)
	port, digits := scanUint(v)
	if digits == 0 || port > 65535 {
		p.fail(v, "port", errRange)
		return
	}
	m.Port, v = int(port), v[digits:]
	if v != "" && v[0] == '/' {
		n, digits := scanUint(v[1:])
		if n == 0 || n > 65535 { // integer = POS-DIGIT *DIGIT
			p.fail(v[1:], "integer", errRange)
			return
		}
		m.PortCount, v = int(n), v[1+digits:]
	}
	m.Proto, v = p.proto(p.space(v, rule))
	first := len(p.formats)
	for v != "" && p.failed == nil {
		var format string
		format, v = p.word(p.space(v, rule), visibleChar, "fmt")
		if len(p.formats)-first == p.MaxFormats {
			p.fail(v, rule, fmt.Errorf("%w: more formats than MaxFormats", ErrLimit))
		}
		p.formats = append(p.formats, format)
	}
	m.Formats = piece(p.formats[first:len(p.formats):len(p.formats)])
	if m.Formats == nil && (m.Port != 0 || !p.tolerates(TolerateFormat)) {
		p.fail(v, "fmt", errEmpty)
	}
}

// proto = token *("/" token)
func (p *parser) proto(v string) (proto, rest string) {
	rest = v
	for {
		_, rest = p.word(rest, tokenChar, "proto")
		if p.failed != nil {
			return "", rest
		}
		if rest == "" || rest[0] != '/' {
			return v[:len(v)-len(rest)], rest
		}
		rest = rest[1:]
	}
}
