package sip

import (
	"strings"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// Compose implements [msg.Composer]: the Via of a hop does not allocate.
func (ViaCodec) Compose(v ViaParm) (msg.Composed, error) {
	var room [128]byte
	if v.plain() {
		b := append(append(append(append(room[:0], Version...), '/'), v.Transport...), ' ')
		return msg.Compose(append(appendHostPort(b, v.Host, v.Port), v.Params...), true), nil
	}
	b, err := ViaCodec{}.Append(room[:0], v)
	if err != nil {
		return msg.Composed{}, err
	}
	return msg.Compose(b, false), nil
}

// plain reports whether v has no other parameters than branch and rport, as what
// a hop writes, and is as the grammar has it.
func (v *ViaParm) plain() bool {
	if v.Protocol != "" && v.Protocol != Version || !scan.IsToken(v.Transport) || !plainHost(v.Host) {
		return false
	}
	const branch, rport = ";branch=", ";rport"
	p := string(v.Params)
	asked := strings.HasPrefix(p, rport)
	if asked {
		p = p[len(rport):]
	}
	if strings.HasPrefix(p, branch) {
		p = p[len(branch):]
		i := scan.Token(p, 0)
		if i == 0 || p[:i] == MagicCookie {
			return false
		}
		p = p[i:]
	}
	return p == "" || p == rport && !asked
}

// plainHost recognises an IPv4 address or a host name in one pass.
func plainHost(s string) bool {
	last := byte('.') // the octet before
	top := false      // the label begins with a letter
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c|' ' && c|' ' <= 'z':
			top = top || last == '.'
			last = c
		case '0' <= c && c <= '9':
			top = top && last != '.'
			last = c
		case c != '.' && c != '-' || last == '.' || c == '.' && last == '-':
			return false
		default:
			last = c
		}
	}
	return top && last != '-' || isIPv4(s)
}

// Compose implements [msg.Composer].
func (SequenceCodec) Compose(v Sequence) (msg.Composed, error) {
	var room [64]byte
	b, err := SequenceCodec{}.Append(room[:0], v)
	return msg.Compose(b, err == nil), err
}

// Compose implements [msg.Composer].
func (CallIDCodec) Compose(v string) (msg.Composed, error) {
	var room [64]byte
	if _, err := (CallIDCodec{}).Append(room[:0], v); err != nil {
		return msg.Composed{}, err
	}
	return msg.ComposeText(v, false), nil
}
