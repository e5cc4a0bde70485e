package app

import (
	"encoding/json"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/dnssec"
	"github.com/holdfastdns/holdfast/internal/judge/profile"
	"github.com/holdfastdns/holdfast/internal/judge/whole"
	"github.com/holdfastdns/holdfast/internal/record"
	"github.com/holdfastdns/holdfast/internal/tell/alert"
	reports "github.com/holdfastdns/holdfast/internal/tell/report"
)

// TestFormatsNameEveryKey holds docs/formats to the types that are printed:
// each key of their JSON must be named, as code, on the page.
func TestFormatsNameEveryKey(t *testing.T) {
	for page, types := range map[string][]any{
		"check.md":     {holdfast.Verdict{}},
		"evidence.md":  {evidence{}},
		"verify.md":    {whole.Report{}},
		"resolve.md":   {dnssec.Resolution{}, savedResolution{}},
		"rehearsal.md": {rehearsals{}, holdfast.Rehearsal{}},
		"webhook.md":   {alert.WebhookBody{}},
		"matrix.md":    {judgedRehearsals{}},
		"anchors.md":   {anchorFile{}, anchorsVerified{}, anchorsConverted{}},
		"signals.md":   {signalsRead{}},
		"calendar.md":  {holdfast.Calendar{}},
		"commands.md":  {holdfast.Sweep{}, rejudgement{}, holdfast.Notice{}, record.Stats{}, record.Pruned{}, served{}, holdfast.Forecast{}, profile.Profile{}, reports.IANAReport{}, hanging{}, holdfast.ZoneFate{}, bedZone{}, skrResult{}, holdfast.RootState{}},
	} {
		text := formatPage(t, page)
		named := map[string]bool{}
		for _, code := range regexp.MustCompile("`[^`\n]+`").FindAllString(text, -1) {
			for _, word := range regexp.MustCompile(`[A-Za-z_0-9]+`).FindAllString(code, -1) {
				named[word] = true
			}
		}
		for _, value := range types {
			keys := map[string]bool{}
			jsonKeys(reflect.TypeOf(value), keys, map[reflect.Type]bool{}, elsewhere[page])
			if len(keys) == 0 {
				t.Errorf("%T prints no keys", value)
			}
			for key := range keys {
				if !named[key] {
					t.Errorf("docs/formats/%s does not name %q of %T", page, key, value)
				}
			}
		}
	}
}

// elsewhere are the types that a page leaves to another.
var elsewhere = map[string][]reflect.Type{
	"resolve.md":  {reflect.TypeFor[holdfast.Measurement]()},
	"verify.md":   {reflect.TypeFor[holdfast.Finding]()},
	"commands.md": {reflect.TypeFor[holdfast.Finding](), reflect.TypeFor[holdfast.Calendar](), reflect.TypeFor[holdfast.KeyPast]()},
	"calendar.md": {reflect.TypeFor[holdfast.DS]()},
	"webhook.md":  {reflect.TypeFor[holdfast.Incident]()},
	"rehearsal.md": {reflect.TypeFor[holdfast.PlayStep](), reflect.TypeFor[holdfast.PlayKey](), reflect.TypeFor[holdfast.Timers](), reflect.TypeFor[holdfast.Matrix](),
		reflect.TypeFor[holdfast.Exchange](), reflect.TypeFor[holdfast.TrustedKey]()},
	"matrix.md": {reflect.TypeFor[holdfast.Play](), reflect.TypeFor[holdfast.Actor](), reflect.TypeFor[holdfast.Acted](), reflect.TypeFor[holdfast.QueryCount]()},
}

func formatPage(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "formats", page))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// jsonKeys collects the keys that a type has in JSON, with those of the types
// in it.
func jsonKeys(typ reflect.Type, into map[string]bool, seen map[reflect.Type]bool, without []reflect.Type) {
	if seen[typ] || slices.Contains(without, typ) {
		return
	}
	seen[typ] = true
	if sample, ok := marshalsItself(typ); ok {
		for _, m := range regexp.MustCompile(`"([a-z_]+)":`).FindAllStringSubmatch(sample, -1) {
			into[m[1]] = true
		}
		return
	}
	switch typ.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		jsonKeys(typ.Elem(), into, seen, without)
	case reflect.Struct:
		for i := range typ.NumField() {
			field := typ.Field(i)
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if !field.IsExported() || name == "-" {
				continue
			}
			if name != "" {
				into[name] = true
			}
			jsonKeys(field.Type, into, seen, without)
		}
	}
}

// marshalsItself gives what a type prints that knows how by itself: a value
// with all its fields set.
func marshalsItself(typ reflect.Type) (string, bool) {
	if !typ.Implements(reflect.TypeFor[json.Marshaler]()) && typ.Kind() != reflect.String {
		if m, ok := typ.MethodByName("MarshalText"); !ok || m.Type.NumIn() != 1 {
			return "", false
		}
		return "", true
	}
	if typ.Kind() == reflect.String {
		return "", true
	}
	value := reflect.New(typ).Elem()
	fill(value)
	text, err := json.Marshal(value.Interface())
	if err != nil {
		panic(err)
	}
	return string(text), true
}

// fill sets what can be set to something that omitempty and omitzero keep.
func fill(v reflect.Value) {
	switch {
	case !v.CanSet():
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(1785585600, 0).UTC()))
	case v.Type() == reflect.TypeFor[holdfast.Server]():
		v.Set(reflect.ValueOf(holdfast.Server{Name: "ns1.example.", Address: netip.IPv6Loopback()}))
	case v.Kind() == reflect.String:
		v.SetString("x")
	case v.CanInt():
		v.SetInt(1)
	case v.CanUint():
		v.SetUint(1)
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	}
}

// TestEveryFormatHasItsPage: the list of formats names each page, and each
// page is there.
func TestEveryFormatHasItsPage(t *testing.T) {
	list := formatPage(t, "README.md")
	pages, err := filepath.Glob(filepath.Join("..", "..", "docs", "formats", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		if name := filepath.Base(page); name != "README.md" && !strings.Contains(list, "("+name+")") {
			t.Errorf("docs/formats/README.md does not name %s", name)
		}
	}
}

// TestLinksLead: what the documents link to within the project is there.
func TestLinksLead(t *testing.T) {
	root := filepath.Join("..", "..")
	var files []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	link := regexp.MustCompile(`\]\(([^)#: ]+)(?:#[^)]*)?\)`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", file, m[1])
			}
		}
	}
}

// TestOperatingQuotesTheProgram: what docs/operating.md says that an error
// says is in the program, word for word.
func TestOperatingQuotesTheProgram(t *testing.T) {
	var program strings.Builder
	program.WriteString(syscall.EADDRINUSE.Error()) // the system's words
	err := filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		program.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "operating.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "| it says | do |\n|---|---|\n")
	rows := regexp.MustCompile(`(?m)^\| ([^|]+) \|`).FindAllStringSubmatch(table, -1)
	if len(rows) < 10 {
		t.Fatalf("only %d rows found", len(rows))
	}
	for _, row := range rows {
		if !strings.Contains(program.String(), row[1]) {
			t.Errorf("no error says %q", row[1])
		}
	}
}

// TestRecordPageNamesEveryTable holds docs/formats/record.md to the schema.
func TestRecordPageNamesEveryTable(t *testing.T) {
	page := formatPage(t, "record.md")
	files, err := filepath.Glob(filepath.Join("..", "record", "migrations", "*.sql"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no migrations: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`CREATE TABLE (\w+)`).FindAllStringSubmatch(string(text), -1) {
			if !strings.Contains(page, "`"+m[1]+"`") {
				t.Errorf("docs/formats/record.md does not name the table %s", m[1])
			}
		}
	}
}

// TestAPIPageNamesEveryPath holds docs/formats/api.md to the calls and metrics
// that tell/api has.
func TestAPIPageNamesEveryPath(t *testing.T) {
	page := formatPage(t, "api.md")
	files, err := filepath.Glob(filepath.Join("..", "tell", "api", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	paths := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`Path: "([^"]+)"`).FindAllStringSubmatch(string(text), -1) {
			paths++
			if !strings.Contains(page, m[1]+"`") {
				t.Errorf("docs/formats/api.md does not name %s", m[1])
			}
		}
	}
	if paths < 10 {
		t.Errorf("only %d paths found: does the test still see them?", paths)
	}
}
