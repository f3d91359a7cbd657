package sdp_test

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gosofia/sofia/sdp"
)

func ExampleParse() {
	d, err := sdp.Parse("v=0\r\n" +
		"o=alice 2890844526 2890844526 IN IP4 192.0.2.17\r\n" +
		"s=-\r\n" +
		"c=IN IP4 192.0.2.17\r\n" +
		"t=0 0\r\n" +
		"m=audio 49170 RTP/AVP 0 97\r\n" +
		"a=rtpmap:97 iLBC/8000\r\n" +
		"a=sendonly\r\n")
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range d.Media {
		m := &d.Media[i]
		conn, _ := m.Connection(d)
		fmt.Println(m.Type, conn.Address, m.Port, m.Direction(d))
		for _, c := range m.Codecs() {
			fmt.Println(c.Payload, c.Name, c.Clock)
		}
	}
	// Output:
	// audio 192.0.2.17 49170 sendonly
	// 0 PCMU 8000
	// 97 iLBC 8000
}

func ExampleSyntaxError() {
	_, err := sdp.Parse("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 70000 RTP/AVP 0\r\n")
	var syntax *sdp.SyntaxError
	if errors.As(err, &syntax) {
		fmt.Println(syntax.Line, syntax.Column, syntax.Rule)
	}
	fmt.Println(err)
	// Output:
	// 5 9 port
	// sdp: line 5, column 9: port: number is missing or out of range
}

func ExampleDescription_AppendText() {
	d := sdp.Description{
		Origin:     sdp.Origin{ID: 1, Version: 1, Address: "192.0.2.1"},
		Connection: &sdp.Connection{Address: "192.0.2.1"},
	}
	m := sdp.Media{Type: "audio", Port: 49170, Proto: "RTP/AVP"}
	m.SetCodecs([]sdp.Codec{{Payload: 96, Name: "opus", Clock: 48000, Channels: 2, FMTP: "useinbandfec=1"}})
	m.Attributes.SetDirection(sdp.RecvOnly)
	d.Media = append(d.Media, m)
	text, err := d.AppendText(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(strings.ReplaceAll(string(text), "\r\n", "\n"))
	// Output:
	// v=0
	// o=- 1 1 IN IP4 192.0.2.1
	// s=-
	// c=IN IP4 192.0.2.1
	// t=0 0
	// m=audio 49170 RTP/AVP 96
	// a=rtpmap:96 opus/48000/2
	// a=fmtp:96 useinbandfec=1
	// a=recvonly
}
