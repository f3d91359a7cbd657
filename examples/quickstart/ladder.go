package main

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/tport"
)

// ladder draws each message as an arrow between the columns of two parties, as
// it is received: so a message stands above what it causes. It is safe for
// concurrent use.
type ladder struct {
	w       io.Writer
	verbose bool // print the messages whole
	start   time.Time

	mu       sync.Mutex
	parties  []string               // columns, left to right
	where    map[netip.AddrPort]int // an address of a party: its column
	arrows   int
	requests int
}

const columnWidth = 36

func newLadder(w io.Writer, verbose bool, parties ...string) *ladder {
	return &ladder{w: w, verbose: verbose, start: time.Now(), parties: parties, where: map[netip.AddrPort]int{}}
}

// trace returns the hooks for the transports of one party.
func (l *ladder) trace(party string) *tport.Trace {
	column := l.column(party)
	return &tport.Trace{
		FlowOpened: func(flow *tport.Flow, accepted bool) { l.learn(flow.Local(), column) },
		Received:   func(d *tport.Delivery) { l.draw(column, d.From, d.Msg) },
	}
}

func (l *ladder) column(party string) int {
	for i, p := range l.parties {
		if p == party {
			return i
		}
	}
	return 0
}

// learn notes that a party owns an address. A connection's two ends are learnt
// from the two parties: the one that dialled tells its ephemeral port.
func (l *ladder) learn(addr netip.AddrPort, column int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.where[addr] = column
}

// title prints the columns' heads.
func (l *ladder) title() {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b strings.Builder
	b.WriteString("         ")
	for _, p := range l.parties {
		fmt.Fprintf(&b, "%-*s", columnWidth, p)
	}
	fmt.Fprintln(l.w, strings.TrimRight(b.String(), " "))
}

// say prints a remark between the arrows.
func (l *ladder) say(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.w, "         -- %s\n", fmt.Sprintf(format, args...))
}

func (l *ladder) draw(to int, sender netip.AddrPort, m *msg.Message) {
	label := fmt.Sprintf("%d %s", m.Status(), m.Phrase())
	if m.IsRequest() {
		label = m.Method()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	from, known := l.where[sender]
	if !known {
		return
	}
	l.arrows++
	if m.IsRequest() {
		l.requests++
	}
	fmt.Fprintf(l.w, "%6.3fs  %s\n", time.Since(l.start).Seconds(), arrow(len(l.parties), from, to, label))
	if l.verbose {
		for line := range strings.Lines(m.String()) {
			fmt.Fprintf(l.w, "           %s\n", strings.TrimRight(line, "\r\n"))
		}
	}
}

// arrow draws one line over n columns: bars, and the label on a shaft between two of them.
func arrow(n, from, to int, label string) string {
	line := []rune(strings.Repeat(" ", (n-1)*columnWidth+1))
	for i := range n {
		line[i*columnWidth] = '|'
	}
	left, right := min(from, to)*columnWidth, max(from, to)*columnWidth
	for i := left + 1; i < right; i++ {
		line[i] = '-'
	}
	if from < to {
		line[right-1] = '>'
	} else if to < from {
		line[left+1] = '<'
	}
	text := []rune(" " + label + " ")
	if room := right - left - 4; len(text) > room && room > 0 {
		text = text[:room]
	}
	copy(line[left+(right-left-len(text))/2:], text)
	return string(line)
}

// totals returns how many messages were received, and how many of them were requests.
func (l *ladder) totals() (messages, requests int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.arrows, l.requests
}
