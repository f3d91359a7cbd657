package sdp

import (
	"net/netip"
	"slices"
	"strings"
)

// Description is one session description (RFC 8866 section 5). The zero value
// is an empty description of version 0; printed, it has "-" for the session
// name and the origin's user name, and "0 0" for the time.
type Description struct {
	Version    int         // v=, always 0 in RFC 8866
	Origin     Origin      // o=
	Name       string      // s=; "" is printed as "-"
	Info       string      // i=; "" when absent
	URI        string      // u=; "" when absent
	Emails     []string    // e=, as written
	Phones     []string    // p=, as written
	Connection *Connection // c= of the session; nil when absent
	Bandwidths []Bandwidth // b= of the session
	Times      []Time      // t= with its r= and z=; none is printed as "t=0 0"
	Key        string      // k= (obsolete, RFC 8866 section 5.12); "" when absent
	Attributes Attributes  // a= of the session
	Media      []Media     // m= sections, in order
}

// Origin is the o= line (RFC 8866 section 5.2). RFC 3264 section 5 wants ID
// and Version to fit in 63 bits.
type Origin struct {
	Username string // "" is printed as "-"
	ID       uint64 // sess-id, unique for the other fields save Version
	Version  uint64 // sess-version, one higher at each change of the description
	NetType  string // "" is printed as "IN"
	AddrType string // "" is printed as "IP4", or "IP6" if Address is such
	Address  string // "" is printed as "0.0.0.0"
}

// Connection is a c= line (RFC 8866 section 5.7).
type Connection struct {
	NetType  string // "" is printed as "IN"
	AddrType string // "" is printed as "IP4", or "IP6" if Address is such
	Address  string // without the suffixes that TTL and Count hold
	TTL      int    // of an IPv4 multicast address, 0 to 255; -1 if the line has none
	Count    int    // number of consecutive multicast addresses; 0 if not given, meaning one
}

// Addr returns the IP address, and whether Address is one and not a name or
// an address of another family.
func (c Connection) Addr() (netip.Addr, bool) {
	if c.NetType != "IN" && c.NetType != "" {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(c.Address)
	return a, err == nil
}

// IsMulticast reports whether the address is an IP multicast address.
func (c Connection) IsMulticast() bool {
	a, ok := c.Addr()
	return ok && a.IsMulticast()
}

// IsUnspecified reports whether the address is 0.0.0.0 or ::, which asks the
// peer to send neither RTP nor RTCP (RFC 3264 section 8.4).
func (c Connection) IsUnspecified() bool {
	a, ok := c.Addr()
	return ok && a.IsUnspecified()
}

// hasTTL reports whether the grammar wants a TTL after the address.
func (c Connection) hasTTL() bool {
	if c.AddrType != "IP4" && c.AddrType != "" || c.Address == "" || c.Address[0] != '2' {
		return false // 224.0.0.0 to 239.255.255.255
	}
	a, ok := c.Addr()
	return ok && a.Is4() && a.IsMulticast()
}

// Bandwidth is a b= line (RFC 8866 section 5.8).
type Bandwidth struct {
	Type  string // CT, AS, TIAS, RS, RR or another token
	Value uint64 // in kilobits per second for CT and AS, in bits per second for TIAS, RS and RR
}

// Media is one m= section (RFC 8866 section 5.14).
type Media struct {
	Type        string       // audio, video, text, application, message, image or another token
	Port        int          // transport port, 0 to 65535; 0 refuses or removes the stream
	PortCount   int          // number of port pairs, the "/2" of "49170/2"; 0 if not given, meaning one
	Proto       string       // RTP/AVP, RTP/SAVP, UDP/TLS/RTP/SAVPF, udptl or another protocol
	Formats     []string     // RTP payload types, or formats of another protocol, in order of preference
	Info        string       // i=; "" when absent
	Connections []Connection // c= of this section; several for layered multicast
	Bandwidths  []Bandwidth  // b= of this section
	Key         string       // k=; "" when absent
	Attributes  Attributes   // a= of this section

	// Malformed is the whole value of an m= line that does not follow the
	// grammar and was kept because of TolerateMedia; "" otherwise. Type is then
	// the line's first word, Port is 0, and the other fields of the line are
	// not set. The line is printed as it was read.
	Malformed string
}

// IsRTP reports whether Proto carries RTP, so that Formats are payload types:
// one of its parts, which slashes separate, is "RTP".
func (m *Media) IsRTP() bool {
	for rest, more := m.Proto, true; more; {
		var part string
		part, rest, more = strings.Cut(rest, "/")
		if strings.EqualFold(part, "RTP") {
			return true
		}
	}
	return false
}

// Connection returns the c= line that holds for the media section: its own
// first, or that of the session d, which may be nil. The second result is
// false if there is none.
func (m *Media) Connection(d *Description) (Connection, bool) {
	if len(m.Connections) > 0 {
		return m.Connections[0], true
	}
	if d != nil && d.Connection != nil {
		return *d.Connection, true
	}
	return Connection{}, false
}

// Clone returns a copy that shares nothing changeable with m.
func (m *Media) Clone() Media {
	c := *m
	c.Formats = slices.Clone(m.Formats)
	c.Connections = slices.Clone(m.Connections)
	c.Bandwidths = slices.Clone(m.Bandwidths)
	c.Attributes = slices.Clone(m.Attributes)
	return c
}

// Equal reports whether m and o are printed alike.
func (m *Media) Equal(o *Media) bool {
	return m.Type == o.Type && m.Port == o.Port && m.PortCount == o.PortCount && m.Proto == o.Proto &&
		m.Info == o.Info && m.Key == o.Key && m.Malformed == o.Malformed &&
		slices.Equal(m.Formats, o.Formats) && slices.Equal(m.Connections, o.Connections) &&
		slices.Equal(m.Bandwidths, o.Bandwidths) && slices.Equal(m.Attributes, o.Attributes)
}

// Clone returns a copy that shares nothing changeable with d, or nil if d is
// nil. Strings are shared: they cannot change.
func (d *Description) Clone() *Description {
	if d == nil {
		return nil
	}
	c := *d
	c.Emails = slices.Clone(d.Emails)
	c.Phones = slices.Clone(d.Phones)
	if d.Connection != nil {
		conn := *d.Connection
		c.Connection = &conn
	}
	c.Bandwidths = slices.Clone(d.Bandwidths)
	c.Times = slices.Clone(d.Times)
	for i := range c.Times {
		c.Times[i] = d.Times[i].clone()
	}
	c.Attributes = slices.Clone(d.Attributes)
	c.Media = slices.Clone(d.Media)
	for i := range c.Media {
		c.Media[i] = d.Media[i].Clone()
	}
	return &c
}

// Equal reports whether d and o hold the same values, in the same order. It
// makes no difference whether a list is nil or empty. Two nil descriptions
// are equal.
func (d *Description) Equal(o *Description) bool {
	if d == nil || o == nil {
		return d == o
	}
	return d.Origin == o.Origin && d.EqualBody(o)
}

// EqualBody is Equal without regard to the o= line: what RFC 3264 section 8
// compares to decide if the version of a new offer must be higher.
func (d *Description) EqualBody(o *Description) bool {
	if d == nil || o == nil {
		return d == o
	}
	if (d.Connection == nil) != (o.Connection == nil) ||
		d.Connection != nil && *d.Connection != *o.Connection {
		return false
	}
	return d.Version == o.Version &&
		d.Name == o.Name && d.Info == o.Info && d.URI == o.URI && d.Key == o.Key &&
		slices.Equal(d.Emails, o.Emails) && slices.Equal(d.Phones, o.Phones) &&
		slices.Equal(d.Bandwidths, o.Bandwidths) &&
		slices.EqualFunc(d.Times, o.Times, Time.Equal) &&
		slices.Equal(d.Attributes, o.Attributes) &&
		slices.EqualFunc(d.Media, o.Media, func(a, b Media) bool { return a.Equal(&b) })
}
