package sip

import (
	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// The grammar of the authentication headers, as the strict reading wants it.

// authParams reads a list of parameters to the end of the value.
//
//	auth-param *(COMMA auth-param);  auth-param = token EQUAL ( token / quoted-string )
func authParams(own ...par) rule {
	return func(g gram, i int) int {
		for {
			if g.t.Has(msg.EmptyMembers) {
				for g.at(i, ',') {
					i = g.sws(i + 1)
				}
			}
			end := token(g, i)
			if end == fail {
				return fail
			}
			eq := g.sep(end, '=')
			if eq == fail {
				return fail
			}
			r := rule(tokenOrQuoted)
			if g.t.Has(msg.UnquotedValues) {
				r = genValue
			}
			for _, p := range own {
				if scan.EqualFold(p.name, g.s[i:end]) && !g.t.Has(msg.ParameterValues) {
					r = p.value
				}
			}
			if i = r(g, eq); i == fail {
				return fail
			}
			next := g.sep(i, ',')
			if next == fail {
				return g.sws(i)
			}
			i = next
		}
	}
}

// schemeWith reads what begins credentials and challenges, then the parameters
// of digest, or of others a list of parameters or what bare reads.
func schemeWith(digest, bare rule) rule {
	return func(g gram, i int) int {
		end := token(g, i)
		if end == fail {
			return fail
		}
		at := lws(g, end)
		if at == fail {
			return fail
		}
		if scan.EqualFold(g.s[i:end], "Digest") {
			return digest(g, at)
		}
		if end := authParams()(g, at); end != fail {
			return end
		}
		return bare(g, at)
	}
}

func never(gram, int) int { return fail }

// token68 is a bearer token (RFC 8898 section 2).
func token68(g gram, i int) int {
	end := i
	for end < len(g.s) && (isSignature(g.s[end]) && g.s[end] != '=' || g.s[end] == '~') {
		end++
	}
	if end == i {
		return fail
	}
	for g.at(end, '=') {
		end++
	}
	return end
}

// qopList = LDQUOT qop-value *("," qop-value) RDQUOT
func qopList(g gram, i int) int {
	for {
		if i = token(g, g.sws(i)); i == fail {
			return fail
		}
		if i = g.sws(i); !g.at(i, ',') {
			return i
		}
		i++
	}
}

var (
	flag = words("true", "false")

	challenge = schemeWith(authParams(
		par{"realm", quoted, false}, par{"domain", quoted, false}, par{"nonce", quoted, false}, par{"opaque", quoted, false},
		par{"stale", flag, false}, par{"algorithm", token, false}, par{"qop", quotedRule(qopList), false},
		par{"charset", token, false}, par{"userhash", flag, false}, // RFC 7616 section 3.3
	), never)

	// The digest has any length since RFC 8760 section 2.7.
	credentials = schemeWith(authParams(
		par{"username", quoted, false}, par{"realm", quoted, false}, par{"nonce", quoted, false}, par{"uri", quotedRule(digestURI), false},
		par{"response", quotedRule(hexLower()), false}, par{"algorithm", token, false}, par{"cnonce", quoted, false},
		par{"opaque", quoted, false}, par{"qop", token, false}, par{"nc", hexLower(8), false}, par{"userhash", flag, false},
	), token68)

	authInfo = authParams(
		par{"nextnonce", quoted, false}, par{"qop", token, false}, par{"rspauth", quotedRule(hexLower()), false},
		par{"cnonce", quoted, false}, par{"nc", hexLower(8), false},
	)
)

// digestURI is a Request-URI: text without white space.
func digestURI(g gram, i int) int {
	for j := i; j < len(g.s); j++ {
		if scan.IsSpace(g.s[j]) {
			return fail
		}
	}
	if i == len(g.s) {
		return fail
	}
	return len(g.s)
}
