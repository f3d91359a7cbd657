package msg

// A Scanner reads a value whose text stands from at on in text, the whole of a
// message, as long as there is nothing unusual in it, and marks what the Check
// of the class would mark. It returns where the value ends, which must be where
// the line ends, or 0 to leave the value to Check. It never refuses anything:
// what it takes, Check would take as well, with the same marks. It must be a pure
// function of what it is given, and must not look at what stands in front of at.
type Scanner func(text string, at int, marks *Marks) (end int)

// Marks is where a [Scanner] marks what it finds. Slots are those of [Check.Mark].
type Marks struct{ slots [marks]span }

// Mark stores under slot the octets lo to hi of the text.
func (k *Marks) Mark(slot, lo, hi int) { k.slots[slot] = span{uint32(lo), uint32(hi)} }

// MarkNumber stores a number under slot.
func (k *Marks) MarkNumber(slot int, n uint32) { k.slots[slot] = span{n, numberMark} }
