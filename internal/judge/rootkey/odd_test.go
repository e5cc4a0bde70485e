package rootkey_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/rootkey"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// TestMoreComplaints: the rules that a file breaks seldom, each by one fault.
func TestMoreComplaints(t *testing.T) {
	h := newHall(t)
	good := all(slot{"old", "old", ""}, slot{"old", "old", ""})
	for _, c := range []struct {
		name, rule string
		severity   holdfast.Severity
		request    bool
		spoil      func(*holdfast.KeySigning)
	}{
		{"a TTL that is not the root's", "POLICY-KEYS", holdfast.SeverityWarning, false, func(d *holdfast.KeySigning) { d.Bundles[2].Keys[0].TTL = 3600 }},
		{"a KSK in a request", "POLICY-KEYS", holdfast.SeverityError, true, func(d *holdfast.KeySigning) {
			k := h.keys["old"].DNSKEY
			d.Bundles[2].Keys = append(d.Bundles[2].Keys, holdfast.BundleKey{Identifier: "old", Tag: k.KeyTag(), TTL: 172800, Flags: k.Flags, Protocol: 3, Algorithm: k.Algorithm, Public: k.PublicKey})
		}},
		{"no KSK in a response", "SKR-PAIR", holdfast.SeverityError, false, func(d *holdfast.KeySigning) { d.Bundles[2].Keys = d.Bundles[2].Keys[:1] }},
		{"a signature for another TTL", "SKR-PAIR", holdfast.SeverityError, false, func(d *holdfast.KeySigning) { d.Bundles[2].Signatures[0].OriginalTTL = 3600 }},
		{"a signature that begins late", "SKR-PAIR", holdfast.SeverityError, false, func(d *holdfast.KeySigning) {
			d.Bundles[2].Signatures[0].Inception = d.Bundles[2].Inception.Add(time.Hour)
		}},
		{"an identifier of two keys", "BUNDLE-KEYS", holdfast.SeverityError, false, func(d *holdfast.KeySigning) {
			d.Bundles[2].Keys[0].Public, d.Bundles[2].Keys[0].Tag = h.keys["zsk3"].DNSKEY.PublicKey, h.keys["zsk3"].DNSKEY.KeyTag()
		}},
		{"a key of another protocol", "BUNDLE-KEYS", holdfast.SeverityError, false, func(d *holdfast.KeySigning) { d.Bundles[2].Keys[0].Protocol = 2 }},
		{"a bundle of thirty days", "SIG-VALIDITY", holdfast.SeverityError, false, func(d *holdfast.KeySigning) {
			d.Bundles[2].Expiration = d.Bundles[2].Inception.Add(30 * days)
		}},
		{"a quarter of a hundred days", "CYCLE", holdfast.SeverityWarning, false, func(d *holdfast.KeySigning) {
			d.Bundles[8].Inception, d.Bundles[8].Expiration = start.Add(100*days), start.Add(121*days)
		}},
	} {
		doc := h.response(start, "zsk1", "zsk2", "zsk3", good)
		if c.request {
			doc = h.request(doc)
		}
		c.spoil(&doc)
		r := rootkey.Examine(doc, rootkey.DefaultPolicy(), h.calendar(), start)
		if !slices.ContainsFunc(r.Complaints, func(got rootkey.Complaint) bool { return got.Rule == c.rule && got.Severity == c.severity }) {
			t.Errorf("%s: want %s %s, got %+v", c.name, c.severity, c.rule, r.Complaints)
		}
		if r.Worst() < c.severity {
			t.Errorf("%s: the worst is %s", c.name, r.Worst())
		}
	}
	if r := rootkey.Examine(h.response(start, "zsk1", "zsk2", "zsk3", good), rootkey.DefaultPolicy(), h.calendar(), start); r.Worst() != holdfast.SeverityInfo {
		t.Errorf("of a file without fault the worst is %s", r.Worst())
	}
}

// TestExamineIsAFunction: the same file is judged the same, to the order of what
// is said; where both policies are broken too.
func TestExamineIsAFunction(t *testing.T) {
	h := newHall(t)
	doc := h.response(start, "zsk1", "zsk2", "zsk3", all(slot{"old", "old", ""}, slot{"old", "old", ""}))
	narrow := *doc.KSK
	narrow.MinValidity, narrow.MaxValidity = days, 2*days
	doc.KSK, doc.ZSK = &narrow, &narrow
	first := fmt.Sprintf("%+v", rootkey.Examine(doc, rootkey.DefaultPolicy(), h.calendar(), start).Complaints)
	for range 20 {
		if again := fmt.Sprintf("%+v", rootkey.Examine(doc, rootkey.DefaultPolicy(), h.calendar(), start).Complaints); again != first {
			t.Fatalf("once\n%s\nand once\n%s", first, again)
		}
	}
}

// TestOddFiles: what a reader lets through, and no ceremony makes, is judged
// without a panic: no bundles, no keys, no signatures, no policy, empty keys.
func TestOddFiles(t *testing.T) {
	h := newHall(t)
	good := all(slot{"old", "old", ""}, slot{"old", "old", ""})
	for name, spoil := range map[string]func(*holdfast.KeySigning){
		"no bundles":    func(d *holdfast.KeySigning) { d.Bundles = nil },
		"no keys":       func(d *holdfast.KeySigning) { d.Bundles[0].Keys = nil },
		"no signatures": func(d *holdfast.KeySigning) { d.Bundles[0].Signatures = nil },
		"no policies":   func(d *holdfast.KeySigning) { d.KSK, d.ZSK = nil, nil; d.Bundles = d.Bundles[:1] },
		"an empty key":  func(d *holdfast.KeySigning) { d.Bundles[0].Keys[0].Public = nil },
		"a key of one octet, RSA": func(d *holdfast.KeySigning) {
			d.Bundles[0].Keys[0].Public, d.Bundles[0].Keys[0].Algorithm = []byte{3}, 8
		},
		"an empty signature": func(d *holdfast.KeySigning) { d.Bundles[0].Signatures[0].Data = nil },
		"backwards":          func(d *holdfast.KeySigning) { d.Bundles[0].Expiration = d.Bundles[0].Inception.Add(-days) },
		"the same key twice": func(d *holdfast.KeySigning) { d.Bundles[0].Keys = append(d.Bundles[0].Keys, d.Bundles[0].Keys...) },
	} {
		doc := h.response(start, "zsk1", "zsk2", "zsk3", good)
		spoil(&doc)
		r := rootkey.Examine(doc, rootkey.DefaultPolicy(), h.calendar(), start)
		if len(r.Complaints) == 0 {
			t.Errorf("%s: nothing is wrong with it", name)
		}
		_ = rootkey.Follows(doc, doc)
		_, _ = rootkey.Forecast([]holdfast.KeySigning{doc}, h.calendar())
		for _, b := range doc.Bundles {
			_, _ = rootkey.Records(b)
		}
	}
}

// TestRecordsOfABundle: what a bundle will be in the zone, is its keys and its
// signatures, for the root, with the bundle's TTL.
func TestRecordsOfABundle(t *testing.T) {
	h := newHall(t)
	b := h.response(start, "zsk1", "zsk2", "zsk3", all(slot{"old", "old", ""}, slot{"old", "old", ""})).Bundles[0]
	records, err := rootkey.Records(b)
	if err != nil {
		t.Fatal(err)
	}
	keys, signatures := 0, 0
	for _, r := range records {
		if r.Name != holdfast.Root || r.TTL != 172800 {
			t.Errorf("%s", r)
		}
		switch r.Type {
		case wire.TypeDNSKEY:
			keys++
		case wire.TypeRRSIG:
			signatures++
		}
	}
	if keys != len(b.Keys) || signatures != len(b.Signatures) || keys+signatures != len(records) {
		t.Errorf("%d keys and %d signatures of %d and %d", keys, signatures, len(b.Keys), len(b.Signatures))
	}
}

// TestStateUnseen: with no look at the root the calendar's days to come are told
// and nothing is said of keys.
func TestStateUnseen(t *testing.T) {
	at := time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)
	s := rootkey.StateOf(nil, time.Time{}, at, holdfast.Past{}, rootkey.Calendar())
	if s.Set != nil || s.Foreign || len(s.Departs) > 0 {
		t.Errorf("%+v", s)
	}
	for _, e := range s.Expected {
		if !e.At.After(at) {
			t.Errorf("%s is past", rootkey.Sentence(e))
		}
	}
}
