package main

import (
	"encoding"
	"fmt"
	"iter"
	"reflect"
	"strconv"
	"time"
)

func itoa(n int) string { return strconv.Itoa(n) }

// node is a value with what it is made of, in order.
type node struct {
	name     string
	value    string // what it is as a whole, "" if the children tell
	children []node
	list     bool // the children are values of one kind, and their names numbers
}

// tree takes a typed value apart: exported fields that are not zero, parameters,
// lists.
func tree(name string, v any) node { return walk(name, reflect.ValueOf(v), 0) }

const maxDepth = 8

// all is what parameter lists have.
type all interface {
	All() iter.Seq2[string, string]
}

func walk(name string, v reflect.Value, depth int) node {
	n := node{name: name}
	if !v.IsValid() || depth > maxDepth {
		return n
	}
	if v.CanInterface() {
		switch x := v.Interface().(type) {
		case all:
			for k, p := range x.All() {
				n.children = append(n.children, node{name: k, value: p})
			}
			if len(n.children) == 0 {
				n.value = fmt.Sprint(v)
			}
			return n
		case time.Time:
			n.value = x.UTC().Format(time.RFC3339)
			return n
		}
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return walk(name, v.Elem(), depth)
	case reflect.Struct:
		zero := v.IsZero() // then its fields are all there is to tell
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if !f.IsExported() || v.Field(i).IsZero() && !zero {
				continue
			}
			c := walk(f.Name, v.Field(i), depth+1)
			if f.Anonymous && len(c.children) > 0 {
				n.children = append(n.children, c.children...)
				continue
			}
			n.children = append(n.children, c)
		}
		if v.CanInterface() {
			n.value = whole(v.Interface())
		}
	case reflect.Slice, reflect.Array:
		n.list = true
		for i := range v.Len() {
			n.children = append(n.children, walk(itoa(i+1), v.Index(i), depth+1))
		}
	default:
		n.value = fmt.Sprint(v)
	}
	return n
}

// whole is the text of a value, "" if it has none of its own.
func whole(v any) string {
	switch x := v.(type) {
	case encoding.TextAppender:
		b, err := x.AppendText(nil)
		if err != nil {
			return ""
		}
		return string(b)
	case fmt.Stringer:
		return x.String()
	}
	return ""
}

// plain makes of a node what encoding/json writes: a string, a list or an
// object.
func (n node) plain() any {
	if len(n.children) == 0 {
		return n.value
	}
	if n.list {
		list := make([]any, len(n.children))
		for i, c := range n.children {
			list[i] = c.plain()
		}
		return list
	}
	object := map[string]any{}
	if n.value != "" {
		object["text"] = n.value
	}
	for _, c := range n.children {
		if _, twice := object[c.name]; !twice {
			object[c.name] = c.plain()
		}
	}
	return object
}
