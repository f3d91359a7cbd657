package http

import (
	"iter"
	"net/url"
	"strings"
)

// Query is the query component of a URI as it stands in it, without the "?":
// "a=1&b=%20" in the form of HTML (application/x-www-form-urlencoded).
type Query string

// Target splits a request target of origin-form or absolute-form into what is
// before the "?" and the query.
func Target(target string) (path string, query Query) {
	path, q, _ := strings.Cut(target, "?")
	return path, Query(q)
}

// Get returns the first value of that name, decoded.
func (q Query) Get(name string) (value string, ok bool) {
	for n, v := range q.All() {
		if n == name {
			return v, true
		}
	}
	return "", false
}

// All yields names and values in order, decoded: "+" is a space. What is not
// escaped as it should be is yielded as it stands.
func (q Query) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for part := range strings.SplitSeq(string(q), "&") {
			name, value, _ := strings.Cut(part, "=")
			if part != "" && !yield(unescape(name), unescape(value)) {
				return
			}
		}
	}
}

func unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	if t, err := url.QueryUnescape(s); err == nil {
		return t
	}
	return s
}

// With returns q with one more pair, escaped.
func (q Query) With(name, value string) Query {
	if q != "" {
		q += "&"
	}
	return q + Query(url.QueryEscape(name)+"="+url.QueryEscape(value))
}
