package auth_test

import (
	"fmt"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/msg/auth"
)

// A server challenges a request, and the client sends it again with
// credentials.
func Example() {
	class := msg.NewClass(msg.ClassConfig{Version: "SIP/2.0", Headers: msg.Common()}) // sip.Class() in SIP

	v, err := auth.NewVerifier(auth.VerifierConfig{
		Realm: "example.com",
		Lookup: func(username, realm string) (auth.User, bool) {
			return auth.User{Password: "secret"}, username == "alice"
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	c := auth.NewClient(auth.ClientConfig{Users: []auth.User{{Realm: "example.com", Username: "alice", Password: "secret"}}})

	for range 2 {
		set, err := c.Setters("REGISTER", "sip:example.com", "")
		if err != nil {
			fmt.Println(err)
			return
		}
		req, err := msg.New(class, append(set, msg.RequestLine("REGISTER", "sip:example.com"))...)
		if err != nil {
			fmt.Println(err)
			return
		}

		user, err := v.Verify(req, false)
		if err == nil {
			fmt.Println("200 for", user)
			return
		}
		fmt.Println("401:", err)
		resp, err := msg.New(class, msg.StatusLine(401, "Unauthorized"), v.Challenge(false, auth.Stale(err)))
		if err != nil {
			fmt.Println(err)
			return
		}
		if err := c.Respond(resp); err != nil {
			fmt.Println(err)
			return
		}
	}
	// Output:
	// 401: auth: verify: realm "example.com": no credentials for the realm; configure a User for it
	// 200 for alice
}
