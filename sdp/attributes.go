package sdp

import (
	"iter"
	"slices"
)

// Attribute is an a= line (RFC 8866 section 5.13). A property attribute, such
// as "a=recvonly", has an empty Value.
type Attribute struct {
	Name  string // case-sensitive
	Value string // what follows the colon, unchanged
}

// Attributes is the ordered list of the a= lines of a session or of a media
// section. The zero value is an empty list.
type Attributes []Attribute

// Get returns the value of the first attribute of that name, and whether
// there is one.
func (a Attributes) Get(name string) (string, bool) {
	for i := range a {
		if a[i].Name == name {
			return a[i].Value, true
		}
	}
	return "", false
}

// Has reports whether there is an attribute of that name.
func (a Attributes) Has(name string) bool {
	_, ok := a.Get(name)
	return ok
}

// All returns the values of all attributes of that name, in order.
func (a Attributes) All(name string) iter.Seq[string] {
	return func(yield func(string) bool) { a.all(name, yield) }
}

func (a Attributes) all(name string, yield func(string) bool) {
	for i := range a {
		if a[i].Name == name && !yield(a[i].Value) {
			return
		}
	}
}

// Set gives the first attribute of that name the value and removes the others
// of the name. If there is none, it is added at the end.
func (a *Attributes) Set(name, value string) {
	i := slices.IndexFunc(*a, func(x Attribute) bool { return x.Name == name })
	if i < 0 {
		a.Add(name, value)
		return
	}
	(*a)[i].Value = value
	head, tail := (*a)[:i+1], (*a)[i+1:]
	*a = append(head, slices.DeleteFunc(tail, func(x Attribute) bool { return x.Name == name })...)
}

// Add adds an attribute at the end.
func (a *Attributes) Add(name, value string) {
	*a = append(*a, Attribute{Name: name, Value: value})
}

// Del removes all attributes of that name.
func (a *Attributes) Del(name string) {
	*a = slices.DeleteFunc(*a, func(x Attribute) bool { return x.Name == name })
}
