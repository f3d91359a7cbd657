package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseCommand(t *testing.T) {
	for _, tt := range []struct {
		line string
		want command
	}{
		{"register", command{verb: "register"}},
		{"  HANGUP  ", command{verb: "hangup"}},
		{"call sip:bob@lab.test", command{verb: "call", uri: "sip:bob@lab.test"}},
		{"message sip:bob@lab.test hello,  there", command{verb: "message", uri: "sip:bob@lab.test", text: "hello,  there"}},
		{"reject 486", command{verb: "reject", code: 486}},
	} {
		got, err := parseCommand(tt.line)
		require.NoError(t, err, tt.line)
		require.Equal(t, tt.want, got, tt.line)
	}
}

func TestParseCommandSaysWhatIsWrong(t *testing.T) {
	for line, want := range map[string]string{
		"dial sip:x":        `unknown command "dial": type help`,
		"call":              "usage: call URI",
		"call a b":          "usage: call URI",
		"message sip:b@x":   "usage: message URI TEXT",
		"reject":            "300 to 699",
		"reject 200":        "300 to 699",
		"reject no":         "300 to 699",
		"answer now please": "answer takes no argument",
	} {
		_, err := parseCommand(line)
		require.ErrorContains(t, err, want, line)
		require.NotContains(t, err.Error(), "\n", "one line")
	}
}

func TestHelpNamesEveryCommand(t *testing.T) {
	text := helpText()
	for verb := range commands() {
		require.True(t, strings.Contains(text, "  "+verb), verb)
	}
}
