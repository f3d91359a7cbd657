package sresolv

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sresolv/dnstest"
)

// TestENUM: every number of the zone as its comments say (RFC 6116, RFC 3824).
func TestENUM(t *testing.T) {
	for _, c := range []struct {
		number   string
		services []string
		want     []string // "services uri"
		err      error
	}{
		{"+12125550101", []string{"sip"}, []string{"sip sip:alice@lab.test"}, nil},
		{"+1 (212) 555-0101", nil, []string{"sip sip:alice@lab.test", "email:mailto mailto:alice@lab.test"}, nil},
		{"+1.212.555.0101", []string{"EMAIL"}, []string{"email:mailto mailto:alice@lab.test"}, nil},
		{"+12125550102", []string{"sip"}, []string{"sip sip:ext-5550102@lab.test;user=phone"}, nil},
		{"+12125550103", []string{"sip", "sips"}, []string{"sip sip:carol@lab.test", "sips sips:carol@lab.test"}, nil},
		{"+12125550103", []string{"sips"}, []string{"sips sips:carol@lab.test"}, nil},
		{"+12125550104", []string{"sip"}, []string{"sip sip:bob@lab.test"}, nil},
		{"+12125550105", nil, []string{"voice:sip sip sip:bob@lab.test"}, nil},
		{"+12125550105", []string{"sip"}, []string{"sip sip:bob@lab.test"}, nil},
		{"+12125550105", []string{"voice"}, []string{"voice:sip sip:bob@lab.test"}, nil},
		{"+12125550106", []string{"sip"}, []string{"sip sip:dave@lab.test"}, nil},
		{"+12125550107", []string{"sip"}, []string{"sip sip:alice@lab.test"}, nil},
		{"+12125550108", []string{"sip"}, nil, ErrNotFound},
		{"+12125550109", []string{"sip"}, nil, ErrNotFound},
		{"+12125550109", []string{"pres", "im:sip"}, []string{"pres pres:alice@lab.test", "im:sip im:alice@lab.test"}, nil},
		{"+12125550242", []string{"sip"}, []string{"sip sip:+12125550242@lab.test"}, nil},
		{"+12025332600", []string{"sip"}, []string{"sip sip:user@example.com"}, nil},
		{"+4930123456", []string{"sip"}, nil, ErrNotFound},
		{"12125550101", nil, nil, ErrBadNumber},
		{"+", nil, nil, ErrBadNumber},
		{"+1212555010x", nil, nil, ErrBadNumber},
		{"+1234567890123456", nil, nil, ErrBadNumber},
	} {
		t.Run(c.number+" "+strings.Join(c.services, ","), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Config{}, file(t, "e164.zone"))
				got, err := w.LookupENUM(t.Context(), c.number, c.services...)
				require.ErrorIs(t, err, c.err)
				var list []string
				for _, e := range got {
					list = append(list, strings.Join(e.Services, " ")+" "+e.URI)
				}
				require.Equal(t, c.want, list)
				require.Equal(t, c.err == ErrBadNumber, len(w.server.Queries()) == 0)
			})
		})
	}
}

// TestENUMLoop: non-terminal records that go round, fan out or fail end.
func TestENUMLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zone := "$ORIGIN enum.test.\n$TTL 60\n@ SOA ns host 1 3600 600 86400 30\n"
		zone += "9.9 NAPTR 1 1 \"\" \"\" \"\" n0\nn0 NAPTR 1 1 \"\" \"\" \"\" 9.9\n"
		zone += "8.9 NAPTR 1 1 \"\" \"\" \"\" s\n"
		for i := range 20 {
			zone += fmt.Sprintf("7.9 NAPTR 1 %d \"\" \"\" \"\" w%d\nw%d NAPTR 1 1 \"\" \"\" \"\" v%d\n", i, i, i, i)
		}
		w := newWorld(t, Config{ENUMSuffix: "Enum.Test."}, zone)
		w.server.Script(dnstest.Rule{Name: "s.enum.test", Rcode: "SERVFAIL"})
		for number, want := range map[string]error{"+99": ErrNotFound, "+98": ErrServers, "+97": ErrNotFound} {
			w.server.Reset()
			if number == "+98" {
				w.server.Script(dnstest.Rule{Name: "s.enum.test", Rcode: "SERVFAIL"})
			}
			_, err := w.LookupENUM(t.Context(), number)
			require.ErrorIs(t, err, want, number)
			require.LessOrEqual(t, len(w.server.Queries()), DefaultMaxQueries)
		}
	})
}

// TestRewrite: substitution expressions of RFC 3402 section 3.2.
func TestRewrite(t *testing.T) {
	const aus = "+441632960083"
	for expr, want := range map[string]string{
		`!^.*$!sip:a@b!`:                      "sip:a@b",
		`!^\+44(.*)$!sip:\1@b!`:               "sip:1632960083@b",
		`!^(\+44)(1632)(.*)$!sip:\3.\2@b!`:    "sip:960083.1632@b",
		`/^.*$/sip:a@b/`:                      "sip:a@b",
		`/^.*$/sip:a\/b@c/`:                   "sip:a/b@c",
		`!^.*$!sip:A@b!i`:                     "sip:A@b",
		`!^.*$!sip:a\\b@c!`:                   `sip:a\b@c`,
		`!^\+(44|4416)([0-9]*)$!sip:\2@b!`:    "sip:1632960083@b",
		`!^(a)?.*$!sip:x\1@b!`:                "sip:x@b",
		`!^\+[[:digit:]]{12}$!sip:n@b!`:       "sip:n@b",
		`!^\+44.*$!sip:b@c!`:                  "sip:b@c",
		`!^(.*)$!sip:\2@b!`:                   "", // no such group
		`!^\+1.*$!sip:a@b!`:                   "", // no match
		`!^.*$!sip:a@b`:                       "", // no last delimiter
		`!^.*$!sip:a@b!g`:                     "", // unknown flag
		`!^.*$!sip:a b!`:                      "", // no URI
		"!^.*$!sip:a\r\nb!":                   "",
		`!^.*$!nothing!`:                      "",
		`1^.*$1sip:a@b1`:                      "", // a digit is no delimiter
		`!(!sip:a@b!`:                         "", // bad expression
		`!^(?:x)$!sip:a@b!`:                   "", // not POSIX
		`!!!`:                                 "",
		``:                                    "",
		`!^.*$!sip:\q@b!`:                     "",
		`!^((((((((((.*))))))))))$!sip:\9@b!`: "sip:+441632960083@b",
		`!^((x+x+)+y|.*)$!sip:ok@b!`:          "sip:ok@b", // slow elsewhere
		`!^` + strings.Repeat("(x*)*", 40) + `.*$!sip:ok@b!`: "sip:ok@b",
		`!^.{1001}$!sip:a@b!`:                                "",
		`!44!sip:!`:                                          "", // +sip:1632960083 is no URI of a scheme
	} {
		got, ok := rewrite(expr, aus)
		if want == "" && expr == `!44!sip:!` {
			require.Equal(t, "+sip:1632960083", got, "what did not match stays")
			continue
		}
		require.Equal(t, want != "", ok, expr)
		if ok {
			require.Equal(t, want, got, expr)
		}
	}
}
