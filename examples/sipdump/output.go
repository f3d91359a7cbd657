package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sdp"
	"github.com/gosofia/sofia/sip"
)

// printTree writes a message as a tree, and what is wrong with it below.
func printTree(w *bufio.Writer, count int, c capture, m *msg.Message, found []finding) {
	_, _ = fmt.Fprintf(w, "Message %d  %s\n", count, heading(c))
	if m != nil {
		branch(w, 1, startNode(m))
		for _, h := range headerNodes(m) {
			branch(w, 1, h)
		}
		if m.Body() != "" {
			branch(w, 1, bodyNode(m))
		}
	}
	for _, f := range found {
		_, _ = fmt.Fprintf(w, "  ! %s at octet %d: %s%s", f.Severity, f.Offset, f.Header, colon(f.Header))
		_, _ = fmt.Fprintf(w, "%s [%s]\n", f.Text, f.Rule)
	}
	_ = w.WriteByte('\n')
}

func colon(s string) string {
	if s == "" {
		return ""
	}
	return ": "
}

// heading says where a message was found.
func heading(c capture) string {
	s := c.source
	if c.base > 0 {
		s += " at octet " + fmt.Sprint(c.base)
	}
	if c.from != "" {
		s += fmt.Sprintf("  %s %s -> %s", c.proto, c.from, c.to)
	}
	if !c.time.IsZero() {
		s += "  " + c.time.Format(time.RFC3339Nano)
	}
	return s
}

func branch(w *bufio.Writer, depth int, n node) {
	_, _ = fmt.Fprintf(w, "%s%s", strings.Repeat("  ", depth), n.name)
	if n.value != "" {
		_, _ = fmt.Fprintf(w, ": %s", printable(n.value))
	}
	_ = w.WriteByte('\n')
	for _, c := range n.children {
		branch(w, depth+1, c)
	}
}

// printable quotes what would leave its line or drive a terminal.
func printable(s string) string {
	for _, r := range s {
		if r < ' ' || r == 0x7f || r == utf8.RuneError || r >= 0x80 && r < 0xa0 {
			return fmt.Sprintf("%q", s)
		}
	}
	return s
}

func startNode(m *msg.Message) node {
	switch {
	case m.IsRequest():
		n := node{name: "Request", value: m.Method() + " " + m.RequestURI() + " " + m.Version()}
		if u, err := sip.ParseURI(m.RequestURI()); err == nil {
			n.children = append(n.children, tree("URI", u))
		}
		return n
	case m.HasStartLine():
		return node{name: "Response", value: fmt.Sprintf("%s %d %s", m.Version(), m.Status(), m.Phrase())}
	}
	return node{name: "Fragment"}
}

// headerNodes has a node for each field, with its typed values. Those of a
// header that stands several times are told with the fields they stand in.
func headerNodes(m *msg.Message) []node {
	var list []node
	for f := range m.Fields() {
		n := node{name: f.Name, value: f.Value}
		if info, ok := m.Class().Info(f.ID); ok {
			n.name = info.Name
			one, _ := msg.ParseFragment(m.Class(), f.Raw+"\r\n", msg.Limits{})
			if one != nil {
				n.children = values(one, f.ID)
				n.list = len(n.children) > 0 && strings.HasPrefix(n.children[0].name, "value ")
			}
		}
		list = append(list, n)
	}
	return list
}

// values decodes the values of one field. A value that its text tells already
// is left out.
func values(m *msg.Message, id msg.ID) []node {
	var list []node
	i := 0
	for v, err := range sip.Decode(m, id) {
		i++
		if err != nil {
			list = append(list, node{name: "malformed", value: err.Error()})
			continue
		}
		n := tree("value "+itoa(i), v)
		list = append(list, n)
	}
	if len(list) == 1 {
		if len(list[0].children) == 0 && list[0].name != "malformed" {
			return nil
		}
		if list[0].name != "malformed" {
			return list[0].children
		}
	}
	return list
}

// bodyNode shows a body, typed where its type is known.
func bodyNode(m *msg.Message) node {
	t, ok, err := sip.ContentType.Get(m)
	if !ok || err != nil {
		t = msg.MediaType{}
	}
	return contentNode("Body", t, m.Body(), func() (*msg.Multipart, error) { return m.Multipart(msg.Limits{}) })
}

func contentNode(name string, t msg.MediaType, body string, parts func() (*msg.Multipart, error)) node {
	n := node{name: name, value: fmt.Sprintf("%d octets", len(body))}
	if t.Type != "" {
		n.value = t.String() + ", " + n.value
	}
	switch {
	case t.Is("application/sdp"):
		if d, err := sdp.Parse(body); err == nil {
			n.children = tree("", *d).children
			return n
		}
	case t.Is("message/sipfrag"):
		if m, _ := sip.ParseFragment(body); m != nil {
			n.children = append([]node{startNode(m)}, headerNodes(m)...)
			if m.Body() != "" {
				n.children = append(n.children, bodyNode(m))
			}
			return n
		}
	case strings.EqualFold(t.Type, "multipart"):
		if mp, _ := parts(); mp != nil {
			for i, p := range mp.Parts() {
				c := contentNode("Part "+itoa(i+1), p.Type(), p.Body(), p.Multipart)
				var head []node
				for f := range p.Msg().Fields() {
					head = append(head, node{name: f.Name, value: f.Value})
				}
				c.children = append(head, c.children...)
				n.children = append(n.children, c)
			}
			return n
		}
	}
	if utf8.ValidString(body) && !strings.ContainsRune(body, 0) {
		for line := range strings.Lines(body) {
			n.children = append(n.children, node{name: "|", value: strings.TrimRight(line, "\r\n")})
		}
	}
	return n
}

// record is a message in JSON.
type record struct {
	Source   string    `json:"source"`
	Offset   int64     `json:"offset,omitempty"`
	Time     string    `json:"time,omitempty"`
	Proto    string    `json:"transport,omitempty"`
	From     string    `json:"from,omitempty"`
	To       string    `json:"to,omitempty"`
	Method   string    `json:"method,omitempty"`
	URI      string    `json:"uri,omitempty"`
	Status   int       `json:"status,omitempty"`
	Phrase   string    `json:"phrase,omitempty"`
	Version  string    `json:"version,omitempty"`
	Headers  []header  `json:"headers,omitempty"`
	Body     any       `json:"body,omitempty"`
	Valid    bool      `json:"valid"`
	Findings []finding `json:"findings,omitempty"`
}

type header struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Fields any    `json:"fields,omitempty"` // its typed parts
}

// printJSON writes a message as one line.
func printJSON(w *bufio.Writer, c capture, m *msg.Message, found []finding) {
	r := record{Source: c.source, Offset: c.base, Proto: c.proto, From: c.from, To: c.to, Valid: true, Findings: found}
	if !c.time.IsZero() {
		r.Time = c.time.Format(time.RFC3339Nano)
	}
	for _, f := range found {
		r.Valid = r.Valid && f.Severity != severe
	}
	if m != nil {
		r.Method, r.URI, r.Status, r.Phrase, r.Version = m.Method(), m.RequestURI(), m.Status(), m.Phrase(), m.Version()
		for _, n := range headerNodes(m) {
			h := header{Name: n.name, Value: n.value}
			if len(n.children) > 0 {
				h.Fields = node{children: n.children, list: n.list}.plain()
			}
			r.Headers = append(r.Headers, h)
		}
		if m.Body() != "" {
			n := bodyNode(m)
			body := map[string]any{"text": m.Body(), "length": len(m.Body())}
			if t, ok, err := sip.ContentType.Get(m); ok && err == nil {
				body["type"] = t.String()
			}
			if len(n.children) > 0 && n.children[0].name != "|" {
				body["fields"] = node{children: n.children}.plain()
			}
			r.Body = body
		}
	}
	b, err := json.Marshal(r)
	if err != nil { // no field of a record can fail
		b = fmt.Appendf(nil, `{"source":%q,"valid":false}`, c.source)
	}
	_, _ = w.Write(append(b, '\n'))
}
