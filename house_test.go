package holdfast_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/holdfastdns/holdfast"

// wall is what a room may import of the house, and why.
type wall struct {
	room    string   // folder below internal, or a stage with "/*"
	may     []string // rooms, in the same notation
	because string
}

// walls are ordered: the first that matches a room holds.
var walls = []wall{
	{"wire", nil, "swapping the DNS library must be the work of one folder"},
	{"source/machine", []string{"source", "source/anchor", "source/zonefile", "wire"}, "it finds the files whose forms source/anchor knows, packed as zonefile unpacks them"},
	{"source/*", []string{"source", "wire"}, "it brings in; it does not probe, judge or remember"},
	{"measure/*", []string{"measure/*", "wire"}, "evidence must not be coloured by opinion"},
	{"judge/*", []string{"judge/*", "wire"}, "the same measurement gives the same findings, for ever"},
	{"record/*", []string{"record/*"}, "a disk with no opinion"},
	{"tell/authority", []string{"wire"}, "a name server knows names, not why they are asked for"},
	{"tell/*", []string{"record", "tell/notify"}, "it speaks from the record"},
	{"desk/testbed", []string{"record", "wire"}, "people work from the record; its zones have keys of their own"},
	{"desk/*", []string{"record"}, "people work from the record"},
	{"lab", []string{"wire"}, "it is the outside world; it must not share our mistakes"},
	{"lab/resolvers", []string{"wire"}, "it starts other people's programs and knows neither plays nor judges"},
	{"lab/rehearsal", []string{"lab", "lab/resolvers", "measure/anchor", "measure/ask", "source/anchor", "wire"}, "it orders, asks and keeps; what it saw is judged elsewhere"},
	{"lab/strangers", []string{"wire", "lab/resolvers"}, "other people's validators are shown a lab and know neither it nor our judges"},
	{"app", []string{"*"}, "the only wiring"},
}

// doors are dependencies that one room alone may import.
var doors = map[string]string{
	"github.com/miekg/dns":                "internal/wire",
	"filippo.io/bigmod":                   "internal/wire",
	"github.com/cloudflare/circl":         "internal/wire",
	"golang.org/x/net/idna":               "internal/wire",
	"golang.org/x/net/publicsuffix":       "internal/lab",
	"modernc.org/sqlite":                  "internal/record",
	"github.com/pressly/goose":            "internal/record",
	"github.com/wneessen/go-mail":         "internal/tell/notify",
	"github.com/danielgtaylor/huma":       "internal/tell/api",
	"github.com/prometheus/client_golang": "internal/tell/api",
	"github.com/pelletier/go-toml":        "internal/app",
	"github.com/emersion/go-smtp":         "internal/app",
	"golang.org/x/time":                   "internal/measure/ask",
	"golang.org/x/sync":                   "internal/app",
	"github.com/ulikunitz/xz":             "internal/source/zonefile",
	"github.com/yuin/goldmark":            "internal/tell/web",
	"github.com/spf13/cobra":              "cmd/holdfast",
	"github.com/smallstep/pkcs7":          "internal/source/anchor",
	"go.yaml.in/yaml":                     "internal/source",
	"github.com/gopacket/gopacket":        "internal/source/capture",
	"google.golang.org/protobuf":          "internal/source/capture",
	"github.com/arran4/golang-ical":       "internal/tell/notify",
}

// forbidden imports, by room, beyond the rooms of the house.
var forbidden = []struct {
	room    string
	imports []string
	because string
}{
	{".", []string{"net/http", "os", "context", "database/sql", "sync", "log", "log/slog"}, "a vocabulary starts nothing"},
	{"judge/*", []string{"net", "net/http", "os", "database/sql", "log", "log/slog", "math/rand", "math/rand/v2"}, "a judge sees evidence and nothing else"},
	{"wire", []string{"net", "net/http", "os", "database/sql"}, "wire never sends"},
	{"record/*", []string{"net", "net/http"}, "a disk does not talk"},
}

type source struct {
	path string // slash-separated, from the project's root
	room string // "." for the nouns, "judge/zone", "cmd/holdfast", ...
	test bool
	file *ast.File
	text []byte
}

func (s source) imports() []string {
	var out []string
	for _, spec := range s.file.Imports {
		p, _ := strconv.Unquote(spec.Path.Value)
		out = append(out, p)
	}
	return out
}

var house struct {
	fset    *token.FileSet
	sources []source
}

func sources(t *testing.T) []source {
	t.Helper()
	if house.sources != nil {
		return house.sources
	}
	house.fset = token.NewFileSet()
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && p != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(p, ".go") {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(house.fset, p, text, parser.ParseComments)
		if err != nil {
			return err
		}
		p = filepath.ToSlash(p)
		room := strings.TrimPrefix(path.Dir(p), "internal/")
		house.sources = append(house.sources, source{path: p, room: room, test: strings.HasSuffix(p, "_test.go"), file: file, text: text})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return house.sources
}

func matches(room, pattern string) bool {
	if pattern == "*" || room == pattern {
		return true
	}
	stage, ok := strings.CutSuffix(pattern, "/*")
	return ok && (room == stage || strings.HasPrefix(room, stage+"/"))
}

func wallOf(room string) (wall, bool) {
	for _, w := range walls {
		if matches(room, w.room) {
			return w, true
		}
	}
	return wall{}, false
}

func TestWalls(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue // a test may reach for the lab and for what it checks against
		}
		for _, imported := range s.imports() {
			room, ours := strings.CutPrefix(imported, module+"/internal/")
			switch {
			case s.room == "." && strings.Contains(imported, "."):
				t.Errorf("%s imports %s: the nouns import the standard library only: a vocabulary starts nothing", s.path, imported)
			case strings.HasPrefix(s.room, "cmd/") && ours && room != "app":
				t.Errorf("%s imports %s: cmd calls app and nothing else: it is flags only", s.path, imported)
			case ours && !strings.HasPrefix(s.room, "cmd/"):
				w, ok := wallOf(s.room)
				if !ok {
					t.Errorf("%s: room %s has no wall; add it to walls with its reason", s.path, s.room)
				} else if room != s.room && !slices.ContainsFunc(w.may, func(p string) bool { return matches(room, p) }) {
					t.Errorf("%s imports %s: %s may import %v only, because %s", s.path, room, w.room, w.may, w.because)
				}
			}
		}
	}
}

func TestForbiddenImports(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, f := range forbidden {
			if !matches(s.room, f.room) {
				continue
			}
			for _, imported := range s.imports() {
				if slices.Contains(f.imports, imported) {
					t.Errorf("%s imports %s, which %s may not: %s", s.path, imported, f.room, f.because)
				}
			}
		}
	}
}

func TestOneDoorPerDependency(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, imported := range s.imports() {
			for library, room := range doors {
				if (imported == library || strings.HasPrefix(imported, library+"/")) && path.Dir(s.path) != room {
					t.Errorf("%s imports %s: its one door is %s", s.path, imported, room)
				}
			}
		}
	}
}

func TestNoInit(t *testing.T) {
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s has an init function: registration is a literal that somebody composes", s.path)
			}
		}
	}
}

func TestJudgesHaveNoClock(t *testing.T) {
	clock := regexp.MustCompile(`\btime\.(Now|Since|Until|After|Sleep|NewTimer|NewTicker|Tick)\b`)
	for _, s := range sources(t) {
		if s.test || !matches(s.room, "judge/*") && s.room != "." {
			continue
		}
		for i, line := range strings.Split(string(s.text), "\n") {
			code, _, _ := strings.Cut(line, "//")
			if clock.MatchString(code) {
				t.Errorf("%s:%d looks at the clock: a judge is handed its instant", s.path, i+1)
			}
		}
	}
}

func TestOnePackageCommentPerRoom(t *testing.T) {
	comments := map[string][]string{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		if _, seen := comments[s.room]; !seen {
			comments[s.room] = nil
		}
		if s.file.Doc != nil {
			comments[s.room] = append(comments[s.room], s.path)
		}
	}
	for room, files := range comments {
		if len(files) != 1 {
			t.Errorf("room %s has %d package comments (%v); a room says once what it is", room, len(files), files)
		}
	}
}

// waiver is the mark that lets a line be longer than the house likes; what
// stands behind it must be a reason.
var waiver = regexp.MustCompile(`//house:\s+\S+\s+\S+`)

func TestSizes(t *testing.T) {
	const maxFile, maxFunction = 600, 90
	for _, s := range sources(t) {
		lines := strings.Split(string(s.text), "\n")
		if len(lines) > maxFile && !s.test && !waiver.MatchString(lines[0]) {
			t.Errorf("%s has %d lines; a file has at most %d", s.path, len(lines), maxFile)
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || s.test {
				continue
			}
			from, to := house.fset.Position(f.Pos()).Line, house.fset.Position(f.End()).Line
			if to-from+1 > maxFunction && !waiver.MatchString(lines[from-1]) {
				t.Errorf("%s:%d: %s has %d lines; a function has at most %d, or `//house:` and a reason on its first line", s.path, from, f.Name.Name, to-from+1, maxFunction)
			}
		}
	}
}

func TestDepth(t *testing.T) {
	for _, s := range sources(t) {
		if strings.HasPrefix(s.path, "internal/") && strings.Count(s.room, "/") > 1 {
			t.Errorf("%s: never a third level below internal/<stage>/<room>", s.path)
		}
		for part := range strings.SplitSeq(s.room, "/") {
			if slices.Contains([]string{"util", "utils", "common", "types", "helpers", "misc"}, part) {
				t.Errorf("%s: a room's name says what it is about; %q does not", s.path, part)
			}
		}
	}
}

// TestArchitecture holds ARCHITECTURE.md to the rooms: it names each that is
// there, and none that is gone. Rooms to come are listed under "To come".
func TestArchitecture(t *testing.T) {
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	now, _, found := strings.Cut(string(text), "\n## To come")
	if !found {
		t.Error(`ARCHITECTURE.md has no section "## To come" for the rooms that are not built`)
	}
	rooms := map[string]bool{}
	for _, s := range sources(t) {
		if strings.HasPrefix(s.path, "internal/") && !s.test {
			rooms[s.room] = true
		}
	}
	for room := range rooms {
		if !strings.Contains(now, "`"+room+"`") {
			t.Errorf("ARCHITECTURE.md does not name the room `%s`", room)
		}
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9/]+)` \\|").FindAllStringSubmatch(now, -1) {
		if !rooms[m[1]] {
			t.Errorf("ARCHITECTURE.md names the room `%s`, which is gone", m[1])
		}
	}
}

// TestDecisionsNameDependencies holds every direct requirement of go.mod to a
// line in docs/decisions that justifies it.
func TestDecisionsNameDependencies(t *testing.T) {
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	var decisions strings.Builder
	files, _ := filepath.Glob("docs/decisions/*.md")
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		decisions.Write(text)
	}
	requirement := regexp.MustCompile(`^\s*(?:require )?([a-z0-9.]+\.[a-z]+/\S+) (v\S+)( // indirect)?$`)
	for line := range strings.SplitSeq(string(mod), "\n") {
		m := requirement.FindStringSubmatch(line)
		if m == nil || m[3] != "" {
			continue
		}
		if want := fmt.Sprintf("%s %s", m[1], m[2]); !strings.Contains(decisions.String(), want) {
			t.Errorf("docs/decisions does not justify %q", want)
		}
	}
}
