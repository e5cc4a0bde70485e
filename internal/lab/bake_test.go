package lab

import (
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// unchanged is a mutation that changes nothing.
func unchanged(records []wire.Record) []wire.Record { return records }

// TestBakedAnswersAreThoseOfTheSigner: a zone served as its records are answers
// what the signer itself would.
func TestBakedAnswersAreThoseOfTheSigner(t *testing.T) {
	in, _ := small(t)
	for _, q := range soundQuestions() {
		name, qtype := holdfast.Name(q.name), parseType(t, q.qtype)
		for _, zone := range in.Zones() {
			s := in.servers[in.Servers(zone)[0].Address]
			if s.closest([]byte(name), qtype) != in.zones[zone] {
				continue
			}
			ask := rawQuery{name: q.name, qtype: qtype, z: 0x8000}
			plain := ask.ask(t, in, s.addr.String(), true).packet
			if err := in.Mutate(zone, unchanged); err != nil {
				t.Fatal(err)
			}
			if same := ask.ask(t, in, s.addr.String(), true).packet; lines(t, plain) != lines(t, same) {
				t.Errorf("%s %s of %s: signed\n%s\nserved as it is\n%s", q.name, q.qtype, zone, lines(t, plain), lines(t, same))
			}
			if err := in.Mutate(zone, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// lines are a reply in an order of no meaning, for RRsets have none.
func lines(t testing.TB, packet []byte) string {
	t.Helper()
	text, err := wire.Dig(packet)
	if err != nil {
		t.Fatal(err)
	}
	out := strings.Split(text, "\n")
	slices.Sort(out)
	return strings.Join(out, "\n")
}

func parseType(t testing.TB, s string) wire.Type {
	t.Helper()
	qtype, err := wire.ParseType(s)
	if err != nil {
		t.Fatal(err)
	}
	return qtype
}

// TestMutationShows: a damage to each type of record shows in answers and in
// the whole zone, is gone when it ends, and never makes the lab panic.
func TestMutationShows(t *testing.T) {
	in, _ := small(t)
	for _, damage := range []wire.Type{wire.TypeRRSIG, wire.TypeNSEC, wire.TypeSOA, wire.TypeNS, wire.TypeDNSKEY, wire.TypeA, wire.TypeCDS} {
		calls := 0
		err := in.Mutate("nsec.test.", func(records []wire.Record) []wire.Record {
			calls++
			return slices.DeleteFunc(records, func(r wire.Record) bool { return r.Type == damage })
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			for _, q := range soundQuestions() {
				if strings.HasSuffix(q.name, "nsec.test.") {
					rawQuery{name: q.name, qtype: parseType(t, q.qtype), z: 0x8000}.ask(t, in, nsecA, true)
				}
			}
			r := rawQuery{name: "nsec.test.", qtype: damage, z: 0x8000}.ask(t, in, nsecA, true)
			if n := count(r.message.Answer, damage); n != 0 {
				t.Errorf("%d %s are still answered", n, damage)
			}
		}
		records, err := in.SignedZone("nsec.test.", start)
		if err != nil || count(records, damage) != 0 || len(records) == 0 {
			t.Errorf("%s: the whole zone is not changed: %v", damage, err)
		}
		if calls != 1 {
			t.Errorf("%s: changed %d times in one version", damage, calls)
		}
	}
	if err := in.Mutate("nsec.test.", nil); err != nil {
		t.Fatal(err)
	}
	if records, err := in.SignedZone("nsec.test.", start); err != nil || count(records, wire.TypeCDS) == 0 {
		t.Errorf("the damage stays: %v", err)
	}
	if in.Mutate("nowhere.", unchanged) == nil {
		t.Error("a zone that is not there was changed")
	}
}

// TestMutationIsPerVersion: the change is made anew for each version, and the
// parent's for a child's DS.
func TestMutationIsPerVersion(t *testing.T) {
	in, clock := small(t)
	calls := 0
	if err := in.Mutate(".", func(records []wire.Record) []wire.Record {
		calls++
		for i := range records {
			if records[i].Type == wire.TypeDS && records[i].Name == "test." {
				records[i].Data = slices.Clone(records[i].Data)
				records[i].Data[0] ^= 0xff
			}
		}
		return records
	}); err != nil {
		t.Fatal(err)
	}
	good, err := in.Delegation("test.")
	if err != nil {
		t.Fatal(err)
	}
	for version := 1; version <= 3; version++ {
		for range 5 {
			r := rawQuery{name: "test.", qtype: wire.TypeDS}.ask(t, in, rootA, true)
			if ds, err := r.message.Answer[0].DS(); err != nil || ds.KeyTag == good.DS[0].KeyTag {
				t.Errorf("DS %+v, %v", ds, err)
			}
		}
		if calls != version {
			t.Errorf("version %d: changed %d times", version, calls)
		}
		clock.at = clock.at.Add(12 * time.Hour)
	}
}

// TestPresigned: a zone that somebody else has signed, by an algorithm that
// nobody knows beside one that all do, is served as it is.
func TestPresigned(t *testing.T) {
	first, _ := small(t)
	records, err := first.SignedZone("nsec3.test.", start)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, r := range records {
		text.WriteString(r.String() + "\n")
	}
	text.WriteString("nsec3.test. 3600 IN DNSKEY 257 3 17 AQID\n")
	plan, err := Parse(strings.NewReader(`clock 2026-08-01T12:00:00Z
zone test.
  ns ns1.test. 192.0.2.1
zone nsec3.test.
  ns ns1.nsec3.test. 192.0.2.21
  presigned zone.signed; digest 2 4`), "lab", fstest.MapFS{"zone.signed": {Data: []byte(text.String())}})
	if err != nil {
		t.Fatal(err)
	}
	in, err := New(plan, &stopped{start})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []rawQuery{
		{name: "nsec3.test.", qtype: wire.TypeSOA, z: 0x8000}, {name: "no.nsec3.test.", qtype: wire.TypeA, z: 0x8000},
		{name: "x.wild.nsec3.test.", qtype: wire.TypeTXT, z: 0x8000}, {name: "insecure.nsec3.test.", qtype: wire.TypeA, z: 0x8000},
	} {
		want, got := q.ask(t, first, "192.0.2.21", true).packet, q.ask(t, in, "192.0.2.21", true).packet
		if lines(t, want) != lines(t, got) {
			t.Errorf("%s %s is answered differently", q.name, q.qtype)
		}
	}
	keys := rawQuery{name: "nsec3.test.", qtype: wire.TypeDNSKEY}.ask(t, in, "192.0.2.21", true)
	ds := rawQuery{name: "nsec3.test.", qtype: wire.TypeDS}.ask(t, in, "192.0.2.1", true)
	if count(keys.message.Answer, wire.TypeDNSKEY) != 2 || count(ds.message.Answer, wire.TypeDS) != 4 {
		t.Errorf("keys %v, DS %v", keys.message.Answer, ds.message.Answer)
	}
	if f, err := in.SignedZone("nsec3.test.", start.Add(day)); err != nil || len(f) != len(records)+1 || f[0].Type != wire.TypeSOA {
		t.Errorf("%d records, %v", len(f), err)
	}
	t.Run("ldns", func(t *testing.T) {
		out, err := exec.Command(need(t, "ldns-verify-zone"), "-t", "20260801120000", writeZone(t, records)).CombinedOutput()
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// TestMalformedDataIsSent: a record whose data no library would write goes out
// as it is, in answers and transfers.
func TestMalformedDataIsSent(t *testing.T) {
	in, _ := small(t)
	if err := in.Mutate("nsec.test.", func(records []wire.Record) []wire.Record {
		for i := range records {
			if records[i].Type == wire.TypeSOA || records[i].Type == wire.TypeRRSIG {
				records[i].Data = records[i].Data[:11]
			}
		}
		return records
	}); err != nil {
		t.Fatal(err)
	}
	server := netip.MustParseAddr(nsecA)
	for _, q := range []rawQuery{{name: "nsec.test.", qtype: wire.TypeSOA, z: 0x8000}, {name: "no.nsec.test.", qtype: wire.TypeA, z: 0x8000}} {
		r := in.respond(nil, server, q.pack(t), true)
		if r.fate != delivered || r.packet[3]&15 == byte(wire.ServFail) || r.packet[7]+r.packet[9] == 0 {
			t.Errorf("%s: %x", q.name, r.packet)
		}
	}
}
