package sip

import (
	"math/bits"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// The scanners of the class walk over what is usual in the Request-URI and in
// the headers that every message needs, once, and mark what check would mark.
// They leave the rest to check by returning 0: folds and other white space where
// nobody writes it, passwords, escapes in URIs, quoted parameters, IPv6 addresses,
// schemes but sip and sips, addresses without brackets, everything malformed.

// Classes of octets, as the parsers of URI, NameAddr and others take them.
const (
	sHost    = 1 << iota // of a host name or IPv4 address
	sUser                // of a user part, unescaped
	sParam               // of a URI parameter, unescaped
	sToken               // of a token
	sText                // of a Call-ID
	sQuoted              // within quotes, but a quoted-pair
	sDisplay             // of a display name without quotes
)

var sClass = func() (t [256]uint8) {
	for i := range t {
		c := byte(i)
		set := func(is bool, bit uint8) {
			if is {
				t[i] |= bit
			}
		}
		one := string([]byte{c})
		set(uriClass[c]&inHost != 0, sHost)
		set(uriClass[c]&inUser != 0, sUser)
		set(uriClass[c]&inParam != 0, sParam)
		set(scan.IsTokenChar(c), sToken)
		set(scan.IsText(one) && c != ',', sText)
		set(!scan.HasControl(one) && c != '"' && c != '\\', sQuoted)
		set(scan.IsTokenChar(c) || c == ' ' || c == '\t' || c >= 0x80, sDisplay)
	}
	return t
}()

// over returns the end of the run at i of octets of a class.
func over(s string, i uint, bit uint8) uint {
	for i+4 <= uint(len(s)) {
		q := s[i : i+4]
		a, b, c, d := sClass[q[0]], sClass[q[1]], sClass[q[2]], sClass[q[3]]
		if a&b&c&d&bit != 0 {
			i += 4
			continue
		}
		if a&bit == 0 {
			return i
		}
		if b&bit == 0 {
			return i + 1
		}
		if c&bit == 0 {
			return i + 2
		}
		return i + 3
	}
	for i < uint(len(s)) && sClass[s[i]]&bit != 0 {
		i++
	}
	return i
}

// textEnd returns the end of the run at i of octets that a Call-ID may have.
func textEnd(s string, i uint) uint {
	const octets, high = 0x0101010101010101, 0x8080808080808080
	for i+8 <= uint(len(s)) {
		w := scan.Word(s, int(i))
		comma := w ^ ','*octets
		good := (w + (0x80-'!')*octets) &^ (w + (0x7f-'~')*octets) & (comma + 0x7f*octets)
		if bad := (^good | w) & high; bad != 0 {
			i += uint(bits.TrailingZeros64(bad)) / 8
			break
		}
		i += 8
	}
	for i < uint(len(s)) && sClass[s[i]]&sText != 0 {
		i++
	}
	return i
}

// four packs four octets of s.
func four(s string, i uint) uint32 {
	s = s[i : i+4]
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

// eight packs eight octets of s.
func eight(s string, i uint) uint64 {
	return uint64(four(s, i)) | uint64(four(s, i+4))<<32
}

// What four and eight make of the words that are looked for.
const (
	wordSIP    = 's' | 'i'<<8 | 'p'<<16 | ':'<<24
	wordSIPS   = 's' | 'i'<<8 | 'p'<<16 | 's'<<24
	wordPort   = '5' | '0'<<8 | '6'<<16 | '0'<<24
	wordTag    = 't' | 'a'<<8 | 'g'<<16 | '='<<24
	wordUDP    = 'U' | 'D'<<8 | 'P'<<16 | ' '<<24
	wordVia    = 'S' | 'I'<<8 | 'P'<<16 | '/'<<24 | '2'<<32 | '.'<<40 | '0'<<48 | '/'<<56
	wordBranch = ';' | 'b'<<8 | 'r'<<16 | 'a'<<24 | 'n'<<32 | 'c'<<40 | 'h'<<48 | '='<<56
)

// scannerOf returns the scanner of the header with the given ID, nil if it has
// none, and whether check refuses a message without that header.
func scannerOf(id msg.ID) (s msg.Scanner, mandatory bool) {
	switch id {
	case IDVia:
		return scanVia, true
	case IDFrom:
		return scanFrom, true
	case IDTo:
		return scanTo, true
	case IDCallID:
		return scanCallID, true
	case IDCSeq:
		return scanSeq, true
	case msg.IDMaxForwards:
		return scanHops, false
	}
	return nil, false
}

// scanTarget is the scanner of the Request-URI.
func scanTarget(s string, at int, _ *msg.Marks) int {
	if i := scanURI(s, uint(at)); i < uint(len(s)) && s[i] == ' ' {
		return int(i)
	}
	return 0
}

// scanURI returns the end of the SIP or SIPS URI at i, 0 if it is not a plain one.
//
//	SIP-URI = "sip:" [ userinfo ] hostport uri-parameters
func scanURI(s string, i uint) uint {
	if i+5 > uint(len(s)) {
		return 0
	}
	if w := four(s, i); w|0x00202020 == wordSIP {
		i += 4
	} else if w|0x20202020 == wordSIPS && s[i+4] == ':' {
		i += 5
	} else {
		return 0
	}
	// Most user parts hold nothing that a host could not.
	lo := i
	for i < uint(len(s)) && sClass[s[i]]&sHost != 0 {
		i++
	}
	if i < uint(len(s)) && s[i] != '@' {
		if end := scanPeer(s, lo, i); end != 0 && (end >= uint(len(s)) || s[end] != '@') {
			return end
		}
		i = over(s, lo, sUser)
	}
	if i >= uint(len(s)) || s[i] != '@' || i == lo {
		return 0
	}
	lo = i + 1
	return scanPeer(s, lo, over(s, lo, sHost))
}

// scanPeer returns the end of host, port and parameters of a URI, where the host
// goes from lo to i.
func scanPeer(s string, lo, i uint) uint {
	if i == lo || i >= uint(len(s)) {
		return 0
	}
	if s[i] == ':' {
		if i, _ = portAt(s, i+1); i == 0 {
			return 0
		}
	}
	for i < uint(len(s)) && s[i] == ';' {
		lo = i + 1
		if i = over(s, lo, sParam); i == lo || i >= uint(len(s)) {
			return 0
		}
		if s[i] == '=' {
			lo = i + 1
			if i = over(s, lo, sParam); i == lo {
				return 0
			}
		}
	}
	return i
}

// portAt reads the port at i, up to where it ends. end is 0 if it is not within
// 1 to 65535, or has more than five digits.
func portAt(s string, i uint) (end uint, port uint32) {
	if i+5 <= uint(len(s)) && four(s, i) == wordPort && s[i+4]-'0' > 9 {
		return i + 4, 5060
	}
	end, port = number32(s, i, 5)
	if port == 0 || port > 1<<16-1 {
		return 0, 0
	}
	return end, port
}

// number32 reads a decimal number of at most so many digits, or the first so many.
func number32(s string, i, most uint) (end uint, n uint32) {
	for most += i; i < most && i < uint(len(s)); i++ {
		d := uint32(s[i]) - '0'
		if d > 9 {
			break
		}
		n = n*10 + d
	}
	return i, n
}

// scanParams returns the end of the header parameters at i, which go to the end
// of the line, and where the value of the first one of the given name stands. 0
// means that they are not plain.
//
//	*( SEMI token [ EQUAL ( token / host ) ] )
func scanParams(s string, i uint, name string, found bool) (end, lo, hi uint) {
	for i < uint(len(s)) && s[i] == ';' {
		nameLo := i + 1
		for i = nameLo; i < uint(len(s)) && sClass[s[i]]&sToken != 0; {
			i++
		}
		if i == nameLo || i >= uint(len(s)) {
			return 0, 0, 0
		}
		here := !found && i-nameLo == uint(len(name)) && scan.EqualFold(s[nameLo:i], name)
		found = found || here
		if s[i] == '=' {
			valueLo := i + 1
			if i = uint(scan.Value(s, int(valueLo))); i == valueLo {
				return 0, 0, 0
			}
			if here {
				lo, hi = valueLo, i
			}
		}
	}
	if i >= uint(len(s)) || s[i] != '\r' {
		return 0, 0, 0
	}
	return i, lo, hi
}

func scanFrom(s string, at int, k *msg.Marks) int { return scanAddr(s, uint(at), k, markFromTag) }
func scanTo(s string, at int, k *msg.Marks) int   { return scanAddr(s, uint(at), k, markToTag) }

// scanAddr is the scanner of From and To.
func scanAddr(s string, i uint, k *msg.Marks, slot int) int {
	if i >= uint(len(s)) {
		return 0
	}
	if c := s[i]; c == '"' {
		i = over(s, i+1, sQuoted)
		for i+1 < uint(len(s)) && s[i] == '\\' && s[i+1] != '\r' && s[i+1] != '\n' {
			i = over(s, i+2, sQuoted)
		}
		if i+1 >= uint(len(s)) || s[i] != '"' {
			return 0
		}
		if i++; s[i] == ' ' {
			i++
		}
	} else if c != '<' {
		i = over(s, i, sDisplay)
	}
	if i >= uint(len(s)) || s[i] != '<' {
		return 0
	}
	if i = scanURI(s, i+1); i == 0 || i+6 >= uint(len(s)) || s[i] != '>' {
		return 0
	}
	i++
	if s[i] == '\r' {
		return int(i)
	}
	found := s[i] == ';' && four(s, i+1) == wordTag
	tag, tagEnd := uint(0), uint(0)
	if found {
		tag = i + 5
		if i = uint(scan.Value(s, int(tag))); i == tag || i >= uint(len(s)) {
			return 0
		}
		if tagEnd = i; s[i] == '\r' {
			k.Mark(slot, int(tag), int(i))
			return int(i)
		}
	}
	end, lo, hi := scanParams(s, i, "tag", found)
	if found {
		lo, hi = tag, tagEnd
	}
	if lo < hi {
		k.Mark(slot, int(lo), int(hi))
	}
	return int(end)
}

// scanVia is the scanner of Via.
//
//	via-parm = "SIP/2.0/" transport SP sent-by *( SEMI via-params )
func scanVia(s string, at int, k *msg.Marks) int {
	i := uint(at) + uint(len(Version)) + 1
	if i+4 >= uint(len(s)) || eight(s, i-8) != wordVia {
		return 0
	}
	k.Mark(markViaProtocol, at, at+len(Version))
	transport := i
	if four(s, i) == wordUDP {
		i += 3
	} else if i = over(s, i, sToken); i == transport || i >= uint(len(s)) || s[i] != ' ' {
		return 0
	}
	k.Mark(markViaTransport, int(transport), int(i))
	host := i + 1
	if i = over(s, host, sHost); i == host || i >= uint(len(s)) {
		return 0
	}
	k.Mark(markViaHost, int(host), int(i))
	port := uint32(0)
	if s[i] == ':' {
		if i, port = portAt(s, i+1); i == 0 || i >= uint(len(s)) {
			return 0
		}
	}
	k.MarkNumber(markViaPort, port)
	params := i
	found := i+8 < uint(len(s)) && eight(s, i) == wordBranch
	if found {
		branch := i + 8
		if i = uint(scan.Value(s, int(branch))); i == branch || i >= uint(len(s)) {
			return 0
		}
		k.Mark(markBranch, int(branch), int(i))
	}
	if s[i] != '\r' {
		var lo, hi uint
		if i, lo, hi = scanParams(s, i, "branch", found); lo < hi {
			k.Mark(markBranch, int(lo), int(hi))
		}
	}
	k.Mark(markViaParams, int(params), int(i))
	return int(i)
}

// scanCallID is the scanner of Call-ID.
func scanCallID(s string, at int, k *msg.Marks) int {
	i := textEnd(s, uint(at))
	if i == uint(at) {
		return 0
	}
	k.Mark(markCallID, at, int(i))
	return int(i)
}

// scanSeq is the scanner of CSeq.
func scanSeq(s string, at int, k *msg.Marks) int {
	i, n := number32(s, uint(at), 9)
	if i == uint(at) || i >= uint(len(s)) || s[i] != ' ' {
		return 0
	}
	lo := i + 1
	if i = over(s, lo, sToken); i == lo {
		return 0
	}
	k.MarkNumber(markSeq, n)
	k.Mark(markMethod, int(lo), int(i))
	return int(i)
}

// scanHops is the scanner of Max-Forwards.
func scanHops(s string, at int, k *msg.Marks) int {
	i, n := number32(s, uint(at), 3)
	if i == uint(at) || n > 255 {
		return 0
	}
	k.MarkNumber(markHops, n)
	return int(i)
}
