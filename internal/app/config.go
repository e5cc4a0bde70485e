package app

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net/mail"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/measure/scan"
	"github.com/holdfastdns/holdfast/internal/measure/walk"
	"github.com/holdfastdns/holdfast/internal/record"
	"github.com/holdfastdns/holdfast/internal/source/registry"
	"github.com/holdfastdns/holdfast/internal/source/roster"
	"github.com/holdfastdns/holdfast/internal/source/zonefile"
	"github.com/holdfastdns/holdfast/internal/tell/alert"
	"github.com/holdfastdns/holdfast/internal/tell/notify"
)

// Config is the whole configuration. Each room documents its own section; the
// zero value of each key is its default.
type Config struct {
	// Database is the file of the record. "holdfast.db" where empty.
	Database string `toml:"database"`
	// Vantage names where this Holdfast stands, in sweeps and evidence; the
	// host's name where empty.
	Vantage string `toml:"vantage"`
	// TrustAnchor and RootHints are files that replace IANA's anchors and
	// hints, which the program carries.
	TrustAnchor string `toml:"trust_anchor"`
	RootHints   string `toml:"root_hints"`
	// RootCalendar is a file that replaces what the program knows of the dates
	// of the root's keys (docs/formats/calendar.md): plans change.
	RootCalendar string `toml:"root_calendar"`
	// RootResponses are files of signed key responses (SKR), by which the page
	// of the root's keys says what comes.
	RootResponses []string `toml:"root_responses"`
	// Profile weighs findings: "default", "icann-rst", "iana", "quiet", or a
	// file that `holdfast profile show` or `import` wrote. "default" where empty.
	Profile string `toml:"profile"`

	Roster    roster.Config   `toml:"roster"`
	Scan      scan.Config     `toml:"scan"`
	Ask       ask.Config      `toml:"ask"`
	Walk      walk.Config     `toml:"walk"`
	Contacts  registry.Config `toml:"contacts"`
	Alert     alert.Config    `toml:"alert"`
	Notify    notify.Config   `toml:"notify"`
	Web       WebConfig       `toml:"web"`
	Retention RetentionConfig `toml:"retention"`
	Self      SelfConfig      `toml:"self"`
	Testbed   TestbedConfig   `toml:"testbed"`
}

// RetentionConfig says how much is kept. Open findings and incidents, and
// notices not yet sent, stay whatever it says.
type RetentionConfig struct {
	// Age beyond which evidence is dropped. "30d" where zero.
	Age holdfast.Duration `toml:"age"`
	// Megabytes that the database may have; the oldest evidence goes first.
	// 20000 where zero.
	Megabytes int64 `toml:"megabytes"`
	// Incidents that were closed longer ago than this are dropped, with the
	// notices of them; how many there were is kept. Key tag signals of days
	// before go too. "400d" where zero, and at least Age.
	Incidents holdfast.Duration `toml:"incidents"`
}

func (c RetentionConfig) keep() record.Retention {
	if c.Age == 0 {
		c.Age = holdfast.Duration(30 * 24 * 3600 * 1e9)
	}
	if c.Megabytes == 0 {
		c.Megabytes = 20000
	}
	if c.Incidents == 0 {
		c.Incidents = holdfast.Duration(400 * 24 * 3600 * 1e9)
	}
	return record.Retention{Age: c.Age.Of(), Size: c.Megabytes * 1_000_000, Told: max(c.Incidents, c.Age).Of()}
}

// maxConfig bounds a configuration file.
const maxConfig = 4 << 20

// LoadConfig reads a configuration file strictly: an unknown key or a value of
// the wrong form is an error that names line and key. No file at all is the
// default configuration.
func LoadConfig(path string) (Config, error) {
	if path == "" {
		return Config{}.withDefaults(), nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, advise(fmt.Errorf("configuration: %w", err), "`holdfast config example > %s` writes one to begin with.", path)
	}
	if err != nil {
		return Config{}, fmt.Errorf("configuration: %w", err)
	}
	if len(text) > maxConfig {
		return Config{}, fmt.Errorf("configuration %s: it is larger than %d MB", path, maxConfig>>20)
	}
	config, err := readConfig(text)
	if err != nil {
		return Config{}, advise(fmt.Errorf("configuration %s: %w", path, err), "`holdfast config example` shows every key with its form.")
	}
	return config, nil
}

func readConfig(text []byte) (Config, error) {
	var c Config
	decoder := toml.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return Config{}, placed(err)
	}
	if err := wantUnits(text); err != nil {
		return Config{}, err
	}
	return c.withDefaults(), c.Check()
}

// wantUnits refuses a length of time that is a bare number: the decoder would
// take 300 for nanoseconds, whatever its writer meant.
func wantUnits(text []byte) error {
	err := toml.Unmarshal(text, reflect.New(spelled(reflect.TypeFor[Config]())).Interface())
	var number *toml.DecodeError
	if !errors.As(err, &number) {
		return err
	}
	line, column := number.Position()
	return fmt.Errorf("line %d, column %d: %s: write a number with its unit, such as \"30s\", \"5m\", \"12h\" or \"7d\"",
		line, column, strings.Join(number.Key(), "."))
}

// spelled is a configuration's type with text where it has lengths of time.
func spelled(typ reflect.Type) reflect.Type {
	switch {
	case typ == reflect.TypeFor[holdfast.Duration]():
		return reflect.TypeFor[string]()
	case typ.Kind() == reflect.Pointer:
		return reflect.PointerTo(spelled(typ.Elem()))
	case typ.Kind() == reflect.Map:
		return reflect.MapOf(typ.Key(), spelled(typ.Elem()))
	case typ.Kind() != reflect.Struct:
		return typ
	}
	fields := make([]reflect.StructField, 0, typ.NumField())
	for i := range typ.NumField() {
		if field := typ.Field(i); field.Tag.Get("toml") != "-" {
			fields = append(fields, reflect.StructField{Name: field.Name, Type: spelled(field.Type), Tag: field.Tag})
		}
	}
	return reflect.StructOf(fields)
}

// placed says where in the file a mistake is.
func placed(err error) error {
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) {
		var all []string
		for _, e := range unknown.Errors {
			line, _ := e.Position()
			all = append(all, fmt.Sprintf("line %d: there is no key %s", line, strings.Join(e.Key(), ".")))
		}
		return errors.New(strings.Join(all, "; "))
	}
	var wrong *toml.DecodeError
	if errors.As(err, &wrong) {
		line, column := wrong.Position()
		where := ""
		if key := strings.Join(wrong.Key(), "."); key != "" {
			where = key + ": "
		}
		return fmt.Errorf("line %d, column %d: %s%s", line, column, where, inWords(strings.TrimPrefix(wrong.Error(), "toml: ")))
	}
	return err
}

// mistyped is how the decoder says, in terms of this program's types, that a
// value is of the wrong kind.
var mistyped = regexp.MustCompile(`^cannot decode TOML (\w+) into .* of type (\S+)$`)

// inWords says it in the file's terms.
func inWords(text string) string {
	found := mistyped.FindStringSubmatch(text)
	if found == nil {
		return text
	}
	want, known := map[string]string{
		"[]string": `a list such as ["one", "two"]`, "string": `a text such as "one"`, "bool": "true or false",
		"int": "a whole number", "int64": "a whole number", "uint16": "a whole number", "float64": "a number",
	}[found[2]]
	if !known {
		return "a " + found[1] + " cannot stand here"
	}
	return "it is a " + found[1] + ": want " + want
}

func (c Config) withDefaults() Config {
	if c.Database == "" {
		c.Database = "holdfast.db"
	}
	if c.Alert.DocsURL == "" && c.Alert.BaseURL != "" && c.Web.listen() != "off" {
		c.Alert.DocsURL = strings.TrimSuffix(c.Alert.BaseURL, "/") + "/checks/" // the page has them
	}
	if c.Alert.MessageDomain == "" && c.Notify.Mail != nil {
		if sender, err := mail.ParseAddress(c.Notify.Mail.From); err == nil {
			c.Alert.MessageDomain = strings.ToLower(sender.Address[strings.LastIndex(sender.Address, "@")+1:])
		}
	}
	return c
}

// Check says all that is wrong with the configuration, each by its key.
func (c Config) Check() error {
	errs := []error{c.checkRoster(), c.Scan.Check(), c.Ask.Check(), c.Walk.Check(), c.Alert.Check(), c.Notify.Check(), c.Web.check(), c.Self.check(), c.Testbed.check()}
	for _, name := range c.Contacts.Sources {
		if !slices.Contains([]string{"rdap", "whois", "csv"}, name) {
			errs = append(errs, fmt.Errorf("contacts.sources: %q is none of rdap, whois, csv", name))
		}
	}
	if c.Retention.Age < 0 || c.Retention.Megabytes < 0 || c.Retention.Incidents < 0 {
		errs = append(errs, errors.New("retention.age, retention.megabytes and retention.incidents are not negative"))
	}
	if len(c.Alert.Staff) > 0 && c.Notify.Mail == nil {
		errs = append(errs, errors.New("alert.staff are to be told by mail, and there is no section [notify.mail]"))
	}
	return errors.Join(errs...)
}

func (c Config) checkRoster() error {
	var errs []error
	for _, place := range c.Roster.Sources {
		if _, err := zonefile.Place(place, holdfast.Root, zonefile.Means{}); err != nil {
			errs = append(errs, fmt.Errorf("roster.sources: %w", err))
		}
	}
	if n := c.Roster.MaxLossPercent; n < 0 || n > 100 {
		errs = append(errs, fmt.Errorf("roster.max_loss_percent is %d: want 1 to 100", n))
	}
	if c.Roster.Interval < 0 {
		errs = append(errs, errors.New("roster.interval is negative"))
	}
	return errors.Join(errs...)
}

// ConfigCheck says whether a configuration is right, and what it comes to.
func ConfigCheck(w World, path string, asJSON bool) error {
	c, err := LoadConfig(path)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(w.Stdout, map[string]any{"ok": true, "file": path, "database": c.Database, "listen": c.Web.listen(), "staff": len(c.Alert.Staff)})
	}
	fmt.Fprintf(w.Stdout, "%s is right.\n", orDefault(path, "The built-in configuration"))
	fmt.Fprintf(w.Stdout, "  database  %s\n  page      %s\n  staff     %s\n", c.Database, c.Web.listen(), orDefault(strings.Join(c.Alert.Staff, ", "), "nobody is told: set alert.staff"))
	contacts := string(c.Alert.Contacts)
	if contacts == "" || contacts == "held" {
		contacts = "held until released"
	}
	fmt.Fprintf(w.Stdout, "  contacts  mails are %s\n", contacts)
	return nil
}

func orDefault(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

//go:embed holdfast.toml
var exampleConfig string

// ConfigExample prints a configuration with every key and its meaning.
func ConfigExample(w World) error {
	_, err := fmt.Fprint(w.Stdout, exampleConfig)
	return err
}
