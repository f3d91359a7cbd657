package sdp_test

import (
	"encoding"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sdp"
)

var _ encoding.TextAppender = (*sdp.Description)(nil)

func TestZeroValue(t *testing.T) {
	var d sdp.Description
	require.Equal(t, "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", d.String())
	_, err := sdp.Parser{Tolerance: sdp.Strict}.Parse(d.String())
	require.NoError(t, err)
	d.Origin.Address = "2001:db8::1"
	d.Connection = &sdp.Connection{Address: "2001:db8::1"}
	require.Equal(t, "v=0\r\no=- 0 0 IN IP6 2001:db8::1\r\ns=-\r\nc=IN IP6 2001:db8::1\r\nt=0 0\r\n", d.String())
	require.Equal(t, "(no description)", (*sdp.Description)(nil).String())
}

func full() *sdp.Description {
	return &sdp.Description{
		Origin: sdp.Origin{Username: "u", ID: 1, Version: 2, NetType: "IN", AddrType: "IP4", Address: "a"},
		Name:   "n", Info: "i", URI: "u", Emails: []string{"e"}, Phones: []string{"p"},
		Connection: &sdp.Connection{NetType: "IN", AddrType: "IP4", Address: "224.0.0.1", TTL: 1, Count: 2},
		Bandwidths: []sdp.Bandwidth{{Type: "AS", Value: 1}},
		Times: []sdp.Time{{Start: 1, Stop: 2,
			Repeats: []sdp.Repeat{{Interval: sdp.TypedTime{Value: 7, Unit: 'd'}, Active: sdp.TypedTime{Value: 1, Unit: 'h'}, Offsets: []sdp.TypedTime{{}}}},
			Zones:   []sdp.Zone{{At: 1, Offset: sdp.TypedTime{Value: -1, Unit: 'h'}}}}},
		Key: "prompt", Attributes: sdp.Attributes{{"a", "v"}},
		Media: []sdp.Media{{Type: "audio", Port: 1, PortCount: 2, Proto: "RTP/AVP", Formats: []string{"0"}, Info: "i",
			Connections: []sdp.Connection{{NetType: "IN", AddrType: "IP6", Address: "ff02::1", Count: 2}},
			Bandwidths:  []sdp.Bandwidth{{Type: "AS", Value: 1}}, Key: "prompt", Attributes: sdp.Attributes{{"b", ""}}}},
	}
}

func TestPrintAll(t *testing.T) {
	require.Equal(t, strings.ReplaceAll("v=0\no=u 1 2 IN IP4 a\ns=n\ni=i\nu=u\ne=e\np=p\nc=IN IP4 224.0.0.1/1/2\nb=AS:1\nt=1 2\nr=7d 1h 0\nz=1 -1h\nk=prompt\na=a:v\n"+
		"m=audio 1/2 RTP/AVP 0\ni=i\nc=IN IP6 ff02::1/2\nb=AS:1\nk=prompt\na=b\n", "\n", "\r\n"), full().String())
}

// What a field cannot carry, above all the end of a line, never reaches the
// text.
func TestPrintRefuses(t *testing.T) {
	for name, set := range map[string]func(d *sdp.Description, bad string){
		"Name":                        func(d *sdp.Description, bad string) { d.Name = bad },
		"Info":                        func(d *sdp.Description, bad string) { d.Info = bad },
		"URI":                         func(d *sdp.Description, bad string) { d.URI = bad },
		"Key":                         func(d *sdp.Description, bad string) { d.Key = bad },
		"Emails":                      func(d *sdp.Description, bad string) { d.Emails[0] = bad },
		"Phones":                      func(d *sdp.Description, bad string) { d.Phones[0] = bad },
		"Origin.Username":             func(d *sdp.Description, bad string) { d.Origin.Username = bad },
		"Origin.NetType":              func(d *sdp.Description, bad string) { d.Origin.NetType = bad },
		"Origin.AddrType":             func(d *sdp.Description, bad string) { d.Origin.AddrType = bad },
		"Origin.Address":              func(d *sdp.Description, bad string) { d.Origin.Address = bad },
		"Connection.NetType":          func(d *sdp.Description, bad string) { d.Connection.NetType = bad; d.Connection.TTL = 0 },
		"Connection.AddrType":         func(d *sdp.Description, bad string) { d.Connection.AddrType = bad; d.Connection.TTL = 0 },
		"Connection.Address":          func(d *sdp.Description, bad string) { d.Connection.Address = bad },
		"Bandwidths":                  func(d *sdp.Description, bad string) { d.Bandwidths[0].Type = bad },
		"Attributes":                  func(d *sdp.Description, bad string) { d.Attributes[0].Value = bad },
		"Media[0].Attributes":         func(d *sdp.Description, bad string) { d.Media[0].Attributes[0].Name = bad },
		"Media[0].Type":               func(d *sdp.Description, bad string) { d.Media[0].Type = bad },
		"Media[0].Proto":              func(d *sdp.Description, bad string) { d.Media[0].Proto = bad },
		"Media[0].Formats":            func(d *sdp.Description, bad string) { d.Media[0].Formats[0] = bad },
		"Media[0].Info":               func(d *sdp.Description, bad string) { d.Media[0].Info = bad },
		"Media[0].Key":                func(d *sdp.Description, bad string) { d.Media[0].Key = bad },
		"Media[0].Malformed":          func(d *sdp.Description, bad string) { d.Media[0].Malformed = bad },
		"Media[0].Bandwidths":         func(d *sdp.Description, bad string) { d.Media[0].Bandwidths[0].Type = bad },
		"Media[0].Connection.Address": func(d *sdp.Description, bad string) { d.Media[0].Connections[0].Address = bad },
	} {
		for _, bad := range []string{"a\nb", "a\rb", "a\x00b", "a\r\nm=audio 1 RTP/AVP 0"} {
			d := full()
			set(d, bad)
			dst := []byte("kept")
			got, err := d.AppendText(dst)
			var e *sdp.FieldError
			require.ErrorAs(t, err, &e, name)
			require.Equal(t, name, e.Field)
			require.Equal(t, bad, e.Value)
			require.NotEmpty(t, e.Error())
			require.Equal(t, "kept", string(got))
			require.NotContains(t, d.String(), "\n")
		}
	}
	for name, set := range map[string]func(d *sdp.Description){
		"Version":                 func(d *sdp.Description) { d.Version = 1 },
		"Connection.TTL":          func(d *sdp.Description) { d.Connection.TTL = 256 },
		"Connection.Count":        func(d *sdp.Description) { d.Connection.Count = -1 },
		"Connection.Address":      func(d *sdp.Description) { d.Connection.Address = "" },
		"Media[0].Port":           func(d *sdp.Description) { d.Media[0].Port = 65536 },
		"Media[0].PortCount":      func(d *sdp.Description) { d.Media[0].PortCount = -1 },
		"Media[0].Formats":        func(d *sdp.Description) { d.Media[0].Formats = nil },
		"Media[0].Proto":          func(d *sdp.Description) { d.Media[0].Proto = "RTP/" },
		"Media[0].Connection.TTL": func(d *sdp.Description) { d.Media[0].Connections[0].TTL = 1 },
		"Attributes":              func(d *sdp.Description) { d.Attributes[0].Name = "a:b" },
		"Times.Repeats.Offsets":   func(d *sdp.Description) { d.Times[0].Repeats[0].Offsets = nil },
		"Times.Repeats.Interval":  func(d *sdp.Description) { d.Times[0].Repeats[0].Interval.Value = -1 },
		"Times.Zones.Offset":      func(d *sdp.Description) { d.Times[0].Zones[0].Offset.Unit = '\n' },
	} {
		d := full()
		set(d)
		_, err := d.AppendText(nil)
		var e *sdp.FieldError
		require.ErrorAs(t, err, &e, name)
		require.Equal(t, name, e.Field)
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	d, err := sdp.Parse(full().String())
	require.NoError(t, err)
	buf := make([]byte, 0, 1024)
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = d.AppendText(buf) }))
}

// Clone shares nothing, and Equal sees every field: each is changed in turn.
func TestCloneEqual(t *testing.T) {
	for i, change := range []func(d *sdp.Description){
		func(d *sdp.Description) { d.Origin.Version++ },
		func(d *sdp.Description) { d.Version++ },
		func(d *sdp.Description) { d.Name += "x" },
		func(d *sdp.Description) { d.Info += "x" },
		func(d *sdp.Description) { d.URI += "x" },
		func(d *sdp.Description) { d.Key += "x" },
		func(d *sdp.Description) { d.Emails[0] += "x" },
		func(d *sdp.Description) { d.Phones[0] += "x" },
		func(d *sdp.Description) { d.Connection.TTL++ },
		func(d *sdp.Description) { d.Connection = nil },
		func(d *sdp.Description) { d.Bandwidths[0].Value++ },
		func(d *sdp.Description) { d.Times[0].Stop++ },
		func(d *sdp.Description) { d.Times[0].Repeats[0].Active.Value++ },
		func(d *sdp.Description) { d.Times[0].Repeats[0].Offsets[0].Value++ },
		func(d *sdp.Description) { d.Times[0].Zones[0].At++ },
		func(d *sdp.Description) { d.Attributes[0].Value += "x" },
		func(d *sdp.Description) { d.Media[0].Type += "x" },
		func(d *sdp.Description) { d.Media[0].Port++ },
		func(d *sdp.Description) { d.Media[0].PortCount++ },
		func(d *sdp.Description) { d.Media[0].Proto += "x" },
		func(d *sdp.Description) { d.Media[0].Formats[0] += "x" },
		func(d *sdp.Description) { d.Media[0].Info += "x" },
		func(d *sdp.Description) { d.Media[0].Key += "x" },
		func(d *sdp.Description) { d.Media[0].Malformed += "x" },
		func(d *sdp.Description) { d.Media[0].Connections[0].Count++ },
		func(d *sdp.Description) { d.Media[0].Bandwidths[0].Value++ },
		func(d *sdp.Description) { d.Media[0].Attributes[0].Name += "x" },
		func(d *sdp.Description) { d.Media = nil },
	} {
		d := full()
		c := d.Clone()
		require.True(t, c.Equal(d))
		change(c)
		require.False(t, c.Equal(d), i)
		require.Equal(t, i == 0, c.EqualBody(d), i)
		require.True(t, d.Equal(full()), "%d: the original is as it was", i)
	}
	var none *sdp.Description
	require.Nil(t, none.Clone())
	require.True(t, none.Equal(nil))
	require.False(t, none.Equal(full()))
	require.False(t, full().EqualBody(nil))
}

func TestTypedTime(t *testing.T) {
	for _, c := range []struct {
		t    sdp.TypedTime
		text string
		want time.Duration
	}{
		{sdp.TypedTime{}, "0", 0},
		{sdp.TypedTime{Value: 90}, "90", 90 * time.Second},
		{sdp.TypedTime{Value: 7, Unit: 'd'}, "7d", 7 * 24 * time.Hour},
		{sdp.TypedTime{Value: -25, Unit: 'h'}, "-25h", -25 * time.Hour},
		{sdp.TypedTime{Value: 3, Unit: 'm'}, "3m", 3 * time.Minute},
		{sdp.TypedTime{Value: 3, Unit: 's'}, "3s", 3 * time.Second},
		{sdp.TypedTime{Value: math.MaxInt64, Unit: 'd'}, "9223372036854775807d", math.MaxInt64},
		{sdp.TypedTime{Value: -math.MaxInt64}, "-9223372036854775807", math.MinInt64},
	} {
		require.Equal(t, c.text, c.t.String())
		require.Equal(t, c.want, c.t.Duration())
	}
}

func TestConnectionAddr(t *testing.T) {
	for c, want := range map[sdp.Connection][3]bool{ // is an address, multicast, unspecified
		{NetType: "IN", AddrType: "IP4", Address: "192.0.2.1"}: {true, false, false},
		{Address: "224.0.0.1"}:                                 {true, true, false},
		{NetType: "IN", AddrType: "IP6", Address: "ff02::1"}:   {true, true, false},
		{NetType: "IN", AddrType: "IP4", Address: "0.0.0.0"}:   {true, false, true},
		{NetType: "IN", AddrType: "IP6", Address: "::"}:        {true, false, true},
		{NetType: "IN", AddrType: "IP4", Address: "host"}:      {},
		{NetType: "ATM", AddrType: "NSAP", Address: "0.0.0.0"}: {},
	} {
		_, ok := c.Addr()
		require.Equal(t, want, [3]bool{ok, c.IsMulticast(), c.IsUnspecified()}, c)
	}
}
