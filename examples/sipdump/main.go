// Sipdump reads SIP messages and prints what is in them, or what is wrong with
// them: from files, directories, standard input, and pcap or pcapng captures.
//
//	sipdump [flags] [file | directory | -] …
//
//	sipdump call.pcap                 each message as a tree of typed fields
//	sipdump -json call.pcapng         one JSON object a line
//	sipdump -lint traces/             only what is wrong, where, and which rule says so
//	tcpdump -i any -w - udp port 5060 | sipdump -lint -
//
// A file that is no capture holds one message, as a datagram does; with -stream
// it holds a stream of them. Of a capture the UDP datagrams are read, and with
// -stream also what TCP carries. Exit status 1 means that a message is invalid,
// 2 that something could not be read.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// options are the flags.
type options struct {
	json, lint, stream, strict bool
}

// run is the program; it returns the exit status.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var opt options
	flags := flag.NewFlagSet("sipdump", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.BoolVar(&opt.json, "json", false, "print one JSON object for each message")
	flags.BoolVar(&opt.lint, "lint", false, "print only what is wrong, with the octet where it is and the section that says so")
	flags.BoolVar(&opt.stream, "stream", false, "reassemble TCP in captures; take other input for a stream of messages")
	flags.BoolVar(&opt.strict, "strict", false, "forgive nothing that the grammar does not have")
	flags.Usage = func() {
		_, _ = fmt.Fprintln(stderr, "usage: sipdump [flags] [file | directory | -] …")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return 2
	}
	names := flags.Args()
	if len(names) == 0 {
		names = []string{"-"}
	}
	out := bufio.NewWriter(stdout)
	d := &dump{options: opt, class: sip.Class(), out: out}
	if opt.strict {
		d.class = sip.StrictClass()
	}
	in := &input{stream: opt.stream, class: d.class, emit: d.message}
	failed := false
	for _, name := range names {
		if err := in.read(name, stdin); err != nil {
			_, _ = fmt.Fprintf(stderr, "sipdump: %v\n", err)
			failed = true
		}
	}
	if err := out.Flush(); err != nil {
		_, _ = fmt.Fprintf(stderr, "sipdump: %v\n", err)
		failed = true
	}
	if note := in.note(); note != "" {
		_, _ = fmt.Fprintf(stderr, "sipdump: %s\n", note)
	}
	switch {
	case failed:
		return 2
	case d.invalid > 0:
		return 1
	}
	return 0
}

// dump prints messages in the form that the flags ask for.
type dump struct {
	options
	class   *msg.Class
	out     *bufio.Writer
	count   int
	invalid int
}

// message handles one message of the input.
func (d *dump) message(c capture) {
	d.count++
	m, err := msg.Parse(d.class, c.text, msg.Limits{})
	found := findings(c, m, err)
	for _, f := range found {
		if f.Severity == severe {
			d.invalid++
			break
		}
	}
	switch {
	case d.lint:
		printFindings(d.out, c, found)
	case d.json:
		printJSON(d.out, c, m, found)
	default:
		printTree(d.out, d.count, c, m, found)
	}
}
