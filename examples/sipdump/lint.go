package main

import (
	"bufio"
	"errors"
	"fmt"
	"iter"
	"sort"
	"strings"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sdp"
	"github.com/gosofia/sofia/sip"
)

// How bad a finding is. Only what is severe makes a message invalid.
const (
	severe  = "error"
	warning = "warning"
)

// finding is something wrong with a message.
type finding struct {
	Severity string `json:"severity"`
	Offset   int    `json:"offset"` // octets from the start of the message
	Header   string `json:"header,omitempty"`
	Text     string `json:"text"`
	Rule     string `json:"rule,omitempty"` // RFC and section
}

// findings tells all that is wrong with a message. m is nil if it is none, err
// what Parse said.
func findings(c capture, m *msg.Message, err error) []finding {
	cut := c.err
	var list []finding
	add := func(severity string, off int, err error) {
		var e *msg.SyntaxError
		if !errors.As(err, &e) {
			list = append(list, finding{severity, max(off, 0), "", err.Error(), ""})
			return
		}
		if e.Offset >= 0 {
			off = e.Offset
		} else if off < 0 {
			off = place(c.text, m, e.Header)
		}
		list = append(list, finding{severity, off, e.Header, e.Err.Error(), rule(e)})
	}
	if cut != nil {
		add(severe, -1, cut)
	}
	if m == nil {
		if err != nil && cut == nil {
			add(severe, 0, err)
		}
		return list
	}
	for _, err := range m.Errors() {
		add(severe, -1, err)
	}
	for err := range sip.Malformed(m) {
		add(severe, -1, err)
	}
	list = append(list, advice(c.text, m)...)
	list = append(list, bodyFindings(m)...)
	return unique(list)
}

// unique sorts by offset and leaves out what is said twice: a header that
// refuses the message is found again when it is decoded.
func unique(list []finding) []finding {
	sort.SliceStable(list, func(i, j int) bool { return list[i].Offset < list[j].Offset })
	seen := map[string]bool{}
	out := list[:0]
	for _, f := range list {
		key := strings.ToLower(f.Header) + "\x00" + f.Text
		if f.Header != "" && seen[key] {
			continue
		}
		seen[key] = true
		out = append(out, f)
	}
	return out
}

// fields yields the fields of m with where they begin in its text.
func fields(text string, m *msg.Message) iter.Seq2[int, msg.Field] {
	return func(yield func(int, msg.Field) bool) {
		at := strings.Index(text, "\n") + 1
		for f := range m.Fields() {
			if i := strings.Index(text[at:], f.Raw); i >= 0 { // fields that Parse left out lie between
				at += i
			}
			if !yield(at, f) {
				return
			}
			at += len(f.Raw)
		}
	}
}

// place is where the first field of a header begins, 0 if it is not there.
func place(text string, m *msg.Message, header string) int {
	if m == nil || header == "" {
		return 0
	}
	id := m.Class().Lookup(header)
	for at, f := range fields(text, m) {
		if id != 0 && f.ID == id || strings.EqualFold(f.Name, header) {
			return at
		}
	}
	return 0
}

// advice is what a message should have and has not.
func advice(text string, m *msg.Message) []finding {
	var list []finding
	say := func(header, rule, what string) {
		list = append(list, finding{warning, place(text, m, header), header, what, rule})
	}
	via, ok, err := sip.Via.Get(m)
	if ok && err == nil && !strings.HasPrefix(via.Branch(), sip.MagicCookie) {
		say("Via", "RFC 3261 section 8.1.1.7", "branch does not begin with "+sip.MagicCookie)
	}
	from, ok, err := sip.From.Get(m)
	if ok && err == nil && from.Tag() == "" {
		say("From", "RFC 3261 section 8.1.1.3", "no tag")
	}
	if m.Body() != "" && !sip.ContentType.Has(m) {
		say("Content-Type", "RFC 3261 section 20.15", "body without Content-Type")
	}
	if !sip.ContentLength.Has(m) {
		say("Content-Length", "RFC 3261 section 20.14", "not there; on a stream it must be")
	}
	r, ok := sip.AsRequest(m)
	if ok {
		if !sip.MaxForwards.Has(m) {
			say("Max-Forwards", "RFC 3261 section 8.1.1.6", "not there")
		}
		switch r.Method() {
		case sip.MethodInvite, "SUBSCRIBE", "REFER", "UPDATE":
			if !sip.Contact.Has(m) {
				say("Contact", "RFC 3261 section 8.1.1.8", "a request that makes a dialog needs one")
			}
		}
		return list
	}
	to, ok, err := sip.To.Get(m)
	if ok && err == nil && m.Status() > 100 && to.Tag() == "" {
		say("To", "RFC 3261 section 8.2.6.2", "no tag in a response other than 100")
	}
	if seq, ok, err := sip.CSeq.Get(m); ok && err == nil && seq.Method == sip.MethodInvite && m.Status()/100 == 2 && !sip.Contact.Has(m) {
		say("Contact", "RFC 3261 section 12.1.1", "a response that makes a dialog needs one")
	}
	return list
}

// bodyFindings looks into the bodies that are understood.
func bodyFindings(m *msg.Message) []finding {
	if m.Body() == "" {
		return nil
	}
	t, ok, err := sip.ContentType.Get(m)
	if !ok || err != nil {
		return nil
	}
	at := m.Len() - len(m.Body())
	return contentFindings(t, m.Body(), at, func() (*msg.Multipart, error) { return m.Multipart(msg.Limits{}) })
}

func contentFindings(t msg.MediaType, body string, at int, parts func() (*msg.Multipart, error)) []finding {
	var list []finding
	switch {
	case t.Is("application/sdp"):
		_, err := sdp.Parse(body)
		var e *sdp.SyntaxError
		if errors.As(err, &e) {
			list = append(list, finding{severe, at + lineOffset(body, e.Line) + max(e.Column-1, 0), "application/sdp", fmt.Sprintf("line %d: %s", e.Line, e.Error()), "RFC 8866 section 9"})
		} else if err != nil {
			list = append(list, finding{severe, at, "application/sdp", err.Error(), "RFC 8866 section 9"})
		}
	case t.Is("message/sipfrag"):
		if _, err := sip.ParseFragment(body); err != nil {
			var e *msg.SyntaxError
			off := at
			if errors.As(err, &e) && e.Offset > 0 {
				off += e.Offset
			}
			list = append(list, finding{severe, off, "message/sipfrag", err.Error(), "RFC 3420 section 2"})
		}
	case strings.EqualFold(t.Type, "multipart"):
		mp, err := parts()
		if err != nil {
			list = append(list, finding{severe, at, "multipart", err.Error(), "RFC 2046 section 5.1"})
		}
		if mp == nil {
			return list
		}
		from := 0
		for _, p := range mp.Parts() {
			raw := p.String()
			if i := strings.Index(body[from:], raw); i >= 0 {
				from += i
			}
			if err := p.Msg().Err(); err != nil {
				list = append(list, finding{severe, at + from, "multipart", err.Error(), "RFC 2046 section 5.1.1"})
			}
			list = append(list, contentFindings(p.Type(), p.Body(), at+from+len(raw)-len(p.Body()), p.Multipart)...)
			from += len(raw)
		}
	}
	return list
}

// lineOffset is where line n begins, counted from 1.
func lineOffset(s string, n int) int {
	at := 0
	for ; n > 1; n-- {
		i := strings.IndexByte(s[at:], '\n')
		if i < 0 {
			return at
		}
		at += i + 1
	}
	return at
}

// printFindings writes one line for each finding and the line of the message it
// is about.
func printFindings(w *bufio.Writer, c capture, list []finding) {
	for _, f := range list {
		_, _ = fmt.Fprintf(w, "%s:%d: %s: ", c.source, c.base+int64(f.Offset), f.Severity)
		if f.Header != "" {
			_, _ = fmt.Fprintf(w, "%s: ", f.Header)
		}
		_, _ = w.WriteString(f.Text)
		if f.Rule != "" {
			_, _ = fmt.Fprintf(w, " [%s]", f.Rule)
		}
		_, _ = fmt.Fprintf(w, "\n\t%s\n", excerpt(c.text, f.Offset))
	}
}

// excerpt is the line that holds an octet, quoted.
func excerpt(s string, at int) string {
	at = min(max(at, 0), len(s))
	lo := strings.LastIndexByte(s[:at], '\n') + 1
	hi := len(s)
	if i := strings.IndexByte(s[lo:], '\n'); i >= 0 {
		hi = lo + i + 1
	}
	line := s[lo:hi]
	if len(line) > 120 {
		from := min(max(at-lo-60, 0), len(line)-120)
		return fmt.Sprintf("… %q …", line[from:from+120])
	}
	return fmt.Sprintf("%q", line)
}
