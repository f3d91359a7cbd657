package sdp

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// AppendText appends the description to dst, in the form of RFC 8866 section
// 9: fields in the order of the grammar, CRLF after each line. It implements
// [encoding.TextAppender]. The error is a [*FieldError]: a field holds a value
// that the grammar cannot carry, above all a CR, LF or NUL. Then dst is
// returned unchanged.
func (d *Description) AppendText(dst []byte) ([]byte, error) {
	p := printer{buf: dst}
	p.description(d)
	if p.err != nil {
		return dst, p.err
	}
	return p.buf, nil
}

// String returns the text of AppendText, or a note in parentheses if the
// description cannot be printed. Use AppendText for what goes to a peer.
func (d *Description) String() string {
	if d == nil {
		return "(no description)"
	}
	b, err := d.AppendText(nil)
	if err != nil {
		return "(" + err.Error() + ")"
	}
	return string(b)
}

// printer appends lines and keeps the first error.
type printer struct {
	buf     []byte
	section int // 0 for the session, i for Media[i-1]
	err     *FieldError
}

func (p *printer) fail(field, value, rule string) {
	if p.err != nil {
		return
	}
	if p.section > 0 {
		field = fmt.Sprintf("Media[%d].%s", p.section-1, field)
	}
	p.err = &FieldError{field, value, rule}
}

func (p *printer) description(d *Description) {
	if d.Version != 0 {
		p.fail("Version", strconv.Itoa(d.Version), "version-field (0)")
	}
	p.raw("v=0")
	p.crlf()
	p.origin(d.Origin)
	p.text('s', "Name", cmp.Or(d.Name, "-"))
	p.text('i', "Info", d.Info)
	p.text('u', "URI", d.URI)
	for _, e := range d.Emails {
		p.text('e', "Emails", e)
	}
	for _, n := range d.Phones {
		p.text('p', "Phones", n)
	}
	if d.Connection != nil {
		p.connection(*d.Connection)
	}
	p.bandwidths(d.Bandwidths)
	if len(d.Times) == 0 {
		p.time(Time{})
	}
	for i := range d.Times {
		p.time(d.Times[i])
	}
	p.text('k', "Key", d.Key)
	p.attributes(d.Attributes)
	for i := range d.Media {
		p.section = i + 1
		p.media(&d.Media[i])
	}
}

func (p *printer) media(m *Media) {
	if m.Malformed != "" {
		p.text('m', "Malformed", m.Malformed)
	} else {
		p.mediaField(m)
	}
	p.text('i', "Info", m.Info)
	for i := range m.Connections {
		p.connection(m.Connections[i])
	}
	p.bandwidths(m.Bandwidths)
	p.text('k', "Key", m.Key)
	p.attributes(m.Attributes)
}

// media-field = %s"m" "=" media SP port ["/" integer] SP proto 1*(SP fmt) CRLF
func (p *printer) mediaField(m *Media) {
	p.raw("m=")
	p.token("Type", "media", m.Type)
	p.raw(" ")
	p.ranged("Port", "port", m.Port, 0, 65535)
	if m.PortCount != 0 {
		p.raw("/")
		p.ranged("PortCount", "integer", m.PortCount, 1, 65535)
	}
	p.raw(" ")
	for part := range strings.SplitSeq(m.Proto, "/") {
		if !isToken(part) {
			p.fail("Proto", m.Proto, "proto")
		}
	}
	p.raw(m.Proto)
	if len(m.Formats) == 0 && m.Port != 0 {
		p.fail("Formats", "", "list of at least one fmt")
	}
	for _, f := range m.Formats {
		p.raw(" ")
		p.visible("Formats", "fmt", f)
	}
	p.crlf()
}

// origin-field = %s"o" "=" username SP sess-id SP sess-version SP nettype SP
// addrtype SP unicast-address CRLF
func (p *printer) origin(o Origin) {
	p.raw("o=")
	p.visible("Origin.Username", "username", cmp.Or(o.Username, "-"))
	p.raw(" ")
	p.buf = strconv.AppendUint(p.buf, o.ID, 10)
	p.raw(" ")
	p.buf = strconv.AppendUint(p.buf, o.Version, 10)
	p.raw(" ")
	p.address("Origin", o.NetType, o.AddrType, cmp.Or(o.Address, "0.0.0.0"))
	p.crlf()
}

func (p *printer) address(field, netType, addrType, address string) {
	netType = cmp.Or(netType, "IN")
	if !isToken(netType) {
		p.fail(field+".NetType", netType, "nettype")
	}
	p.raw(netType)
	p.raw(" ")
	if addrType == "" {
		addrType = "IP4"
		if strings.Contains(address, ":") {
			addrType = "IP6"
		}
	}
	if !isToken(addrType) {
		p.fail(field+".AddrType", addrType, "addrtype")
	}
	p.raw(addrType)
	p.raw(" ")
	if !isVisible(address) {
		p.fail(field+".Address", address, "unicast-address")
	}
	p.raw(address)
}

// connection-field = %s"c" "=" nettype SP addrtype SP connection-address CRLF
func (p *printer) connection(c Connection) {
	p.raw("c=")
	p.address("Connection", c.NetType, c.AddrType, c.Address)
	ip4 := c.AddrType == "IP4" || c.AddrType == ""
	if ttl := c.hasTTL(); ttl && c.TTL >= 0 || !ttl && ip4 && (c.TTL != 0 || c.Count != 0) {
		p.raw("/")
		p.ranged("Connection.TTL", "ttl", c.TTL, 0, 255)
	} else if c.TTL > 0 || ttl && c.Count != 0 {
		p.fail("Connection.TTL", strconv.Itoa(c.TTL), "ttl of an IPv4 address")
	}
	if c.Count != 0 {
		p.raw("/")
		p.ranged("Connection.Count", "numaddr", c.Count, 1, 65535)
	}
	p.crlf()
}

func (p *printer) bandwidths(all []Bandwidth) {
	for _, b := range all {
		p.raw("b=")
		p.token("Bandwidths", "bwtype", b.Type)
		p.raw(":")
		p.buf = strconv.AppendUint(p.buf, b.Value, 10)
		p.crlf()
	}
}

func (p *printer) attributes(all Attributes) {
	for i := range all {
		a := &all[i]
		if a.Name == "" || strings.IndexByte(a.Name, ':') >= 0 || !isText(a.Name) {
			p.fail("Attributes", a.Name, "attribute-name")
		}
		p.raw("a=")
		p.raw(a.Name)
		if a.Value != "" {
			if !isText(a.Value) {
				p.fail("Attributes", a.Value, "attribute-value")
			}
			p.raw(":")
			p.raw(a.Value)
		}
		p.crlf()
	}
}

// time-description = time-field [repeat-description]
func (p *printer) time(t Time) {
	p.raw("t=")
	p.buf = strconv.AppendUint(p.buf, t.Start, 10)
	p.raw(" ")
	p.buf = strconv.AppendUint(p.buf, t.Stop, 10)
	p.crlf()
	for _, r := range t.Repeats {
		p.raw("r=")
		p.typedTime("Times.Repeats.Interval", r.Interval, false)
		p.raw(" ")
		p.typedTime("Times.Repeats.Active", r.Active, false)
		if len(r.Offsets) == 0 {
			p.fail("Times.Repeats.Offsets", "", "list of at least one typed-time")
		}
		for _, o := range r.Offsets {
			p.raw(" ")
			p.typedTime("Times.Repeats.Offsets", o, false)
		}
		p.crlf()
	}
	for i, z := range t.Zones {
		if i == 0 {
			p.raw("z=")
		} else {
			p.raw(" ")
		}
		p.buf = strconv.AppendUint(p.buf, z.At, 10)
		p.raw(" ")
		p.typedTime("Times.Zones.Offset", z.Offset, true)
	}
	if len(t.Zones) > 0 {
		p.crlf()
	}
}

func (p *printer) typedTime(field string, t TypedTime, signed bool) {
	if t.Value < 0 && !signed || t.Unit != 0 && strings.IndexByte("dhms", t.Unit) < 0 {
		p.fail(field, t.String(), "typed-time")
	}
	p.buf = t.append(p.buf)
}

// text prints a line of free text, or nothing if it is empty.
func (p *printer) text(letter byte, field, text string) {
	if text == "" {
		return
	}
	if !isText(text) {
		p.fail(field, text, "text")
	}
	p.buf = append(p.buf, letter, '=')
	p.raw(text)
	p.crlf()
}

func (p *printer) token(field, rule, s string) {
	if !isToken(s) {
		p.fail(field, s, rule)
	}
	p.raw(s)
}

func (p *printer) visible(field, rule, s string) {
	if !isVisible(s) {
		p.fail(field, s, rule)
	}
	p.raw(s)
}

func (p *printer) ranged(field, rule string, v, low, high int) {
	if v < low || v > high {
		p.fail(field, strconv.Itoa(v), fmt.Sprintf("%s (%d to %d)", rule, low, high))
	}
	p.buf = strconv.AppendInt(p.buf, int64(v), 10)
}

func (p *printer) raw(s string) { p.buf = append(p.buf, s...) }
func (p *printer) crlf()        { p.buf = append(p.buf, '\r', '\n') }
