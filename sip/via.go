package sip

import (
	"fmt"
	"strings"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// ViaParm is one value of Via: a hop that the request has taken (RFC 3261
// section 20.42).
type ViaParm struct {
	Protocol  string // name and version, "SIP/2.0"; "" is written as that
	Transport string // as written: UDP, TCP, TLS, WS, … compare without case
	Host      string // of sent-by, an IPv6 address without brackets
	Port      uint16 // of sent-by, 0 if there is none
	Params    msg.Params
}

// viaSpan is where the parts of a Via value stand.
type viaSpan struct {
	protoEnd, transLo, transHi int
	hostLo, hostHi             int
	parLo, parHi               int
	branchLo, branchHi         int // with quotes; branchHi is 0 if there is none
	port                       uint16
	plain                      bool // no white space within the protocol
}

// scan reads one Via value; rest is where the text behind it begins.
//
//	via-parm      = sent-protocol LWS sent-by *( SEMI via-params )
//	sent-protocol = protocol-name SLASH protocol-version SLASH transport
//	sent-by       = host [ COLON port ]
func (v *viaSpan) scan(s string) (rest int, err error) {
	v.plain = true
	i := len(Version) + 1
	if strings.HasPrefix(s, Version+"/") {
		v.protoEnd, v.transLo = len(Version), i
		if i < len(s) && scan.IsSpace(s[i]) {
			v.transLo = scan.Space(s, i)
		}
	} else if !v.protocol(s) {
		return 0, msg.ErrSyntax
	}
	i = v.transLo
	for i < len(s) && scan.IsTokenChar(s[i]) {
		i++
	}
	v.transHi = i
	if i++; i >= len(s) || s[i-1] != ' ' || scan.IsSpace(s[i]) {
		i = scan.Space(s, v.transHi)
	}
	if v.transHi == v.transLo || i == v.transHi {
		return 0, msg.ErrSyntax
	}
	v.hostLo, v.hostHi, v.port, i, err = hostPort(s, i, true)
	if err != nil {
		return 0, err
	}
	if v.parLo, v.parHi = i, i; i == len(s) {
		return i, nil
	}
	ok := false
	v.parHi, v.branchLo, v.branchHi, ok = scan.FindParam(s, i, "branch")
	if rest = v.parHi; rest < len(s) && s[rest] != ',' {
		if rest = scan.Space(s, rest); rest < len(s) && s[rest] != ',' {
			ok = false
		}
	}
	if !ok {
		return 0, msg.ErrSyntax
	}
	if i < v.parHi && s[i] != ';' {
		v.parLo = scan.Space(s, i)
	}
	return rest, nil
}

// protocol reads name and version with the white space that may stand there.
func (v *viaSpan) protocol(s string) bool {
	i := 0
	for part := range 2 {
		hi := scan.Token(s, i)
		j := scan.Space(s, hi)
		if hi == i || j == len(s) || s[j] != '/' {
			return false
		}
		i = scan.Space(s, j+1)
		if part == 0 {
			v.plain = j == hi && i == j+1
		}
		v.protoEnd = hi
	}
	v.transLo = i
	return true
}

// ViaCodec reads and writes a [ViaParm].
type ViaCodec struct{}

// Parse implements [msg.Codec].
func (ViaCodec) Parse(s string) (via ViaParm, rest string, err error) {
	var v viaSpan
	end, err := v.scan(s)
	if err != nil {
		return ViaParm{}, "", err
	}
	via.Protocol = s[:v.protoEnd]
	if !v.plain {
		via.Protocol = strings.Join(strings.Fields(via.Protocol), "")
	}
	via.Transport = s[v.transLo:v.transHi]
	via.Host, via.Port = s[v.hostLo:v.hostHi], v.port
	via.Params = msg.Params(s[v.parLo:v.parHi])
	return via, s[end:], nil
}

// Append implements [msg.Codec].
func (ViaCodec) Append(dst []byte, v ViaParm) ([]byte, error) {
	if v.Protocol == "" {
		v.Protocol = Version
	}
	name, version, _ := strings.Cut(v.Protocol, "/")
	if !scan.IsToken(name) || !scan.IsToken(version) || !scan.IsToken(v.Transport) || !validHost(v.Host) || !v.Params.Valid() {
		return dst, fmt.Errorf("via with host %q: %w", v.Host, msg.ErrValue)
	}
	dst = append(append(append(append(dst, v.Protocol...), '/'), v.Transport...), ' ')
	return append(appendHostPort(dst, v.Host, v.Port), v.Params...), nil
}

// Branch returns the branch parameter, "" if there is none (RFC 2543).
func (v ViaParm) Branch() string {
	b, _ := v.Params.Get("branch")
	return b
}

// Received returns the received parameter: the address a request came from, an
// IPv6 address without the brackets that some peers write (RFC 5118 section 4.5).
func (v ViaParm) Received() string {
	r, _ := v.Params.Get("received")
	return unbracket(r)
}

// RPort returns the rport parameter (RFC 3581). present tells that it is there;
// hasValue that it has a port, which must be within 1 to 65535 to count.
func (v ViaParm) RPort() (port uint16, present, hasValue bool) {
	r, present := v.Params.Get("rport")
	n, fits, ok := scan.Uint(r, 65535)
	if !ok || !fits || n == 0 {
		return 0, present, false
	}
	return uint16(n), present, true
}

// Maddr returns the maddr parameter, an IPv6 address without brackets.
func (v ViaParm) Maddr() string {
	m, _ := v.Params.Get("maddr")
	return unbracket(m)
}

// TTL returns the ttl parameter, 0 to 255; ok is false if there is no such number.
func (v ViaParm) TTL() (ttl uint8, ok bool) {
	t, _ := v.Params.Get("ttl")
	n, fits, ok := scan.Uint(t, 255)
	return uint8(n), ok && fits
}

// SentBy returns host and port as written: "[2001:db8::1]:5070".
func (v ViaParm) SentBy() string { return string(appendHostPort(nil, v.Host, v.Port)) }

// String returns v as it stands in a header, unchecked.
func (v ViaParm) String() string {
	proto := v.Protocol
	if proto == "" {
		proto = Version
	}
	return proto + "/" + v.Transport + " " + v.SentBy() + string(v.Params)
}
