package sofia_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// packageDirs maps the package names used in the documents to their folders.
var packageDirs = map[string]string{
	"msg": "msg", "auth": "msg/auth", "sip": "sip", "sdp": "sdp", "soa": "soa", "tport": "tport",
	"simnet": "tport/simnet", "sresolv": "sresolv", "nta": "nta", "nua": "nua",
}

// standard are packages of Go that the documents name beside ours.
var standard = map[string]bool{"tls": true, "x509": true, "net": true, "slog": true}

// TestFromSofiaNamesExist keeps docs/from-sofia.md true: every `pkg.Name` or
// `pkg.Type.Method` it quotes is declared in that package.
func TestFromSofiaNamesExist(t *testing.T) {
	text, err := os.ReadFile("docs/from-sofia.md")
	require.NoError(t, err)
	declared := map[string]map[string]bool{}
	for name, dir := range packageDirs {
		declared[name] = declaredNames(t, dir)
	}
	quoted := regexp.MustCompile("`([a-z]+)\\.([A-Z]\\w*(?:\\.[A-Z]\\w*)?)`")
	matches := quoted.FindAllStringSubmatch(string(text), -1)
	require.Greater(t, len(matches), 80, "the page lost its table")
	for _, m := range matches {
		names, known := declared[m[1]]
		if standard[m[1]] {
			continue
		}
		if !known {
			t.Errorf("docs/from-sofia.md: %s.%s: no package %s here", m[1], m[2], m[1])
			continue
		}
		if !names[m[2]] {
			t.Errorf("docs/from-sofia.md: %s.%s does not exist; fix the page, or mark the row later", m[1], m[2])
		}
	}
	fields := regexp.MustCompile("`(\\w+)\\.(\\w+)` fields? ([A-Z]\\w*(?:, [A-Z]\\w*)*)")
	for _, m := range fields.FindAllStringSubmatch(string(text), -1) {
		if standard[m[1]] {
			continue
		}
		for field := range strings.SplitSeq(m[3], ", ") {
			if !declared[m[1]][m[2]+"."+field] {
				t.Errorf("docs/from-sofia.md: %s.%s has no field %s", m[1], m[2], field)
			}
		}
	}
}

// declaredNames lists exported names of the package in dir: Name, Type.Method and Type.Field.
func declaredNames(t *testing.T, dir string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	fset := token.NewFileSet()
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					names[d.Name.Name] = true
					continue
				}
				names[receiver(d.Recv.List[0].Type)+"."+d.Name.Name] = true
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						names[s.Name.Name] = true
						members(names, s)
					case *ast.ValueSpec:
						for _, n := range s.Names {
							names[n.Name] = true
						}
					}
				}
			}
		}
	}
	return names
}

func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

func members(names map[string]bool, s *ast.TypeSpec) {
	var list *ast.FieldList
	switch typ := s.Type.(type) {
	case *ast.StructType:
		list = typ.Fields
	case *ast.InterfaceType:
		list = typ.Methods
	default:
		return
	}
	for _, f := range list.List {
		for _, n := range f.Names {
			names[s.Name.Name+"."+n.Name] = true
		}
	}
}

// TestSecurityLimitsExist keeps the limits table true: every field it names exists.
func TestSecurityLimitsExist(t *testing.T) {
	text, err := os.ReadFile("docs/security.md")
	require.NoError(t, err)
	matches := regexp.MustCompile("`([a-z]+)\\.(\\w+(?:\\.\\w+)?)`").FindAllStringSubmatch(string(text), -1)
	require.Greater(t, len(matches), 30, "the page lost its table")
	for _, m := range matches {
		if !standard[m[1]] && !declaredNames(t, packageDirs[m[1]])[m[2]] {
			t.Errorf("docs/security.md: %s.%s does not exist", m[1], m[2])
		}
	}
}

// TestTransportsPageIsWhole keeps docs/transports.md whole: it has every field of
// tport.Config and tport.Name, and names nothing that does not exist.
func TestTransportsPageIsWhole(t *testing.T) {
	text, err := os.ReadFile("docs/transports.md")
	require.NoError(t, err)
	names := declaredNames(t, "tport")
	for name := range names {
		typ, field, ok := strings.Cut(name, ".")
		if ok && (typ == "Config" || typ == "Name") && ast.IsExported(field) && field != "String" && !strings.Contains(string(text), "`"+field+"`") {
			t.Errorf("docs/transports.md: %s.%s is not there", typ, field)
		}
	}
	for _, m := range regexp.MustCompile("`((?:Flow|Transport|Primary|Protocol|Delivery|WebSocket|Config|Name)\\.\\w+|New\\w+|Err\\w+|WireLog|JoinTraces)").FindAllStringSubmatch(string(text), -1) {
		name := strings.Replace(m[1], "WebSocket.", "WebSocketConfig.", 1)
		if !names[name] {
			t.Errorf("docs/transports.md: tport.%s does not exist", m[1])
		}
	}
}

// TestSecurityLimitsAreComplete keeps the limits table whole: it has a row for
// every bound that the transports can be given.
func TestSecurityLimitsAreComplete(t *testing.T) {
	text, err := os.ReadFile("docs/security.md")
	require.NoError(t, err)
	bound := regexp.MustCompile(`^Config\.(Max\w+|\w*Timeout|Queue\w+|Message\w+|Idle)$`)
	found := 0
	for name := range declaredNames(t, "tport") {
		if bound.MatchString(name) {
			found++
			if !strings.Contains(string(text), "`tport."+name+"`") {
				t.Errorf("docs/security.md: no row for tport.%s in the table of limits", name)
			}
		}
	}
	require.Greater(t, found, 12)
}

// TestStandardsAreShown keeps docs/rfc.md and docs/nta.md true: every test they
// name exists.
func TestStandardsAreShown(t *testing.T) {
	for _, page := range []string{"docs/rfc.md", "docs/nta.md"} {
		testsExist(t, page)
	}
}

func testsExist(t *testing.T, page string) {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	matches := regexp.MustCompile("`([a-z]+)\\.((?:Test|Fuzz)\\w+)`").FindAllStringSubmatch(string(text), -1)
	require.Greater(t, len(matches), 60, "the page lost its tables")
	for _, m := range matches {
		dir, known := packageDirs[m[1]]
		if !known {
			dir = m[1]
		}
		files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		require.NoError(t, err)
		found := false
		for _, file := range files {
			source, err := os.ReadFile(file)
			require.NoError(t, err)
			found = found || strings.Contains(string(source), "\nfunc "+m[2]+"(")
		}
		if !found {
			t.Errorf("%s: %s.%s does not exist", page, m[1], m[2])
		}
	}
}

// TestReadmeProgramsCompile builds every complete Go program of the README, so
// that what a newcomer copies works.
func TestReadmeProgramsCompile(t *testing.T) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	root, err := os.Getwd()
	require.NoError(t, err)
	overlay := map[string]string{}
	var packages []string
	for i, block := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		if !strings.HasPrefix(block[1], "package main") {
			continue
		}
		source := filepath.Join(t.TempDir(), "main.go")
		require.NoError(t, os.WriteFile(source, []byte(block[1]), 0o600))
		name := "readme" + strconv.Itoa(i)
		overlay[filepath.Join(root, "internal", name, "main.go")] = source
		packages = append(packages, "./internal/"+name)
	}
	require.NotEmpty(t, packages, "the README lost its programs")
	spec, err := json.Marshal(map[string]any{"Replace": overlay})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "overlay.json")
	require.NoError(t, os.WriteFile(file, spec, 0o600))
	out, err := exec.Command("go", append([]string{"build", "-overlay", file, "-o", t.TempDir()}, packages...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
}
