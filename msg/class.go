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
	grammar  Grammar
	infos    []HeaderInfo // in order of declaration
	byID     []int16      // index into infos plus 1, by ID
	kinds    []uint8      // Kind and critical bit, by ID
	places   []uint8      // where Message.first has the header, by ID; 0: nowhere
	compact  [128]entry   // by lower-case letter
	slots    []int16      // open hash table of indexes into entries plus 1
	entries  []entry      // what infos say, packed for the parser
	placed   uint8        // the last place given
	crowded  bool         // a critical header got no place
}

// entry is what the parser asks of a header.
type entry struct {
	name  string
	id    ID
	kind  uint8 // as in kinds
	place uint8 // as in places
}

const (
	kindMask     = 0x0f
	kindCritical = 0x80
)

// NewClass makes a class. It panics if the configuration is wrong (a version
// without "/", a header without ID or name, or one declared twice), as that is
// a mistake in the program.
func NewClass(cfg ClassConfig) *Class {
	c := &Class{version: cfg.Version, check: cfg.Check, grammar: cfg.Grammar}
	for i := range len(cfg.Version) {
		if cfg.Version[i] == '/' {
			c.protocol = cfg.Version[:i+1]
		}
	}
	if c.protocol == "" {
		panic("msg: Version must look like SIP/2.0, not " + cfg.Version)
	}
	size := 64
	for size < 4*len(cfg.Headers) {
		size *= 2
	}
	c.slots = make([]int16, size)
	for _, h := range cfg.Headers {
		c.add(h)
	}
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
	if h.Critical || h.Kind == Prepend || h.ID == IDContentLength { // what every layer asks for
		if c.placed+1 < places {
			c.placed++
			c.places[h.ID] = c.placed
		} else if h.Critical {
			c.crowded = true
		}
	}
	e := entry{h.Name, h.ID, c.kinds[h.ID], c.places[h.ID]}
	c.entries = append(c.entries, e)
	if len(h.Compact) == 1 && scan.IsAlpha(h.Compact[0]) {
		l := scan.Lower(h.Compact[0])
		if c.compact[l].id != 0 {
			panic(fmt.Sprintf("msg: compact form %s is declared twice", h.Compact))
		}
		c.compact[l] = e
	}
	for i := c.hash(h.Name); ; i++ {
		if s := &c.slots[i%uint32(len(c.slots))]; *s == 0 {
			*s = n
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

// hash is length plus three letters: enough to tell the registered names apart.
func (c *Class) hash(name string) uint32 {
	n := len(name)
	h := uint32(n) + uint32(name[0]|0x20)*31 + uint32(name[n-1]|0x20)*7 + uint32(name[n/2]|0x20)*151
	return h & uint32(len(c.slots)-1)
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
	switch len(name) {
	case 0:
		return nil
	case 1:
		if name[0] >= 0x80 {
			return nil
		}
		if e := &c.compact[scan.Lower(name[0])]; e.id != 0 {
			return e
		}
	}
	mask := uint32(len(c.slots) - 1)
	for i := c.hash(name); ; i = (i + 1) & mask {
		n := c.slots[i&mask]
		if n == 0 {
			return nil
		}
		if e := &c.entries[n-1]; e.name == name || scan.EqualFold(e.name, name) {
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
	cfg := ClassConfig{Version: c.version, Check: c.check, Grammar: c.grammar, Headers: append([]HeaderInfo(nil), c.infos...)}
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
	return known
}
