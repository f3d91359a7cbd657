package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gosofia/sofia/msg"
)

// capture is one message as it was found.
type capture struct {
	source   string    // file, and the number of the packet in a capture
	base     int64     // octets of the source or the stream before the message
	time     time.Time // zero if not known
	proto    string    // "udp", "tcp" or ""
	from, to string    // addresses with ports, "" if not known
	text     string
	err      error // why the stream ends here
}

// maxFile bounds what is read of a file with one message; a stream and a capture
// may be as long as they like.
const maxFile = 16 << 20

// input finds messages and hands them to emit.
type input struct {
	stream bool
	class  *msg.Class
	emit   func(capture)

	packets, skipped int // of captures
	gaps             int
}

// read takes a file, a directory with all below it, or standard input.
func (in *input) read(name string, stdin io.Reader) error {
	if name == "-" {
		return in.source("-", stdin)
	}
	return filepath.WalkDir(name, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		return in.source(path, f)
	})
}

// source reads one input, whatever it is.
func (in *input) source(name string, r io.Reader) error {
	b := bufio.NewReaderSize(r, 64<<10)
	magic, err := b.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: %w", name, err)
	}
	if format := captureFormat(magic); format != notCapture {
		p := &packets{in: in, name: name, format: format, flows: newFlows(in, name)}
		if err := p.read(b); err != nil {
			return fmt.Errorf("%s: packet %d: %w", name, p.n+1, err)
		}
		p.flows.close()
		return nil
	}
	if in.stream {
		return in.framed(name, b)
	}
	text, err := io.ReadAll(io.LimitReader(b, maxFile+1))
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", name, err)
	case len(text) > maxFile:
		return fmt.Errorf("%s: larger than a message can be; use -stream for a stream of messages", name)
	}
	in.emit(capture{source: name, text: string(text)})
	return nil
}

// framed cuts a stream into messages.
func (in *input) framed(name string, r io.Reader) error {
	s := &stream{in: in, framer: msg.NewFramer(in.class, msg.Limits{}), about: capture{source: name}}
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 && !s.feed(buf[:n]) {
			return nil // what follows an error cannot be told apart
		}
		if errors.Is(err, io.EOF) {
			s.end()
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
}

// stream cuts the octets of one direction into messages.
type stream struct {
	in     *input
	framer *msg.Framer
	about  capture // what all messages have in common
	at     int64   // octets before the next message
}

// feed takes octets; it reports false after an error, which is told.
func (s *stream) feed(b []byte) bool {
	if s.framer.Feed(b) != nil {
		return false
	}
	for {
		f, err := s.framer.Next()
		switch {
		case errors.Is(err, msg.ErrIncomplete):
			return true
		case err != nil:
			s.emit(f.Text, err)
			return false
		case f.Kind == msg.FrameMessage:
			s.emit(f.Text, nil)
			s.at += int64(len(f.Text))
		default:
			s.at += 2
		}
	}
}

// end tells of a message that was cut off.
func (s *stream) end() {
	s.framer.End()
	if f, err := s.framer.Next(); err != nil && !errors.Is(err, io.EOF) {
		s.emit(f.Text, err)
	}
}

func (s *stream) emit(text string, err error) {
	c := s.about
	c.base, c.text, c.err = s.at, text, err
	s.in.emit(c)
}

// note says what of the captures was not looked at.
func (in *input) note() string {
	var parts []string
	if in.skipped > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d packets hold no SIP", in.skipped, in.packets))
	}
	if in.gaps > 0 {
		parts = append(parts, fmt.Sprintf("%d gaps in TCP streams", in.gaps))
	}
	return strings.Join(parts, ", ")
}
