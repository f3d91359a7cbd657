// Package sresolv finds where a request goes: it turns the scheme, host, port
// and transport of a SIP URI into an ordered list of transport, address and
// port, as RFC 3263 says. It knows no URI type and imports no other package of
// this module, so that it can be used alone.
//
//	r := sresolv.New(sresolv.Config{Transports: []string{"udp", "tcp"}})
//	defer r.Close()
//	for hop, err := range r.Hops(ctx, sresolv.Target{Scheme: "sip", Host: "example.com"}) {
//		if err != nil {
//			return err
//		}
//		if try(hop) == nil {
//			break
//		}
//	}
//
// A [Walk] is the same list as plain state: [Walk.Ready] gives the next hop if
// it can be had without waiting, which is always so for a numeric address;
// [Walk.Next] waits for it. A transaction keeps one Walk and goes on with it
// when a hop fails (RFC 3263 section 4.3); ACK for a non-2xx response and
// CANCEL go to the hop that the transaction used and need no walk of their own.
//
// # What is looked up
//
// The target is the maddr parameter if there is one, else the host (RFC 3263
// section 4). A numeric target, IPv6 references included, is never looked up.
// For a name both address families are asked for and used in the order the
// look-up gives, which for the system's resolver is that of RFC 6724. The
// transport is the one given; else UDP, or TLS for a sips URI. NAPTR and SRV
// records are not asked for yet: a name without a port is taken at the default
// port of its transport, which is what RFC 3263 section 4.2 ends with when a
// domain publishes no such records.
//
// # Concurrency and limits
//
// A [Resolver] is safe for concurrent use. A Walk belongs to one goroutine at
// a time. Only a pending look-up holds a goroutine; walks that ask for the same
// name at the same time share one look-up; at most [Config.MaxPending] names
// are looked up at once, and one more gives [ErrBusy]. A context given to Next
// or Hops bounds that wait and not the look-up, which [Config.Timeout] bounds.
// [Resolver.Close] ends all pending look-ups and waits for their goroutines.
package sresolv
