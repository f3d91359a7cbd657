package sofia_test

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

const module = "github.com/gosofia/sofia"

// public stands for every package that users can import.
const public = "(anything public)"

// An edge list says what a package, or all packages a pattern matches, may
// import of this module in files that are not tests. A pattern ends in "/*"
// for one level or "/..." for a folder and all below it.
type edges struct {
	pkg string
	may []string
}

// nta lists what nta may import; the packages on top of it may do so too.
var nta = []string{"tport", "sip", "msg", "sresolv"}

// lattice is the house's load-bearing wall: the first row that matches a
// package holds for it. internal/... is understood everywhere but in simnet.
var lattice = []edges{
	{".", nil},
	{"msg", nil},
	{"sdp", nil},
	{"sresolv", nil},
	{"sresolv/dnstest", nil},
	{"stun", nil},
	{"tport/simnet", nil},
	{"msg/auth", []string{"msg"}},
	{"sip", []string{"msg", "msg/auth"}},
	{"sip/bodies/*", []string{"sip", "msg"}},
	{"tport", []string{"msg"}},
	{"nta", nta},
	{"nta/event", append([]string{"nta", "msg/auth", "sip/bodies/*"}, nta...)},
	{"nta/proxy", append([]string{"nta", "msg/auth", "sip/bodies/*"}, nta...)},
	{"nta/guard", append([]string{"nta", "msg/auth", "sip/bodies/*"}, nta...)},
	{"nta/registrar", append([]string{"nta", "nta/event", "msg/auth", "sip/bodies/*"}, nta...)},
	{"soa", []string{"sdp"}},
	{"nua", []string{"nta", "nta/event", "soa", "sip", "sip/bodies/*", "sdp", "msg", "msg/auth", "tport", "sresolv", "stun"}},
	{"http", []string{"tport", "msg", "msg/auth"}},
	{"internal/...", nil},
	{"interop/...", []string{public, "interop/..."}},
	{"examples/...", []string{public}},
}

// forTests lists what any _test.go file may import besides.
var forTests = []string{"tport/simnet", "sresolv/dnstest", "internal/..."}

// owners names, for each module of other hands, the packages that may import
// it; tests and nobody else for an empty list.
var owners = map[string][]string{
	"github.com/miekg/dns":        {"sresolv", "sresolv/dnstest"},
	"github.com/pion/stun/v3":     {"stun"},
	"golang.org/x/net":            {"tport"},
	"github.com/coder/websocket":  {"tport"},
	"github.com/stretchr/testify": nil,
}

// pure lists the packages that do no input or output.
var pure = []string{"msg", "msg/auth", "sip", "sip/bodies/*", "sdp", "soa"}

// A source is one parsed file of the module.
type source struct {
	path string // from the root, with slashes
	fset *token.FileSet
	*ast.File
}

// pkg is the folder of the file, "." for the root.
func (s *source) pkg() string { return path.Dir(s.path) }

func (s *source) test() bool { return strings.HasSuffix(s.path, "_test.go") }

func (s *source) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", s.path, s.fset.Position(n.Pos()).Line)
}

// parse makes a source from text, for the tests of the checks themselves.
func parse(t *testing.T, file, text string) *source {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, text, parser.ParseComments)
	require.NoError(t, err)
	return &source{file, fset, f}
}

// skipped reports whether a folder is not part of this module's packages.
func skipped(dir string, d fs.DirEntry) bool {
	if dir == "." {
		return false
	}
	if n := d.Name(); n == "testdata" || n[0] == '.' || n[0] == '_' {
		return true
	}
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil // a nested module
}

// tree parses every Go file of the module, whatever its build constraints.
func tree(t *testing.T) []*source {
	t.Helper()
	fset := token.NewFileSet()
	var all []*source
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if skipped(p, d) {
				return fs.SkipDir
			}
		case strings.HasSuffix(p, ".go"):
			f, err := parser.ParseFile(fset, p, nil, parser.ParseComments)
			if err != nil {
				return err
			}
			all = append(all, &source{filepath.ToSlash(p), fset, f})
		}
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return all
}

// match reports whether a package is one that the pattern means.
func match(pattern, pkg string) bool {
	switch {
	case pattern == public:
		return !strings.Contains("/"+pkg+"/", "/internal/") && !match("examples/...", pkg) && !match("interop/...", pkg)
	case strings.HasSuffix(pattern, "/..."):
		root := strings.TrimSuffix(pattern, "/...")
		return pkg == root || strings.HasPrefix(pkg, root+"/")
	case strings.HasSuffix(pattern, "/*"):
		return path.Dir(pkg) == strings.TrimSuffix(pattern, "/*")
	}
	return pkg == pattern
}

func matchAny(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return match(p, pkg) })
}

// allowed returns what a package may import of this module, tests apart.
func allowed(pkg string) ([]string, bool) {
	for _, e := range lattice {
		if match(e.pkg, pkg) {
			if pkg == "tport/simnet" {
				return e.may, true
			}
			return append(slices.Clone(e.may), "internal/..."), true
		}
	}
	return nil, false
}

// owner finds the module of other hands that a package belongs to.
func owner(imported string) (mod string, pkgs []string, ok bool) {
	for mod, pkgs := range owners {
		if imported == mod || strings.HasPrefix(imported, mod+"/") {
			return mod, pkgs, true
		}
	}
	return "", nil, false
}

// badImports lists the imports that the lattice does not allow.
func badImports(files []*source) []string {
	var bad []string
	for _, f := range files {
		may, known := allowed(f.pkg())
		if !known {
			bad = append(bad, fmt.Sprintf("%s: %s is no package of the lattice; add a row to lattice_test.go and say in docs/architecture.md why it is needed", f.path, f.pkg()))
			continue
		}
		ours := may
		if f.test() {
			// A test may import its own package from outside.
			ours = append(append(slices.Clone(may), forTests...), f.pkg())
		}
		for _, spec := range f.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				imported = spec.Path.Value
			}
			if why := badImport(f, imported, ours); why != "" {
				bad = append(bad, fmt.Sprintf("%s: %s must not import %s: %s", f.at(spec), f.pkg(), imported, why))
			}
		}
	}
	slices.Sort(bad)
	return bad
}

// badImport says why a file must not import something, or nothing.
func badImport(f *source, imported string, ours []string) string {
	first, _, _ := strings.Cut(imported, "/")
	switch {
	case imported == "unsafe" || imported == "C":
		return "the library is plain Go"
	case imported == module || strings.HasPrefix(imported, module+"/"):
		pkg := cmp.Or(strings.TrimPrefix(strings.TrimPrefix(imported, module), "/"), ".")
		if pkg == "internal/leak" && !f.test() {
			return "it is for tests"
		}
		if !matchAny(ours, pkg) {
			return fmt.Sprintf("of this module it may import %v", ours)
		}
	case strings.Contains(first, "."):
		mod, pkgs, ok := owner(imported)
		switch {
		case !ok:
			return "a new dependency needs a reason in docs/dependencies.md and a row in lattice_test.go"
		case len(pkgs) == 0 && !f.test():
			return "it is for tests"
		// What an owner may use, tests below it may use: simnet is held to
		// nettest, and itself needs the standard library only.
		case f.test() && slices.ContainsFunc(pkgs, func(p string) bool { return match(p+"/...", f.pkg()) }):
		case len(pkgs) > 0 && !slices.Contains(pkgs, f.pkg()):
			return fmt.Sprintf("%s belongs to %v", mod, pkgs)
		}
	case f.test():
	case imported == "testing" || strings.HasPrefix(imported, "testing/"):
		if match(public, f.pkg()) {
			return "it adds the test flags to every user's program"
		}
	case matchAny(pure, f.pkg()) && (imported == "net" || imported == "net/http" || first == "os" || first == "syscall" || first == "log" && imported != "log/slog"):
		return "this package does no input or output"
	}
	return ""
}

func TestLattice(t *testing.T) {
	report(t, badImports(tree(t)))
}

// report fails t with one line for each finding.
func report(t *testing.T, findings []string) {
	t.Helper()
	for _, f := range findings {
		t.Error(f)
	}
}

// The check itself: edges it must let through and edges it must refuse.
func TestLatticeNotices(t *testing.T) {
	for _, c := range []struct {
		file, imported string
		why            string // "" means allowed
	}{
		{"msg/parse.go", "strings", ""},
		{"msg/parse.go", module + "/internal/scan", ""},
		{"msg/parse.go", module + "/sip", "of this module it may import [internal/...]"},
		{"msg/parse.go", "net", "no input or output"},
		{"msg/parse.go", "net/netip", ""},
		{"msg/parse.go", "os", "no input or output"},
		{"msg/parse.go", "unsafe", "plain Go"},
		{"msg/parse.go", "testing", "test flags"},
		{"msg/parse_test.go", "os", ""},
		{"msg/parse_test.go", "testing", ""},
		{"msg/parse_test.go", module + "/sip", "msg must not import"},
		{"msg/parse_test.go", module + "/msg", ""},
		{"msg/parse_test.go", "github.com/stretchr/testify/require", ""},
		{"msg/parse.go", "github.com/stretchr/testify/require", "for tests"},
		{"msg/auth/client.go", module + "/msg", ""},
		{"msg/auth/client.go", module + "/sip", "of this module it may import [msg internal/...]"},
		{"sip/uri.go", module + "/tport", "of this module"},
		{"sip/bodies/pidf/pidf.go", module + "/sip", ""},
		{"sip/bodies/pidf/pidf.go", module + "/nta", "of this module"},
		{"tport/udp.go", "golang.org/x/net/ipv4", ""},
		{"tport/udp.go", module + "/sip", "of this module"},
		{"tport/udp_test.go", module + "/tport/simnet", ""},
		{"tport/udp.go", module + "/tport/simnet", "of this module"},
		{"tport/simnet/net.go", module + "/internal/scan", "of this module"},
		{"tport/simnet/net.go", "golang.org/x/net/ipv4", "belongs to [tport]"},
		{"tport/simnet/net_test.go", "golang.org/x/net/nettest", ""},
		{"nta/agent_test.go", "golang.org/x/net/nettest", "belongs to [tport]"},
		{"sresolv/dns.go", "github.com/miekg/dns", ""},
		{"nta/agent.go", "github.com/miekg/dns", "belongs to [sresolv sresolv/dnstest]"},
		{"nta/agent.go", module + "/nua", "of this module"},
		{"nta/agent.go", module + "/internal/leak", "for tests"},
		{"nta/agent_test.go", module + "/internal/leak", ""},
		{"nta/agent.go", module + "/nta/event", "of this module"},
		{"nta/registrar/registrar.go", module + "/nta/event", ""},
		{"nta/proxy/proxy.go", module + "/nta/event", "of this module"},
		{"nta/agent.go", "github.com/example/other", "needs a reason in docs/dependencies.md"},
		{"soa/session.go", module + "/sdp", ""},
		{"soa/session.go", module + "/sip", "of this module"},
		{"nua/ua.go", module + "/soa", ""},
		{"nua/ua.go", module + "/nta/proxy", "of this module"},
		{"http/client.go", module + "/sip", "of this module"},
		{"internal/scan/scan.go", module + "/msg", "of this module"},
		{"internal/scan/scan.go", module + "/internal/text", ""},
		{"examples/quickstart/main.go", module + "/nua", ""},
		{"examples/quickstart/main.go", module + "/nta/registrar", ""},
		{"interop/peers_test.go", module + "/interop/internal/lab", ""},
		{"interop/internal/lab/lab.go", "testing", ""},
		{"util/strings.go", "strings", "no package of the lattice"},
		{"doc.go", module + "/nua", "of this module"},
	} {
		f := parse(t, c.file, fmt.Sprintf("package x\n\nimport _ %q\n", c.imported))
		got := badImports([]*source{f})
		if c.why == "" {
			require.Empty(t, got, "%s imports %s", c.file, c.imported)
			continue
		}
		require.Len(t, got, 1, "%s imports %s", c.file, c.imported)
		require.Contains(t, got[0], c.why)
		require.Contains(t, got[0], c.file, "the file is named")
	}
}

// requirement is one line of go.mod's require blocks.
type requirement struct {
	mod    string
	direct bool
}

func requirements(gomod string) []requirement {
	var all []requirement
	block := false
	for line := range strings.Lines(gomod) {
		line = strings.TrimSpace(line)
		switch {
		case line == "require (":
			block = true
			continue
		case line == ")":
			block = false
		case strings.HasPrefix(line, "require "):
			line = strings.TrimPrefix(line, "require ")
		case !block:
			continue
		}
		if f := strings.Fields(line); len(f) >= 2 {
			all = append(all, requirement{f[0], !strings.HasSuffix(line, "// indirect")})
		}
	}
	return all
}

// badDependencies compares go.mod, the table of owners and the page for people.
func badDependencies(gomod, page string) []string {
	var bad []string
	for _, r := range requirements(gomod) {
		if _, _, ok := owner(r.mod); r.direct && !ok {
			bad = append(bad, fmt.Sprintf("go.mod: %s has no owner in lattice_test.go", r.mod))
		}
		if !strings.Contains(page, "`"+r.mod+"`") {
			bad = append(bad, fmt.Sprintf("docs/dependencies.md does not mention `%s`", r.mod))
		}
	}
	return bad
}

func TestDependencies(t *testing.T) {
	gomod, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	page, err := os.ReadFile("docs/dependencies.md")
	require.NoError(t, err)
	report(t, badDependencies(string(gomod), string(page)))
}

func TestDependenciesNotices(t *testing.T) {
	gomod := "module x\n\ngo 1.26.0\n\nrequire golang.org/x/net v0.62.0\n\nrequire (\n\texample.com/new v1.0.0\n\texample.com/deep v1.0.0 // indirect\n)\n"
	require.Equal(t, []requirement{{"golang.org/x/net", true}, {"example.com/new", true}, {"example.com/deep", false}}, requirements(gomod))
	require.Empty(t, badDependencies("require golang.org/x/net v0.62.0", "| `golang.org/x/net` |"))
	require.Equal(t, []string{
		"docs/dependencies.md does not mention `golang.org/x/net`",
		"go.mod: example.com/new has no owner in lattice_test.go",
		"docs/dependencies.md does not mention `example.com/new`",
	}, badDependencies(gomod, "`example.com/deep`"))
}
