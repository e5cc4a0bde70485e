package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var readOn = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func readFile(t testing.TB, name string) ([]Question, Stats) {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []Question
	stats, err := Read(f, name, Options{Now: readOn}, func(q Question) error {
		out = append(out, q)
		return nil
	})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return out, stats
}

// telling are the questions whose names begin as RFC 8145's do, as lines, to
// the second, sorted.
func telling(questions []Question, tags bool) []string {
	var out []string
	for _, q := range questions {
		if strings.HasPrefix(string(q.Name), "_ta-") || tags && q.Tags != nil {
			out = append(out, fmt.Sprintf("%s %s %s %d %v", q.At.Round(time.Second).Format(time.TimeOnly), q.Source, q.Name, q.Type, q.Tags))
		}
	}
	slices.Sort(out)
	return out
}

// TestSameTraffic reads one and the same half minute of a lab's root server as
// BIND's query log has it, as its dnstap has it, and as it was captured from the
// wire: the same signals of the same sources in each. dnstap-read and grep count
// 37 names of RFC 8145.
func TestSameTraffic(t *testing.T) {
	log, stats := readFile(t, "bind-query.log")
	if stats.Format != FormatLog || stats.Broken != "" {
		t.Errorf("log: %+v", stats)
	}
	tap, stats := readFile(t, "bind.dnstap")
	if stats.Format != FormatDnstap || stats.Broken != "" {
		t.Errorf("dnstap: %+v", stats)
	}
	wire, stats := readFile(t, "lo.pcap")
	if stats.Format != FormatPcap || stats.Broken != "" || stats.Skipped == 0 {
		t.Errorf("pcap: %+v", stats)
	}
	next, stats := readFile(t, "lo.pcapng.gz")
	if stats.Format != FormatPcapNG || stats.Broken != "" {
		t.Errorf("pcapng: %+v", stats)
	}
	if got := telling(log, false); len(got) != 37 {
		t.Errorf("%d names in the log", len(got))
	}
	if a, b := names(log), names(tap); !slices.Equal(a, b) {
		t.Errorf("log and dnstap differ:\n%v\n%v", a, b)
	}
	if a, b := telling(tap, true), telling(wire, true); !slices.Equal(a, b) {
		t.Errorf("dnstap and pcap differ:\n%s\n\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
	}
	if a, b := telling(wire, true), telling(next, true); !slices.Equal(a, b) {
		t.Errorf("pcap and pcapng differ:\n%v\n%v", a, b)
	}
	option := slices.IndexFunc(wire, func(q Question) bool { return q.Tags != nil })
	if option < 0 || wire[option].Source.String() != "10.53.0.10" || !slices.Equal(wire[option].Tags, []uint16{20326, 38696}) || wire[option].Type != 48 {
		t.Errorf("the question with the option: %+v", wire[max(option, 0)])
	}
}

// names are telling without the time, which a log and a tap take a moment apart.
func names(questions []Question) []string {
	var out []string
	for _, line := range telling(questions, false) {
		_, rest, _ := strings.Cut(line, " ")
		out = append(out, rest)
	}
	slices.Sort(out)
	return out
}

// TestLines reads the ways in which logs are written.
func TestLines(t *testing.T) {
	for name, c := range map[string]struct{ line, want string }{
		"bind":            {"21-Nov-2026 10:33:18.900 queries: info: client @0x7f6bebcdf098 10.53.0.22#56090 (.): query: . IN DNSKEY -E(0)DC (10.53.0.10)", "2026-11-21T10:33:18Z 10.53.0.22 . 48 []"},
		"bind view":       {"2026-11-21T10:33:18.900Z client @0x7f 2001:db8::1#53 (_ta-4f66): view outside: query: _ta-4f66 IN NULL -E(0)DC (192.0.2.1)", "2026-11-21T10:33:18Z 2001:db8::1 _ta-4f66. 10 []"},
		"bind old":        {"Nov 21 10:33:18 ns1 named[99]: client 192.0.2.7#53: query: _ta-4f66-9728 IN NULL -E (192.0.2.1)", "2026-11-21T10:33:18Z 192.0.2.7 _ta-4f66-9728. 10 []"},
		"last year":       {"Dec 31 23:59:59 ns1 named[99]: client 192.0.2.7#53: query: _ta-4f66 IN NULL -E (192.0.2.1)", "2025-12-31T23:59:59Z 192.0.2.7 _ta-4f66. 10 []"},
		"telemetry":       {"2026-11-21T11:03:08.672Z trust-anchor-telemetry: info: trust-anchor-telemetry '_Ta-4a5c/IN' from 10.53.0.10", "2026-11-21T11:03:08Z 10.53.0.10 _ta-4a5c. 10 []"},
		"option":          {"2026-11-21T11:03:08.708Z trust-anchor-telemetry: info: trust-anchor-telemetry './IN' from 10.53.0.10 20326 38696", "2026-11-21T11:03:08Z 10.53.0.10 . 48 [20326 38696]"},
		"unbound":         {"Nov 21 10:33:18 unbound[8188:0] info: 10.53.0.20 www.lab. A IN", "2026-11-21T10:33:18Z 10.53.0.20 www.lab. 1 []"},
		"unbound epoch":   {"[1795257198] unbound[8188:0] query: 10.53.0.20 _ta-4f66. NULL IN", "2026-11-21T10:33:18Z 10.53.0.20 _ta-4f66. 10 []"},
		"offset":          {"2026-11-21T12:33:18+0200 ns1 unbound[1]: [8188:0] info: 10.53.0.20 _ta-4f66. NULL IN", "2026-11-21T10:33:18Z 10.53.0.20 _ta-4f66. 10 []"},
		"unbound reply":   {"Nov 21 10:33:18 unbound[8188:0] info: 10.53.0.20 www.lab. A IN NOERROR 0.000 0 54", ""},
		"unbound speaks":  {"Nov 21 10:33:18 unbound[8188:0] info: generate keytag query _ta-0209. NULL IN", ""},
		"other class":     {"21-Nov-2026 10:33:18.900 client @0x7f 10.53.0.22#1 (.): query: version.bind CH TXT + (10.53.0.10)", ""},
		"no time":         {"client 10.53.0.22#1 (.): query: . IN NS + (10.53.0.10)", ""},
		"empty":           {"", ""},
		"telemetry, tags": {"2026-11-21T11:03:08.708Z trust-anchor-telemetry './IN' from 10.53.0.10 99999", ""},
	} {
		got := ""
		stats, err := Read(strings.NewReader(c.line+"\n"), name, Options{Format: FormatLog, Now: readOn}, func(q Question) error {
			got = fmt.Sprintf("%s %s %s %d %v", q.At.Format(time.RFC3339), q.Source, q.Name, q.Type, q.Tags)
			return nil
		})
		if err != nil || got != c.want || stats.Questions+stats.Skipped != 1 {
			t.Errorf("%s: %v, %+v: %q, want %q", name, err, stats, got, c.want)
		}
	}
}

// TestNoneTwice: BIND tells of a signal by name in two categories; in a log with
// both it counts once, in one with telemetry alone it counts too.
func TestNoneTwice(t *testing.T) {
	questions, _ := readFile(t, "bind-query.log")
	once := len(telling(questions, false))
	query, err := os.ReadFile("testdata/bind-query.log")
	if err != nil {
		t.Fatal(err)
	}
	telemetry, err := os.ReadFile("testdata/bind-telemetry.log")
	if err != nil {
		t.Fatal(err)
	}
	count := func(text []byte) (names, options int) {
		if _, err := Read(bytes.NewReader(text), "both", Options{Now: readOn}, func(q Question) error {
			if strings.HasPrefix(string(q.Name), "_ta-") {
				names++
			}
			if q.Tags != nil {
				options++
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return names, options
	}
	if names, options := count(append(query, telemetry...)); names != once || options != 1 {
		t.Errorf("both: %d names and %d options, want %d and 1", names, options, once)
	}
	if names, options := count(telemetry); names == 0 || options != 1 {
		t.Errorf("telemetry alone: %d names and %d options", names, options)
	}
}

// TestBroken: a record that breaks off counts as far as it came, and says so; a
// caller's error ends the reading.
func TestBroken(t *testing.T) {
	for _, name := range []string{"bind.dnstap", "lo.pcap", "lo.pcapng.gz"} {
		whole, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		stats, err := Read(bytes.NewReader(whole[:len(whole)*2/3+1]), name, Options{}, func(Question) error { n++; return nil })
		if err != nil || stats.Broken == "" || n < 10 {
			t.Errorf("%s cut: %v, %+v", name, err, stats)
		}
		stats, err = Read(bytes.NewReader(whole), name, Options{MaxBytes: 2000}, func(Question) error { return nil })
		if err != nil || stats.Broken == "" {
			t.Errorf("%s bounded: %v, %+v", name, err, stats)
		}
		enough := errors.New("enough")
		if _, err := Read(bytes.NewReader(whole), name, Options{}, func(Question) error { return enough }); !errors.Is(err, enough) {
			t.Errorf("%s: %v, want the caller's error", name, err)
		}
	}
	for name, record := range map[string]string{
		"pcap":   "\xd4\xc3\xb2\xa1\x02\x00\x04\x00" + strings.Repeat("\x00", 8) + "\xff\xff\xff\xff\x01\x00\x00\x00" + strings.Repeat("\x00", 8) + "\x00\x00\x00\x40\x00\x00\x00\x40",
		"pcapng": "\x0a\x0d\x0d\x0a\x00\x00\x00\x40\x4d\x3c\x2b\x1a",
		"dnstap": "\x00\x00\x00\x00\x40\x00\x00\x00",
	} {
		if stats, err := Read(io.MultiReader(strings.NewReader(record), zeros{}), name, Options{MaxBytes: 1 << 30}, func(Question) error { return nil }); err != nil || stats.Broken == "" || strings.Contains(stats.Broken, "longer than what is read") {
			t.Errorf("%s: a gigabyte of one packet is read: %v, %+v", name, err, stats)
		}
	}
	if _, err := Read(strings.NewReader(""), "f", Options{Format: "c-dns"}, nil); err == nil {
		t.Error("a format that is not known is read")
	}
	long := strings.Repeat("x", 1<<18) + "\n" + "[1795257198] unbound[8188:0] query: 10.53.0.20 _ta-4f66. NULL IN"
	if stats, err := Read(strings.NewReader(long), "f", Options{}, func(Question) error { return nil }); err != nil || stats.Questions != 1 {
		t.Errorf("behind a long line: %v, %+v", err, stats)
	}
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func FuzzRead(f *testing.F) {
	for _, name := range []string{"bind.dnstap", "lo.pcap", "lo.pcapng.gz", "bind-telemetry.log", "unbound.log"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text[:min(len(text), 4000)])
	}
	f.Fuzz(func(t *testing.T, record []byte) {
		stats, err := Read(bytes.NewReader(record), "f", Options{Now: readOn, MaxBytes: 1 << 20}, func(q Question) error {
			if q.Name == "" || !q.Source.IsValid() {
				t.Errorf("question %+v", q)
			}
			return nil
		})
		if err == nil && stats.Format == "" {
			t.Error("read in no format")
		}
	})
}

// BenchmarkRead says how many questions of each format are read in a second.
func BenchmarkRead(b *testing.B) {
	for _, name := range []string{"bind-query.log", "bind.dnstap", "lo.pcap"} {
		record, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			questions := 0
			for b.Loop() {
				if _, err := Read(bytes.NewReader(record), name, Options{Now: readOn}, func(Question) error { questions++; return nil }); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(questions)/b.Elapsed().Seconds(), "questions/s")
		})
	}
}
