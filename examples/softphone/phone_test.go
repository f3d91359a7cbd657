package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/internal/leak"
	"github.com/gosofia/sofia/tport"
	"github.com/gosofia/sofia/tport/simnet"
)

func TestMain(m *testing.M) { leak.Main(m) }

// desk is a softphone with a person: types lines, reads events.
type desk struct {
	t      *testing.T
	keys   *io.PipeWriter
	events chan record
	errs   bytes.Buffer
	exit   chan int
}

func startDesk(t *testing.T, host *simnet.Host, args ...string) *desk {
	in, keys := io.Pipe()
	screen, out := io.Pipe()
	d := &desk{t: t, keys: keys, events: make(chan record, 1000), exit: make(chan int, 1)}
	network := tport.Config{Listen: host.Listen, ListenPacket: host.ListenPacket, Dial: host.DialContext}
	go func() {
		d.exit <- run(t.Context(), append(args, "-json"), in, out, &d.errs, network)
		out.Close()
		in.Close()
	}()
	go func() {
		defer close(d.events)
		for lines := bufio.NewScanner(screen); lines.Scan(); {
			var r record
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				r = record{Event: "garbled", Text: lines.Text()}
			}
			d.events <- r
		}
	}()
	d.until("listening", "")
	return d
}

func (d *desk) types(line string) {
	_, err := io.WriteString(d.keys, line+"\n")
	require.NoError(d.t, err)
}

// until reads events up to one of the given kind, with the given state if that
// is not empty, and returns it.
func (d *desk) until(event, state string) record {
	d.t.Helper()
	timeout := time.After(time.Minute)
	var seen []string
	for {
		select {
		case r, more := <-d.events:
			seen = append(seen, r.String())
			if r.Event == event && (state == "" || r.State == state) {
				return r
			}
			if !more {
				require.FailNow(d.t, "the phone ended before "+event+" "+state, strings.Join(seen, "\n"))
			}
		case <-timeout:
			require.FailNow(d.t, "no "+event+" "+state, strings.Join(seen, "\n"))
		}
	}
}

func (d *desk) quit() {
	d.types("quit")
	require.Zero(d.t, <-d.exit, d.errs.String())
	for range d.events {
	}
	d.keys.Close()
}

// desks runs f with two phones that know each other's address.
func desks(t *testing.T, bobArgs []string, f func(alice, bob *desk)) {
	synctest.Test(t, func(t *testing.T) {
		network := simnet.New(simnet.Config{Seed: 1})
		defer network.Close()
		defer network.Report(t)
		alice := startDesk(t, network.MustHost("alice", "10.0.0.1"), "-identity", "sip:alice@10.0.0.1", "-listen", "udp:10.0.0.1:5060")
		bob := startDesk(t, network.MustHost("bob", "10.0.0.2"), append([]string{"-identity", "sip:bob@10.0.0.2", "-listen", "udp:10.0.0.2:5060"}, bobArgs...)...)
		f(alice, bob)
		alice.quit()
		bob.quit()
	})
}

func TestPhonesTalk(t *testing.T) {
	desks(t, nil, func(alice, bob *desk) {
		alice.types("message sip:bob@10.0.0.2 are you there?")
		require.Equal(t, "are you there?", bob.until("message", "").Text)
		require.Equal(t, 200, alice.until("ok", "").Status)
		alice.types("options sip:bob@10.0.0.2")
		require.Equal(t, 200, alice.until("ok", "").Status)

		alice.types("call sip:bob@10.0.0.2")
		require.Equal(t, "sip:alice@10.0.0.1", bob.until("incoming", "").From)
		alice.until("state", "proceeding")
		bob.types("answer")
		alice.until("state", "ready")
		bob.until("state", "ready")
		alice.types("hold")
		bob.until("state", "ready")
		alice.until("state", "ready")
		alice.types("resume")
		alice.until("state", "ready")
		bob.types("hangup")
		bob.until("state", "terminated")
		alice.until("state", "terminated")
	})
}

func TestPhoneRejectsAndCancels(t *testing.T) {
	desks(t, nil, func(alice, bob *desk) {
		alice.types("call sip:bob@10.0.0.2")
		bob.until("incoming", "")
		bob.types("reject 486")
		require.Equal(t, 486, alice.until("state", "terminated").Status)
		bob.until("state", "terminated")

		alice.types("call sip:bob@10.0.0.2")
		bob.until("incoming", "")
		alice.until("state", "proceeding")
		alice.types("cancel")
		alice.until("state", "terminated")
		bob.until("state", "terminated")
	})
}

func TestPhoneAnswersByItself(t *testing.T) {
	desks(t, []string{"-auto-answer"}, func(alice, bob *desk) {
		alice.types("call sip:bob@10.0.0.2")
		alice.until("state", "ready")
		bob.until("state", "ready")
		alice.types("hangup")
		bob.until("state", "terminated")
	})
}

// TestPhoneSurvivesBadInput: one clear line, and the program goes on.
func TestPhoneSurvivesBadInput(t *testing.T) {
	desks(t, nil, func(alice, bob *desk) {
		for line, want := range map[string]string{
			"dial sip:bob@10.0.0.2":             "unknown command",
			"call":                              "usage: call URI",
			"call :::":                          "call",
			"hold":                              "there is no call",
			"answer":                            "there is no call",
			"reject 99":                         "300 to 699",
			"unregister":                        "not registered",
			"\x00\xff":                          "unknown command",
			strings.Repeat("x", 3*maxText):      "is skipped",
			strings.Repeat("y", maxText-1):      "unknown command",
			"call " + strings.Repeat("z", 5000): "call",
		} {
			alice.types(line)
			text := alice.until("error", "").Text
			require.Contains(t, text, want, "%q", line)
			require.Less(t, len(text), 1000, "one clear line")
		}
		alice.types("help")
		alice.until("help", "")
		alice.types("status")
		require.Equal(t, "not registered", alice.until("status", "").Text)
	})
}

// TestEventsNameTheirCall: a script can tell the calls apart, also one that
// fails at once.
func TestEventsNameTheirCall(t *testing.T) {
	desks(t, []string{"-auto-answer"}, func(alice, bob *desk) {
		alice.types("call sip:bob@10.0.0.2;transport=sctp")
		require.Equal(t, 1, alice.until("state", "terminated").Call)
		alice.types("call sip:bob@10.0.0.2")
		require.Equal(t, 2, alice.until("state", "ready").Call)
		require.Equal(t, 1, bob.until("i_ack", "").Call)
		alice.types("hangup")
		require.Equal(t, 1, bob.until("i_bye", "").Call)
		require.Equal(t, 2, alice.until("state", "terminated").Call)
	})
}

func TestEndOfInputQuits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := simnet.New(simnet.Config{})
		defer network.Close()
		d := startDesk(t, network.MustHost("alice", "10.0.0.1"), "-identity", "sip:alice@10.0.0.1")
		d.keys.Close()
		require.Zero(t, <-d.exit)
		for range d.events {
		}
	})
}

func TestFlagsSayWhatIsWrong(t *testing.T) {
	for want, args := range map[string][]string{
		"-identity is missing": {},
		"no SIP address":       {"-identity", "alice@@"},
		"standard input":       {"-identity", "sip:a@b", "call"},
	} {
		var errs bytes.Buffer
		require.Equal(t, 2, run(t.Context(), args, strings.NewReader(""), io.Discard, &errs, tport.Config{}))
		require.Contains(t, errs.String(), want)
	}
}
