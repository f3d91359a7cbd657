package sdp

import (
	"errors"
	"strconv"
)

// ErrLimit is matched, by errors.Is, by the errors that Parse returns because
// a limit of the [Parser] was passed. Raise the field that the message names
// if such descriptions are expected.
var ErrLimit = errors.New("limit passed")

// SyntaxError is the error of [Parse] and [Parser.Parse]: where the text
// leaves the grammar of RFC 8866 section 9, and which rule it breaks.
type SyntaxError struct {
	Line   int    // number of the line, from 1
	Column int    // byte within the line, from 1
	Rule   string // rule of RFC 8866 section 9, such as "media-field" or "port"
	Err    error  // what is wrong
}

// Error returns a message with line, column, rule and reason.
func (e *SyntaxError) Error() string {
	b := append([]byte(nil), "sdp: line "...)
	b = strconv.AppendInt(b, int64(e.Line), 10)
	b = append(b, ", column "...)
	b = strconv.AppendInt(b, int64(e.Column), 10)
	b = append(b, ": "...)
	b = append(b, e.Rule...)
	if e.Err != nil {
		b = append(b, ": "...)
		b = append(b, e.Err.Error()...)
	}
	return string(b)
}

// Unwrap returns Err.
func (e *SyntaxError) Unwrap() error { return e.Err }

// FieldError is the error of [Description.AppendText]: a field holds a value
// that cannot be written as SDP. Correct the field and print again.
type FieldError struct {
	Field string // the field, such as "Media[1].Proto"
	Value string // what it holds
	Rule  string // what it must be, a rule of RFC 8866 section 9
}

// Error returns a message that names the field, its value and the rule.
func (e *FieldError) Error() string {
	return "sdp: " + e.Field + " is " + strconv.Quote(e.Value) + ", but must be a " + e.Rule
}
