package zonefile

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ulikunitz/xz"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

const small = `example. 3600 IN SOA ns1.example. host.example. 7 1 2 3 4
example. 3600 IN NS ns1.example.
ns1.example. 3600 IN A 192.0.2.1
`

const smallSOA = "example. 3600 IN SOA ns1.example. host.example. 7 1 2 3 4\n"

const digHead = "\n; <<>> DiG 9.16.23-RH <<>> EXAMPLE @192.0.2.1 axfr\n;; global options: +cmd\n"
const digTail = ";; Query time: 149 msec\n;; XFR size: 4 records (messages 1, bytes 200)\n\n"

func read(text string, limits Limits) (Summary, []wire.Record, error) {
	var records []wire.Record
	summary, err := Read(strings.NewReader(text), "test.zone", "", limits, func(r wire.Record) error {
		records = append(records, r)
		return nil
	})
	return summary, records, err
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func xzipped(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	w, err := xz.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestReadForms(t *testing.T) {
	for name, text := range map[string]string{
		"plain":           small,
		"gzip":            gzipped(t, small),
		"xz":              xzipped(t, small),
		"transfer":        digHead + small + smallSOA + digTail,
		"closing SOA":     small + smallSOA,
		"without newline": strings.TrimSuffix(small, "\n"),
	} {
		t.Run(name, func(t *testing.T) {
			summary, records, err := read(text, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if summary.Zone != "example." || summary.SOA.Serial != 7 || summary.Records != 3 || len(records) != 3 {
				t.Errorf("got %+v and %d records", summary, len(records))
			}
			if want := name == "transfer" || name == "closing SOA"; summary.Closed != want {
				t.Errorf("closed is %v", summary.Closed)
			}
			if want := name == "without newline"; summary.Unterminated != want {
				t.Errorf("unterminated is %v", summary.Unterminated)
			}
		})
	}
}

func TestReadSaysWhatIsWrong(t *testing.T) {
	long := small + strings.Repeat("ns1.example. 3600 IN A 192.0.2.1\n", 5000)
	changed := strings.Replace(smallSOA, " 7 ", " 8 ", 1)
	zipped, xzipped := gzipped(t, long), xzipped(t, long)
	for name, c := range map[string]struct {
		text   string
		limits Limits
		is     error
		says   string
	}{
		"empty":                  {text: "", says: "it holds no records: is it a zone file?"},
		"comments only":          {text: "; nothing\n", says: "it holds no records"},
		"no SOA":                 {text: "example. 60 IN A 192.0.2.1\n", says: "no SOA"},
		"bad line":               {text: small + "example. 60 IN A 1.2.3\n", says: "test.zone:4: "},
		"names the file":         {text: small + "example. 60 IN A 1.2.3\n", says: "test.zone"},
		"cut in a record":        {text: small + "a.example. 60 IN AAAA 2001:", is: ErrTruncated},
		"cut in quotes":          {text: small + "example. 60 IN TXT \"abc", is: ErrTruncated},
		"cut transfer":           {text: digHead + small, is: ErrTruncated},
		"cut gzip":               {text: zipped[:len(zipped)-20], is: ErrTruncated},
		"cut xz":                 {text: xzipped[:len(xzipped)-40], is: ErrTruncated},
		"changed transfer":       {text: digHead + small + changed + digTail, says: "two different SOA"},
		"two transfers":          {text: digHead + small + smallSOA + small + smallSOA, says: "behind the closing SOA"},
		"too many bytes":         {text: long, limits: Limits{MaxBytes: 1000}, is: ErrTooLarge},
		"too many bytes, gzip":   {text: zipped, limits: Limits{MaxBytes: 1000}, is: ErrTooLarge},
		"too many records":       {text: long, limits: Limits{MaxRecords: 10}, is: ErrTooLarge},
		"an HTML page":           {text: "<!DOCTYPE html><html><body>moved</body></html>\n", says: "test.zone:1: "},
		"include":                {text: small + "$INCLUDE /etc/passwd\n", says: "$INCLUDE"},
		"gzip of something else": {text: "\x1f\x8b nonsense, not gzip at all", says: "gzip"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := read(c.text, c.limits)
			if err == nil {
				t.Fatal("no error")
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("got %v, want one that is %v", err, c.is)
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want it to say %q", err, c.says)
			}
		})
	}
}

func TestReadPassesOnYieldsError(t *testing.T) {
	stop := errors.New("enough")
	if _, err := Read(strings.NewReader(small), "x", "", Limits{}, func(wire.Record) error { return stop }); err != stop {
		t.Errorf("got %v", err)
	}
}

func TestRelativeNames(t *testing.T) {
	var names []holdfast.Name
	_, err := Read(strings.NewReader("@ 60 IN SOA ns a 1 2 3 4 5\nns A 192.0.2.1\n"), "x", "test.", Limits{}, func(r wire.Record) error {
		names = append(names, r.Name)
		return nil
	})
	if err != nil || len(names) != 2 || names[0] != "test." || names[1] != "ns.test." {
		t.Errorf("got %v, %v", names, err)
	}
}

// stopped is a clock that stands still.
type stopped struct{ at time.Time }

func (c stopped) Now() time.Time                         { return c.at }
func (c stopped) After(d time.Duration) <-chan time.Time { return make(chan time.Time) }

var noon = stopped{time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.zone")
	if err := os.WriteFile(path, []byte(small), 0o600); err != nil {
		t.Fatal(err)
	}
	written := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	if err := os.Chtimes(path, written, written); err != nil {
		t.Fatal(err)
	}
	zone, err := File{Path: path, Clock: noon}.Fetch(context.Background())
	if err != nil || zone.Name != "example." || len(zone.Records) != 3 || zone.From != path || !zone.Fetched.Equal(written) {
		t.Errorf("got %+v, %v", zone, err)
	}
	zone, err = File{Path: "-", Stdin: strings.NewReader(small), Clock: noon}.Fetch(context.Background())
	if err != nil || zone.From != "standard input" || !zone.Fetched.Equal(noon.at) {
		t.Errorf("got %+v, %v", zone, err)
	}
	for path, want := range map[string]string{filepath.Dir(path): "directory", path + ".gone": "no such file"} {
		if _, err := (File{Path: path, Clock: noon}).Fetch(context.Background()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestWeb(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/cut":
			w.Header().Set("Content-Length", "100000")
			_, _ = w.Write([]byte(small))
		case "/root.zone":
			if r.UserAgent() != "holdfast/test" {
				http.Error(w, "who?", http.StatusForbidden)
				return
			}
			_, _ = w.Write([]byte(small))
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	fetch := func(path string) (int, error) {
		zone, err := Web{URL: server.URL + path, Client: server.Client(), UserAgent: "holdfast/test", Clock: noon}.Fetch(context.Background())
		return len(zone.Records), err
	}
	if n, err := fetch("/root.zone"); n != 3 || err != nil {
		t.Errorf("got %d records, %v", n, err)
	}
	if _, err := fetch("/cut"); !errors.Is(err, ErrTruncated) {
		t.Errorf("a body cut short: %v", err)
	}
	if _, err := fetch("/gone"); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("a page that is gone: %v", err)
	}
}

func TestPlace(t *testing.T) {
	for text, want := range map[string]string{
		"axfr:lax.xfr.dns.icann.org": "AXFR from lax.xfr.dns.icann.org:53",
		"axfr:192.0.2.1:5353":        "AXFR from 192.0.2.1:5353",
		"axfr:2001:db8::1":           "AXFR from [2001:db8::1]:53",
		"axfr:[2001:db8::1]:5353":    "AXFR from [2001:db8::1]:5353",
		"axfr:[2001:db8::1]":         "AXFR from [2001:db8::1]:53",
		RootURL:                      RootURL,
		"/var/lib/root.zone.gz":      "/var/lib/root.zone.gz",
		"-":                          "standard input",
	} {
		if got, err := Place(text, holdfast.Root, Means{}); err != nil || got.String() != want {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "axfr:", "ftp://example/root.zone"} {
		if _, err := Place(text, holdfast.Root, Means{}); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

// TestRealZones reads the shared data, xz and all. Figures from its README.
func TestRealZones(t *testing.T) {
	for name, want := range map[string]struct {
		zone    holdfast.Name
		records int
		closed  bool
	}{
		"root.zone.2026073102.signed.xz": {".", 24877, false},
		"arpa.zone.2024101100.axfr.xz":   {"arpa.", 228, true},
	} {
		path := filepath.Join("..", "..", "..", "..", "shared", "data", "root-zone", name)
		if _, err := os.Stat(path); err != nil {
			t.Skipf("no real zones: %v", err)
		}
		summary, err := ReadFile(path, nil, "", Limits{}, func(wire.Record) error { return nil })
		if err != nil || summary.Zone != want.zone || summary.Records != want.records || summary.Closed != want.closed {
			t.Errorf("%s: got %+v, %v", name, summary, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(digHead + small + smallSOA))
	f.Add([]byte("\x1f\x8b\x08\x00"))
	f.Add([]byte("\xfd7zXZ\x00\x00\x04"))
	f.Fuzz(func(t *testing.T, text []byte) {
		limits := Limits{MaxBytes: 1 << 16, MaxRecords: 1000}
		handed := 0
		summary, err := Read(bytes.NewReader(text), "fuzz", "", limits, func(wire.Record) error {
			handed++
			return nil
		})
		if err == nil && (summary.Zone == "" || handed == 0) || handed > 1000 {
			t.Errorf("%d records of %+v", handed, summary)
		}
	})
}
