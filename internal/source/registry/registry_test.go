package registry

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfastdns/holdfast"
)

// systemClock is the machine's, or the bubble's where synctest runs.
type systemClock struct{}

func (systemClock) Now() time.Time                         { return time.Now() }
func (systemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// stub is a source that says one thing.
type stub struct {
	email string
	err   error
	asked *[]string
}

func (s stub) Contact(_ context.Context, zone holdfast.Name) (holdfast.Contact, error) {
	*s.asked = append(*s.asked, s.email)
	return holdfast.Contact{Zone: zone, Email: s.email}, s.err
}

func TestLookupAsksInOrder(t *testing.T) {
	var asked []string
	none := stub{"none", ErrNoContact, &asked}
	broken := stub{"broken", errors.New("no route"), &asked}
	good := stub{"good", nil, &asked}
	never := stub{"never", nil, &asked}
	contact, err := NewLookup(none, broken, good, never).Contact(context.Background(), "example.")
	if err != nil || contact.Email != "good" || !slices.Equal(asked, []string{"none", "broken", "good"}) {
		t.Errorf("got %+v, %v, asked %v", contact, err, asked)
	}
	if _, err := NewLookup(none, none).Contact(context.Background(), "example."); !errors.Is(err, ErrNoContact) {
		t.Errorf("nobody knows: %v", err)
	}
	// A failure is not the same as none: the old contact stays good.
	if _, err := NewLookup(none, broken).Contact(context.Background(), "example."); errors.Is(err, ErrNoContact) || !strings.Contains(err.Error(), "no route") {
		t.Errorf("one failed: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	asked = nil
	if _, err := NewLookup(broken, good).Contact(ctx, "example."); !errors.Is(err, context.Canceled) || len(asked) != 1 {
		t.Errorf("got %v, asked %v", err, asked)
	}
}

func TestNew(t *testing.T) {
	file := filepath.Join(t.TempDir(), "contacts.csv")
	if err := os.WriteFile(file, []byte("tld,tech_email\nde,tech@denic.example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := Config{Sources: []string{"csv"}, File: file, Overrides: map[string]Override{"рф": {Email: "noc@registry.example", Phone: "+1 2"}}}
	lookup, err := New(config, Means{Clock: systemClock{}})
	if err != nil {
		t.Fatal(err)
	}
	for zone, want := range map[holdfast.Name]holdfast.Contact{
		"xn--p1ai.": {Email: "noc@registry.example", Phone: "+1 2", Source: holdfast.ContactFromConfig},
		"de.":       {Email: "tech@denic.example", Source: holdfast.ContactFromFile},
	} {
		got, err := lookup.Contact(context.Background(), zone)
		if err != nil || got.Email != want.Email || got.Phone != want.Phone || got.Source != want.Source || got.Zone != zone || got.Role != "technical" || got.Fetched.IsZero() {
			t.Errorf("%s: got %+v, %v", zone, got, err)
		}
	}
	for text, config := range map[string]Config{
		`"telex" is none of`:    {Sources: []string{"telex"}},
		"set contacts.file":     {Sources: []string{"csv"}},
		"no such file":          {Sources: []string{"csv"}, File: file + ".gone"},
		"not a mail address":    {Overrides: map[string]Override{"de": {Email: "phone us"}}},
		"no technical contact":  {Overrides: map[string]Override{"de": {}}},
		`override: "a..b": not`: {Overrides: map[string]Override{"a..b": {Email: "a@b.example"}}},
	} {
		if _, err := New(config, Means{Clock: systemClock{}}); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("got %v, want it to say %q", err, text)
		}
	}
}

func TestDefaults(t *testing.T) {
	if c := (Config{}).WithDefaults(); !slices.Equal(c.Sources, []string{"rdap", "whois"}) || c.WHOIS != "whois.iana.org:43" || c.Interval.Of() != 2*time.Second {
		t.Errorf("got %+v", c)
	}
	if c := (Config{File: "x"}).WithDefaults(); !slices.Equal(c.Sources, []string{"csv", "rdap", "whois"}) {
		t.Errorf("with a file: %v", c.Sources)
	}
}

func TestDepends(t *testing.T) {
	for _, c := range []struct {
		email string
		zone  holdfast.Name
		ns    []holdfast.Name
		want  string
	}{
		{"tech@nic.de", "de.", nil, "lies under de. itself"},
		{"tech@DE", "de.", nil, "lies under de. itself"},
		{"tech@denic.example", "de.", []holdfast.Name{"a.nic.de."}, ""},
		{"tech@registry.example", "de.", []holdfast.Name{"ns1.registry.example."}, "name server ns1.registry.example."},
		{"tech@mail.registry.example", "de.", []holdfast.Name{"a.nic.de.", "ns1.registry.example."}, "name server ns1.registry.example."},
		{"tech@other.example", "de.", []holdfast.Name{"ns1.registry.example."}, ""},
		{"tech@other.example", "de.", []holdfast.Name{"ns.example."}, ""},
		{"tech@xdenic.example", "de.", []holdfast.Name{"ns.denic.example."}, ""},
		{"tech@nic.de", "e.", nil, ""},
		{"tech@nic.de", ".", nil, ""},
		{"", "de.", nil, ""},
	} {
		got := Depends(holdfast.Contact{Email: c.email}, c.zone, c.ns)
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s for %s on %v: got %q, want %q", c.email, c.zone, c.ns, got, c.want)
		}
	}
}

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"  a \t b\r\nBcc: x ":   "a b Bcc: x",
		"caf\u00e9 \xff\x00":    "café",
		"\u202eevil\u2066 name": "evil name",
	} {
		if got := clean(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if got := clean(strings.Repeat("ж", 500)); len([]rune(got)) != maxText {
		t.Errorf("%d characters", len([]rune(got)))
	}
}

func TestFinishTakesOnlyBareAddresses(t *testing.T) {
	for _, email := range []string{"Tech <tech@nic.example>", "tech", "tech@", "a@b@c", "tech@nic.example\r\nBcc: x@y.example", "a@nic..example", "a,b@nic.example"} {
		if c, err := finish(holdfast.Contact{Email: email}); err == nil {
			t.Errorf("%q was taken as %q", email, c.Email)
		}
	}
	if c, err := finish(holdfast.Contact{Email: " tech@nic.example "}); err != nil || c.Email != "tech@nic.example" {
		t.Errorf("got %+v, %v", c, err)
	}
}

// TestTurns: one at a time, with the pause between the end of one and the
// beginning of the next.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(systemClock{}, 2*time.Second)
		began := time.Now()
		done, err := turns.take(t.Context())
		if err != nil || time.Since(began) != 0 {
			t.Fatalf("the first waits: %v", err)
		}
		second := make(chan time.Duration)
		go func() {
			done, err := turns.take(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			second <- time.Since(began)
			done()
		}()
		time.Sleep(time.Second)
		done()
		if at := <-second; at != 3*time.Second {
			t.Errorf("the second went after %v", at)
		}
		time.Sleep(time.Minute)
		began = time.Now()
		done, err = turns.take(t.Context())
		if err != nil || time.Since(began) != 0 {
			t.Errorf("after a long pause it waited %v, %v", time.Since(began), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := turns.take(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("in a line that does not move: %v", err)
		}
		done()
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := turns.take(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("in the pause: %v", err)
		}
		if done, err = turns.take(t.Context()); err != nil {
			t.Errorf("the turn was lost: %v", err)
		}
		done()
	})
}
