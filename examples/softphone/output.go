package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode"
)

// printer writes one line an event, for people or, with -json, for scripts.
// It is safe for concurrent use.
type printer struct {
	mu   sync.Mutex
	w    io.Writer
	json bool
}

// record is one event. In JSON the fields that are empty are left out; the
// line for people is Event followed by what is there.
type record struct {
	Event   string `json:"event"`             // ready, registered, incoming, state, message, ok, error, ...
	Call    int    `json:"call,omitempty"`    // number of the call, from 1
	State   string `json:"state,omitempty"`   // call state, in Sofia's words
	From    string `json:"from,omitempty"`    // who
	URI     string `json:"uri,omitempty"`     // whom or where
	Status  int    `json:"status,omitempty"`  // SIP status
	Phrase  string `json:"phrase,omitempty"`  // its phrase
	Expires int    `json:"expires,omitempty"` // seconds
	Text    string `json:"text,omitempty"`    // message body, or words for people
	Targets string `json:"targets,omitempty"` // where a redirect points, best first
}

// print writes r. What peers sent is quoted, so that one event stays one line.
func (p *printer) print(r record) {
	var line string
	if p.json {
		b, err := json.Marshal(r)
		if err != nil {
			b = []byte(`{"event":"error","text":"cannot print an event"}`)
		}
		line = string(b)
	} else {
		line = r.String()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintln(p.w, line)
}

// fail prints an error event.
func (p *printer) fail(err error) { p.print(record{Event: "error", Text: shorten(err.Error())}) }

// shorten cuts an error that quotes what was typed.
func shorten(s string) string {
	const most = 300
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + " …"
}

func (r record) String() string {
	var b strings.Builder
	b.WriteString(r.Event)
	if r.Call > 0 {
		fmt.Fprintf(&b, " call=%d", r.Call)
	}
	for _, f := range []struct{ name, value string }{
		{"state", r.State}, {"from", r.From}, {"uri", r.URI}, {"targets", r.Targets},
	} {
		if f.value != "" {
			fmt.Fprintf(&b, " %s=%s", f.name, oneLine(f.value))
		}
	}
	if r.Status > 0 {
		fmt.Fprintf(&b, " status=%d", r.Status)
	}
	if r.Phrase != "" {
		fmt.Fprintf(&b, " phrase=%q", r.Phrase)
	}
	if r.Expires > 0 {
		fmt.Fprintf(&b, " expires=%d", r.Expires)
	}
	if r.Text != "" {
		b.WriteString(" " + oneLine(r.Text))
	}
	return b.String()
}

// oneLine keeps a value on its line and out of the terminal's control.
func oneLine(s string) string {
	return strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) { // control octets of C1 and marks that turn the writing around, too
			return ' '
		}
		return c
	}, s)
}
