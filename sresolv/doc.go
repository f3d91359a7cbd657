// Package sresolv finds where a request goes: it turns the scheme, host, port
// and transport of a SIP URI into an ordered list of transport, address and
// port, as RFC 3263 and RFC 7984 say. It knows no URI type and imports no other
// package of this module, so that it can be used alone.
//
//	r := sresolv.New(sresolv.Config{Transports: []string{"udp", "tcp"}})
//	defer r.Close()
//	for hop, err := range r.Hops(ctx, sresolv.Target{Scheme: "sip", Host: "example.com"}) {
//		if err != nil {
//			return err
//		}
//		if err := try(hop); err == nil {
//			break
//		}
//		r.MarkFailed(hop, 0)
//	}
//
// A [Walk] is the same list as plain state: [Walk.Ready] gives the next hop if
// it can be had without waiting, which is so for a numeric address and for what
// is in the cache; [Walk.Next] waits for it. A transaction keeps one Walk and
// goes on with it when a hop fails (RFC 3263 section 4.3); ACK for a non-2xx
// response and CANCEL go to the hop that the transaction used and need no walk
// of their own.
//
// # What is looked up
//
// The target is the maddr parameter if there is one, else the host (RFC 3263
// section 4). A numeric target, IPv6 references included, is never looked up.
// A name with a port has only its addresses looked up; one without, in this
// order, as far as needed:
//
//   - unless the URI names the transport, NAPTR records: those of SIP services
//     that the caller speaks (SIP+D2U, SIP+D2T, SIPS+D2T, SIP+D2W, SIPS+D2W and
//     those of SCTP) with flag "s" or "a", by order and preference; of sips only
//     SIPS. If the domain offers SIP services but none that fits, that is
//     [ErrNoTransport];
//   - SRV records, by priority and drawn by weight (RFC 2782); without NAPTR
//     records those of each transport, in the order of Config.Transports. The
//     target "." is [ErrNoService];
//   - the addresses of both families, each name's in the order of RFC 6724, the
//     names not mixed (RFC 7984 section 4). If there were no SRV records these
//     are the addresses of the name itself, for UDP and then TCP, or TLS for
//     sips.
//
// The list is found as it is read: what lies behind a hop that works is not
// looked up. A hop that failed lately comes after all others and is not left
// out ([Resolver.MarkFailed], [Walk.Failed]). For a response that cannot go back where its
// request came from, [Resolver.WalkResponse] does what RFC 3263 section 5 says.
// [Resolver.LookupENUM] makes URIs of telephone numbers, [ParseDHCPv4] and its
// like read the options in which a DHCP server names outbound proxies.
//
// # Whom is asked
//
// The hosts file goes first: a name in it has these addresses and nothing else.
// Then the name servers of resolv.conf or Config.Servers are asked in turn, over
// UDP from a socket of its own for each question, with a random id and port. An
// answer counts only if it comes from the server, with this id and question;
// anything else is ignored and waited through. Of an answer only the records of
// the name asked for, or of what its aliases lead to, are used; additional
// records never are. What is truncated is fetched over TCP. EDNS0 is used, and
// left out for servers that do not bear it. There is no validation by DNSSEC:
// ask a server that does it, over a path you trust.
//
// Functions of the user's can take the place of name servers, see
// [Config.LookupNetIP].
//
// # Concurrency and limits
//
// A [Resolver] is safe for concurrent use. A Walk belongs to one goroutine at
// a time. Only a pending look-up holds a goroutine; walks that ask the same
// question at the same time share one look-up; at most [Config.MaxPending] are
// on their way at once, and one more gives [ErrBusy]. A context given to Next or
// Hops bounds that wait and not the look-up, which [Config.Timeout] bounds.
// [Resolver.Close] ends all pending look-ups and waits for their goroutines.
//
// One walk asks at most 32 questions and gives at most 64 hops; an alias has at
// most 8 links. Answers are kept for their time to live, but at least 1 s and at
// most a day; absence for what the SOA record says, at most 60 s; 4096 answers
// and 1024 failed hops are kept. A walk ends after two look-ups without an
// answer: at most twice Config.Timeout.
package sresolv
