package msg

import (
	"fmt"

	"github.com/gosofia/sofia/internal/scan"
)

// ClassConfig says what makes up a message class.
type ClassConfig struct {
	// Version is the protocol version that messages of the class carry and that
	// is written, such as "SIP/2.0". It is compared without case; a message of
	// another version of the same protocol is refused with ErrVersion.
	Version string
	// Headers are the headers the class knows. IDs and names must be unique.
	Headers []HeaderInfo
	// Check looks at every message after Parse and after Edit: it marks what the
	// upper layers ask for again and again ([Check.Mark]) and refuses messages
	// that must not reach them ([Check.Fail]). It must be a pure function of the
	// message, because it runs a second time when [Message.Err] is asked for
	// the reason. Nil marks and refuses nothing.
	Check func(Check)
	// Start checks a start line that setters have written: all of it, before Check
	// sees it. It forgives nothing; [Setter.AsRead] goes round it. Nil takes what
	// the setters take.
	Start func(*Message) error
	// Target reads the Request-URI ahead of Check; its end is where the space
	// before the version stands. It may be nil. See Check.Scanned.
	Target Scanner
	// Grammar is where the protocol differs from SIP; the zero value is SIP's.
	Grammar Grammar
}

// Class is a kind of message: SIP, HTTP. It holds the header table, the rule
// for the start line and the checks. A Class is immutable and safe for
// concurrent use.
type Class struct {
	version  string
	protocol string // version up to and with the "/"
	check    func(Check)
	line     func(*Message) error // ClassConfig.Start
	target   Scanner
	needed   uint32          // the places of mandatory headers, a bit each
	scans    [places]Scanner // by place
	grammar  Grammar
	infos    []HeaderInfo // in order of declaration
	byID     []int16      // index into infos plus 1, by ID
	kinds    []uint8      // Kind and critical bit, by ID
	places   []uint8      // where Message.first has the header, by ID; 0: nowhere; and critical bit
	compact  [128]entry   // by lower-case letter
	slots    []*entry     // open hash table of what infos say, packed for the parser
	seed     uint64       // of quick
	quick    [quicks]*entry
	ending   uint64    // " " and the version, if these are eight octets
	placed   uint8     // the last place given
	crowded  bool      // a critical header got no place
	strict   Tolerance // what the class does not forgive
}

// entry is what the parser asks of a header.
type entry struct {
	head, tail uint64 // the name as key has it
	scan       Scanner
	name       string
	id         ID
	kind       uint8 // as in kinds
	place      uint8 // as in places
	size       uint8 // of the name, 0 if it is long
}

// nothing is an entry that no name has.
var nothing = entry{head: 1<<64 - 1, tail: 1<<64 - 1}

const (
	kindMask     = 0x0f
	kindCritical = 0x80
)

// NewClass makes a class. It panics if the configuration is wrong (a version
// without "/", a header without ID or name, or one declared twice), as that is
// a mistake in the program.
func NewClass(cfg ClassConfig) *Class {
	c := &Class{version: cfg.Version, check: cfg.Check, line: cfg.Start, target: cfg.Target, grammar: cfg.Grammar}
	if len(cfg.Version) == 7 {
		c.ending = load(" " + cfg.Version)
	}
	for i := range len(cfg.Version) {
		if cfg.Version[i] == '/' {
			c.protocol = cfg.Version[:i+1]
		}
	}
	if c.protocol == "" {
		panic("msg: Version must look like SIP/2.0, not " + cfg.Version)
	}
	size := 64
	for size < 8*len(cfg.Headers) {
		size *= 2
	}
	c.slots = make([]*entry, size)
	for _, h := range cfg.Headers {
		c.add(h)
	}
	c.spread()
	return c
}

func (c *Class) add(h HeaderInfo) {
	if h.ID == 0 || !scan.IsToken(h.Name) {
		panic(fmt.Sprintf("msg: header %q needs an ID and a name that is a token", h.Name))
	}
	if c.kind(h.ID) != kindUnknown {
		panic(fmt.Sprintf("msg: header ID %d is declared twice", h.ID))
	}
	if c.lookup(h.Name) != 0 {
		panic(fmt.Sprintf("msg: header %s is declared twice", h.Name))
	}
	for int(h.ID) >= len(c.byID) {
		c.byID = append(c.byID, 0)
		c.kinds = append(c.kinds, kindUnknown)
		c.places = append(c.places, 0)
	}
	c.infos = append(c.infos, h)
	n := int16(len(c.infos))
	c.byID[h.ID] = n
	c.kinds[h.ID] = uint8(h.Kind)
	if h.Critical {
		c.kinds[h.ID] |= kindCritical
	}
	if h.Critical || h.Kind == Prepend || h.Sought || h.ID == IDContentLength { // what every layer asks for
		if c.placed+1 < places {
			c.placed++
			c.places[h.ID] = c.placed | c.kinds[h.ID]&kindCritical
		} else if h.Critical {
			c.crowded = true
		}
	}
	e := &entry{name: h.Name, id: h.ID, kind: c.kinds[h.ID], place: c.places[h.ID]}
	e.head, e.tail = key(h.Name)
	if e.place != 0 {
		e.scan = h.Scan
		c.scans[e.place%places] = h.Scan
	}
	if h.Mandatory {
		c.needed |= 1 << (e.place % places)
	}
	if len(h.Name) < 24 {
		e.size = uint8(len(h.Name))
	}
	if len(h.Compact) == 1 && scan.IsAlpha(h.Compact[0]) {
		l := scan.Lower(h.Compact[0])
		if c.compact[l].id != 0 {
			panic(fmt.Sprintf("msg: compact form %s is declared twice", h.Compact))
		}
		c.compact[l] = *e
		c.compact[l].size = 1
	}
	for i := c.hash(e.head, e.tail); ; i++ {
		if at := &c.slots[i&(len(c.slots)-1)]; *at == nil {
			*at = e
			return
		}
	}
}

const kindUnknown = 0x40

func (c *Class) kind(id ID) uint8 {
	if int(id) < len(c.kinds) {
		return c.kinds[id]
	}
	return kindUnknown
}

// place returns where Message.first has the header, 0 if it has it nowhere.
func (c *Class) place(id ID) uint8 {
	if int(id) < len(c.places) {
		return c.places[id]
	}
	return 0
}

// key packs the first sixteen octets of a name, with zeros behind a shorter one.
func key(s string) (head, tail uint64) {
	if len(s) >= 16 {
		return load(s), load(s[8:])
	}
	for i := range len(s) {
		if i < 8 {
			head |= uint64(s[i]) << (8 * i)
		} else {
			tail |= uint64(s[i]) << (8 * (i - 8))
		}
	}
	return head, tail
}

const (
	octets = 0x0101010101010101 // times an octet: eight of them
	high   = 0x80 * octets
)

// load packs the first eight octets of s.
func load(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// colons has the high bit set in the first of eight octets that is a colon, maybe
// in some behind it, and is 0 if none is.
func colons(w uint64) uint64 {
	w ^= ':' * octets
	return (w - octets) &^ w & high
}

// hash is the same for all ways to write a name in upper and lower case.
func (c *Class) hash(head, tail uint64) int {
	h := (head|' '*octets)*0x9E3779B97F4A7C15 ^ (tail|' '*octets)*0xC2B2AE3D27D4EB4F
	return int(h>>40) & (len(c.slots) - 1)
}

// quick is the hash of names as they are usually written: a place in Class.quick.
func quick(head, tail, seed uint64) uint64 { return (head + tail<<5) * seed >> (64 - quickBits) }

const (
	quickBits = 11
	quicks    = 1 << quickBits // how many names a class may find with one look
)

// spread looks for a seed that gives every name a place of its own; with the best
// of some, those that have none are found in slots.
func (c *Class) spread() {
	best := -1
	for try := range uint64(64) {
		var table [quicks]*entry
		seed, n := (try*2+1)*0x9E3779B97F4A7C15, 0
		for _, e := range c.slots {
			if e == nil || e.size == 0 {
				continue
			}
			if at := &table[quick(e.head, e.tail, seed)]; *at == nil {
				*at = e
				n++
			}
		}
		if n > best {
			best, c.seed, c.quick = n, seed, table
		}
		if n == len(c.infos) {
			break
		}
	}
	for i := range c.quick {
		if c.quick[i] == nil {
			c.quick[i] = &nothing
		}
	}
}

// Version returns the version that messages of the class carry, such as "SIP/2.0".
func (c *Class) Version() string { return c.version }

// Lookup returns the ID of the header with the given long or compact name,
// compared without case, and 0 if the class does not know it.
func (c *Class) Lookup(name string) ID { return c.lookup(name) }

func (c *Class) lookup(name string) ID {
	if e := c.find(name); e != nil {
		return e.id
	}
	return 0
}

// find returns what the class knows of the header with the given name, nil if
// nothing. A name that is found is a token.
func (c *Class) find(name string) *entry {
	head, tail := key(name)
	return c.findKey(name, head, tail)
}

// findKey is find for a name whose key is known.
func (c *Class) findKey(name string, head, tail uint64) *entry {
	if len(name) == 1 && head < 0x80 {
		if e := &c.compact[scan.Lower(byte(head))]; e.id != 0 {
			return e
		}
	}
	for i := c.hash(head, tail); ; i++ {
		e := c.slots[i&(len(c.slots)-1)]
		if e == nil {
			return nil
		}
		if len(e.name) != len(name) {
			continue
		}
		if e.head == head && e.tail == tail && len(name) <= 16 || scan.EqualFold(e.name, name) {
			return e
		}
	}
}

// Info returns the description of the header with the given ID; ok is false if
// the class has none.
func (c *Class) Info(id ID) (info HeaderInfo, ok bool) {
	if int(id) >= len(c.byID) || c.byID[id] == 0 {
		return HeaderInfo{}, false
	}
	return c.infos[c.byID[id]-1], true
}

// whole reports whether commas do not part the values of the header.
func (c *Class) whole(id ID) bool {
	return int(id) < len(c.byID) && c.byID[id] != 0 && c.infos[c.byID[id]-1].Whole
}

func (c *Class) name(id ID) string {
	if int(id) >= len(c.byID) || c.byID[id] == 0 {
		return ""
	}
	return c.infos[c.byID[id]-1].Name
}

// With returns a class that also knows the headers of ext, each a value of an
// [Extension] type. IDs from FirstOwn on are given in order. A header that c
// knows already is left as it is. An Extension works without this; it is only
// found faster, and its kind is obeyed by what looks at the class.
func (c *Class) With(ext ...interface{ Info() HeaderInfo }) *Class {
	cfg := ClassConfig{Version: c.version, Check: c.check, Start: c.line, Target: c.target, Grammar: c.grammar, Headers: append([]HeaderInfo(nil), c.infos...)}
	next := max(FirstOwn, ID(len(c.byID)))
	known := NewClass(cfg)
	for _, e := range ext {
		h := e.Info()
		if known.lookup(h.Name) != 0 {
			continue
		}
		h.ID = next
		next++
		cfg.Headers = append(cfg.Headers, h)
		known = NewClass(cfg)
	}
	known.strict = c.strict
	return known
}
