package anchor_test

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/anchor"
)

func day(text string) time.Time {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return t
}

// rootDS are the digests of IANA's trust anchor file.
func rootDS(t *testing.T, tag uint16) *holdfast.DS {
	t.Helper()
	digest, err := hex.DecodeString(map[uint16]string{
		20326: "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
		38696: "683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
	}[tag])
	if err != nil || len(digest) == 0 {
		t.Fatalf("digest of %d: %v", tag, err)
	}
	return &holdfast.DS{KeyTag: tag, Algorithm: 8, DigestType: 2, Digest: digest}
}

// plans is the root's rollover of 2026 as ICANN announced it.
func plans(t *testing.T) holdfast.Calendar {
	date := func(step holdfast.RootStep, at string) holdfast.RootDate {
		return holdfast.RootDate{Step: step, At: day(at), Planned: at > "2026-09", Source: "test"}
	}
	return holdfast.Calendar{Taken: day("2026-09-01"), Keys: []holdfast.RootKey{
		{Name: "KSK-2017", Tag: 20326, Algorithm: 8, DS: rootDS(t, 20326), Dates: []holdfast.RootDate{
			date(holdfast.RootPublished, "2017-07-11"), date(holdfast.RootSigns, "2018-10-11"), date(holdfast.RootRetired, "2026-10-11"),
			date(holdfast.RootRevoked, "2027-01-11"), date(holdfast.RootRemoved, "2027-03-22")}},
		{Name: "KSK-2024", Tag: 38696, Algorithm: 8, DS: rootDS(t, 38696), Dates: []holdfast.RootDate{
			date(holdfast.RootPublished, "2025-01-11"), date(holdfast.RootSigns, "2026-10-11")}},
	}}
}

func point(t *testing.T, tags ...uint16) holdfast.TrustPoint {
	p := holdfast.TrustPoint{Zone: holdfast.Root}
	for _, tag := range tags {
		p.Keys = append(p.Keys, holdfast.TrustedKey{Tag: tag, Algorithm: 8, DS: rootDS(t, tag), State: holdfast.KeyValid})
	}
	return p
}

func TestSurvive(t *testing.T) {
	follows := anchor.Updating{Follows: true, Keeps: true}
	of := func(name string) anchor.Updating {
		return anchor.Updating{Follows: true, Keeps: true, Profile: anchor.ProfileOf(name)}
	}
	for _, test := range []struct {
		name string
		tags []uint16
		how  anchor.Updating
		at   string
		want string
	}{
		{"both keys, static", []uint16{20326, 38696}, anchor.Updating{}, "2026-09-01", "2026-09-01 secure"},
		{"old key, static", []uint16{20326}, anchor.Updating{}, "2026-09-01", "2026-09-01 secure, 2026-10-11 bogus"},
		{"old key, follows in time", []uint16{20326}, follows, "2026-09-10", "2026-09-10 secure"},
		{"old key, follows too late", []uint16{20326}, follows, "2026-09-12", "2026-09-12 secure, 2026-10-11 bogus, 2027-01-11 insecure"},
		// A hold-down that ends while nothing validates does not help (section 2.2), but it does in Unbound 1.17.1.
		{"old key, Unbound too late", []uint16{20326}, of("Unbound"), "2026-09-12", "2026-09-12 secure, 2026-10-11 bogus, 2026-10-12 secure"},
		{"stale Unbound after the switch", []uint16{20326}, of("Unbound"), "2026-11-21", "2026-11-21 bogus, 2027-01-11 insecure"},
		{"stale BIND after the switch", []uint16{20326}, of("BIND"), "2026-11-21", "2026-11-21 bogus"},
		{"stale Knot Resolver after the switch", []uint16{20326}, of("Knot Resolver"), "2026-11-21", "2026-11-21 bogus"},
		// Without a state of its own BIND trusts what the first validated RRset has.
		{"BIND that is set up too late", []uint16{20326}, of("BIND"), "2026-10-01", "2026-10-01 secure"},
		{"cannot write", []uint16{20326}, anchor.Updating{Follows: true}, "2026-06-01", "2026-06-01 secure, 2026-10-11 bogus, 2027-01-11 insecure"},
		{"no anchor", nil, anchor.Updating{}, "2026-09-01", "2026-09-01 insecure"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, f := range anchor.Survive(point(t, test.tags...), test.how, plans(t), day(test.at)) {
				got = append(got, f.From.Format(time.DateOnly)+" "+string(f.Standing))
				if f.Why == "" || f.Clause == "" {
					t.Errorf("fate without reason: %+v", f)
				}
			}
			if text := strings.Join(got, ", "); text != test.want {
				t.Errorf("got  %s\nwant %s", text, test.want)
			}
		})
	}
}

func TestSurviveNamesTheStep(t *testing.T) {
	fates := anchor.Survive(point(t, 20326), anchor.Updating{Follows: true, Keeps: true}, plans(t), day("2026-11-21"))
	if len(fates) != 2 {
		t.Fatalf("fates: %+v", fates)
	}
	last := fates[1]
	if last.Step != holdfast.RootRevoked || last.Key != 20326 || !last.Date.Planned || last.Clause != "RFC 5011 section 5" {
		t.Errorf("got %+v", last)
	}
	if want := day("2027-01-13"); !last.By.Equal(want) {
		t.Errorf("by %v, want %v: two days of TTL", last.By, want)
	}
}
