package msg

import "github.com/gosofia/sofia/internal/scan"

// Tolerance is a set of leniencies: what the reading of header values forgives
// although the grammar does not have it. A class reads with [Tolerant] unless
// [ClassConfig].Tolerance or [Class.Reading] says otherwise; with [Strict], what
// breaks the grammar is an error to whoever decodes it.
//
// No leniency relaxes framing, the doubles of headers that stand once, control
// octets or the ranges of numbers, and none changes what is written.
type Tolerance uint32

// The leniencies.
const (
	// EmptyMembers skips empty members of a list, "a,,b", and takes a list header
	// without any value as a list of none.
	EmptyMembers Tolerance = 1 << iota
	// JoinedChallenges reads several challenges or credentials in one field, as
	// HTTP writes them (RFC 3261 section 7.3.1 forbids it).
	JoinedChallenges
	// UnquotedValues reads parameter values that are neither token, host nor
	// quoted-string, such as "a/b", "x@y" or UTF-8 text.
	UnquotedValues
	// ParameterValues reads the parameters that a header defines whatever their
	// values: a q that is no qvalue, an expires that is no number. Their accessors
	// then give the default.
	ParameterValues
	// DoubledParameters takes the first of several parameters of one name.
	DoubledParameters
	// MissingBrackets reads a URI without "<" and ">" where the grammar demands
	// them, such as in Route.
	MissingBrackets
	// DisplayNames reads an unquoted display name that holds other characters
	// than those of tokens and white space.
	DisplayNames
	// HostNames reads host names that DNS would not have: with "_", with labels
	// that begin or end in "-", of digits only.
	HostNames
	// URICharacters reads characters in a URI that should have been escaped.
	URICharacters
	// CallIDs reads any text without white space, comma and semicolon as Call-ID.
	CallIDs
	// TextOctets reads octets that are not UTF-8, and free text where the grammar
	// wants products and comments, as in Server.
	TextOctets
	// Separators reads "," between the values of Privacy, which has ";".
	Separators
	// UnknownValues reads other tokens where the grammar lists all there are, as
	// in Request-Disposition and Accept-Language.
	UnknownValues
	// MissingParameters reads values that lack a parameter they must have, such
	// as the tags of Replaces.
	MissingParameters

	allTolerance = 1<<iota - 1
)

const (
	// Strict forgives nothing.
	Strict Tolerance = 0
	// Tolerant forgives everything that a Tolerance can name.
	Tolerant Tolerance = allTolerance
)

// Has reports whether t forgives all of what u names.
func (t Tolerance) Has(u Tolerance) bool { return t&u == u }

// Reading returns a class like c that forgives only what t names. Messages of
// the two are of different classes: the one a message was parsed with decides
// how its headers are read.
func (c *Class) Reading(t Tolerance) *Class {
	d := *c
	d.strict = ^t & Tolerant
	return &d
}

// Tolerance returns what the class forgives.
func (c *Class) Tolerance() Tolerance { return ^c.strict & Tolerant }

// valid checks one value that was decoded, s without what follows it, against
// the grammar as far as the class does not forgive.
func (m *Message) valid(id ID, s, rest string) error {
	t := m.class.Tolerance()
	if isAuth(id) && rest != "" && !t.Has(JoinedChallenges) {
		return ErrTrailing
	}
	info, ok := m.class.Info(id)
	if !ok || info.Valid == nil {
		return nil
	}
	return info.Valid(scan.Trim(s[:len(s)-len(rest)]), t)
}

// rule returns what checks values of the header with the given ID, nil if
// nothing does.
func (c *Class) rule(id ID) func(string, Tolerance) error {
	if id == 0 || int(id) >= len(c.byID) || c.byID[id] == 0 {
		return nil
	}
	return c.infos[c.byID[id]-1].Valid
}
