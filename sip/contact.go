package sip

import (
	"strconv"
	"strings"
	"time"

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

// WithQ returns a with the given q parameter in thousandths: 0 to 1000 for "0" to
// "1". What is beyond makes an address that no setter of Contact takes.
func (a NameAddr) WithQ(thousandths int) NameAddr {
	a.Params = a.Params.WithQ(thousandths)
	return a
}

// WithExpires returns a with the given expires parameter, in whole seconds,
// rounded up so that what is left of a binding does not become its removal. Less
// than 0 or more than 2^32-1 seconds make an address that no setter of Contact
// takes.
func (a NameAddr) WithExpires(d time.Duration) NameAddr {
	seconds := int64(d / time.Second)
	if d%time.Second > 0 {
		seconds++
	} else if d < 0 && seconds == 0 {
		seconds = -1
	}
	a.Params = a.Params.With("expires", strconv.FormatInt(seconds, 10))
	return a
}

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
