package rootkey_test

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/rootkey"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// hall is a key ceremony of our own: keys, and responses that they sign.
type hall struct {
	t    *testing.T
	keys map[string]*wire.Key
}

func newHall(t *testing.T) *hall {
	t.Helper()
	h := &hall{t: t, keys: map[string]*wire.Key{}}
	for name, flags := range map[string]uint16{"old": 257, "new": 257, "zsk1": 256, "zsk2": 256, "zsk3": 256} {
		key, err := wire.GenerateKey(wire.ED25519, flags, 0, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		h.keys[name] = key
	}
	return h
}

// calendar knows the old and the new key.
func (h *hall) calendar() holdfast.Calendar {
	c := holdfast.Calendar{Taken: start}
	for _, name := range []string{"old", "new"} {
		key := h.keys[name].DNSKEY
		ds, err := key.Digest(holdfast.Root, 2)
		if err != nil {
			h.t.Fatal(err)
		}
		c.Keys = append(c.Keys, holdfast.RootKey{Name: name, Tag: key.KeyTag(), Algorithm: key.Algorithm, Public: key.PublicKey, DS: &ds})
	}
	return c
}

var start = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)

const days = 24 * time.Hour

// slot is what one bundle publishes, signs and revokes, by names.
type slot struct{ publish, sign, revoke string }

// response makes the response of a quarter of nine slots.
func (h *hall) response(begin time.Time, first, own, next string, slots [9]slot) holdfast.KeySigning {
	policy := &holdfast.SigningPolicy{MinValidity: 21 * days, MaxValidity: 21 * days, MinOverlap: 9 * days, MaxOverlap: 16 * days, Algorithms: []holdfast.SigningPolicyAlgorithm{{Algorithm: wire.ED25519}}}
	doc := holdfast.KeySigning{Kind: holdfast.KeyResponse, File: "skr.xml", ID: "q", Zone: holdfast.Root, KSK: policy, ZSK: policy}
	for i, s := range slots {
		zsks := []string{own}
		if i == 0 && first != "" {
			zsks = append(zsks, first)
		}
		if i == 8 && next != "" {
			zsks = append(zsks, next)
		}
		b := holdfast.KeyBundle{ID: fmt.Sprint(i), Inception: begin.Add(time.Duration(i) * 10 * days), Place: fmt.Sprintf("skr.xml:%d", i)}
		b.Expiration = b.Inception.Add(21 * days)
		var records []wire.Record
		add := func(name string, revoke bool) {
			key := h.keys[name].DNSKEY
			if revoke {
				key.Flags |= wire.FlagRevoke
			}
			b.Keys = append(b.Keys, holdfast.BundleKey{Identifier: name, Tag: key.KeyTag(), TTL: 172800, Flags: key.Flags, Protocol: 3, Algorithm: key.Algorithm, Public: key.PublicKey})
			records = append(records, wire.NewDNSKEY(holdfast.Root, 172800, key))
		}
		for _, name := range append(zsks, strings.Fields(s.publish)...) {
			add(name, false)
		}
		for _, name := range strings.Fields(s.revoke) {
			add(name, true)
		}
		for _, name := range strings.Fields(s.sign) {
			b.Signatures = append(b.Signatures, h.sign(records, name, slices.Contains(strings.Fields(s.revoke), name), b))
		}
		doc.Bundles = append(doc.Bundles, b)
	}
	return doc
}

func (h *hall) sign(records []wire.Record, name string, revoked bool, b holdfast.KeyBundle) holdfast.BundleSignature {
	key := *h.keys[name]
	if revoked {
		key.DNSKEY.Flags |= wire.FlagRevoke
		key.Tag = key.DNSKEY.KeyTag()
	}
	record, err := key.Sign(records, holdfast.Root, b.Inception, b.Expiration, rand.Reader)
	if err != nil {
		h.t.Fatal(err)
	}
	sig, err := record.RRSIG()
	if err != nil {
		h.t.Fatal(err)
	}
	return holdfast.BundleSignature{
		Identifier: name, TTL: 172800, Covered: "DNSKEY", Algorithm: sig.Algorithm, Labels: sig.Labels, OriginalTTL: sig.OriginalTTL,
		Inception: b.Inception, Expiration: b.Expiration, Tag: sig.KeyTag, Signer: sig.Signer, Data: sig.Signature,
	}
}

func all(first, rest slot) [9]slot {
	out := [9]slot{first}
	for i := 1; i < 9; i++ {
		out[i] = rest
	}
	return out
}

// TestSchemas: the quarters of the KSK operator's tools are known again by what
// they publish, sign and revoke, and nothing is wrong with them.
func TestSchemas(t *testing.T) {
	h := newHall(t)
	both := "old new"
	revoke := all(slot{both, "new", ""}, slot{"new", "old new", "old"})
	revoke[8] = slot{"new", "new", ""}
	for want, slots := range map[string][9]slot{
		"normal":      all(slot{"old", "old", ""}, slot{"old", "old", ""}),
		"pre-publish": all(slot{"old", "old", ""}, slot{both, "old", ""}),
		"publish+":    all(slot{both, "old", ""}, slot{both, "old", ""}),
		"rollover":    all(slot{both, "old", ""}, slot{both, "new", ""}),
		"rollover+":   all(slot{both, "new", ""}, slot{both, "new", ""}),
		"revoke":      revoke,
		"of its own":  all(slot{both, "new", ""}, slot{both, "old", ""}),
	} {
		r := rootkey.Examine(h.response(start, "zsk1", "zsk2", "zsk3", slots), rootkey.DefaultPolicy(), h.calendar(), start)
		if r.Schema != want {
			t.Errorf("schema %q, want %q", r.Schema, want)
		}
		if len(r.Complaints) > 0 || r.Verified != r.Signatures {
			t.Errorf("%s: %d of %d verify; %+v", want, r.Verified, r.Signatures, r.Complaints)
		}
	}
}

// TestComplaints: each single fault in a response is found, under its rule.
func TestComplaints(t *testing.T) {
	h := newHall(t)
	good := all(slot{"old", "old", ""}, slot{"old", "old", ""})
	for _, c := range []struct {
		rule     string
		severity holdfast.Severity
		spoil    func(*holdfast.KeySigning)
	}{
		{"SIGNATURE", holdfast.SeverityCritical, func(d *holdfast.KeySigning) { d.Bundles[3].Signatures[0].Data[5] ^= 1 }},
		{"SIGNATURE", holdfast.SeverityCritical, func(d *holdfast.KeySigning) { d.Bundles[3].Keys[0].Public = h.keys["zsk3"].DNSKEY.PublicKey }},
		{"SIGNATURE", holdfast.SeverityCritical, func(d *holdfast.KeySigning) {
			d.Bundles[3].Signatures[0].Expiration = d.Bundles[3].Expiration.Add(time.Hour)
		}},
		{"SIGNATURE", holdfast.SeverityCritical, func(d *holdfast.KeySigning) { d.Bundles[3].Signatures[0].Covered = "SOA" }},
		{"SKR-PAIR", holdfast.SeverityError, func(d *holdfast.KeySigning) { d.Bundles[3].Signatures[0].Signer = "example." }},
		{"SKR-PAIR", holdfast.SeverityError, func(d *holdfast.KeySigning) { d.Bundles[3].Signatures[0].Labels = 1 }},
		{"TRUST", holdfast.SeverityError, func(d *holdfast.KeySigning) {
			stranger := newHall(t).response(start, "zsk1", "zsk2", "zsk3", good)
			d.Bundles[4] = stranger.Bundles[4]
		}},
		{"BUNDLE-KEYS", holdfast.SeverityError, func(d *holdfast.KeySigning) { d.Bundles[2].Keys[0].Tag++ }},
		{"BUNDLE-KEYS", holdfast.SeverityError, func(d *holdfast.KeySigning) { d.Bundles[2].Keys[0].Flags = 0 }},
		{"BUNDLE-UNIQUE", holdfast.SeverityError, func(d *holdfast.KeySigning) { d.Bundles[2].ID = d.Bundles[1].ID }},
		{"BUNDLE-ORDER", holdfast.SeverityError, func(d *holdfast.KeySigning) { d.Bundles[2], d.Bundles[1] = d.Bundles[1], d.Bundles[2] }},
		{"BUNDLE-COUNT", holdfast.SeverityWarning, func(d *holdfast.KeySigning) { d.Bundles = d.Bundles[:8] }},
		{"SIG-OVERLAP", holdfast.SeverityCritical, func(d *holdfast.KeySigning) { d.Bundles = slices.Delete(d.Bundles, 2, 5) }},
		{"BUNDLE-INTERVAL", holdfast.SeverityWarning, func(d *holdfast.KeySigning) { d.Bundles = slices.Delete(d.Bundles, 2, 3) }},
		{"POLICY-ALG", holdfast.SeverityError, func(d *holdfast.KeySigning) { d.ZSK.Algorithms[0].Algorithm = 8 }},
		{"POLICY-KEYS", holdfast.SeverityWarning, func(d *holdfast.KeySigning) { d.Bundles[0].Keys = d.Bundles[0].Keys[:1] }},
		{"SIG-VALIDITY", holdfast.SeverityError, func(d *holdfast.KeySigning) { d.KSK.MaxValidity, d.KSK.MinValidity = 15*days, 14*days }},
		{"DOMAIN", holdfast.SeverityError, func(d *holdfast.KeySigning) { d.Zone = "example." }},
		{"HORIZON", holdfast.SeverityWarning, func(d *holdfast.KeySigning) {
			*d = h.response(start.Add(200*days), "zsk1", "zsk2", "zsk3", good)
		}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			doc := h.response(start, "zsk1", "zsk2", "zsk3", good)
			policy := *doc.ZSK
			policy.Algorithms = slices.Clone(policy.Algorithms)
			doc.ZSK = &policy
			c.spoil(&doc)
			r := rootkey.Examine(doc, rootkey.DefaultPolicy(), h.calendar(), start)
			if !slices.ContainsFunc(r.Complaints, func(got rootkey.Complaint) bool { return got.Rule == c.rule && got.Severity == c.severity }) {
				t.Errorf("want %s %s, got %+v", c.severity, c.rule, r.Complaints)
			}
		})
	}
}

// TestRevokedWithoutItself: a key that is shown as revoked and does not sign is
// heeded by nobody (RFC 5011 section 2.1).
func TestRevokedWithoutItself(t *testing.T) {
	h := newHall(t)
	doc := h.response(start, "zsk1", "zsk2", "zsk3", all(slot{"old new", "new", ""}, slot{"new", "new", "old"}))
	r := rootkey.Examine(doc, rootkey.DefaultPolicy(), h.calendar(), start)
	if len(r.Complaints) != 8 || r.Complaints[0].Rule != "REVOKE" || r.Complaints[0].Slot != 2 || r.Complaints[0].Clause != "RFC 5011 section 2.1" {
		t.Errorf("got %+v", r.Complaints)
	}
	if r.Schema != "of its own" {
		t.Errorf("schema %q", r.Schema)
	}
}

// request is what a response answers: its zone-signing keys, each of which signs.
func (h *hall) request(response holdfast.KeySigning) holdfast.KeySigning {
	doc := response
	doc.Kind, doc.KSK, doc.File, doc.Bundles = holdfast.KeyRequest, nil, "ksr.xml", nil
	for _, b := range response.Bundles {
		asked := b
		asked.Keys, asked.Signatures = nil, nil
		var records []wire.Record
		for _, k := range b.Keys {
			if !k.SEP() {
				asked.Keys = append(asked.Keys, k)
				records = append(records, wire.NewDNSKEY(holdfast.Root, k.TTL, wire.DNSKEY{Flags: k.Flags, Protocol: 3, Algorithm: k.Algorithm, PublicKey: k.Public}))
			}
		}
		for _, k := range asked.Keys {
			asked.Signatures = append(asked.Signatures, h.sign(records, k.Identifier, false, b))
		}
		doc.Bundles = append(doc.Bundles, asked)
	}
	return doc
}

func TestRequests(t *testing.T) {
	h := newHall(t)
	response := h.response(start, "zsk1", "zsk2", "zsk3", all(slot{"old", "old", ""}, slot{"old", "old", ""}))
	request := h.request(response)
	if r := rootkey.Examine(request, rootkey.DefaultPolicy(), h.calendar(), start); len(r.Complaints) > 0 || r.Verified != 11 || r.Schema != "" {
		t.Errorf("%d verify; %+v", r.Verified, r.Complaints)
	}
	if c := rootkey.Answers(response, request); len(c) > 0 {
		t.Errorf("the answer to its own request: %+v", c)
	}
	spoilt := h.request(response)
	spoilt.Bundles[0].Signatures = spoilt.Bundles[0].Signatures[:1]
	if r := rootkey.Examine(spoilt, rootkey.DefaultPolicy(), h.calendar(), start); len(r.Complaints) != 1 || r.Complaints[0].Rule != "BUNDLE-POP" {
		t.Errorf("a key whose possession is not proven: %+v", r.Complaints)
	}
	for name, spoil := range map[string]func(*holdfast.KeySigning){
		"id":     func(d *holdfast.KeySigning) { d.ID = "other" },
		"count":  func(d *holdfast.KeySigning) { d.Bundles = d.Bundles[:8] },
		"bundle": func(d *holdfast.KeySigning) { d.Bundles[3].Inception = d.Bundles[3].Inception.Add(time.Hour) },
		"key":    func(d *holdfast.KeySigning) { d.Bundles[3].Keys[0].Public = h.keys["zsk3"].DNSKEY.PublicKey },
	} {
		other := h.request(response)
		spoil(&other)
		if len(rootkey.Answers(response, other)) == 0 {
			t.Errorf("%s: taken for the answer to another request", name)
		}
	}
}

func TestFollows(t *testing.T) {
	h := newHall(t)
	steady := all(slot{"old", "old", ""}, slot{"old", "old", ""})
	first := h.response(start, "", "zsk1", "zsk2", steady)
	second := h.response(start.Add(90*days), "zsk1", "zsk2", "zsk3", steady)
	if c := rootkey.Follows(second, first); len(c) > 0 {
		t.Errorf("the next quarter: %+v", c)
	}
	rules := func(c []rootkey.Complaint) string {
		var out []string
		for _, one := range c {
			out = append(out, one.Rule)
		}
		return strings.Join(out, ",")
	}
	for _, c := range []struct {
		name string
		next holdfast.KeySigning
		want string
	}{
		{"another ZSK", h.response(start.Add(90*days), "zsk1", "zsk3", "zsk2", steady), "CHAIN-PRE,CHAIN-POST"},
		{"a gap", h.response(start.Add(102*days), "zsk1", "zsk2", "zsk3", steady), "CHAIN"},
		{"the same quarter", h.response(start, "zsk1", "zsk2", "zsk3", steady), "CHAIN"},
		{"another KSK", h.response(start.Add(90*days), "zsk1", "zsk2", "zsk3", all(slot{"new", "new", ""}, slot{"new", "new", ""})), "CHAIN"},
	} {
		if got := rules(rootkey.Follows(c.next, first)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if got := rules(rootkey.Follows(second, h.request(first))); got != "CHAIN" {
		t.Errorf("after a request: %s", got)
	}
}

func TestForecast(t *testing.T) {
	h := newHall(t)
	first := h.response(start, "", "zsk1", "zsk2", all(slot{"old", "old", ""}, slot{"old new", "old", ""}))
	second := h.response(start.Add(90*days), "zsk1", "zsk2", "zsk3", all(slot{"old new", "old", ""}, slot{"old new", "new", ""}))
	spans, err := rootkey.Forecast([]holdfast.KeySigning{second, first}, h.calendar())
	if err != nil || len(spans) != 18 {
		t.Fatalf("%d spans, %v", len(spans), err)
	}
	for i, s := range spans {
		if i > 0 && !s.From.Equal(spans[i-1].Until) {
			t.Errorf("between %s and %s is a gap", spans[i-1].Until, s.From)
		}
		if i < 17 && s.Left != 11*days {
			t.Errorf("span %d leaves %s", i, s.Left)
		}
	}
	table := rootkey.Days(spans)
	if len(table) != 170+21 { // seventeen slots of ten days, and the last until its signatures die
		t.Errorf("%d days", len(table))
	}
	var steps []string
	for _, d := range table {
		for _, s := range d.Step {
			if !strings.Contains(s, "zone-signing") {
				steps = append(steps, d.Day.Format("0102 ")+strings.Fields(s)[0]+" "+strings.Join(strings.Fields(s)[2:], " "))
			}
		}
	}
	if got := strings.Join(steps, "; "); got != "0111 new is published; 0411 old signs no more; 0411 new signs" {
		t.Errorf("steps: %s", got)
	}
	if _, err := rootkey.Forecast([]holdfast.KeySigning{first, first}, h.calendar()); err == nil {
		t.Error("two responses for the same time are forecast by")
	}
	if _, err := rootkey.Forecast([]holdfast.KeySigning{h.request(first)}, h.calendar()); err == nil {
		t.Error("a request is forecast by")
	}
}
