package sdp

import (
	"math"
	"slices"
	"strconv"
	"time"
)

// Time is a time description: a t= line and the r= and z= lines that follow
// it (RFC 8866 sections 5.9 to 5.11). The zero value is "t=0 0", a session
// without bounds, as RFC 3264 section 5 wants it for calls.
type Time struct {
	Start   uint64   // seconds since 1900-01-01 UTC; 0 = no start
	Stop    uint64   // seconds since 1900-01-01 UTC; 0 = no end
	Repeats []Repeat // r=
	Zones   []Zone   // z=
}

// Repeat is an r= line: the session repeats every Interval, each time for
// Active, at Offsets from the start time.
type Repeat struct {
	Interval TypedTime
	Active   TypedTime
	Offsets  []TypedTime // at least one
}

// Zone is one adjustment of a z= line: from At on, the clock of the session's
// place is Offset off the one its start time was given in.
type Zone struct {
	At     uint64 // seconds since 1900-01-01 UTC
	Offset TypedTime
}

// TypedTime is a number of seconds, or of the unit that its letter names, as
// r= and z= write it: 7d, 25h, 0, -1h.
type TypedTime struct {
	Value int64 // negative only in a Zone
	Unit  byte  // 'd', 'h', 'm', 's', or 0 when not written, meaning seconds
}

// Duration returns the time as a duration. A value outside the range of
// time.Duration gives the nearest that is inside.
func (t TypedTime) Duration() time.Duration {
	unit := time.Second
	switch t.Unit {
	case 'd':
		unit = 24 * time.Hour
	case 'h':
		unit = time.Hour
	case 'm':
		unit = time.Minute
	}
	switch limit := math.MaxInt64 / int64(unit); {
	case t.Value > limit:
		return math.MaxInt64
	case t.Value < -limit:
		return math.MinInt64
	}
	return time.Duration(t.Value) * unit
}

// String returns the time as r= and z= lines write it.
func (t TypedTime) String() string { return string(t.append(nil)) }

func (t TypedTime) append(dst []byte) []byte {
	dst = strconv.AppendInt(dst, t.Value, 10)
	if t.Unit != 0 {
		dst = append(dst, t.Unit)
	}
	return dst
}

// Equal reports whether t and o are printed alike.
func (t Time) Equal(o Time) bool {
	return t.Start == o.Start && t.Stop == o.Stop && slices.Equal(t.Zones, o.Zones) &&
		slices.EqualFunc(t.Repeats, o.Repeats, func(a, b Repeat) bool {
			return a.Interval == b.Interval && a.Active == b.Active && slices.Equal(a.Offsets, b.Offsets)
		})
}

func (t Time) clone() Time {
	t.Repeats = slices.Clone(t.Repeats)
	for i := range t.Repeats {
		t.Repeats[i].Offsets = slices.Clone(t.Repeats[i].Offsets)
	}
	t.Zones = slices.Clone(t.Zones)
	return t
}
