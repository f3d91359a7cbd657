package msg

import "strconv"

// maxPieces is how many headers AppendReply copies and sets.
const maxPieces = 16

// piece is what stands in a reply for one header: fields copied, or what a Setter
// gives. It holds no pointer, so that the setters can stay on the caller's stack.
type piece struct {
	id  ID
	set int8 // index of the Setter plus 1, 0: copied
}

// AppendReply appends to dst the response that [New] and [Message.AppendText]
// would make of a [StatusLine], a [Header.Copy] from req for each header of copies,
// the setters, and [Length]. It makes no message and so allocates nothing but room
// in dst. ok is false, and dst as it was, where that takes a message to find out:
// setters other than [Header.Text] with [Setter.AsRead], and a req with octets
// that must not be copied. Then use New.
func AppendReply(dst []byte, req *Message, status int, phrase string, copies []ID, set ...Setter) (b []byte, ok bool) {
	c := req.class
	if status < 100 || status > 699 || req.flags&unclean != 0 || len(copies)+len(set) > maxPieces {
		return dst, false
	}
	var room [maxPieces]piece
	pieces := room[:0]
	for _, id := range copies {
		if id == 0 || id == IDContentLength || c.name(id) == "" || c.infos[c.byID[id]-1].Alone != "" {
			return dst, false
		}
		if find(pieces, id) >= 0 {
			return dst, false
		}
		if req.next(0, id, "") >= 0 {
			pieces = append(pieces, piece{id: id})
		}
	}
	for i := range set {
		s := &set[i]
		if s.op == opNone {
			continue
		}
		if s.op != opSet || s.count != asText || !s.raw || s.id == 0 || s.id == IDContentLength || c.name(s.id) == "" {
			return dst, false
		}
		if at := find(pieces, s.id); at >= 0 {
			pieces[at].set = int8(i + 1)
		} else {
			pieces = append(pieces, piece{s.id, int8(i + 1)})
		}
	}
	length := c.name(IDContentLength)
	if length == "" {
		return dst, false
	}
	b = append(append(dst, c.version...), ' ')
	b = append(strconv.AppendUint(b, uint64(status), 10), ' ')
	b = append(append(b, phrase...), "\r\n"...)
	for i := range pieces {
		id := pieces[i].id
		if n := pieces[i].set; n != 0 {
			b = append(append(b, c.name(id)...), ": "...)
			b = append(append(b, set[n-1].value.text...), "\r\n"...)
			continue
		}
		for i := req.next(0, id, ""); i >= 0; i = req.next(i+1, id, "") {
			b = append(b, req.str(req.at(i).all())...)
		}
	}
	b = append(append(b, length...), ": 0\r\n\r\n"...)
	return b, true
}

func find(pieces []piece, id ID) int {
	for i := range pieces {
		if pieces[i].id == id {
			return i
		}
	}
	return -1
}
