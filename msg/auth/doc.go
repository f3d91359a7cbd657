// Package auth is digest access authentication (RFC 7616) as SIP (RFC 3261
// section 22, RFC 8760) and HTTP use it: the typed headers, a client that
// answers challenges and a verifier that makes and checks them. The algorithms
// are MD5, SHA-256 and SHA-512-256 with their -sess variants, the qualities of
// protection auth, auth-int and the one without qop of RFC 2069. The Basic
// scheme is read as data but never answered, offered or accepted. Access tokens of
// the Bearer scheme (RFC 8898) come from [ClientConfig].Token and go to
// [VerifierConfig].Bearer. Digest AKA (RFC 3310, RFC 4169) asks [User].AKA; a
// server of it makes its challenges with [AKANonce] and checks the answers with
// [AKAPassword] and [Credentials.Matches].
//
// # Client
//
// A [Client] remembers, for each realm that challenged it, the nonce and how
// often it was used. One Client serves a dialog, a registration or a server
// that the user trusts with the configured realms:
//
//	c := auth.NewClient(auth.ClientConfig{Users: []auth.User{{Realm: "example.com", Username: "alice", Password: "secret"}}})
//	…                                       // a response came
//	switch resp.Status() {
//	case 401, 407:
//		if err := c.Respond(resp); err != nil {
//			return err                      // nothing more to try
//		}
//		set, err := c.Setters("INVITE", "sip:bob@example.com", body)
//		…                                   // same request, next CSeq, edited with set
//	default:
//		c.Done(resp)
//	}
//
// The uri given to Setters is the Request-URI as it is sent, octet for octet.
// ACK repeats the credentials of its INVITE and CANCEL those of its request
// (RFC 3261 section 22.1): Setters gives none for them.
//
// # Verifier
//
// A [Verifier] keeps nothing about a challenge it made: a nonce is the time, a
// random number and a keyed hash of both and the realm. Only a nonce that was
// answered correctly takes a place in a bounded table, which holds the nonce
// counts already seen.
//
//	user, err := v.Verify(req, false)
//	if err != nil {
//		// 401 with v.Challenge(false, auth.Stale(err)), or 400 for auth.ErrMalformed
//	}
//
// [Verifier.Grant] is Verify that also makes the Authentication-Info of the
// answer: the server's own proof, and the next nonce. [Client.Proof] checks it.
//
// ACK and CANCEL cannot be challenged (RFC 3261 section 22.1): do not verify them.
//
// # Concurrency, limits and secrets
//
// Client and Verifier are safe for concurrent use; neither starts a goroutine.
// A header value has at most 64 parameters; a challenge is answered if realm,
// nonce and opaque are at most 4,096 octets together. A Client keeps
// [ClientConfig.MaxRealms] realms and answers each at most
// [ClientConfig.MaxTries] times for one request. A Verifier keeps
// [VerifierConfig.MaxNonces] nonces. No password, hash or response appears in
// an error, in a log or in what package fmt prints.
package auth
