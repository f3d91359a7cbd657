package sresolv

import (
	"cmp"
	"io"
	"slices"
	"strings"
)

func lower(s string) string { return strings.ToLower(s) }

// order puts SRV records into the order to try them: by priority, and inside
// one priority drawn by weight as RFC 2782 ("Weight") says. The slice is used
// up.
func order(in []SRV, chance io.Reader) ([]SRV, error) {
	if len(in) < 2 {
		return in, nil
	}
	// Zero weights come first, so that they have the small chance they ought to
	// have; among equals the order is drawn, since the servers' means nothing.
	for i := len(in) - 1; i > 0; i-- {
		n, err := random(chance)
		if err != nil {
			return nil, err
		}
		j := int(n % uint64(i+1))
		in[i], in[j] = in[j], in[i]
	}
	slices.SortStableFunc(in, func(a, b SRV) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(min(a.Weight, 1), min(b.Weight, 1)))
	})
	out := make([]SRV, 0, len(in))
	for len(in) > 0 {
		same := 1
		for same < len(in) && in[same].Priority == in[0].Priority {
			same++
		}
		group := in[:same]
		in = in[same:]
		for len(group) > 0 {
			var sum uint64
			for _, s := range group {
				sum += uint64(s.Weight)
			}
			n, err := random(chance)
			if err != nil {
				return nil, err
			}
			n %= sum + 1
			i := 0
			for run := uint64(group[0].Weight); run < n; run += uint64(group[i].Weight) {
				i++
			}
			out = append(out, group[i])
			group = slices.Delete(group, i, i+1)
		}
	}
	return out, nil
}
