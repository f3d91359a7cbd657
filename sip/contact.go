package sip

import (
	"strings"

	"github.com/gosofia/sofia/msg"
)

// Instance returns the +sip.instance parameter of a Contact without "<" and ">",
// such as "urn:uuid:…", "" if there is none (RFC 5626 section 4.1).
func (a NameAddr) Instance() string {
	v, _ := a.Params.Get("+sip.instance")
	return strings.TrimSuffix(strings.TrimPrefix(v, "<"), ">")
}

// RegID returns the reg-id parameter of a Contact; ok is false if there is none
// or it is not within 1 to 2^31-1 (RFC 5626 section 4.2).
func (a NameAddr) RegID() (id uint32, ok bool) {
	id, ok = numberParam(a.Params, "reg-id", 1<<31-1)
	return id, ok && id > 0
}

// PubGRUU returns the public GRUU that the registrar gave the Contact, "" if
// there is none (RFC 5627 section 5.1).
func (a NameAddr) PubGRUU() string { return tagParam(a.Params, "pub-gruu") }

// TempGRUU returns the temporary GRUU that the registrar gave the Contact, ""
// if there is none.
func (a NameAddr) TempGRUU() string { return tagParam(a.Params, "temp-gruu") }

// WithInstance returns a with the given +sip.instance, which is a URI without
// brackets, and reg-id; 0 leaves reg-id out.
func (a NameAddr) WithInstance(uri string, regID uint32) NameAddr {
	a.Params = a.Params.Without("+sip.instance").Without("reg-id") + msg.Params(`;+sip.instance="<`+uri+`>"`)
	if regID > 0 {
		a.Params = a.Params.With("reg-id", itoa(int(regID)))
	}
	return a
}

// WithFeatures returns a with the given features, each in place of the one of its
// tag (RFC 3840 section 5).
func (a NameAddr) WithFeatures(list ...Feature) NameAddr {
	for _, f := range list {
		p := f.Param()
		name := string(p[1:])
		if i := strings.IndexByte(name, '='); i >= 0 {
			name = name[:i]
		}
		a.Params = a.Params.Without(name) + p
	}
	return a
}
