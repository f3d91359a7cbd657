package sdp

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// value reads the value of a line, by its type letter.
func (p *parser) value(letter byte, v string) {
	d := &p.out.Description
	switch letter {
	case 'a':
		p.attribute(v)
	case 'm':
		p.mediaField(v)
	case 'c':
		p.connection(v)
	case 'b':
		p.bandwidth(v)
	case 't':
		p.time(v)
	case 'r':
		p.repeat(v)
	case 'z':
		p.zone(v)
	case 'o':
		p.origin(v)
	case 'v':
		// version-field = %s"v" "=" 1*DIGIT CRLF; this memo describes version 0
		if n, digits := scanUint(v); digits == 0 || n != 0 {
			p.fail(v, "version-field", errors.New("only version 0 is known"))
		} else {
			p.done(v[digits:], "version-field")
		}
	case 's':
		p.text(&d.Name, v, "session-name-field")
	case 'i':
		if p.media != nil {
			p.text(&p.media.Info, v, "information-field")
			return
		}
		p.text(&d.Info, v, "information-field")
	case 'u':
		p.text(&d.URI, v, "uri-field")
	case 'e':
		p.list(&d.Emails, p.out.emails[:0:1], v, "email-field")
	case 'p':
		p.list(&d.Phones, p.out.phones[:0:1], v, "phone-field")
	case 'k':
		if p.media != nil {
			p.text(&p.media.Key, v, "key-field")
			return
		}
		p.text(&d.Key, v, "key-field")
	}
}

// text = byte-string
func (p *parser) text(dst *string, v, rule string) {
	if v == "" && !p.tolerates(TolerateEmpty) {
		p.fail(v, rule, errEmpty)
		return
	}
	*dst = v
}

func (p *parser) list(dst *[]string, room []string, v, rule string) {
	var text string
	if p.text(&text, v, rule); text != "" && p.count(v) {
		if *dst == nil {
			*dst = room
		}
		*dst = append(*dst, text)
	}
}

// space consumes the SP before the next element of a line.
func (p *parser) space(v, rule string) string {
	if v == "" || v[0] != ' ' {
		p.fail(v, rule, errors.New("space and a further element are missing"))
		return ""
	}
	v = v[1:]
	if v != "" && v[0] == ' ' && p.tolerates(TolerateSpace) {
		v = strings.TrimLeft(v, " ")
	}
	return v
}

// trim drops spaces at the end of a line of several elements.
func (p *parser) trim(v string) string {
	if v != "" && v[len(v)-1] == ' ' && p.tolerates(TolerateSpace) {
		// A shorter line keeps the columns of what is left right.
		trimmed := strings.TrimRight(v, " ")
		p.line = p.line[:len(p.line)-(len(v)-len(trimmed))]
		return trimmed
	}
	return v
}

// done checks that nothing is left of a line.
func (p *parser) done(v, rule string) {
	if v != "" && (!p.tolerates(TolerateSpace) || strings.Trim(v, " ") != "") {
		p.fail(v, rule, errTrailing)
	}
}

// word reads an element of the given class of characters.
func (p *parser) word(v string, class uint8, rule string) (word, rest string) {
	word, rest = scan(v, class)
	if word == "" {
		p.fail(v, rule, errors.New("element is missing or has a character that it cannot have"))
	}
	return word, rest
}

func (p *parser) number64(v, rule string) (n uint64, rest string) {
	n, digits := scanUint(v)
	if digits == 0 {
		p.fail(v, rule, errRange)
	}
	return n, v[digits:]
}

// origin-field = %s"o" "=" username SP sess-id SP sess-version SP nettype SP
// addrtype SP unicast-address CRLF
func (p *parser) origin(v string) {
	v = p.trim(v)
	o := &p.out.Origin
	o.Username, v = p.word(v, visibleChar, "username")
	o.ID, v = p.number64(p.space(v, "origin-field"), "sess-id")
	o.Version, v = p.number64(p.space(v, "origin-field"), "sess-version")
	o.NetType, v = p.word(p.space(v, "origin-field"), tokenChar, "nettype")
	o.AddrType, v = p.word(p.space(v, "origin-field"), tokenChar, "addrtype")
	o.Address, v = p.word(p.space(v, "origin-field"), visibleChar, "unicast-address")
	p.done(v, "origin-field")
}

// connection-field = %s"c" "=" nettype SP addrtype SP connection-address CRLF
func (p *parser) connection(v string) {
	if !p.count(v) {
		return
	}
	v = p.trim(v)
	var c Connection
	c.NetType, v = p.word(v, tokenChar, "nettype")
	c.AddrType, v = p.word(p.space(v, "connection-field"), tokenChar, "addrtype")
	c.Address, v = p.word(p.space(v, "connection-field"), visibleChar, "connection-address")
	p.done(v, "connection-field")
	if p.failed != nil {
		return
	}
	start := p.line[len(p.line)-len(v)-len(c.Address):]
	if address, suffix, found := strings.Cut(c.Address, "/"); found && c.NetType == "IN" && (c.AddrType == "IP4" || c.AddrType == "IP6") {
		if address == "" || suffix == "" {
			p.fail(start, "connection-address", errEmpty)
		}
		c.Address = address
		p.multicast(&c, suffix, start[len(address)+1:])
	} else {
		p.multicast(&c, "", start)
	}
	if p.media != nil {
		p.conns = append(p.conns, c)
		return
	}
	p.out.session = c
	p.out.Connection = &p.out.session
}

// IP4-multicast = m1 3( "." decimal-uchar ) "/" ttl [ "/" numaddr ]
// IP6-multicast = IP6-address [ "/" numaddr ]
func (p *parser) multicast(c *Connection, suffix, start string) {
	var numbers [2]int
	n := 0
	for rest, more := suffix, suffix != ""; more; n++ {
		var part string
		part, rest, more = strings.Cut(rest, "/")
		v, digits := scanUint(part)
		if n == 2 || digits != len(part) || v > math.MaxUint16 {
			p.fail(start, "multicast-address", errRange)
			return
		}
		numbers[n] = int(v)
	}
	switch {
	case c.AddrType == "IP6" && n < 2:
		c.Count = numbers[0]
		if n == 1 && c.Count == 0 {
			p.fail(start, "numaddr", errRange)
		}
	case c.AddrType == "IP6":
		p.fail(start, "IP6-multicast", errors.New("an IPv6 address has no TTL"))
	case n > 0:
		if c.TTL, c.Count = numbers[0], numbers[1]; c.TTL > 255 || n == 2 && c.Count == 0 {
			p.fail(start, "IP4-multicast", errRange)
		}
		if !c.hasTTL() && !p.tolerates(TolerateTTL) {
			p.fail(start, "IP4-multicast", errors.New("only a multicast address has a TTL"))
		}
	case c.hasTTL():
		if c.TTL = -1; !p.tolerates(TolerateTTL) {
			p.fail(start, "IP4-multicast", errors.New("an IPv4 multicast address has a TTL"))
		}
	}
}

// bandwidth-field = %s"b" "=" bwtype ":" bandwidth CRLF
func (p *parser) bandwidth(v string) {
	if !p.count(v) {
		return
	}
	v = p.trim(v)
	var b Bandwidth
	b.Type, v = p.word(v, tokenChar, "bwtype")
	if v == "" || v[0] != ':' {
		p.fail(v, "bandwidth-field", errors.New(`":" is missing`))
		return
	}
	b.Value, v = p.number64(v[1:], "bandwidth")
	p.done(v, "bandwidth-field")
	p.bands = append(p.bands, b)
}

// attribute = (attribute-name ":" attribute-value) / attribute-name
func (p *parser) attribute(v string) {
	if len(p.attrs) == p.MaxAttributes {
		p.fail(v, "attribute-field", fmt.Errorf("%w: more attributes than MaxAttributes", ErrLimit))
		return
	}
	name, rest := scanToken(v)
	if rest == "" && name != "" {
		p.attrs = append(p.attrs, Attribute{Name: name})
		return
	}
	if name == "" || rest[0] != ':' {
		if !p.tolerates(TolerateAttribute) {
			p.fail(rest, "attribute-name", errors.New("name is empty or not a token"))
			return
		}
		name, rest = v, ""
		if i := strings.IndexByte(v, ':'); i >= 0 {
			name, rest = v[:i], v[i:]
		}
		if name == "" {
			p.fail(v, "attribute-name", errEmpty)
			return
		}
	}
	if rest != "" {
		rest = rest[1:]
		if rest == "" && !p.tolerates(TolerateEmpty) {
			p.fail(rest, "attribute-value", errEmpty)
			return
		}
	}
	p.attrs = append(p.attrs, Attribute{Name: name, Value: rest})
}

// time-field = %s"t" "=" start-time SP stop-time CRLF
func (p *parser) time(v string) {
	if !p.count(v) {
		return
	}
	v = p.trim(v)
	var t Time
	t.Start, v = p.number64(v, "start-time")
	t.Stop, v = p.number64(p.space(v, "time-field"), "stop-time")
	p.done(v, "time-field")
	if p.out.Times == nil {
		p.out.Times = p.out.times[:0:1]
	}
	p.out.Times = append(p.out.Times, t)
}

// timeOf returns the time description that an r= or z= line belongs to.
func (p *parser) timeOf(v, rule string) *Time {
	n := len(p.out.Times)
	if n == 0 {
		p.fail(v, rule, errors.New("no t= line before it"))
		return nil
	}
	return &p.out.Times[n-1]
}

// repeat-field = %s"r" "=" repeat-interval SP typed-time 1*(SP typed-time) CRLF
func (p *parser) repeat(v string) {
	t := p.timeOf(v, "repeat-field")
	v = p.trim(v)
	var r Repeat
	r.Interval, v = p.typedTime(v, "repeat-interval")
	r.Active, v = p.typedTime(p.space(v, "repeat-field"), "typed-time")
	for first := true; p.failed == nil && (first || v != ""); first = false {
		if !p.count(v) {
			return
		}
		var offset TypedTime
		offset, v = p.typedTime(p.space(v, "repeat-field"), "typed-time")
		r.Offsets = append(r.Offsets, offset)
	}
	if p.failed == nil {
		t.Repeats = append(t.Repeats, r)
	}
}

// zone-field = %s"z" "=" time SP ["-"] typed-time *(SP time SP ["-"]
// typed-time) CRLF
func (p *parser) zone(v string) {
	t := p.timeOf(v, "zone-field")
	for v = p.trim(v); p.failed == nil; v = p.space(v, "zone-field") {
		if !p.count(v) {
			return
		}
		var z Zone
		z.At, v = p.number64(v, "time")
		v = p.space(v, "zone-field")
		minus := strings.HasPrefix(v, "-")
		if minus {
			v = v[1:]
		}
		z.Offset, v = p.typedTime(v, "typed-time")
		if minus {
			z.Offset.Value = -z.Offset.Value
		}
		if p.failed == nil {
			t.Zones = append(t.Zones, z)
		}
		if v == "" {
			return
		}
	}
}

// typed-time = 1*DIGIT [fixed-len-time-unit]
func (p *parser) typedTime(v, rule string) (t TypedTime, rest string) {
	n, rest := p.number64(v, rule)
	if n > math.MaxInt64 {
		p.fail(v, rule, errRange)
		return t, ""
	}
	t.Value = int64(n)
	if rest != "" {
		switch rest[0] {
		case 'd', 'h', 'm', 's':
			t.Unit, rest = rest[0], rest[1:]
		}
	}
	return t, rest
}
