package sresolv

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// Lookup asks for the records of one type. A name with fewer than Config.Ndots
// dots and no final one is tried in the domains of the search list first. For
// addresses the hosts file goes before the DNS. Aliases are followed, but for
// TypeCNAME and TypeANY. NAPTR records come by order and preference, SRV records
// by priority, others as the server gave them; the slice is the caller's.
//
// The error is an [*Error] with ErrNotFound or ErrNoData for what is not there,
// ErrBadTarget for what is no name, or why nobody could say. ctx bounds the wait
// and not the look-up. Where functions of the user's take the place of name
// servers, only A, AAAA, SRV and NAPTR can be asked for.
func (r *Resolver) Lookup(ctx context.Context, name string, t Type) ([]Record, error) {
	name = strings.ToLower(name)
	if !validName(strings.TrimSuffix(name, ".")) {
		return nil, &Error{Name: name, Err: ErrBadTarget}
	}
	var err error
	for _, n := range r.candidatesFor(name) {
		var a answer
		if a, err = r.one(ctx, question{n, t}); err == nil {
			return slices.Clone(a.records), nil
		}
		if !errors.Is(err, ErrNotFound) {
			break
		}
	}
	return nil, &Error{Name: name, Err: err}
}

// LookupAddr returns the names that an address has (PTR records), without final
// dots. Errors are those of [Resolver.Lookup].
func (r *Resolver) LookupAddr(ctx context.Context, addr netip.Addr) ([]string, error) {
	name, err := dns.ReverseAddr(addr.Unmap().WithZone("").String())
	if err != nil {
		return nil, &Error{Name: addr.String(), Err: ErrBadTarget}
	}
	a, err := r.one(ctx, question{canonical(name), TypePTR})
	if err != nil {
		return nil, &Error{Name: addr.String(), Err: err}
	}
	var out []string
	for _, rec := range a.records {
		out = append(out, rec.Target)
	}
	return out, nil
}

func (r *Resolver) candidatesFor(name string) []string {
	if r.cfg.own() {
		return []string{strings.TrimSuffix(name, ".")}
	}
	c := r.setting()
	return c.candidates(name)
}

// one has one question answered, from the cache or by a look-up.
func (r *Resolver) one(ctx context.Context, q question) (answer, error) {
	if r.cfg.own() && (q.typ == TypeA || q.typ == TypeAAAA) && r.cfg.LookupNetIP != nil {
		a, err := r.one(ctx, question{q.name, typeAddr})
		return a.only(q.typ), cmpErr(err, a.only(q.typ).err)
	}
	if r.cfg.lacks(q.typ) {
		return answer{}, ErrNotFound
	}
	a, ok := r.peek(q)
	if !ok {
		l, err := r.ask(q)
		if err != nil {
			return answer{}, err
		}
		select {
		case <-l.done:
			a = l.answer
		case <-ctx.Done():
			return answer{}, context.Cause(ctx)
		}
	}
	return a, a.err
}

// only keeps the addresses of one family.
func (a answer) only(t Type) answer {
	out := answer{name: a.name}
	for _, rec := range a.records {
		if rec.Addr = rec.Addr.Unmap(); rec.Addr.Is4() == (t == TypeA) {
			rec.Type = t
			out.records = append(out.records, rec)
		}
	}
	if len(out.records) == 0 {
		out.err = ErrNoData
	}
	return out
}

func cmpErr(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
