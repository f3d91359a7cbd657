//go:build linux

package interop

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A softphone is the program examples/softphone, run as a script would run it.
type softphone struct {
	t     *testing.T
	stdin io.WriteCloser
	lines chan softphoneEvent // closed at the end of its output
	past  []softphoneEvent
}

// softphoneEvent is one line of its output.
type softphoneEvent struct {
	Event   string
	State   string
	URI     string
	Status  int
	Expires int
	Text    string
}

// startSoftphone builds and starts the program. It must end by itself, with
// exit status 0, once its standard input is closed.
func startSoftphone(t *testing.T, args ...string) *softphone {
	t.Helper()
	program := filepath.Join(t.TempDir(), "softphone")
	out, err := exec.Command("go", "build", "-o", program, "../examples/softphone").CombinedOutput()
	require.NoError(t, err, "%s", out)
	ctx, kill := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, append([]string{"-json"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	s := &softphone{t: t, stdin: stdin, lines: make(chan softphoneEvent, 256)}
	go func() {
		defer close(s.lines)
		for scanner := bufio.NewScanner(stdout); scanner.Scan(); {
			var e softphoneEvent
			if err := json.Unmarshal(scanner.Bytes(), &e); err != nil {
				t.Errorf("softphone wrote %q: %v", scanner.Text(), err)
			}
			s.lines <- e
		}
	}()
	t.Cleanup(func() {
		defer kill()
		_ = stdin.Close() // it may be closed already
		defer time.AfterFunc(patience, kill).Stop()
		for e := range s.lines {
			s.past = append(s.past, e)
		}
		if err := cmd.Wait(); err != nil && !t.Failed() {
			t.Errorf("softphone: %v", err)
		}
		if t.Failed() {
			t.Logf("softphone wrote %+v\n%s", s.past, stderr.String())
		}
	})
	return s
}

// do types one command line.
func (s *softphone) do(line string) {
	s.t.Helper()
	_, err := fmt.Fprintln(s.stdin, line)
	require.NoError(s.t, err)
}

// wait returns the next event that is as described.
func (s *softphone) wait(what string, is func(softphoneEvent) bool) softphoneEvent {
	s.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case e, more := <-s.lines:
			require.True(s.t, more, "softphone ended before %s", what)
			s.past = append(s.past, e)
			if is(e) {
				return e
			}
			require.NotEqual(s.t, "error", e.Event, "%s: %s", what, e.Text)
		case <-timeout:
			require.FailNow(s.t, "softphone does not say: "+what)
		}
	}
}

// state waits for a state of the call; extra is in the event's text.
func (s *softphone) state(name, extra string) {
	s.t.Helper()
	s.wait("the call is "+name+" "+extra, func(e softphoneEvent) bool {
		return e.Event == "state" && e.State == name && strings.Contains(e.Text, extra)
	})
}

// A whole session of the example: register, call, hold, resume, hang up, send a
// message, be called, leave.
func TestSoftphone(t *testing.T) {
	peers.Up(t, "kamailio-registrar", "baresip")
	registered(t, "bob")
	bare := peers.Baresip(t)
	r := peers.RegistrarMD5()
	require.Empty(t, r.Bindings(t, "alice"))
	s := startSoftphone(t,
		"-identity", "sip:alice@lab.test", "-password", "alice-secret", "-realm", "lab.test",
		"-proxy", fmt.Sprintf("sip:%s", r.Addr(t)), "-listen", "udp:"+peers.Addr(t).String(),
		"-media", "m=audio 9 RTP/AVP 0 8")
	s.wait("it listens", func(e softphoneEvent) bool { return e.Event == "listening" })

	s.do("register")
	e := s.wait("registered", func(e softphoneEvent) bool { return e.Event == "r_register" && e.Status == 200 })
	require.Equal(t, "registered", e.State)
	require.Equal(t, 3600, e.Expires)
	require.Len(t, r.Bindings(t, "alice"), 1)

	s.do("call sip:bob@lab.test")
	s.state("ready", "sendrecv")
	bare.Wait(5*time.Second, "CALL_ESTABLISHED")
	s.do("hold")
	s.state("ready", "sendonly")
	s.do("resume")
	s.state("ready", "sendrecv")
	s.do("hangup")
	s.state("terminated", "")
	bare.Wait(5*time.Second, "CALL_CLOSED")

	s.do("message sip:bob@lab.test are you there?")
	s.wait("the MESSAGE was taken", func(e softphoneEvent) bool { return e.Event == "ok" && e.Status == 200 })

	bare.Do("dial", "sip:alice@lab.test")
	s.wait("a call comes in", func(e softphoneEvent) bool { return e.Event == "incoming" })
	s.do("answer")
	s.state("ready", "sendrecv")
	bare.Do("hangup")
	s.state("terminated", "")

	s.do("quit")
	s.wait("the end", func(e softphoneEvent) bool { return e.Event == "bye" })
	require.Empty(t, r.Bindings(t, "alice"))
}
