package load

import (
	"bytes"
	"fmt"
	"strconv"
)

// sdp is the offer of every INVITE.
const sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 49170 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"

func (g *generator) first(i int) []byte {
	if g.Work == Call {
		return g.request(i, "INVITE", 1, "a", "sip:bench@"+g.Target.String(), "<sip:bench@"+g.Target.String()+">", sdp)
	}
	return g.request(i, "OPTIONS", 1, "a", "sip:bench@"+g.Target.String(), "<sip:bench@"+g.Target.String()+">", "")
}

// ack is a transaction of its own for a 2xx (RFC 3261, 13.2.2.4).
func (g *generator) ack(i int) []byte {
	return g.request(i, "ACK", 1, "b", g.slots[i].peer, g.slots[i].to, "")
}

func (g *generator) bye(i int) []byte {
	return g.request(i, "BYE", 2, "c", g.slots[i].peer, g.slots[i].to, "")
}

// request writes a request of slot i; the result is valid until the next call.
func (g *generator) request(i int, method string, cseq int, branch, uri, to, body string) []byte {
	run := g.slots[i].run
	b := g.out[:0]
	b = fmt.Appendf(b, "%s %s SIP/2.0\r\n", method, uri)
	b = fmt.Appendf(b, "Via: SIP/2.0/%s %s;branch=z9hG4bK%d.%d%s;rport\r\n", g.transport, g.local, i, run, branch)
	b = append(b, "Max-Forwards: 70\r\n"...)
	b = fmt.Appendf(b, "From: <sip:load@%s>;tag=f%d\r\n", g.local, run)
	b = fmt.Appendf(b, "To: %s\r\n", to)
	b = fmt.Appendf(b, "Call-ID: load-%d-%d@%s\r\n", i, run, g.local)
	b = fmt.Appendf(b, "CSeq: %d %s\r\n", cseq, method)
	b = fmt.Appendf(b, "Contact: <sip:load@%s>\r\n", g.local)
	if body != "" {
		b = append(b, "Content-Type: application/sdp\r\n"...)
	}
	b = fmt.Appendf(b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	g.out = b
	return b
}

// An answer is what the generator reads of a response.
type answer struct {
	status      int
	slot, run   int
	method      string
	to, contact string
}

// readAnswer reads a response to one of our requests; anything else is not ok.
func readAnswer(b []byte) (a answer, ok bool) {
	head, _, found := bytes.Cut(b, []byte("\r\n\r\n"))
	if !found || len(head) < 12 || !bytes.HasPrefix(head, []byte("SIP/2.0 ")) {
		return a, false
	}
	var err error
	if a.status, err = strconv.Atoi(string(head[8:11])); err != nil {
		return a, false
	}
	var seen int
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		name, value, found := bytes.Cut(line, []byte(":"))
		if !found {
			continue
		}
		value = bytes.TrimSpace(value)
		switch string(bytes.ToLower(bytes.TrimSpace(name))) {
		case "call-id", "i":
			if n, err := fmt.Sscanf(string(value), "load-%d-%d@", &a.slot, &a.run); n != 2 || err != nil || a.slot < 0 {
				return a, false
			}
			seen++
		case "cseq":
			_, method, _ := bytes.Cut(value, []byte(" "))
			a.method = string(bytes.TrimSpace(method))
			seen++
		case "to", "t":
			a.to = string(value)
		case "contact", "m":
			_, rest, _ := bytes.Cut(value, []byte("<"))
			uri, _, _ := bytes.Cut(rest, []byte(">"))
			a.contact = string(uri)
		}
	}
	return a, seen == 2
}
