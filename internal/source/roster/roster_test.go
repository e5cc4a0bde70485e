package roster

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/source"
	"github.com/holdfastdns/holdfast/internal/wire"
)

var noon = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

// stopped is a clock that stands still.
type stopped struct{}

func (stopped) Now() time.Time                       { return noon }
func (stopped) After(time.Duration) <-chan time.Time { return make(chan time.Time) }

func zone(t testing.TB, text string) source.Zone {
	t.Helper()
	out := source.Zone{From: "test.zone", Fetched: noon}
	err := wire.ReadZone(strings.NewReader(text), ".", "test.zone", func(r wire.Record) error {
		out.Records = append(out.Records, r)
		if r.Type == wire.TypeSOA {
			out.Name = r.Name
			out.SOA, _ = r.SOA()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const smallRoot = `. 60 IN SOA a. b. 10 1 2 3 4
. 60 IN NS a.root-servers.test.
a.root-servers.test. 60 IN A 192.0.2.53
test. 60 IN NS ns2.test.
test. 60 IN NS ns1.nic.uk.
test. 60 IN DS 2 13 2 BBBB
test. 60 IN DS 1 13 2 AAAA
ns2.test. 60 IN AAAA 2001:db8::2
ns2.test. 60 IN A 192.0.2.2
uk. 60 IN NS ns1.nic.uk.
ns1.nic.uk. 60 IN A 192.0.2.3
below.uk. 60 IN NS ns1.nic.uk.
xn--p1ai. 60 IN NS ns1.nic.uk.
xn--11b4c3d. 60 IN NS ns1.nic.uk.
arpa. 60 IN NS ns1.nic.uk.
`

func build(t testing.TB, text string) *Roster {
	t.Helper()
	r, err := Build(zone(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestBuild(t *testing.T) {
	r := build(t, smallRoot)
	if r.Serial != 10 || r.From != "test.zone" || !r.Fetched.Equal(noon) || r.Zone != "." {
		t.Errorf("got %+v", r)
	}
	type row struct {
		zone    holdfast.Name
		unicode holdfast.UName
		kind    holdfast.Kind
		idn     bool
	}
	want := []row{
		{".", ".", holdfast.KindRoot, false},
		{"arpa.", "arpa", holdfast.KindInfra, false},
		{"test.", "test", holdfast.KindGeneric, false},
		{"uk.", "uk", holdfast.KindCountry, false},
		{"xn--11b4c3d.", "कॉम", holdfast.KindGeneric, true},
		{"xn--p1ai.", "рф", holdfast.KindCountry, true},
	}
	var got []row
	for _, s := range r.Subjects {
		got = append(got, row{s.Zone, s.Unicode, s.Kind, s.IDN})
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	test, ok := r.Find("test.")
	wantDelegation := &holdfast.Delegation{
		NS: []holdfast.Name{"ns2.test.", "ns1.nic.uk."},
		Glue: map[holdfast.Name][]netip.Addr{
			"ns2.test.":   {netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("2001:db8::2")},
			"ns1.nic.uk.": {netip.MustParseAddr("192.0.2.3")},
		},
		DS: []holdfast.DS{{KeyTag: 1, Algorithm: 13, DigestType: 2, Digest: []byte{0xaa, 0xaa}}, {KeyTag: 2, Algorithm: 13, DigestType: 2, Digest: []byte{0xbb, 0xbb}}},
	}
	if !ok || !reflect.DeepEqual(test.Delegation, wantDelegation) {
		t.Errorf("got %+v", test.Delegation)
	}
	if _, ok := r.Find("below.uk."); ok {
		t.Error("a delegation below a delegation came onto the roster")
	}
}

func TestBuildRefusesAnEmptyZone(t *testing.T) {
	_, err := Build(zone(t, ". 60 IN SOA a. b. 10 1 2 3 4\n. 60 IN NS a.root-servers.test.\n"))
	if !errors.Is(err, ErrEmpty) {
		t.Errorf("got %v", err)
	}
}

// rootOf is a root zone of so many TLDs, from the first on.
func rootOf(t testing.TB, serial uint32, first, count int) source.Zone {
	var text strings.Builder
	fmt.Fprintf(&text, ". 60 IN SOA a. b. %d 1 2 3 4\n", serial)
	for i := first; i < first+count; i++ {
		fmt.Fprintf(&text, "tld%d. 60 IN NS ns.tld%d.\n", i, i)
	}
	return zone(t, text.String())
}

func TestAccept(t *testing.T) {
	gate := Gate{}
	old, err := gate.Accept(rootOf(t, 100, 0, 40), noon, nil)
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("ZONEMD does not match")
	arpa := zone(t, "arpa. 60 IN SOA a. b. 101 1 2 3 4\nin-addr.arpa. 60 IN NS a.in-addr-servers.arpa.\n")
	for name, c := range map[string]struct {
		gate Gate
		zone source.Zone
		is   error
	}{
		"the same":             {zone: rootOf(t, 100, 0, 40)},
		"newer":                {zone: rootOf(t, 101, 0, 41)},
		"three gone":           {zone: rootOf(t, 101, 3, 40)},
		"a tenth gone":         {zone: rootOf(t, 101, 4, 40), is: ErrShrunk},
		"a tenth, by leave":    {gate: Gate{MaxLossPercent: 50}, zone: rootOf(t, 101, 4, 40)},
		"all gone":             {zone: rootOf(t, 101, 0, 0), is: ErrEmpty},
		"older":                {zone: rootOf(t, 99, 0, 40), is: ErrOlder},
		"newer, wrapped round": {zone: rootOf(t, 100+1<<31-1, 0, 40)},
		"older, wrapped round": {zone: rootOf(t, 100+1<<31+1, 0, 40), is: ErrOlder},
		"another zone":         {zone: arpa, is: ErrOtherZone},
		"not verified":         {gate: Gate{Verify: func(source.Zone, time.Time) error { return broken }}, zone: rootOf(t, 101, 0, 40), is: ErrUnverified},
	} {
		t.Run(name, func(t *testing.T) {
			next, err := c.gate.Accept(c.zone, noon, old)
			if !errors.Is(err, c.is) || (err == nil) != (next != nil) {
				t.Fatalf("got %v, %v, want %v", next, err, c.is)
			}
			if err != nil && !strings.Contains(err.Error(), "test.zone") {
				t.Errorf("%v does not name the source", err)
			}
		})
	}
	_, err = Gate{Verify: func(source.Zone, time.Time) error { return broken }}.Accept(rootOf(t, 101, 0, 40), noon, old)
	if !errors.Is(err, broken) {
		t.Errorf("the cause is lost: %v", err)
	}
}

// fixed is a source that always answers the same.
type fixed struct {
	name  string
	zone  source.Zone
	err   error
	asked *[]string
}

func (f fixed) String() string { return f.name }
func (f fixed) Fetch(context.Context) (source.Zone, error) {
	*f.asked = append(*f.asked, f.name)
	return f.zone, f.err
}

func TestFetchTriesInOrder(t *testing.T) {
	var asked []string
	dead := fixed{"dead", source.Zone{}, errors.New("dead: no route"), &asked}
	stale := fixed{"stale", rootOf(t, 99, 0, 40), nil, &asked}
	good := fixed{"good", rootOf(t, 101, 0, 40), nil, &asked}
	never := fixed{"never", rootOf(t, 102, 0, 40), nil, &asked}
	old, err := Build(rootOf(t, 100, 0, 40))
	if err != nil {
		t.Fatal(err)
	}
	next, err := Gate{}.Fetch(context.Background(), []source.Fetcher{dead, stale, good, never}, stopped{}, old)
	if err != nil || next.Serial != 101 || !slices.Equal(asked, []string{"dead", "stale", "good"}) {
		t.Errorf("got %+v, %v, asked %v", next, err, asked)
	}
	_, err = Gate{}.Fetch(context.Background(), []source.Fetcher{dead, stale}, stopped{}, old)
	if !errors.Is(err, ErrOlder) || !strings.Contains(err.Error(), "no route") || !strings.Contains(err.Error(), "serial 100 from test.zone stays in force") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	asked = nil
	if _, err = (Gate{}).Fetch(ctx, []source.Fetcher{dead, good}, stopped{}, old); !errors.Is(err, context.Canceled) || len(asked) != 1 {
		t.Errorf("got %v, asked %v", err, asked)
	}
	if _, err = (Gate{}).Fetch(context.Background(), nil, stopped{}, nil); err == nil {
		t.Error("no sources, and no error")
	}
}

func TestDiff(t *testing.T) {
	before := build(t, smallRoot)
	if changes := Diff(before, build(t, smallRoot)); len(changes) != 0 {
		t.Errorf("a zone differs from itself: %v", changes)
	}
	after := build(t, strings.NewReplacer(
		"xn--p1ai. 60 IN NS ns1.nic.uk.\n", "zz. 60 IN NS ns1.nic.uk.\n",
		"test. 60 IN NS ns2.test.", "test. 60 IN NS ns3.test.",
		"ns2.test. 60 IN A 192.0.2.2", "ns3.test. 60 IN A 192.0.2.2",
		"DS 1 13 2 AAAA", "DS 1 13 2 CCCC",
		"A 192.0.2.53", "A 192.0.2.54",
	).Replace(smallRoot))
	want := []string{
		"- . glue a.root-servers.test. 192.0.2.53",
		"+ . glue a.root-servers.test. 192.0.2.54",
		"- test. ns ns2.test.",
		"+ test. ns ns3.test.",
		"- test. ds 1 13 2 AAAA",
		"+ test. ds 1 13 2 CCCC",
		"- test. glue ns2.test. 192.0.2.2",
		"- test. glue ns2.test. 2001:db8::2",
		"+ test. glue ns3.test. 192.0.2.2",
		"- xn--p1ai. zone",
		"+ zz. zone",
	}
	var got []string
	for _, c := range Diff(before, after) {
		got = append(got, c.String())
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestRealRoot holds the figures of the shared data's README, and IANA's own
// words on which names are country codes.
func TestRealRoot(t *testing.T) {
	data := filepath.Join("..", "..", "..", "..", "shared", "data")
	text, err := exec.Command("xz", "-dc", filepath.Join(data, "root-zone", "root.zone.2026073102.signed.xz")).Output()
	if err != nil {
		t.Skipf("no real root zone: %v", err)
	}
	r := build(t, string(text))
	signed, servers := 0, 0
	for _, s := range r.Subjects[1:] {
		servers += len(s.Delegation.NS)
		if len(s.Delegation.DS) > 0 {
			signed++
		}
	}
	if r.Serial != 2026073102 || r.delegations() != 1438 || signed != 1349 || servers+len(r.Subjects[0].Delegation.NS) != 7577 {
		t.Errorf("serial %d, %d TLDs, %d signed, %d NS", r.Serial, r.delegations(), signed, servers)
	}
	if glue := r.Subjects[0].Delegation.Glue["a.root-servers.net."]; len(glue) != 2 {
		t.Errorf("a.root-servers.net. has %v", glue)
	}
	contacts, err := os.ReadFile(filepath.Join(data, "iana", "tld-contacts.csv"))
	if err != nil {
		t.Skipf("no contacts: %v", err)
	}
	rows, err := csv.NewReader(bytes.NewReader(contacts)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		s, ok := r.Find(holdfast.Name(row[0] + "."))
		if !ok {
			t.Errorf("%s is not on the roster", row[0])
		}
		if (row[1] == "country-code") != (s.Kind == holdfast.KindCountry) || (row[1] == "infrastructure") != (s.Kind == holdfast.KindInfra) {
			t.Errorf("%s is %s, IANA says %s", row[0], s.Kind, row[1])
		}
	}
}

func TestReadList(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []holdfast.Name
	}{
		"lines":           {"# watched\nuk\nDE.\n\nрф # Russia\nuk.\nexample.co.uk\n", []holdfast.Name{"de.", "uk.", "example.co.uk.", "xn--p1ai."}},
		"csv, heading":    {"kind,tld\n\"cc\",uk\ncc,de\n", []holdfast.Name{"de.", "uk."}},
		"csv, no heading": {"uk,a\nde,b\n", []holdfast.Name{"de.", "uk."}},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := ReadList(strings.NewReader(c.text), "zones.txt", noon)
			if err != nil {
				t.Fatal(err)
			}
			var got []holdfast.Name
			for _, s := range r.Subjects {
				got = append(got, s.Zone)
				if s.Delegation != nil {
					t.Errorf("%s has a delegation from nowhere", s.Zone)
				}
			}
			if !slices.Equal(got, c.want) || r.From != "zones.txt" {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
	r, _ := ReadList(strings.NewReader("example.co.uk\nuk\n"), "x", noon)
	if r.Subjects[1].Kind != holdfast.KindOther || r.Subjects[0].Kind != holdfast.KindCountry {
		t.Errorf("kinds are %v", r.Subjects)
	}
}

func TestReadListSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "names no zones",
		"# only\n":                     "names no zones",
		"uk\na b\n":                    "line 2",
		"kind,tld\ncc,uk\ncc\n":        "line 3",
		"tld,x\nde,\"unclosed\n":       "line",
		"tld,x\n..,1\n":                "line 2",
		strings.Repeat("a", 70) + "\n": "line 1",
	} {
		_, err := ReadList(strings.NewReader(text), "zones.txt", noon)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "zones.txt") {
			t.Errorf("%q: got %v, want it to say %q", text, err, want)
		}
	}
}

func FuzzReadList(f *testing.F) {
	f.Add("uk\nde # x\n")
	f.Add("tld,kind\nuk,cc\n")
	f.Add("рф\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ReadList(strings.NewReader(text), "fuzz", noon)
		if err != nil {
			return
		}
		for i, s := range r.Subjects {
			if parsed, err := holdfast.ParseName(s.Zone.String()); err != nil || parsed != s.Zone {
				t.Errorf("%q came onto the roster: %v", s.Zone, err)
			}
			if i > 0 && wire.CompareNames(r.Subjects[i-1].Zone, s.Zone) >= 0 {
				t.Errorf("%q stands before %q", r.Subjects[i-1].Zone, s.Zone)
			}
		}
	})
}
