package simnet

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	ladderMinColumn = 16
	ladderMaxColumn = 48
	ladderMaxHosts  = 8 // beyond it columns are of no help
	ladderStamp     = 12
)

// Ladder returns what the recorder has as a ladder diagram: a column for each
// host that took part, an arrow for each packet with the first line of its
// payload, at the time it was sent, and its fate at the right. An arrow that ends
// in x did not arrive. With more than eight hosts it is a list instead. It is
// for people to read; its form may change.
func (n *Network) Ladder() string {
	n.mu.Lock()
	records := n.rec.all()
	total := n.rec.total
	var hosts []string
	for _, h := range n.hosts {
		hosts = append(hosts, h.name)
	}
	n.mu.Unlock()

	var b strings.Builder
	if missing := total - uint64(len(records)); missing > 0 {
		fmt.Fprintf(&b, "(%d earlier packets are not kept; see Config.Record)\n", missing)
	}
	if len(records) == 0 {
		b.WriteString("(no packets)\n")
		return b.String()
	}
	taking := make(map[string]bool)
	for _, r := range records {
		taking[r.FromHost], taking[r.ToHost] = true, true
	}
	column := make(map[string]int)
	var names []string
	for _, h := range hosts {
		if taking[h] {
			column[h] = len(names)
			names = append(names, h)
		}
	}
	if len(names) > ladderMaxHosts {
		for _, r := range records {
			fmt.Fprintln(&b, r)
		}
		return b.String()
	}
	l := ladder{names: names, column: column, width: ladderWidth(records, names)}
	l.head(&b)
	for _, r := range records {
		l.row(&b, r)
	}
	return b.String()
}

// Report prints the seed and the ladder if the test has failed. Call it at the
// end of the test, as in defer n.Report(t) or t.Cleanup.
func (n *Network) Report(t interface {
	Failed() bool
	Logf(format string, args ...any)
}) {
	if h, ok := t.(interface{ Helper() }); ok {
		h.Helper()
	}
	if t.Failed() {
		t.Logf("simnet: seed %d, packets %+v\n%s", n.Seed(), n.Stats(), n.Ladder())
	}
}

type ladder struct {
	names  []string
	column map[string]int
	width  int // from one column to the next
}

// ladderWidth makes room for the longest text there is, within reason.
func ladderWidth(records []Record, names []string) int {
	w := ladderMinColumn
	for _, r := range records {
		w = max(w, len(r.First)+6)
	}
	for _, s := range names {
		w = max(w, utf8.RuneCountInString(s)+2)
	}
	return min(w, ladderMaxColumn)
}

func (l *ladder) head(b *strings.Builder) {
	line := strings.Repeat(" ", ladderStamp+2)
	for i, s := range l.names {
		if i < len(l.names)-1 {
			s = pad(cut(s, l.width-1), l.width)
		}
		line += s
	}
	b.WriteString(strings.TrimRight(line, " "))
	b.WriteByte('\n')
}

// row draws one packet.
func (l *ladder) row(b *strings.Builder, r Record) {
	cells := make([]byte, l.width*(len(l.names)-1)+1)
	for i := range cells {
		cells[i] = ' '
		if i%l.width == 0 {
			cells[i] = '|'
		}
	}
	line := string(cells)
	from := l.column[r.FromHost]
	to, known := l.column[r.ToHost]
	text := r.First
	switch {
	case !known:
		text = fmt.Sprintf("%s  [to %v] %s", l.addrs(r), r.To, text)
	case from == to:
		text = fmt.Sprintf("%s  [%s to itself] %s", l.addrs(r), r.FromHost, text)
	default:
		left, right := min(from, to)*l.width, max(from, to)*l.width
		line = line[:left+1] + arrow(text, right-left-1, to > from, r.Fate) + line[right:]
		text = l.addrs(r)
	}
	fmt.Fprintf(b, "%s  %s  %s, %s\n", stamp(r.Sent), line, text, r.note())
}

func (l *ladder) addrs(r Record) string {
	return fmt.Sprintf("%s %d>%d", r.Network, r.From.Port(), r.To.Port())
}

// arrow is width characters of arrow with text on it.
func arrow(text string, width int, right bool, fate Fate) string {
	text = cut(text, width-4)
	dashes := width - len(text) - 1
	head := byte('>')
	if !right {
		head = '<'
	}
	switch fate {
	case Delivered:
	case InFlight:
		head = '.'
	default:
		head = 'x'
	}
	before := strings.Repeat("-", dashes/2)
	after := strings.Repeat("-", dashes-dashes/2)
	if right {
		return before + text + after + string(head)
	}
	return string(head) + after + text + before
}

// cut shortens s, which is not longer than a line, to n characters.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	r := []rune(s)
	return string(r[:max(n-1, 0)]) + "~"
}

func pad(s string, n int) string {
	return s + strings.Repeat(" ", max(n-utf8.RuneCountInString(s), 0))
}

// Elapsed returns the time since New, on the clock the network runs on. Records
// tell their times in it.
func (n *Network) Elapsed() time.Duration { return n.now() }
