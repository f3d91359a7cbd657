package sip_test

import (
	"fmt"
	"strings"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

const invite = "INVITE sip:bob@biloxi.example SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP pc33.atlanta.example;branch=z9hG4bK776asdhds\r\n" +
	"From: Alice <sip:alice@atlanta.example>;tag=1928301774\r\n" +
	"To: Bob <sip:bob@biloxi.example>\r\n" +
	"Call-ID: a84b4c76e66710\r\n" +
	"CSeq: 314159 INVITE\r\n" +
	"Contact: <sip:alice@pc33.atlanta.example>\r\n" +
	"Supported: timer, 100rel\r\n\r\n"

// Read a message: the headers that every layer needs by methods, all others by
// their constants.
func ExampleParse() {
	m, err := sip.Parse(invite)
	if err != nil {
		fmt.Println("answer with 400:", err)
		return
	}
	req, _ := sip.AsRequest(m)
	from, _ := req.From()
	fmt.Println(req.Method(), from.Display, from.Tag(), req.CSeq(), req.Branch())
	for tag, err := range sip.Supported.All(req) {
		fmt.Println(tag, err)
	}
	// Output:
	// INVITE Alice 1928301774 314159 INVITE z9hG4bK776asdhds
	// timer <nil>
	// 100rel <nil>
}

// Answer a request.
func ExampleNewResponse() {
	m, _ := sip.Parse(invite)
	req, _ := sip.AsRequest(m)
	to, _ := req.To()
	resp, err := sip.NewResponse(req, 180, sip.To.Set(to.WithTag("a6c85cf")))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(strings.ReplaceAll(resp.String(), "\r\n", "\n"))
	// Output:
	// SIP/2.0 180 Ringing
	// Via: SIP/2.0/UDP pc33.atlanta.example;branch=z9hG4bK776asdhds
	// From: Alice <sip:alice@atlanta.example>;tag=1928301774
	// To: "Bob" <sip:bob@biloxi.example>;tag=a6c85cf
	// Call-ID: a84b4c76e66710
	// CSeq: 314159 INVITE
	// Content-Length: 0
}

// Make a request. Via is added by the transaction that sends it.
func ExampleNewRequest() {
	bob := sip.MustParseURI("sip:bob@biloxi.example")
	alice := sip.NameAddr{Display: "Alice", URI: sip.MustParseURI("sip:alice@atlanta.example")}
	req, err := sip.NewRequest(sip.MethodMessage, bob,
		sip.From.Set(alice.WithTag("88sja8x")),
		sip.To.Set(sip.NameAddr{URI: bob}),
		sip.CallID.Set("987asjd97y7atg"),
		sip.CSeq.Set(sip.Sequence{Seq: 1, Method: sip.MethodMessage}),
		sip.Payload("text/plain", "Watson, come here."))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.ReplaceAll(req.String(), "\r\n", "\n"))
	// Output:
	// MESSAGE sip:bob@biloxi.example SIP/2.0
	// From: "Alice" <sip:alice@atlanta.example>;tag=88sja8x
	// To: <sip:bob@biloxi.example>
	// Call-ID: 987asjd97y7atg
	// CSeq: 1 MESSAGE
	// Content-Type: text/plain
	// Content-Length: 18
	// Max-Forwards: 70
	//
	// Watson, come here.
}

// Compare URIs by the rules of RFC 3261, not as text.
func ExampleURI_Equal() {
	a := sip.MustParseURI("sip:%61lice@atlanta.example;transport=TCP")
	b := sip.MustParseURI("sip:alice@AtLanTa.example;Transport=tcp")
	c := sip.MustParseURI("sip:alice@atlanta.example:5060;transport=tcp")
	fmt.Println(a.Equal(b), b.Equal(c))
	// Output: true false
}

// Try the targets of a redirection, the most wanted first.
func ExampleStatusError_Targets() {
	m, _ := sip.Parse("SIP/2.0 302 Moved Temporarily\r\nVia: SIP/2.0/UDP a\r\nFrom: <sip:a@a>;tag=1\r\nTo: <sip:b@b>;tag=2\r\nCall-ID: c\r\n" +
		"CSeq: 1 INVITE\r\nContact: <sip:home@h>;q=0.3, <sip:work@h>;q=0.9\r\n\r\n")
	resp, _ := sip.AsResponse(m)
	e := &sip.StatusError{Response: resp}
	for _, target := range e.Targets() {
		fmt.Println(target.URI)
	}
	// Output:
	// sip:work@h
	// sip:home@h
}

func ExampleStrictClass() {
	text := "OPTIONS sip:bob@example.com SIP/2.0\r\n" +
		"Via: SIP/2.0/UDP alice.example.com;branch=z9hG4bK1\r\n" +
		"From: <sip:alice@example.com>;tag=1\r\n" +
		"To: <sip:bob@example.com>\r\n" +
		"Call-ID: 1\r\n" +
		"CSeq: 1 OPTIONS\r\n" +
		"Route: sip:proxy.example.com;lr\r\n\r\n"
	m, err := sip.Parse(text)
	route, _, _ := sip.Route.Get(m)
	fmt.Println(err, route.URI.Host)
	_, err = msg.Parse(sip.StrictClass(), text, msg.Limits{})
	fmt.Println(err)
	// Output:
	// <nil> proxy.example.com
	// msg: Route: malformed value (at octet 182)
}

func ExamplePreferencesOf() {
	u := sip.MustParseURI("sip:bob@example.com;method=INVITE?Accept-Contact=*%3baudio%3brequire")
	req, _ := sip.RequestFrom(u)
	var contacts []sip.NameAddr
	for _, text := range []string{`<sip:text@h>;text;audio="FALSE"`, `<sip:phone@h>;audio`, `<sip:old@h>;q=0.1`} {
		a, _ := sip.ParseNameAddr(text)
		contacts = append(contacts, a)
	}
	for _, r := range sip.PreferencesOf(req).Rank(contacts) {
		fmt.Println(r.Contact.URI.User, r.Score)
	}
	// Output:
	// phone 1
	// old 1
}
