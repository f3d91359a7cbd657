package nta

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var drawMachines = flag.Bool("draw", false, "write the machines into docs/nta.md")

var inputNames = [inputs]string{
	inStart: "start", inRepeat: "repeat timer", inEnd: "end timer", inTrying: "100", inProgress: "101-199",
	inSuccess: "2xx", inFailure: "300-699", inRequest: "request again", inAck: "ACK", inCancel: "CANCEL sent",
	inTransport: "transport failed", inForward: "2xx relayed",
}

// draw is a machine as a state diagram, each arrow what step makes of one input.
func draw(title string, states []string, step func(state int, in input) (int, effect)) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n```mermaid\nstateDiagram-v2\n    [*] --> %s\n", title, states[0])
	for from := range states {
		for in := range inputs {
			to, e := step(from, in)
			if to == from && e == (effect{}) {
				continue
			}
			label := inputNames[in]
			if does := effects(e); does != "" {
				label += " / " + does
			}
			fmt.Fprintf(&b, "    %s --> %s: %s\n", states[from], states[to], label)
		}
	}
	fmt.Fprintf(&b, "    %s --> [*]\n```\n\n", states[len(states)-1])
	return b.String()
}

func effects(e effect) string {
	var does []string
	for _, a := range []struct {
		act  act
		name string
	}{
		{actSend, "send"}, {actAck, "send ACK"}, {actPass, "tell user"}, {actTrying, "send 100"}, {actTimeout, "timed out"},
		{actNoAck, "no ACK"}, {actFail, "failed"}, {actCancel, "cancel"},
	} {
		if e.do.has(a.act) {
			does = append(does, a.name)
		}
	}
	if e.repeat > 0 {
		does = append(does, "repeat in "+e.repeat.String())
	}
	if e.end > 0 {
		does = append(does, "end in "+e.end.String())
	}
	return strings.Join(does, ", ")
}

// machines draws all four, over UDP with the default timers.
func machines() string {
	tm := *(Timers{}).must().timing(false)
	return draw("INVITE client", []string{"Idle", "Calling", "Proceeding", "Accepted", "Completed", "Terminated"},
		func(state int, in input) (int, effect) {
			m := clientInvite{state: clientInviteState(state), interval: tm.t1}
			e := m.step(in, tm)
			return int(m.state), e
		}) +
		draw("Non-INVITE client", []string{"Idle", "Trying", "Proceeding", "Completed", "Terminated"},
			func(state int, in input) (int, effect) {
				m := clientRequest{state: clientRequestState(state), interval: tm.t1}
				e := m.step(in, tm)
				return int(m.state), e
			}) +
		draw("INVITE server", []string{"Idle", "Proceeding", "Accepted", "Completed", "Confirmed", "Terminated"},
			func(state int, in input) (int, effect) {
				m := serverInvite{state: serverInviteState(state), interval: tm.t1}
				e := m.step(in, tm)
				return int(m.state), e
			}) +
		draw("Non-INVITE server", []string{"Idle", "Trying", "Proceeding", "Completed", "Terminated"},
			func(state int, in input) (int, effect) {
				m := serverRequest{state: serverRequestState(state)}
				e := m.step(in, tm)
				return int(m.state), e
			})
}

func (t Timers) must() Timers {
	t, err := t.resolve()
	if err != nil {
		panic(err)
	}
	return t
}

// docs/nta.md shows the machines as they are: go test ./nta -run Drawn -draw.
func TestMachinesAreDrawnAsTheyAre(t *testing.T) {
	const page, begin, end = "../docs/nta.md", "<!-- machines -->\n", "<!-- end of machines -->\n"
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(text), begin)
	require.True(t, ok)
	drawn, after, ok := strings.Cut(rest, end)
	require.True(t, ok)
	if *drawMachines {
		require.NoError(t, os.WriteFile(page, []byte(before+begin+machines()+end+after), 0o644))
		return
	}
	require.Equal(t, machines(), drawn, "draw them anew: go test ./nta -run Drawn -draw")
}
