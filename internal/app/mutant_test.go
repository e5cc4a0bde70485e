package app

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/judge/dnssec"
	"github.com/holdfastdns/holdfast/internal/lab"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/measure/walk"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Every single damage that can be done to a healthy zone: each field of each
// kind of record is changed by itself, after signing. Either nothing changes
// that a validator sees, or a finding names the damage. docs/mutants.md is the
// table of what caught each; `go test ./internal/app -run TestMutants -update`
// writes it anew.

const mutantLab = `clock 2026-08-01T12:00:00Z
root
  ns a.root-servers.test. 198.41.0.4 2001:503:ba3e::2:30
zone example.
  ns ns1.example. 192.0.2.1 2001:db8:1::1
  ns ns2.example. 203.0.113.1 2001:db8:2::1
  %s
  record @ TXT "healthy"
  record plain NS ns1.example.
zone kid.example.
  ns ns1.example.
  ns ns2.example.
`

// mutant is one damage: a change to the records of a zone.
type mutant struct {
	zone   holdfast.Name // whose servers show it: the zone's own, or the parent's
	record string        // what is damaged, for people
	field  string
	change func(wire.Record) []wire.Record // of each record that fits
	fits   func(wire.Record) bool
}

func (m mutant) String() string { return m.record + ", " + m.field }

func (m mutant) apply(records []wire.Record) []wire.Record {
	var out []wire.Record
	for _, r := range records {
		if !m.fits(r) {
			out = append(out, r)
			continue
		}
		r.Data = slices.Clone(r.Data)
		out = append(out, m.change(r)...)
	}
	return out
}

// edited changes a record in its place.
func edited(change func(*wire.Record)) func(wire.Record) []wire.Record {
	return func(r wire.Record) []wire.Record {
		change(&r)
		return []wire.Record{r}
	}
}

func removed(wire.Record) []wire.Record { return nil }

// flipped changes one octet of the data, counted from the end where below 0.
func flipped(at int) func(wire.Record) []wire.Record {
	return edited(func(r *wire.Record) {
		place := at
		if at < 0 {
			place += len(r.Data)
		}
		if place < len(r.Data) {
			r.Data[place] ^= 1
		}
	})
}

// put32 writes a number of 32 bits over the data.
func put32(at int, n uint32) func(wire.Record) []wire.Record {
	return edited(func(r *wire.Record) { binary.BigEndian.PutUint32(r.Data[at:], n) })
}

func ttl(n uint32) func(wire.Record) []wire.Record {
	return edited(func(r *wire.Record) { r.TTL = n })
}

type damage struct {
	field  string
	change func(wire.Record) []wire.Record
}

var mutantStart = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

// signatureDamage is done to every RRSIG over an RRset.
func signatureDamage() []damage {
	at := func(d time.Duration) uint32 { return uint32(mutantStart.Add(d).Unix()) }
	return []damage{
		{"type covered", flipped(1)}, {"algorithm", edited(func(r *wire.Record) { r.Data[2] = wire.ED25519 })},
		{"labels, one more", edited(func(r *wire.Record) { r.Data[3]++ })}, {"labels, one less", edited(func(r *wire.Record) { r.Data[3]-- })},
		{"original TTL", flipped(7)}, {"expiration, past", put32(8, at(-24*time.Hour))}, {"expiration, later", put32(8, at(60*24*time.Hour))},
		{"inception, to come", put32(12, at(24*time.Hour))}, {"inception, earlier", put32(12, at(-48*time.Hour))},
		{"key tag", flipped(17)}, {"signer", edited(func(r *wire.Record) { r.Data[19] ^= 1 })},
		{"signature", flipped(-1)}, {"signature cut short", edited(func(r *wire.Record) { r.Data = r.Data[:len(r.Data)-8] })},
		{"TTL", ttl(77)}, {"missing", removed},
	}
}

// dataDamage is done to the records of a type; offsets are those of RFC 1035,
// 4034 and 5155.
var dataDamage = map[wire.Type][]damage{
	wire.TypeSOA: {{"MNAME", flipped(1)}, {"RNAME", edited(func(r *wire.Record) { r.Data[len(r.Data)-25] ^= 1 })},
		{"serial", flipped(-17)}, {"refresh", flipped(-13)}, {"retry", flipped(-9)}, {"expire", flipped(-5)}, {"minimum", flipped(-1)}, {"TTL", ttl(7200)}},
	wire.TypeNS: {{"target", flipped(1)}, {"TTL", ttl(900000)}, {"missing", removed}},
	wire.TypeDNSKEY: {{"flags, zone key", edited(func(r *wire.Record) { r.Data[0] &^= 1 })}, {"flags, revoke", edited(func(r *wire.Record) { r.Data[1] |= 0x80 })},
		{"flags, SEP", edited(func(r *wire.Record) { r.Data[1] ^= 1 })}, {"protocol", flipped(2)}, {"algorithm", edited(func(r *wire.Record) { r.Data[3] = wire.ED25519 })},
		{"public key", flipped(-1)}, {"public key cut short", edited(func(r *wire.Record) { r.Data = r.Data[:len(r.Data)-4] })}, {"TTL", ttl(900000)}, {"missing", removed}},
	wire.TypeDS: {{"key tag", flipped(1)}, {"algorithm", edited(func(r *wire.Record) { r.Data[2] = wire.ED25519 })}, {"digest type", edited(func(r *wire.Record) { r.Data[3] = 4 })},
		{"digest", flipped(-1)}, {"digest cut short", edited(func(r *wire.Record) { r.Data = r.Data[:len(r.Data)-4] })}, {"TTL", ttl(900000)}, {"missing", removed}},
	wire.TypeNSEC: {{"next name", flipped(1)}, {"type list", flipped(-1)}, {"TTL", ttl(900000)}, {"missing", removed}},
	wire.TypeNSEC3: {{"hash algorithm", edited(func(r *wire.Record) { r.Data[0] = 2 })}, {"flags, opt-out", flipped(1)}, {"iterations", edited(func(r *wire.Record) { r.Data[3] = 1 })},
		{"salt", edited(func(r *wire.Record) { r.Data = append(append(slices.Clone(r.Data[:4]), 1, 0xaa), r.Data[5:]...) })},
		{"next hash", flipped(10)}, {"type list", flipped(-1)}, {"TTL", ttl(900000)}, {"missing", removed}},
	wire.TypeNSEC3PARAM: {{"iterations", edited(func(r *wire.Record) { r.Data[3] = 1 })}, {"salt", edited(func(r *wire.Record) { r.Data = append(r.Data[:4:4], 1, 0xaa) })}, {"missing", removed}},
	wire.TypeA:          {{"address", flipped(-1)}, {"TTL", ttl(900000)}, {"missing", removed}},
	wire.TypeAAAA:       {{"address", flipped(-1)}, {"missing", removed}},
	wire.TypeCDS:        {{"key tag", flipped(1)}, {"digest", flipped(-1)}, {"missing", removed}},
	wire.TypeCDNSKEY:    {{"public key", flipped(-1)}, {"missing", removed}},
	wire.TypeTXT:        {{"text", flipped(-1)}, {"missing", removed}},
}

// victims are the RRsets that are damaged.
func victims(hashed bool) []struct {
	zone, owner holdfast.Name
	what        string
	t           wire.Type
	unsigned    bool
} {
	type victim = struct {
		zone, owner holdfast.Name
		what        string
		t           wire.Type
		unsigned    bool
	}
	const zone, parent = holdfast.Name("example."), holdfast.Root
	denial := []victim{{zone, "", "NSEC records", wire.TypeNSEC, false}}
	if hashed {
		denial = []victim{{zone, "", "NSEC3 records", wire.TypeNSEC3, false}, {zone, zone, "NSEC3PARAM at the apex", wire.TypeNSEC3PARAM, false}}
		return denial
	}
	return append(denial,
		victim{zone, zone, "SOA", wire.TypeSOA, false},
		victim{zone, zone, "NS at the apex", wire.TypeNS, false},
		victim{zone, zone, "DNSKEY", wire.TypeDNSKEY, false},
		victim{zone, zone, "CDS", wire.TypeCDS, false},
		victim{zone, zone, "CDNSKEY", wire.TypeCDNSKEY, false},
		victim{zone, zone, "TXT at the apex", wire.TypeTXT, false},
		victim{zone, "ns1.example.", "A of a name server", wire.TypeA, false},
		victim{zone, "ns1.example.", "AAAA of a name server", wire.TypeAAAA, false},
		victim{zone, "kid.example.", "DS of a child", wire.TypeDS, false},
		victim{zone, "kid.example.", "NS of a child", wire.TypeNS, true},
		victim{parent, zone, "DS in the parent", wire.TypeDS, false},
		victim{parent, zone, "NS in the parent", wire.TypeNS, true},
		victim{parent, "ns1.example.", "glue A", wire.TypeA, true},
		victim{parent, "ns1.example.", "glue AAAA", wire.TypeAAAA, true},
		victim{parent, "", "NSEC in the parent", wire.TypeNSEC, false},
	)
}

func mutants(hashed bool) []mutant {
	var out []mutant
	for _, v := range victims(hashed) {
		fits := func(r wire.Record) bool { return r.Type == v.t && (v.owner == "" || r.Name == v.owner) }
		for _, d := range dataDamage[v.t] {
			out = append(out, mutant{v.zone, v.what, d.field, d.change, fits})
		}
		if v.t == wire.TypeDNSKEY {
			for flags, which := range []string{256: "ZSK alone", 257: "KSK alone"} {
				if which == "" {
					continue
				}
				one := func(r wire.Record) bool { return fits(r) && int(binary.BigEndian.Uint16(r.Data)) == flags }
				for _, d := range dataDamage[v.t] {
					out = append(out, mutant{v.zone, "DNSKEY, " + which, d.field, d.change, one})
				}
			}
		}
		if v.unsigned {
			continue
		}
		over := func(r wire.Record) bool {
			return r.Type == wire.TypeRRSIG && wire.Type(binary.BigEndian.Uint16(r.Data)) == v.t && (v.owner == "" || r.Name == v.owner)
		}
		for _, d := range signatureDamage() {
			out = append(out, mutant{v.zone, "RRSIG over " + v.what, d.field, d.change, over})
		}
	}
	slices.SortStableFunc(out, func(a, b mutant) int { return strings.Compare(a.record, b.record) })
	return out
}

// Why some damages raise nothing.
const (
	cappedTTL   = "validators keep nothing beyond the original TTL, which is signed (RFC 4035 section 5.3.3)"
	ownTTL      = "the TTL of an RRSIG record itself is not signed, and validators go by the smallest (RFC 4034 section 3.1.4)"
	notTheirs   = "a delegation's NS RRset is not signed (RFC 4035 section 2.2); it is looked at when the child is"
	notServed   = "no answer about the zone holds it: there is a DS (RFC 4035 section 3.1.4.1)"
	unsignedTTL = "the parent's NS and glue have whatever TTL the parent gives them, and are not signed (RFC 4035 section 2.2)"
)

// nothingSeen are the damages that may raise nothing, and why.
func nothingSeen(m mutant) (why string, harmless bool) {
	switch m.record {
	case "NSEC in the parent", "RRSIG over NSEC in the parent":
		return notServed, true
	case "NS of a child":
		return notTheirs, true
	case "NS in the parent", "glue A":
		return unsignedTTL, m.field == "TTL"
	case "A of a name server", "DS in the parent", "DS of a child":
		return cappedTTL, m.field == "TTL"
	case "RRSIG over A of a name server", "RRSIG over AAAA of a name server", "RRSIG over TXT at the apex", "RRSIG over DS in the parent", "RRSIG over DS of a child":
		return ownTTL, m.field == "TTL"
	}
	return "", false
}

// bred is a lab with its walk and catalogue.
type bred struct {
	internet  *lab.Internet
	walker    *walk.Walker
	catalogue judge.Catalogue
}

func breed(t *testing.T, denial string) *bred {
	t.Helper()
	plan, err := lab.Parse(strings.NewReader(fmt.Sprintf(mutantLab, denial)), "mutants", nil)
	if err != nil {
		t.Fatal(err)
	}
	clock := lab.NewClock(plan.Start, 1)
	b := &bred{}
	if b.internet, err = lab.New(plan, clock); err != nil {
		t.Fatal(err)
	}
	asker, err := ask.New(ask.Config{Rate: -1, UDPWait: holdfast.Duration(1500 * time.Millisecond), TCPWait: holdfast.Duration(1500 * time.Millisecond)}, b.internet, clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { asker.Close() })
	b.walker = walk.New(walk.Config{Roots: b.internet.Servers(holdfast.Root), Seed: 7, Samples: 8, Sample: []holdfast.Name{"kid.example.", "plain.example."}, Budget: holdfast.Duration(5 * time.Minute)}, asker, clock, "mutants")
	anchors, err := b.internet.TrustAnchors()
	if err != nil {
		t.Fatal(err)
	}
	b.catalogue = NewCatalogue(anchors, dnssec.NewCache(100000))
	return b
}

// judged is what is said of example. now.
func (b *bred) judged(t *testing.T) holdfast.Verdict {
	t.Helper()
	m, err := b.walker.NewSweep("").Measure(context.Background(), holdfast.Subject{Zone: "example."}, holdfast.Full)
	if err != nil {
		t.Fatal(err)
	}
	return b.catalogue.Judge(m, mutantStart)
}

// news are the findings of notice and above that were not there before, the
// gravest first, each code once.
func news(v holdfast.Verdict, before map[string]bool) []string {
	var out []string
	for _, f := range v.Findings {
		text := f.Code + " " + f.Severity.String()
		if !before[f.Key()] && f.Severity >= holdfast.SeverityNotice && !slices.ContainsFunc(out, func(o string) bool { return strings.HasPrefix(o, f.Code) }) {
			out = append(out, text)
		}
	}
	return out
}

func TestMutants(t *testing.T) {
	var table strings.Builder
	table.WriteString(mutantsHead)
	for _, denial := range []string{"nsec", "nsec3"} {
		b := breed(t, denial)
		healthy := b.judged(t)
		if healthy.Status != holdfast.Secure || healthy.Worst() > holdfast.SeverityNotice {
			t.Fatalf("the zone to be damaged is %s: %v", healthy.Status, news(healthy, nil))
		}
		before := make(map[string]bool)
		for _, f := range healthy.Findings {
			before[f.Key()] = true
		}
		fmt.Fprintf(&table, "\n## A zone with %s\n\n| what is damaged | how | status | caught by |\n|---|---|---|---|\n", strings.ToUpper(denial))
		for _, m := range mutants(denial == "nsec3") {
			if err := b.internet.Mutate(m.zone, m.apply); err != nil {
				t.Fatal(err)
			}
			v := b.judged(t)
			if err := b.internet.Mutate(m.zone, nil); err != nil {
				t.Fatal(err)
			}
			caught := news(v, before)
			why, harmless := nothingSeen(m)
			switch {
			case len(caught) == 0 && !harmless:
				t.Errorf("%s: nothing is said", m)
			case len(caught) > 0 && harmless:
				t.Errorf("%s: said %v, though %s", m, caught, why)
			case harmless:
				caught = []string{"nothing: " + why}
			}
			fmt.Fprintf(&table, "| %s | %s | %s | %s |\n", m.record, m.field, v.Status, strings.Join(caught, ", "))
		}
	}
	path := filepath.Join("..", "..", "docs", "mutants.md")
	if *update {
		if err := os.WriteFile(path, []byte(table.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(path)
	if err != nil || string(have) != table.String() {
		t.Errorf("%s is not what the mutants give (%v): run this test with -update and read the difference", path, err)
	}
}

const mutantsHead = `# The mutants

Written by ` + "`go test ./internal/app -run TestMutants -update`" + `, and held by that test. In a healthy zone one thing is damaged after signing, each time another: a field of one kind of record, or of the signatures over it. All servers show the damage. The table says what the zone's status is then, and which findings of notice and above speak that do not speak of the healthy zone. Where none does, it says why nothing is to be seen.
`
