package http_test

import (
	"fmt"
	"strings"

	"github.com/gosofia/sofia/http"
	"github.com/gosofia/sofia/msg"
)

func Example() {
	req, err := http.NewRequest("GET", "/xcap?auid=resource-lists", "xcap.example.com", http.Accept.Set(msg.MediaType{Type: "application", Subtype: "xml"}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(strings.ReplaceAll(req.String(), "\r\n", "\n"))
	resp, err := http.Parse("HTTP/1.1 200 OK\r\nETag: \"7\"\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n<a\r\n2\r\n/>\r\n0\r\n\r\n")
	if err != nil {
		fmt.Println(err)
		return
	}
	tag, _, _ := http.ETag.Get(resp)
	body, _ := http.Content(resp)
	fmt.Println(resp.Status(), tag, body)
	// Output:
	// GET /xcap?auid=resource-lists HTTP/1.1
	// Host: xcap.example.com
	// Accept: application/xml
	//
	// 200 "7" <a/>
}
