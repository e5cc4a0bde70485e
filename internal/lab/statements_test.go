package lab

import (
	"testing"
	"time"

	"github.com/holdfastdns/holdfast/internal/wire"
)

// TestTimersAndTTLs: what a zone's statements say stands in its records.
func TestTimersAndTTLs(t *testing.T) {
	plan := mustParse(t, `clock 2026-08-01T12:00:00Z
zone example.
  ns ns1.example. 192.0.2.1
  soa refresh 10m retry 5m expire 3d minimum 1m mname hidden.example. rname a\.b.example.
  ttl default 2h ns 12h dnskey 10h delegation 1d12h ds 3h
  record www A 192.0.2.80
  axfr open`)
	in, err := New(plan, &stopped{start})
	if err != nil {
		t.Fatal(err)
	}
	ttls := map[string]map[wire.Type]uint32{}
	for _, zone := range in.Zones() {
		records, err := in.SignedZone(zone, start)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			key := string(zone) + " " + string(r.Name)
			if ttls[key] == nil {
				ttls[key] = map[wire.Type]uint32{}
			}
			ttls[key][r.Type] = r.TTL
			if soa, err := r.SOA(); err == nil && zone == "example." && (soa.Refresh != 600 || soa.Retry != 300 || soa.Expire != 259200 ||
				soa.NegativeMinTTL != 60 || soa.MName != "hidden.example." || soa.RName != `a\.b.example.`) {
				t.Errorf("SOA %+v", soa)
			}
		}
	}
	for _, want := range []struct {
		key string
		t   wire.Type
		d   time.Duration
	}{
		{"example. example.", wire.TypeSOA, 2 * time.Hour}, {"example. example.", wire.TypeNS, 12 * time.Hour},
		{"example. example.", wire.TypeDNSKEY, 10 * time.Hour}, {"example. www.example.", wire.TypeA, 2 * time.Hour},
		{"example. ns1.example.", wire.TypeA, 2 * time.Hour}, {". example.", wire.TypeNS, 36 * time.Hour},
		{". ns1.example.", wire.TypeA, 36 * time.Hour}, {". example.", wire.TypeDS, 3 * time.Hour},
	} {
		if got := ttls[want.key][want.t]; got != ttlOf(want.d) {
			t.Errorf("%s %s: TTL %d, want %s", want.key, want.t, got, want.d)
		}
	}
}

// TestDefaultZonesAreExemplary: no check of good practice has anything to say
// of a zone that its plan says nothing of (RIPE-203, Zonemaster's Zone02-06).
func TestDefaultZonesAreExemplary(t *testing.T) {
	in, err := New(mustParse(t, "clock 2026-08-01T12:00:00Z\nzone example.\nns ns1.example. 192.0.2.1"), &stopped{start})
	if err != nil {
		t.Fatal(err)
	}
	for at := start; at.Before(start.Add(60 * day)); at = at.Add(13 * time.Hour) {
		records, err := in.SignedZone("example.", at)
		if err != nil {
			t.Fatal(err)
		}
		soa, err := records[0].SOA()
		if err != nil {
			t.Fatal(err)
		}
		if soa.Refresh < 4*3600 || soa.Retry < 3600 || soa.Retry >= soa.Refresh || soa.Expire < 14*86400 || soa.NegativeMinTTL < 300 || soa.NegativeMinTTL > 86400 {
			t.Fatalf("SOA %+v", soa)
		}
		for _, r := range records {
			if sig, err := r.RRSIG(); err == nil {
				_, end := sig.Times(at)
				if end.Sub(at) < time.Duration(soa.Expire)*time.Second+day {
					t.Fatalf("at %s the signature over %s ends %s, before the SOA expires", at, sig.Covered, end)
				}
			}
		}
	}
}
