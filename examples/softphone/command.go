package main

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// A command is one line of standard input, checked: the phone never sees a
// line that it cannot carry out.
type command struct {
	verb string
	uri  string // call, message, options
	text string // message
	code int    // reject
}

// usage is a command's synopsis and what it does.
type usage struct{ synopsis, help string }

// commands is the whole language of the phone.
func commands() map[string]usage {
	return map[string]usage{
		"register":   {"register", "register the identity at the registrar and keep it registered"},
		"unregister": {"unregister", "remove the registration"},
		"call":       {"call URI", "call URI"},
		"answer":     {"answer", "answer the call that rings"},
		"reject":     {"reject CODE", "refuse the call that rings, with a status of 300 to 699"},
		"cancel":     {"cancel", "give up the call that is being made"},
		"hold":       {"hold", "put the other side on hold"},
		"resume":     {"resume", "take the other side off hold"},
		"message":    {"message URI TEXT", "send TEXT to URI"},
		"options":    {"options URI", "ask URI what it can do"},
		"hangup":     {"hangup", "end the call, whatever its state"},
		"status":     {"status", "say what is going on"},
		"help":       {"help", "list the commands"},
		"quit":       {"quit", "end calls and registration, and leave"},
	}
}

// parseCommand reads one line. Its errors are one clear line for a person:
// what is wrong, and what to type instead.
func parseCommand(line string) (command, error) {
	verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	rest = strings.TrimSpace(rest)
	verb = strings.ToLower(verb)
	c := command{verb: verb}
	use, known := commands()[verb]
	if !known {
		return c, fmt.Errorf("unknown command %.40q: type help for the list", verb)
	}
	wrong := func(why string) (command, error) {
		return c, fmt.Errorf("%s: usage: %s", why, use.synopsis)
	}
	switch verb {
	case "call", "options":
		if rest == "" {
			return wrong("whom? the URI is missing")
		}
		if strings.ContainsAny(rest, " \t") {
			return wrong("one URI, without spaces")
		}
		c.uri = rest
	case "message":
		c.uri, c.text, _ = strings.Cut(rest, " ")
		c.text = strings.TrimSpace(c.text)
		if c.uri == "" || c.text == "" {
			return wrong("a URI and a text are needed")
		}
	case "reject":
		code, err := strconv.Atoi(rest)
		if err != nil || code < 300 || code > 699 {
			return wrong("the code must be a number from 300 to 699")
		}
		c.code = code
	default:
		if rest != "" {
			return wrong(verb + " takes no argument")
		}
	}
	return c, nil
}

// helpText lists the commands, one a line.
func helpText() string {
	var lines []string
	for _, u := range commands() {
		lines = append(lines, fmt.Sprintf("  %-18s %s", u.synopsis, u.help))
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}
