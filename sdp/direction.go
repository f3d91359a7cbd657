package sdp

// Direction says which way media flows, seen from the one who wrote the
// description (RFC 8866 section 6.7, RFC 3264 section 5.1). It is a set of
// two bits: 1, the writer sends; 2, the writer receives. The intersection of
// two views is therefore a & b.Reverse().
type Direction uint8

// The four directions.
const (
	Inactive Direction = 0
	SendOnly Direction = 1
	RecvOnly Direction = 2
	SendRecv Direction = 3
)

// String returns the name of the attribute: inactive, sendonly, recvonly or
// sendrecv.
func (d Direction) String() string {
	switch d & SendRecv {
	case SendOnly:
		return "sendonly"
	case RecvOnly:
		return "recvonly"
	case SendRecv:
		return "sendrecv"
	}
	return "inactive"
}

// Sends reports whether the writer sends.
func (d Direction) Sends() bool { return d&SendOnly != 0 }

// Receives reports whether the writer receives.
func (d Direction) Receives() bool { return d&RecvOnly != 0 }

// Reverse returns the direction as the other side sees it: sendonly and
// recvonly change places.
func (d Direction) Reverse() Direction {
	return d&SendOnly<<1 | d&RecvOnly>>1
}

// Direction returns the first direction attribute of the list, and whether
// there is one.
func (a Attributes) Direction() (Direction, bool) {
	for i := range a {
		switch a[i].Name {
		case "sendrecv":
			return SendRecv, true
		case "sendonly":
			return SendOnly, true
		case "recvonly":
			return RecvOnly, true
		case "inactive":
			return Inactive, true
		}
	}
	return SendRecv, false
}

// SetDirection puts one direction attribute, in the place of the first there
// was or else at the end, and removes any other.
func (a *Attributes) SetDirection(dir Direction) {
	out, done := (*a)[:0], false
	for _, x := range *a {
		switch x.Name {
		case "sendrecv", "sendonly", "recvonly", "inactive":
			if done {
				continue
			}
			x, done = Attribute{Name: dir.String()}, true
		}
		out = append(out, x)
	}
	clear((*a)[len(out):])
	if *a = out; !done {
		a.Add(dir.String(), "")
	}
}

// Direction returns the direction of the media section: its own attribute,
// else that of the session d, which may be nil, else sendrecv (RFC 3264
// section 5.1). It does not look at the connection address.
func (m *Media) Direction(d *Description) Direction {
	dir, ok := m.Attributes.Direction()
	if !ok && d != nil {
		dir, _ = d.Attributes.Direction()
	}
	return dir
}

// Direction returns the direction of d.Media[i], as [Media.Direction] does.
// For an index outside the list it returns Inactive.
func (d *Description) Direction(i int) Direction {
	if i < 0 || i >= len(d.Media) {
		return Inactive
	}
	return d.Media[i].Direction(d)
}
