package nua_test

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/msg/auth"
	"github.com/gosofia/sofia/sip"
)

// freedoms are the headers that RFC 3261 lets a user agent send where RFC 3665
// prints none. Nothing else may be added.
var freedoms = map[string]string{
	"Allow":     "SHOULD be in INVITE and its 2xx (13.2.1, 13.3.1.4), may be anywhere (20.5)",
	"Supported": "SHOULD be in INVITE and its 2xx (13.2.1, 13.3.1.4), may be anywhere (20.37)",
	"Accept":    "may be in INVITE (13.2.1)",
	"Expires":   "may be in REGISTER (10.2.1.1)",
}

// comparer holds one flow against the RFC. Values that each run draws anew
// (branches, tags, Call-IDs) are bound to the printed ones in both directions:
// the same where the RFC prints the same, others where it prints others.
type comparer struct {
	t     *testing.T
	ours  map[string]string // by printed value
	paper map[string]string // by ours
	addrs map[string]netip.Addr
	// offset is what CSeq numbers of our user agents are ahead of the print.
	offset uint32
	// quirks are differences in which the print departs from RFC 3261, by
	// section, label and header, with the rule. Each must turn up.
	quirks     map[string]string
	turnedUp   map[string]bool
	challenges map[string]auth.Challenge // the last of each realm
	passwords  map[string]string         // by user name
}

func newComparer(t *testing.T, quirks map[string]string) *comparer {
	return &comparer{
		t: t, ours: map[string]string{}, paper: map[string]string{}, addrs: hostsOf3665(), quirks: quirks,
		turnedUp: map[string]bool{}, challenges: map[string]auth.Challenge{}, passwords: map[string]string{"alice": "zanzibar", "bob": "zanzibar"},
	}
}

// done fails for quirks that did not turn up: the list must be exact.
func (c *comparer) done() {
	for q, why := range c.quirks {
		if !c.turnedUp[q] {
			c.t.Errorf("%s: the difference is not there (%s)", q, why)
		}
	}
}

// bind ties a value of ours to a printed one.
func (c *comparer) bind(kind, paper, ours string) error {
	if paper == "" || ours == "" {
		if paper != ours {
			return fmt.Errorf("%s is %q, printed %q", kind, ours, paper)
		}
		return nil
	}
	paper, ours = kind+" "+paper, kind+" "+ours
	if was, ok := c.ours[paper]; ok && was != ours {
		return fmt.Errorf("%s is %q, was %q before", paper, ours, was)
	}
	if was, ok := c.paper[ours]; ok && was != paper {
		return fmt.Errorf("%s is used for %q and for %q", ours, was, paper)
	}
	c.ours[paper], c.paper[ours] = ours, paper
	return nil
}

// value returns what a printed value is bound to, itself when it is not yet.
func (c *comparer) value(kind, paper string) string {
	if v, ok := c.ours[kind+" "+paper]; ok {
		return strings.TrimPrefix(v, kind+" ")
	}
	return paper
}

// compare holds a message of ours against the printed one.
func (c *comparer) compare(p printed, got *msg.Message) {
	c.t.Helper()
	differ := func(header, format string, args ...any) {
		key := p.String() + " " + header
		if _, known := c.quirks[key]; known {
			c.turnedUp[key] = true
			return
		}
		c.t.Errorf("not as RFC 3665 prints it: %s: %s\ngot:\n%s\nprinted:\n%s", key, fmt.Sprintf(format, args...), got, p.m)
	}
	want := p.m
	if want.IsRequest() != got.IsRequest() || want.Method() != got.Method() || want.Status() != got.Status() {
		differ("start line", "another message")
		return
	}
	if want.IsRequest() && want.RequestURI() != got.RequestURI() {
		differ("Request-URI", "%q, printed %q", got.RequestURI(), want.RequestURI())
	}
	if want.Phrase() != got.Phrase() {
		differ("phrase", "%q, printed %q", got.Phrase(), want.Phrase())
	}
	if err := c.vias(want, got); err != nil {
		differ("Via", "%v", err)
	}
	wantID, _, _ := sip.CallID.Get(want)
	gotID, _, _ := sip.CallID.Get(got)
	if err := c.bind("Call-ID", wantID, gotID); err != nil {
		differ("Call-ID", "%v", err)
	}
	for name, header := range map[string]sip.AddrHeader{"From": sip.From, "To": sip.To} {
		if err := c.address(header, want, got); err != nil {
			differ(name, "%v", err)
		}
	}
	wantSeq, _, _ := sip.CSeq.Get(want)
	gotSeq, _, _ := sip.CSeq.Get(got)
	if wantSeq.Seq+c.offset != gotSeq.Seq || wantSeq.Method != gotSeq.Method {
		differ("CSeq", "%v, printed %v", gotSeq, wantSeq)
	}
	c.others(want, got, differ)
	c.credentials(p, got, differ)
	c.challenge(p, got, differ)
	if a, b := session(got.Body()), session(want.Body()); a != b {
		differ("body", "%q, printed %q", a, b)
	}
}

// compared elsewhere, one by one.
var structured = []string{"Via", "Call-ID", "From", "To", "CSeq", "Content-Length", "Authorization", "Proxy-Authorization", "WWW-Authenticate", "Proxy-Authenticate"}

// others compares all other headers: none missing, none different, none added
// but those of freedoms.
func (c *comparer) others(want, got *msg.Message, differ func(string, string, ...any)) {
	wanted, have := values(want), values(got)
	for name, v := range wanted {
		if slices.Contains(structured, name) {
			continue
		}
		if w := have[name]; !slices.Equal(v, w) {
			differ(name, "%q, printed %q", w, v)
		}
	}
	for name, v := range have {
		if slices.Contains(structured, name) || wanted[name] != nil {
			continue
		}
		if _, free := freedoms[name]; !free {
			differ(name, "%q, printed without", v)
		}
	}
	if n, ok, err := sip.ContentLength.Get(got); err != nil || !ok || int(n) != len(got.Body()) {
		differ("Content-Length", "%d for %d octets", n, len(got.Body()))
	}
}

// values lists the values of a message by header, with lists taken apart and
// white space made one.
func values(m *msg.Message) map[string][]string {
	all := map[string][]string{}
	for f := range m.Fields() {
		text := strings.Join(strings.Fields(f.Value), " ")
		info, _ := m.Class().Info(f.ID)
		name := info.Name
		if name == "" {
			name = f.Name
		}
		switch name {
		case "Contact", "Route", "Record-Route":
			all[name] = append(all[name], strings.Split(strings.ReplaceAll(text, ", ", ","), ",")...)
		default:
			all[name] = append(all[name], text)
		}
	}
	return all
}

// vias compares hop by hop: transport, who it is, branch, and received where
// the hop gave a name (RFC 3261 18.2.1). A host may give its name or its address.
func (c *comparer) vias(want, got *msg.Message) error {
	a, b := slices.Collect(good(sip.Via.All(want))), slices.Collect(good(sip.Via.All(got)))
	if len(a) != len(b) {
		return fmt.Errorf("%d hops, printed %d", len(b), len(a))
	}
	for i := range a {
		if a[i].Transport != b[i].Transport || !strings.HasPrefix(b[i].Branch(), "z9hG4bK") {
			return fmt.Errorf("hop %d is %v, printed %v", i, b[i], a[i])
		}
		if err := c.bind("branch", a[i].Branch(), b[i].Branch()); err != nil {
			return err
		}
		addr, err := netip.ParseAddr(b[i].Host)
		if named := err != nil; named {
			addr = c.addrs[b[i].Host]
			if b[i].Received() != a[i].Received() {
				return fmt.Errorf("hop %d received %q, printed %q", i, b[i].Received(), a[i].Received())
			}
		} else if r := b[i].Received(); r != "" && r != addr.String() {
			return fmt.Errorf("hop %d received %q", i, r)
		}
		if addr != c.addrs[a[i].Host] || b[i].Port != 0 && b[i].Port != 5060 {
			return fmt.Errorf("hop %d is %s, printed %s", i, b[i].SentBy(), a[i].SentBy())
		}
	}
	return nil
}

// good leaves out what cannot be decoded.
func good[T any](seq func(func(T, error) bool)) func(func(T) bool) {
	return func(yield func(T) bool) {
		for v, err := range seq {
			if err == nil && !yield(v) {
				return
			}
		}
	}
}

func (c *comparer) address(h sip.AddrHeader, want, got *msg.Message) error {
	a, _, err := h.Get(want)
	if err != nil {
		return err
	}
	b, _, err := h.Get(got)
	if err != nil {
		return err
	}
	if a.Display != b.Display || a.URI != b.URI {
		return fmt.Errorf("%v, printed %v", b, a)
	}
	return c.bind("tag", a.Tag(), b.Tag())
}

// session is a description; both sides print o= as the RFC does.
func session(body string) string { return strings.TrimSuffix(body, "\r\n") }

// printedParam finds one parameter in credentials; some are printed without a
// comma between.
func printedParam(text, name string) string {
	m := regexp.MustCompile(`\b` + name + `="?([^",\s]*)`).FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return m[1]
}

// credentials compares who is authorised for what. Nonce and opaque must be
// those of the challenge (the RFC mixes up its own), the response must be right
// (the RFC's are not), and qop is there as the server offers it (22.4).
func (c *comparer) credentials(p printed, got *msg.Message, differ func(string, string, ...any)) {
	for name, header := range map[string]msg.Header[auth.Credentials, auth.CredentialsCodec]{
		"Authorization": sip.Authorization, "Proxy-Authorization": sip.ProxyAuthorization,
	} {
		paper := slices.Collect(p.m.Values(name))
		have := slices.Collect(good(header.All(got)))
		if len(paper) != len(have) {
			differ(name, "%d credentials, printed %d", len(have), len(paper))
			continue
		}
		for i, v := range have {
			for param, value := range map[string]string{"username": v.Username, "realm": v.Realm, "uri": v.URI, "opaque": v.Opaque} {
				if printed := printedParam(paper[i], param); printed != value {
					differ(name, "%s is %q, printed %q", param, value, printed)
				}
			}
			ch := c.challenges[v.Realm]
			if v.Nonce != ch.Nonce || v.Opaque != ch.Opaque || v.QOP != "auth" || v.CNonce == "" || v.NC == 0 {
				differ(name, "%+v answers %+v", v, ch)
			}
			method := got.Method()
			if method == sip.MethodAck { // carries those of its INVITE (RFC 3261 22.1)
				method = sip.MethodInvite
			}
			ha1 := digest(v.Username, v.Realm, c.passwords[v.Username])
			right := digest(ha1, v.Nonce, fmt.Sprintf("%08x", v.NC), v.CNonce, v.QOP, digest(method, v.URI))
			if v.Response != right {
				differ(name, "response %s, right is %s", v.Response, right)
			}
		}
	}
}

// digest is H of RFC 7616 with MD5.
func digest(parts ...string) string {
	sum := md5.Sum([]byte(strings.Join(parts, ":")))
	return hex.EncodeToString(sum[:])
}

// challenge compares what is asked for; nonces are each server's own.
func (c *comparer) challenge(p printed, got *msg.Message, differ func(string, string, ...any)) {
	for name, header := range map[string]msg.Header[auth.Challenge, auth.ChallengeCodec]{
		"WWW-Authenticate": sip.WWWAuthenticate, "Proxy-Authenticate": sip.ProxyAuthenticate,
	} {
		paper, have := slices.Collect(good(header.All(p.m))), slices.Collect(good(header.All(got)))
		if len(paper) != len(have) {
			differ(name, "%d challenges, printed %d", len(have), len(paper))
			continue
		}
		for i, v := range have {
			w := paper[i]
			if v.Scheme != w.Scheme || v.Realm != w.Realm || v.QOP != w.QOP || v.Algorithm != w.Algorithm || v.Stale != w.Stale || v.Nonce == "" {
				differ(name, "%+v, printed %+v", v, w)
			}
		}
	}
}

// challenged notes the challenges that a message to our user agent carries.
func (c *comparer) challenged(m *msg.Message) {
	for _, header := range []msg.Header[auth.Challenge, auth.ChallengeCodec]{sip.WWWAuthenticate, sip.ProxyAuthenticate} {
		for ch := range good(header.All(m)) {
			c.challenges[ch.Realm] = ch
		}
	}
}
