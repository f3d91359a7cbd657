package sofia_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// This file checks the rules of CONTRIBUTING.md that a machine can check.

// The largest file, in lines. A file is a question at 600 already.
const (
	maxLines     = 1000
	maxTestLines = 1500
)

// undocumented lists what is exported without a comment: types, their fields
// and methods, functions, constants, variables. A comment above a group of
// constants, variables or adjacent fields covers the group, and so does a type
// comment that names the field.
func undocumented(files []*source) []string {
	var bad []string
	for _, f := range files {
		if f.test() || f.Name.Name == "main" {
			continue
		}
		note := func(n ast.Node, name string) {
			bad = append(bad, fmt.Sprintf("%s: %s has no doc comment", f.at(n), name))
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				name, exported := funcName(d)
				if exported && d.Doc == nil {
					note(d, name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						if !spec.Name.IsExported() {
							continue
						}
						doc := spec.Doc.Text()
						if !d.Lparen.IsValid() {
							doc += d.Doc.Text()
						}
						if doc == "" && spec.Comment == nil {
							note(spec, spec.Name.Name)
						}
						undocumentedMembers(f, spec, doc, note)
					case *ast.ValueSpec:
						if spec.Doc != nil || spec.Comment != nil || d.Doc != nil {
							continue
						}
						for _, n := range spec.Names {
							if n.IsExported() {
								note(n, n.Name)
							}
						}
					}
				}
			}
		}
	}
	return bad
}

// funcName returns "F" or "T.F", and whether users can see it.
func funcName(d *ast.FuncDecl) (string, bool) {
	name, exported := d.Name.Name, d.Name.IsExported()
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return name, exported
	}
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
			continue
		case *ast.IndexExpr:
			t = x.X
			continue
		case *ast.IndexListExpr:
			t = x.X
			continue
		case *ast.Ident:
			return x.Name + "." + name, exported && x.IsExported()
		}
		return name, exported
	}
}

// undocumentedMembers looks at the exported fields of a struct or methods of an interface.
func undocumentedMembers(f *source, spec *ast.TypeSpec, doc string, note func(ast.Node, string)) {
	if !match(public, f.pkg()) {
		return // fields of internal types say themselves what they are
	}
	var list *ast.FieldList
	switch t := spec.Type.(type) {
	case *ast.StructType:
		list = t.Fields
	case *ast.InterfaceType:
		list = t.Methods
	default:
		return
	}
	covered, last := false, -1 // of the field before: documented, and on which line it ends
	for _, field := range list.List {
		begin, end := f.fset.Position(field.Pos()).Line, f.fset.Position(field.End()).Line
		own := field.Doc != nil || field.Comment != nil
		covered = own || covered && begin == last+1
		last = end
		for _, n := range field.Names {
			if n.IsExported() && !covered && !mentions(doc, n.Name) {
				note(n, spec.Name.Name+"."+n.Name)
			}
		}
	}
}

func mentions(doc, word string) bool {
	return slices.Contains(strings.FieldsFunc(doc, func(r rune) bool {
		return r != '_' && !('0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z')
	}), word)
}

// unguarded lists the packages that have tests but no TestMain with a leak
// check.
func unguarded(files []*source) []string {
	tested := map[string]bool{} // package: has the check
	for _, f := range files {
		if !f.test() {
			continue
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil {
				continue
			}
			switch name := fn.Name.Name; {
			case name == "TestMain":
				tested[f.pkg()] = tested[f.pkg()] || checksLeaks(fn)
			case strings.HasPrefix(name, "Test"), strings.HasPrefix(name, "Fuzz"), strings.HasPrefix(name, "Example"):
				tested[f.pkg()] = tested[f.pkg()] || false
			}
		}
	}
	var bad []string
	for pkg, ok := range tested {
		if !ok {
			bad = append(bad, fmt.Sprintf("%s: its tests have no TestMain that calls leak.Main of internal/leak", pkg))
		}
	}
	slices.Sort(bad)
	return bad
}

func checksLeaks(fn *ast.FuncDecl) bool {
	found := false
	ast.Inspect(fn, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			switch f := call.Fun.(type) {
			case *ast.SelectorExpr:
				x, ok := f.X.(*ast.Ident)
				found = found || ok && x.Name == "leak" && f.Sel.Name == "Main"
			case *ast.Ident: // internal/leak itself
				found = found || f.Name == "Main"
			}
		}
		return true
	})
	return found
}

// globals lists what makes a package more than its code: an init function, and
// package-level variables that something changes or that hold a lock.
func globals(files []*source) []string {
	var bad []string
	vars := map[string]map[string]string{} // package, name: where
	for _, f := range files {
		if f.test() || match("examples/...", f.pkg()) {
			continue
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == "init" {
					bad = append(bad, f.at(d)+": a package must not do anything by being imported: no init")
				}
			case *ast.GenDecl:
				if d.Tok != token.VAR {
					continue
				}
				for _, s := range d.Specs {
					s := s.(*ast.ValueSpec)
					for _, n := range s.Names {
						if n.Name == "_" {
							continue
						}
						if vars[f.pkg()] == nil {
							vars[f.pkg()] = map[string]string{}
						}
						vars[f.pkg()][n.Name] = f.at(n)
						if s.Type != nil && stateful(s.Type) {
							bad = append(bad, fmt.Sprintf("%s: package-level %s holds state; give it an owner", f.at(n), n.Name))
						}
					}
				}
			}
		}
	}
	for _, f := range files {
		if f.test() || vars[f.pkg()] == nil {
			continue
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
				bad = append(bad, writes(f, fn, vars[f.pkg()])...)
			}
		}
	}
	slices.Sort(bad)
	return bad
}

// stateful reports whether a type is a channel, or comes from sync or atomic.
func stateful(t ast.Expr) bool {
	found := false
	ast.Inspect(t, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ChanType:
			found = true
		case *ast.Ident:
			found = found || n.Name == "sync" || n.Name == "atomic"
		}
		return true
	})
	return found
}

// writes lists the assignments of a function to package-level variables. Names
// the function declares itself anywhere are taken for its own.
func writes(f *source, fn *ast.FuncDecl, vars map[string]string) []string {
	own := map[string]bool{}
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			for _, x := range n.Names {
				own[x.Name] = true
			}
		case *ast.ValueSpec:
			for _, x := range n.Names {
				own[x.Name] = true
			}
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				for _, x := range n.Lhs {
					if x, ok := x.(*ast.Ident); ok {
						own[x.Name] = true
					}
				}
			}
		case *ast.RangeStmt:
			for _, x := range []ast.Expr{n.Key, n.Value} {
				if x, ok := x.(*ast.Ident); ok && n.Tok == token.DEFINE {
					own[x.Name] = true
				}
			}
		}
		return true
	})
	var bad []string
	note := func(n ast.Node, x ast.Expr) {
		if name := root(x); !own[name] && vars[name] != "" {
			bad = append(bad, fmt.Sprintf("%s: changes %s, a package-level variable (%s); give the state an owner", f.at(n), name, vars[name]))
		}
	}
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, x := range n.Lhs {
					note(n, x)
				}
			}
		case *ast.IncDecStmt:
			note(n, n.X)
		}
		return true
	})
	return bad
}

// root is the variable an assignment ends up in.
func root(x ast.Expr) string {
	for {
		switch e := x.(type) {
		case *ast.Ident:
			return e.Name
		case *ast.IndexExpr:
			x = e.X
		case *ast.SelectorExpr:
			x = e.X
		case *ast.StarExpr:
			x = e.X
		case *ast.ParenExpr:
			x = e.X
		default:
			return ""
		}
	}
}

// unintroduced lists public packages without a package comment in doc.go.
func unintroduced(files []*source) []string {
	has := map[string]bool{}
	for _, f := range files {
		pkg := f.pkg()
		if !match(public, pkg) || f.test() {
			continue
		}
		doc := filepath.Base(f.path) == "doc.go" && f.Doc != nil
		has[pkg] = has[pkg] || doc
	}
	var bad []string
	for pkg, ok := range has {
		if !ok {
			bad = append(bad, pkg+": no doc.go with a package comment (usage, concurrency contract, limits)")
		}
	}
	slices.Sort(bad)
	return bad
}

// oversized lists files that hold more than one concern by sheer length.
func oversized(files []*source) []string {
	var bad []string
	for _, f := range files {
		limit := maxLines
		if f.test() {
			limit = maxTestLines
		}
		if n := f.fset.File(f.FileStart).LineCount(); n > limit {
			bad = append(bad, fmt.Sprintf("%s: %d lines, limit %d; split it by concern", f.path, n, limit))
		}
	}
	return bad
}

// unfinished matches the words of work left over. They are put together here
// so that this file does not match itself.
var unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK|(?i:for` + ` now|place` + `holder|work in pro` + `gress|coming` + ` soon))\b|\bnot (yet )?imple` + `mented\b`)

// leftovers lists the lines of a text that speak of unfinished work.
func leftovers(path string, text []byte) []string {
	var bad []string
	for i, line := range bytes.Split(text, []byte("\n")) {
		if m := unfinished.Find(line); m != nil {
			bad = append(bad, fmt.Sprintf("%s:%d: %q: finish it, or say plainly what is not there", path, i+1, m))
		}
	}
	return bad
}

// prose is every file people read: code, scripts and pages, without test data.
func prose(t *testing.T) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if n := d.Name(); p != "." && (n == ".git" || n == "testdata" || n == "node_modules") {
				return fs.SkipDir
			}
			return nil
		}
		switch filepath.Ext(p) {
		case ".go", ".md", ".sh", ".py", ".in", ".xml", ".mod":
		case "":
			if d.Name() != "run" {
				return nil
			}
		default:
			return nil
		}
		text, err := os.ReadFile(p)
		all[filepath.ToSlash(p)] = text
		return err
	})
	require.NoError(t, err)
	return all
}

func TestHouse(t *testing.T) {
	files := tree(t)
	for _, c := range []struct {
		name  string
		check func([]*source) []string
	}{
		{"exported names have doc comments", undocumented},
		{"tests check for leaked goroutines", unguarded},
		{"nothing is global", globals},
		{"packages introduce themselves", unintroduced},
		{"files stay small", oversized},
	} {
		t.Run(c.name, func(t *testing.T) { report(t, c.check(files)) })
	}
	t.Run("nothing is left unfinished", func(t *testing.T) {
		for path, text := range prose(t) {
			report(t, leftovers(path, text))
		}
	})
}

func TestHouseNotices(t *testing.T) {
	for _, c := range []struct {
		name, file, text string
		check            func([]*source) []string
		want             []string
	}{
		{"documented", "msg/a.go", `package msg

// Limit is a limit.
const Limit = 1

// Kinds.
const (
	One = iota
	Two
)

// T is a type; its fields X and Y are coordinates.
type T struct {
	X, Y int
	// A is first.
	A int
	B int

	C int // C is last.
	d int
}

// F does nothing.
func (t *T) F() {}

func (u *u) Exported() {}

type u struct{ Field int }

var hidden = 1
`, undocumented, nil},
		{"undocumented", "msg/a.go", `package msg

const Limit = 1

type T[P any] struct {
	// A is first.
	A int

	B int
}

func (t *T[P]) F() {}

func G() {}

// I has a method.
type I interface {
	M()
}

// Of a group, which does not describe the types in it.
type (
	Y int
)
`, undocumented, []string{
			"msg/a.go:3: Limit has no doc comment", "msg/a.go:5: T has no doc comment", "msg/a.go:9: T.B has no doc comment",
			"msg/a.go:12: T.F has no doc comment", "msg/a.go:14: G has no doc comment", "msg/a.go:18: I.M has no doc comment",
			"msg/a.go:23: Y has no doc comment",
		}},
		{"internal fields", "internal/scan/a.go", "package scan\n\n// T is a type.\ntype T struct{ A int }\n", undocumented, nil},
		{"leak check", "msg/a_test.go", "package msg\n\nfunc TestX(t *testing.T) {}\n\nfunc TestMain(m *testing.M) { leak.Main(m) }\n", unguarded, nil},
		{"no TestMain", "msg/a_test.go", "package msg\n\nfunc TestX(t *testing.T) {}\n", unguarded, []string{"msg: its tests have no TestMain"}},
		{"TestMain without check", "msg/a_test.go", "package msg\n\nfunc FuzzX(f *testing.F) {}\n\nfunc TestMain(m *testing.M) { m.Run() }\n", unguarded, []string{"msg: its tests have no TestMain"}},
		{"benchmarks only", "msg/a_test.go", "package msg\n\nfunc BenchmarkX(b *testing.B) {}\n", unguarded, nil},
		{"tables and sentinels", "msg/a.go", `package msg

var ErrX = errors.New("x")

var table = [256]bool{'a': true}

var _ I = (*T)(nil)

func f(table []int) { table[0] = 1; for ErrX := range 3 { ErrX++ } }
`, globals, nil},
		{"state", "msg/a.go", `package msg

var table = map[string]int{}

var n int

var mu sync.Mutex

var once, other atomic.Int64

func f() { table["x"] = 1; n++; (*(&n)) = 2 }

func init() {}
`, globals, []string{
			"msg/a.go:11: changes n,", "msg/a.go:11: changes table, a package-level variable (msg/a.go:3)",
			"msg/a.go:13: a package must not do anything by being imported",
			"msg/a.go:7: package-level mu holds state", "msg/a.go:9: package-level once holds state", "msg/a.go:9: package-level other holds state",
		}},
		{"introduced", "msg/doc.go", "// Package msg.\npackage msg\n", unintroduced, nil},
		{"not in doc.go", "msg/a.go", "// Package msg.\npackage msg\n", unintroduced, []string{"msg: no doc.go"}},
		{"internal", "internal/scan/a.go", "package scan\n", unintroduced, nil},
		{"long", "msg/a.go", "package msg\n" + strings.Repeat("\n", maxLines), oversized, []string{"msg/a.go: 1001 lines, limit 1000"}},
		{"long test", "msg/a_test.go", "package msg\n" + strings.Repeat("\n", maxLines), oversized, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := c.check([]*source{parse(t, c.file, c.text)})
			require.Len(t, got, len(c.want), "%q", got)
			for i, w := range c.want {
				require.Contains(t, got[i], w)
			}
		})
	}
}

func TestLeftoversNotices(t *testing.T) {
	for line, found := range map[string]bool{
		"// TO" + "DO: more":               true,
		"this is enough for" + " now.":     true,
		"A Place" + "holder":               true,
		"return not imple" + "mented":      true,
		"SIP/2.0 501 Not Imple" + "mented": false,
		"sip:methodo" + "logy@example":     false,
		"a plain line":                     false,
	} {
		require.Equal(t, found, len(leftovers("x.go", []byte(line))) == 1, "%q", line)
	}
}
