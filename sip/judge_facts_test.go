package sip_test

import (
	"fmt"
	"iter"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

// get is Header.Get without its type.
func get[T any, C msg.Codec[T]](h msg.Header[T, C]) (msg.ID, func(msg.Source) error) {
	return h.ID(), func(m msg.Source) error {
		_, _, err := h.Get(m)
		return err
	}
}

// typed are the getters, made once.
var typed = sync.OnceValue(getters)

// getters are Get of the headers of RFC 3261, and of some that decide about
// dialogs, by ID.
func getters() map[msg.ID]func(msg.Source) error {
	all := map[msg.ID]func(msg.Source) error{}
	add := func(id msg.ID, f func(msg.Source) error) { all[id] = f }
	add(get(sip.Via))
	add(get(sip.From))
	add(get(sip.To))
	add(get(sip.Contact))
	add(get(sip.Route))
	add(get(sip.RecordRoute))
	add(get(sip.ReplyTo))
	add(get(sip.CSeq))
	add(get(sip.CallID))
	add(get(sip.InReplyTo))
	add(get(sip.Timestamp))
	add(get(sip.MaxForwards))
	add(get(sip.Expires))
	add(get(sip.MinExpires))
	add(get(sip.Date))
	add(get(sip.RetryAfter))
	add(get(sip.Warning))
	add(get(sip.ContentLength))
	add(get(sip.ContentType))
	add(get(sip.ContentEncoding))
	add(get(sip.ContentLanguage))
	add(get(sip.ContentDisposition))
	add(get(sip.MIMEVersion))
	add(get(sip.Accept))
	add(get(sip.AcceptEncoding))
	add(get(sip.AcceptLanguage))
	add(get(sip.AlertInfo))
	add(get(sip.CallInfo))
	add(get(sip.ErrorInfo))
	add(get(sip.Allow))
	add(get(sip.Supported))
	add(get(sip.Require))
	add(get(sip.ProxyRequire))
	add(get(sip.Unsupported))
	add(get(sip.Server))
	add(get(sip.UserAgent))
	add(get(sip.Subject))
	add(get(sip.Organization))
	add(get(sip.Priority))
	add(get(sip.WWWAuthenticate))
	add(get(sip.ProxyAuthenticate))
	add(get(sip.Authorization))
	add(get(sip.ProxyAuthorization))
	add(get(sip.AuthenticationInfo))
	add(get(sip.Event))
	add(get(sip.SubscriptionState))
	add(get(sip.ReferTo))
	add(get(sip.ReferredBy))
	add(get(sip.Replaces))
	add(get(sip.RSeq))
	add(get(sip.RAck))
	add(get(sip.SessionExpires))
	add(get(sip.MinSE))
	add(get(sip.Privacy))
	return all
}

// headerError is the first error of who reads all values of one header.
func headerError(m *msg.Message, name string) error {
	id := m.Class().Lookup(name)
	if id == 0 {
		return nil
	}
	for _, err := range sip.Decode(m, id) {
		if err != nil {
			return err
		}
	}
	if f, ok := typed()[id]; ok {
		return f(m)
	}
	return nil
}

// startError is the error of who reads the Request-URI.
func startError(m *msg.Message) error {
	if r, ok := sip.AsRequest(m); ok {
		_, err := r.URI()
		return err
	}
	return nil
}

// messageError is the first error of who reads all of a message.
func messageError(m *msg.Message) error {
	if err := startError(m); err != nil {
		return err
	}
	var seen [512]bool
	for f := range m.Fields() {
		if f.ID == 0 || seen[f.ID] {
			continue
		}
		seen[f.ID] = true
		if err := headerError(m, f.Name); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return nil
}

// factOf finds a fact of a message: "method", "uri.user", "body", or
// "Contact/2/user" for the second value of a header, "Contact/n" for their
// number. Headers without a type have "v" only, one for each field.
func factOf(m *msg.Message, key string) (string, bool) {
	switch key {
	case "method":
		return m.Method(), m.IsRequest()
	case "status":
		return strconv.Itoa(m.Status()), !m.IsRequest()
	case "phrase":
		return m.Phrase(), !m.IsRequest()
	case "version":
		return m.Version(), true
	case "body":
		return m.Body(), true
	case "bodylen":
		return strconv.Itoa(len(m.Body())), true
	case "fields":
		n := 0
		for range m.Fields() {
			n++
		}
		return strconv.Itoa(n), true
	}
	if part, ok := strings.CutPrefix(key, "uri."); ok {
		r, _ := sip.AsRequest(m)
		u, err := r.URI()
		if err != nil {
			return err.Error(), false
		}
		have := map[string]string{}
		flattenURI(have, u)
		v, ok := have[part]
		return v, ok
	}
	name, rest, _ := strings.Cut(key, "/")
	var values []map[string]string
	id := m.Class().Lookup(name)
	for v, err := range sip.Decode(m, id) {
		if err == nil {
			values = append(values, flatten(v))
		}
	}
	if id == 0 {
		for v := range m.Values(name) {
			values = append(values, map[string]string{"v": v})
		}
	}
	if rest == "n" {
		return strconv.Itoa(len(values)), true
	}
	index, part, ok := strings.Cut(rest, "/")
	if !ok {
		index, part = "1", rest
	}
	i, err := strconv.Atoi(index)
	if err != nil || i < 1 || i > len(values) {
		return "", false
	}
	v, ok := values[i-1][part]
	return v, ok
}

// flatten takes a value apart: the exported fields by their names in lower
// case, "p.x" the parameter x, "v" what has no parts.
func flatten(v any) map[string]string {
	have := map[string]string{}
	switch v := v.(type) {
	case time.Time:
		have["v"] = v.UTC().Format(time.RFC3339)
		return have
	case sip.URI:
		flattenURI(have, v)
		return have
	case sip.NameAddr:
		have["star"] = strconv.FormatBool(v.Star())
		have["tag"] = v.Tag()
		have["q"] = strconv.Itoa(v.Q())
		if n, ok := v.Expires(); ok {
			have["expires"] = strconv.FormatUint(uint64(n), 10)
		}
	case sip.ViaParm:
		have["branch"] = v.Branch()
		have["received"] = v.Received()
		have["maddr"] = v.Maddr()
		if n, ok := v.TTL(); ok {
			have["ttl"] = strconv.Itoa(int(n))
		}
	}
	if q, ok := v.(interface{ Q() int }); ok {
		have["q"] = strconv.Itoa(q.Q())
	}
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Struct {
		have["v"] = fmt.Sprint(v)
		return have
	}
	for i := range rv.NumField() {
		f := rv.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		switch part := rv.Field(i).Interface().(type) {
		case sip.URI:
			flattenURI(have, part)
		case interface {
			All() iter.Seq2[string, string]
		}:
			for name, value := range part.All() {
				have["p."+strings.ToLower(name)] = value
			}
		default:
			have[strings.ToLower(f.Name)] = fmt.Sprint(part)
		}
	}
	return have
}

// flattenURI adds the parts of a URI: "u.x" is the parameter x, "h.x" the
// header x, "duser" the user without escapes.
func flattenURI(have map[string]string, u sip.URI) {
	have["scheme"], have["user"], have["password"] = u.Scheme, u.User, u.Password
	have["host"], have["opaque"] = u.Host, u.Opaque
	have["port"] = strconv.Itoa(int(u.Port))
	have["duser"], have["dpassword"] = u.UserInfo()
	for name, value := range u.AllParams() {
		have["u."+strings.ToLower(name)] = value
	}
	for name, value := range u.AllHeaders() {
		have["h."+strings.ToLower(name)] = value
	}
}
