package msg_test

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gosofia/sofia/msg"
)

// A class says what the messages of a protocol look like.
func ExampleNewClass() {
	class := msg.NewClass(msg.ClassConfig{Version: "RTSP/2.0", Headers: msg.Common()})
	m, err := msg.Parse(class, "OPTIONS * RTSP/2.0\r\nUser-Agent: test\r\n\r\n", msg.Limits{})
	fmt.Println(m.Method(), err)
	// Output: OPTIONS <nil>
}

// Headers read and write values of their type. A message never changes: Edit
// makes another one.
func ExampleMessage_Edit() {
	m, _ := msg.Parse(class, "GET x TEST/1.0\r\nKey: 1\r\nX-Odd:  kept as it is\r\nAllow: A\r\n\r\n", msg.Limits{})
	m2, err := m.Edit(msg.Allow.Add("B", "C"), msg.Expires.Set(600), msg.Body("hello"))
	fmt.Println(err)
	fmt.Println(strings.ReplaceAll(m2.String(), "\r\n", "\n"))
	// Output:
	// <nil>
	// GET x TEST/1.0
	// Key: 1
	// X-Odd:  kept as it is
	// Allow: A
	// Allow: B, C
	// Expires: 600
	// Content-Length: 5
	//
	// hello
}

// A header that no class knows is a value of type Extension.
func ExampleExtension() {
	trunk := msg.Extension[msg.Item, msg.ItemCodec]{Name: "X-Trunk", Kind: msg.List}
	m, _ := msg.Parse(class, "GET x TEST/1.0\r\nKey: 1\r\nx-trunk: a;cost=1, b;cost=2\r\n\r\n", msg.Limits{})
	for v, err := range trunk.All(m) {
		cost, _ := v.Params.Get("cost")
		fmt.Println(v.Value, cost, err)
	}
	// Output:
	// a 1 <nil>
	// b 2 <nil>
}

// A Framer cuts a stream into messages, however the octets arrive.
func ExampleFramer() {
	f := msg.NewFramer(class, msg.Limits{})
	for _, piece := range []string{"GET a TEST/1.0\r\nKey: 1\r\nContent-Le", "ngth: 2\r\n\r\nhiGET b TEST/1.0", "\r\nKey: 2\r\nContent-Length: 0\r\n\r\n"} {
		if err := f.Feed([]byte(piece)); err != nil {
			return
		}
		for {
			frame, err := f.Next()
			if errors.Is(err, msg.ErrIncomplete) {
				break
			}
			if err != nil {
				fmt.Println("close the connection:", err)
				return
			}
			m, err := msg.Parse(class, frame.Text, msg.Limits{})
			fmt.Println(m.RequestURI(), m.Body(), err)
		}
	}
	// Output:
	// a hi <nil>
	// b  <nil>
}

func ExampleNewMultipart() {
	sdp, err := msg.NewPart("application/sdp", "v=0\r\n")
	if err != nil {
		fmt.Println(err)
		return
	}
	location, err := msg.NewPart("application/pidf+xml", "<presence/>", msg.ContentID.Set("location@example.com"))
	if err != nil {
		fmt.Println(err)
		return
	}
	body, err := msg.NewMultipart("mixed", sdp, location)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(body.Type())
	// What was sent is read again, and a reference finds its part.
	read, err := msg.ParseMultipart(body.Type(), body.String(), msg.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	part, ok := read.ByID("cid:location@example.com")
	fmt.Println(read.Len(), ok, part.Type(), part.Body())
	// Output:
	// multipart/mixed;boundary=boundary-0000000001
	// 2 true application/pidf+xml <presence/>
}
