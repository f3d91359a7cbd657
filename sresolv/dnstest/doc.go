// Package dnstest is a name server for tests. It answers from zone text, over
// UDP and TCP, on the sockets of this host or on those of a virtual network such
// as tport/simnet, and misbehaves as a script says: late, silent, cut short,
// lying, or not knowing EDNS0.
//
//	s, err := dnstest.Start(dnstest.Config{Addr: "127.0.0.1:0"}, `
//	$ORIGIN example.com.
//	@         300 IN SOA   ns host 1 3600 600 86400 30
//	@         300 IN NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp
//	_sip._udp 300 IN SRV   0 0 5060 a
//	a         300 IN A     192.0.2.1
//	`)
//	defer s.Close()
//	s.Script(dnstest.Rule{Type: "A", Times: 1, Drop: true}) // the first is lost
//
// # What it answers
//
// It plays a server that recurses: aliases are followed over all its zones, and
// wildcards work. What does not exist is denied with the SOA record of the zone;
// names of no zone are refused. Answers that do not fit are cut and marked, for
// TCP.
//
// # Concurrency and limits
//
// A [Server] is safe for concurrent use. It runs one goroutine for UDP, one for
// TCP and one for each connection and each delayed answer; Close ends them and
// waits. It remembers the last 10,000 queries. It is made for tests: it bounds
// nothing else.
package dnstest
