package msg

// Check is what [ClassConfig].Check works on: the message and the means to mark
// and to refuse. It is valid during the call only.
type Check struct {
	m    *Message
	errs *[]error // nil: only note that there was one
	was  *Message // what m is made of, m itself if edited in place, if that passed; else nil
	far  bool     // m does not share the text of was, it has copies
	done bool     // the scanners have read and marked it all

	// For each place that is not 0, whether a field of its header is another than
	// in was; bit 0 is that of the start line. It means nothing if far is set.
	touched uint32
}

// Message returns the message. Marks of this run are visible in it.
func (c Check) Message() *Message { return c.m }

// Scanned reports whether the scanners of the class have read the Request-URI
// and every header that has one, and all mandatory headers are there. Then the
// marks are made, and of what the scanners look at nothing is to be refused.
func (c Check) Scanned() bool { return c.done }

// First returns the first field of the header with the given ID: its index for
// Mark and its value as written. Folds in it are kept, so that what is found in
// it can be marked; they count as white space. ok is false if there is no such
// field.
func (c Check) First(id ID) (index int, value string, ok bool) {
	if id == 0 {
		return -1, "", false
	}
	i := c.m.next(0, id, "")
	if i < 0 {
		return -1, "", false
	}
	return i, c.m.value(c.m.at(i)), true
}

// Keep reports whether the first field of the header with the given ID, or the
// start line if id is 0, is as it was in a message that passed this check: the
// one that was edited, or the one that fields were copied from. Then it also
// takes over the marks from slot lo to slot hi, and the caller need not look
// again. A header that is not there is kept if it was not there before.
func (c Check) Keep(id ID, lo, hi int) bool { return c.was != nil && c.keep(id, lo, hi) }

func (c Check) keep(id ID, lo, hi int) bool {
	m, was := c.m, c.was
	if !c.far {
		if p := m.class.place(id) % places; p != 0 || id == 0 {
			if c.touched>>p&1 != 0 {
				if was == m { // edited in place
					clear(m.marked.slots[lo : hi+1])
				}
				return false
			}
		} else if i, j := m.next(0, id, ""), was.next(0, id, ""); i < 0 || j < 0 {
			return i == j
		} else if *m.at(i) != *was.at(j) {
			return false
		}
		for slot := lo; slot <= hi; slot++ {
			m.marked.slots[slot] = was.marked.slots[slot]
		}
		return true
	}
	if id == 0 {
		return false
	}
	i, j := m.next(0, id, ""), was.next(0, id, "")
	if i < 0 || j < 0 {
		return i == j
	}
	f, g := m.at(i), was.at(j)
	if m.str(f.all()) != was.str(g.all()) {
		return false
	}
	d := f.lo - g.lo
	for slot := lo; slot <= hi; slot++ {
		sp := was.marked.slots[slot]
		if sp.hi != 0 && sp.hi != numberMark {
			sp.lo, sp.hi = sp.lo+d, sp.hi+d
		}
		m.marked.slots[slot] = sp
	}
	return true
}

// Scan reports whether the [Scanner] of the header with the given ID takes its
// first field. Then it has made its marks, which go from slot lo to slot hi, and
// the caller need not look again.
func (c Check) Scan(id ID, lo, hi int) bool {
	m := c.m
	scan := m.class.scans[m.class.place(id)%places]
	i := m.next(0, id, "")
	if scan == nil || i < 0 {
		return false
	}
	f, text, base := m.at(i), m.text, uint32(0)
	if n := uint32(len(m.text)); f.lo >= n {
		text, base = m.tail, n
	}
	slots := m.marked.slots[lo : hi+1]
	if end := scan(text, int(f.val()-base), &m.marked); end <= 0 || uint32(end)+base != f.valEnd {
		clear(slots)
		return false
	}
	if base != 0 {
		for i := range slots {
			if sp := &slots[i]; sp.hi != 0 && sp.hi != numberMark {
				sp.lo, sp.hi = sp.lo+base, sp.hi+base
			}
		}
	}
	return true
}

// Mark stores under slot the octets lo to hi of the value of field index.
// Slots go from 0 to 15; what they mean is the class's own.
func (c Check) Mark(slot, index, lo, hi int) {
	v := c.m.at(index).val()
	c.m.marked.slots[slot] = span{v + uint32(lo), v + uint32(hi)}
}

// MarkNumber stores a number under slot.
func (c Check) MarkNumber(slot int, n uint32) {
	c.m.marked.slots[slot] = span{n, numberMark}
}

// Fail refuses the message because of err in the header with the given ID, or
// in the start line if id is 0. The message can still be used to answer it.
func (c Check) Fail(id ID, err error) {
	if c.m.flags&fragment != 0 && err == ErrMissing {
		return
	}
	c.m.flags |= refused
	if c.errs == nil {
		return
	}
	e := &SyntaxError{Offset: int(c.m.start.lo), Header: c.m.class.name(id), Err: err}
	if id != 0 {
		e.Offset = -1
		if i := c.m.next(0, id, ""); i >= 0 && int(c.m.at(i).lo) < len(c.m.text) {
			e.Offset = int(c.m.at(i).lo)
		}
	}
	*c.errs = append(*c.errs, e)
}

// numberMark tells a number from a span: no span ends there.
const numberMark = 1<<32 - 1

// Marked returns what the class marked under slot when it looked at the
// message; ok is false if it marked nothing.
func (m *Message) Marked(slot int) (s string, ok bool) {
	sp := m.marked.slots[slot]
	if sp.hi == 0 || sp.hi == numberMark {
		return "", false
	}
	return m.str(sp), true
}

// MarkedNumber returns the number the class stored under slot; ok is false if
// it stored none.
func (m *Message) MarkedNumber(slot int) (n uint32, ok bool) {
	sp := m.marked.slots[slot]
	return sp.lo, sp.hi == numberMark
}

// check runs the checks that all classes share, then those of the class. was is
// the message that fields of m were copied from if far is set; nil if there is
// none.
func (m *Message) check(errs *[]error, was *Message, far bool) {
	m.run(Check{m: m, errs: errs, was: was, far: far})
}

// checkEdited is check for an edited copy of was, see Check.touched.
func (m *Message) checkEdited(was *Message, touched uint32) {
	m.run(Check{m: m, was: was, touched: touched})
}

func (m *Message) run(c Check) {
	m.flags &^= refused
	if !c.done && c.was != m {
		m.marked = Marks{}
	}
	if c.was != nil && c.was.bad() {
		c.was = nil
	}
	if m.flags&doubled != 0 || m.class.crowded {
		c.doubles()
	}
	if m.class.check != nil {
		m.class.check(c)
	}
}

// doubles refuses critical headers that stand more than once.
func (c Check) doubles() {
	var seen [int(FirstOwn) / 64]uint64
	for i := range int(c.m.n) {
		id := c.m.at(i).id
		if id == 0 || id >= FirstOwn || c.m.class.kind(id)&kindCritical == 0 {
			continue
		}
		if w, b := &seen[id/64], uint64(1)<<(id%64); *w&b != 0 {
			c.Fail(id, ErrDouble)
		} else {
			*w |= b
		}
	}
}
