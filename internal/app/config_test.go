package app

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// setting is a line of the example that is commented out: "#" and no blank.
var setting = regexp.MustCompile(`(?m)^#([a-z_\[])`)

// TestExampleIsRight reads the example as it is, when it says nothing, and
// with every setting uncommented.
func TestExampleIsRight(t *testing.T) {
	got, err := readConfig([]byte(exampleConfig))
	if err != nil {
		t.Fatalf("as it is: %v", err)
	}
	if want := (Config{}).withDefaults(); !reflect.DeepEqual(got, want) {
		t.Errorf("as it is the example sets something:\n%+v\nwant\n%+v", got, want)
	}
	all, err := readConfig([]byte(setting.ReplaceAllString(exampleConfig, "$1")))
	if err != nil {
		t.Fatalf("with every setting: %v", err)
	}
	if all.Scan.Core.Of() != 5*time.Minute || all.Alert.Staff[0] != "noc@registry.example" || all.Notify.Mail.User != "holdfast" ||
		all.Contacts.Overrides["example"].Phone == "" || all.Notify.Webhooks["chat"].Secret == "" || all.Retention.Megabytes != 20000 {
		t.Errorf("with every setting: %+v", all)
	}
}

// TestExampleDefaults holds the values of the example to those that the rooms
// state, where they state them in code that can be asked.
func TestExampleDefaults(t *testing.T) {
	all, err := readConfig([]byte(setting.ReplaceAllString(exampleConfig, "$1")))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := all.Database, (Config{}).withDefaults().Database; got != want {
		t.Errorf("database is %q, want %q", got, want)
	}
	if got, want := all.Web.listen(), (WebConfig{}).listen(); got != want {
		t.Errorf("web.listen is %q, want %q", got, want)
	}
	if got, want := all.Retention.keep(), (RetentionConfig{}).keep(); got != want {
		t.Errorf("retention is %+v, want %+v", got, want)
	}
	got, want := all.Contacts, (Config{}).Contacts.WithDefaults()
	if !slices.Equal(got.Sources, want.Sources) || got.RDAP != want.RDAP || got.WHOIS != want.WHOIS || got.Interval != want.Interval ||
		got.Timeout != want.Timeout || got.Refresh != want.Refresh {
		t.Errorf("contacts are %+v, want %+v", got, want)
	}
}

// TestExampleNamesEverySetting walks the configuration's types: each key must
// stand in its section of the example.
func TestExampleNamesEverySetting(t *testing.T) {
	sections := exampleSections()
	for _, key := range slices.Sorted(maps.Keys(keysOf(reflect.TypeFor[Config](), "", map[string]bool{}))) {
		section, name := "", key
		if i := strings.LastIndex(key, "."); i >= 0 {
			section, name = key[:i], key[i+1:]
		}
		if !regexp.MustCompile(`(?m)(^#|[\x60])` + regexp.QuoteMeta(name) + ` = `).MatchString(sections[section]) {
			t.Errorf("holdfast.toml does not have %s", key)
		}
	}
}

// exampleSections is the example by heading; the name that a table of tables
// has in the example is "*".
func exampleSections() map[string]string {
	heading := regexp.MustCompile(`^#?\[([a-z_.]+)\]$`)
	named := regexp.MustCompile(`^(notify\.webhooks|contacts\.overrides)\.[a-z]+$`)
	sections, section := map[string]string{}, ""
	for line := range strings.Lines(exampleConfig) {
		if m := heading.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			section = named.ReplaceAllString(m[1], "$1.*")
		}
		sections[section] += line
	}
	return sections
}

// keysOf are the keys of a configuration type, dotted. A table of plain values
// is a key "*" of its own section.
func keysOf(typ reflect.Type, prefix string, into map[string]bool) map[string]bool {
	for i := range typ.NumField() {
		field := typ.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("toml"), ",")
		if name == "-" {
			continue
		}
		name = prefix + name
		inner := field.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		switch {
		case inner.Kind() == reflect.Struct:
			keysOf(inner, name+".", into)
		case inner.Kind() == reflect.Map && inner.Elem().Kind() == reflect.Struct:
			keysOf(inner.Elem(), name+".*.", into)
		case inner.Kind() == reflect.Map:
			into[name+".example"] = true // the example's zone
		default:
			into[name] = true
		}
	}
	return into
}

// TestEveryConfigFieldHasAKey keeps a field without a tag from becoming a
// setting that nobody can find.
func TestEveryConfigFieldHasAKey(t *testing.T) {
	for key := range keysOf(reflect.TypeFor[Config](), "", map[string]bool{}) {
		if strings.HasSuffix(key, ".") || key == "" {
			t.Errorf("a field under %q has no toml tag", key)
		}
	}
}

// TestReadmeConfiguration holds the README to the program: its configuration
// is right, and has the five lines that it says.
func TestReadmeConfiguration(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```toml\n(.*?)```").FindStringSubmatch(string(readme))
	if block == nil {
		t.Fatal("the README has no configuration")
	}
	if lines := strings.Count(block[1], "\n"); lines != 5 {
		t.Errorf("the README's configuration has %d lines and promises five", lines)
	}
	config, err := readConfig([]byte(block[1]))
	if err != nil {
		t.Fatal(err)
	}
	if len(config.Alert.Staff) == 0 || config.Notify.Mail == nil || config.Alert.BaseURL == "" {
		t.Errorf("it tells nobody: %+v", config)
	}
}

// TestWrongConfigurations are mistakes that people make; each must be told by
// its place and its key.
func TestWrongConfigurations(t *testing.T) {
	for _, c := range []struct{ text, place, says string }{
		{"databse = \"x\"\n", "line 1", "databse"},
		{"\n[mail]\nhost = \"mail.example\"\n", "line 2", "mail"},
		{"[alert]\nstaff = [\"noc@example.net\"]\nsmtp = 1\n", "line 3", "alert.smtp"},
		{"[scan]\ncore = 300\n", "line 2", "scan.core"},
		{"[scan]\nfull = \"1h\"\ncore = \"5 minutes\"\n", "line 3", "scan.core"},
		{"[ask]\nudp_wait = 2\n", "line 2", "ask.udp_wait"},
		{"[ask]\nburst = \"many\"\n", "line 2", "ask.burst"},
		{"[retention]\nage = 30\n", "line 2", "retention.age"},
		{"[alert]\nstaff_from = \"terrible\"\n", "line 2", "alert.staff_from"},
		{"[alert]\nstaff = \"noc@example.net\"\n", "line 2", "alert.staff"},
		{"[alert\nstaff = []\n", "line 1", ""},
		{"database = \"a\"\ndatabase = \"b\"\n", "line 2", "database"},
		{"[web]\nlisten = \"0.0.0.0:8053\"\n", "", "web.listen"},
		{"[web]\nlisten = \"8053\"\n", "", "web.listen"},
		{"[scan]\ncore = \"1h\"\nfull = \"1m\"\n", "scan", "full"},
		{"[alert]\ncontacts = \"sometimes\"\n", "", "alert.contacts"},
		{"[alert]\nstaff = [\"noc@example.net\"]\n", "", "notify.mail"},
		{"[notify.mail]\nserver = \"mail.example\"\n", "", "notify.mail.from"},
		{"[ask]\nin_flight = 100000\n", "", "ask.in_flight"},
		{"[ask]\nudp_wait = \"-2s\"\n", "", "ask.udp_wait"},
		{"[roster]\nsources = [\"ftp://example.net/root.zone\"]\n", "", "roster.sources"},
		{"[roster]\nmax_loss_percent = 200\n", "", "roster.max_loss_percent"},
		{"[contacts]\nsources = [\"phone\"]\n", "", "contacts.sources"},
		{"[walk]\nbudget = \"-1s\"\n", "", "walk.budget"},
	} {
		_, err := readConfig([]byte(c.text))
		if err == nil {
			t.Errorf("%q is accepted", c.text)
			continue
		}
		if text := err.Error(); !strings.Contains(text, c.place) || !strings.Contains(text, c.says) {
			t.Errorf("%q: %q names not both %q and %q", c.text, text, c.place, c.says)
		}
	}
}

// FuzzConfig holds that no file makes the reader panic, and that what it
// accepts can be written and read again.
func FuzzConfig(f *testing.F) {
	f.Add(exampleConfig)
	f.Add(setting.ReplaceAllString(exampleConfig, "$1"))
	f.Add("[scan]\ncore = 300\n")
	f.Add("alert.staff = [\"a@b\"]\nnotify.mail.server = \"[::1]\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		config, err := readConfig([]byte(text))
		if err != nil {
			return
		}
		written, err := toml.Marshal(config)
		if err != nil {
			t.Skip() // a text that TOML cannot hold
		}
		if _, err := readConfig(written); err != nil {
			t.Errorf("read again: %v\n%s", err, written)
		}
	})
}

// TestMessageDomain: Message-IDs are under the sender's domain unless told.
func TestMessageDomain(t *testing.T) {
	for text, want := range map[string]string{
		`notify.mail = {server = "mail.example", from = "Holdfast <holdfast@Registry.example>"}`:                                          "registry.example",
		`notify.mail = {server = "mail.example", from = "h@registry.example"}` + "\n" + `alert.message_domain = "watch.registry.example"`: "watch.registry.example",
		``: "",
	} {
		config, err := readConfig([]byte(text))
		if err != nil || config.Alert.MessageDomain != want {
			t.Errorf("%s: message domain %q, %v; want %q", text, config.Alert.MessageDomain, err, want)
		}
	}
}
