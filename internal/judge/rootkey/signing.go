package rootkey

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Complaint is something wrong with a key signing file. Its rule is named as in
// the KSK operator's own list of controls where that has one.
type Complaint struct {
	Rule     string            `json:"rule"`
	Severity holdfast.Severity `json:"severity"`
	Slot     int               `json:"slot,omitempty"` // from 1; zero: of the file
	Text     string            `json:"text"`
	Clause   string            `json:"clause,omitempty"`
	Place    string            `json:"place,omitempty"` // FILE:LINE
}

// Report is what a key signing file comes to.
type Report struct {
	File    string               `json:"file"`
	Kind    holdfast.SigningKind `json:"kind"`
	ID      string               `json:"id"`
	Serial  uint64               `json:"serial"`
	From    time.Time            `json:"from"`
	Until   time.Time            `json:"until"` // when the last signature dies
	Bundles int                  `json:"bundles"`
	// Schema is the quarter's work by the name that the KSK operator's tools
	// have for it; empty for a request.
	Schema string `json:"schema,omitempty"`
	// Verified counts the signatures that verify, of Signatures.
	Signatures int         `json:"signatures"`
	Verified   int         `json:"verified"`
	Complaints []Complaint `json:"complaints"`
}

// Worst is the gravest complaint, info where there is none.
func (r Report) Worst() holdfast.Severity {
	worst := holdfast.SeverityInfo
	for _, c := range r.Complaints {
		worst = max(worst, c.Severity)
	}
	return worst
}

// signing is one file under examination.
type signing struct {
	holdfast.KeySigning
	policy   Policy
	calendar holdfast.Calendar
	sets     []rrset
	spans    []holdfast.RootSpan
	report   Report
}

// Examine verifies a key signing request or response by itself: every
// signature, the reconstruction of each DNSKEY RRset, that the signers are keys
// of the calendar, and the operators' policies. at is the instant of judging,
// zero where dates ahead are not to be judged.
func Examine(doc holdfast.KeySigning, policy Policy, calendar holdfast.Calendar, at time.Time) Report {
	s := newSigning(doc, policy, calendar)
	s.bundles()
	s.times(at)
	for i := range s.Bundles {
		s.keys(i)
		s.signatures(i)
	}
	if s.Kind == holdfast.KeyResponse {
		s.report.Schema = s.schema()
		s.against()
	}
	return s.report
}

func newSigning(doc holdfast.KeySigning, policy Policy, calendar holdfast.Calendar) *signing {
	s := &signing{KeySigning: doc, policy: policy, calendar: extended(doc, calendar)}
	s.report = Report{File: doc.File, Kind: doc.Kind, ID: doc.ID, Serial: doc.Serial, Bundles: len(doc.Bundles), Complaints: []Complaint{}}
	for _, b := range doc.Bundles {
		s.sets = append(s.sets, setOfBundle(b))
		if s.report.From.IsZero() || b.Inception.Before(s.report.From) {
			s.report.From = b.Inception
		}
		if b.Expiration.After(s.report.Until) {
			s.report.Until = b.Expiration
		}
	}
	s.spans = spansOf(doc, s.sets, s.calendar)
	return s
}

// extended is the calendar with the file's own key-signing keys behind it that
// are not in it, those that sign first before the others: then phases can be
// told in a rehearsal's files as well as in the root's.
func extended(doc holdfast.KeySigning, calendar holdfast.Calendar) holdfast.Calendar {
	calendar.Keys = slices.Clone(calendar.Keys)
	for _, signers := range []bool{true, false} {
		for _, b := range doc.Bundles {
			for _, k := range b.Keys {
				signs := slices.ContainsFunc(b.Signatures, func(sig holdfast.BundleSignature) bool {
					return sig.Tag == k.Tag && sig.Algorithm == k.Algorithm
				})
				key := dnskeyOf(k)
				if _, known := Known(key, calendar); !known && k.SEP() && signs == signers {
					calendar.Keys = append(calendar.Keys, holdfast.RootKey{Name: cmp.Or(k.Identifier, fmt.Sprintf("key %d", k.Tag)), Algorithm: k.Algorithm, Public: k.Public})
				}
			}
		}
	}
	return calendar
}

func dnskeyOf(k holdfast.BundleKey) wire.DNSKEY {
	return wire.DNSKEY{Flags: k.Flags, Protocol: k.Protocol, Algorithm: k.Algorithm, PublicKey: k.Public}
}

// setOfBundle makes the DNSKEY RRset and its signatures of a bundle, as they
// are to be published.
func setOfBundle(b holdfast.KeyBundle) rrset {
	var s rrset
	for _, k := range b.Keys[:min(len(b.Keys), maxKeys)] {
		key := dnskeyOf(k)
		s.records, s.keys = append(s.records, wire.NewDNSKEY(holdfast.Root, k.TTL, key)), append(s.keys, key)
	}
	for _, sig := range b.Signatures[:min(len(b.Signatures), maxSignatures)] {
		s.sigs = append(s.sigs, wire.RRSIG{
			Covered: wire.TypeDNSKEY, Algorithm: sig.Algorithm, Labels: sig.Labels, OriginalTTL: sig.OriginalTTL,
			Expiration: uint32(sig.Expiration.Unix()), Inception: uint32(sig.Inception.Unix()),
			KeyTag: sig.Tag, Signer: sig.Signer, Signature: sig.Data,
		})
	}
	return s
}

// Records are a bundle's DNSKEY RRset and the signatures over it, as a response
// means them to be published.
func Records(b holdfast.KeyBundle) ([]wire.Record, error) {
	set := setOfBundle(b)
	out := set.records
	for i, sig := range set.sigs {
		record, err := wire.NewRRSIG(holdfast.Root, b.Signatures[i].TTL, sig)
		if err != nil {
			return nil, fmt.Errorf("bundle %s: %w", b.ID, err)
		}
		out = append(out, record)
	}
	return out, nil
}

func (s *signing) say(slot int, rule string, severity holdfast.Severity, clause, format string, values ...any) {
	c := Complaint{Rule: rule, Severity: severity, Slot: slot, Clause: clause, Text: fmt.Sprintf(format, values...), Place: s.File}
	if slot > 0 {
		c.Place = s.Bundles[slot-1].Place
	}
	s.report.Complaints = append(s.report.Complaints, c)
}

// bundles judges the file as a whole: how many, each once, in order, and each
// identifier for one key.
func (s *signing) bundles() {
	if s.Zone != holdfast.Root {
		s.say(0, "DOMAIN", holdfast.SeverityError, "", "it is for %s, not for the root", s.Zone)
	}
	if len(s.Bundles) != s.policy.Bundles {
		s.say(0, "BUNDLE-COUNT", holdfast.SeverityWarning, "", "it has %d bundles; a quarter of the root has %d", len(s.Bundles), s.policy.Bundles)
	}
	named := map[string]holdfast.BundleKey{}
	for i, b := range s.Bundles {
		if slices.ContainsFunc(s.Bundles[:i], func(o holdfast.KeyBundle) bool { return o.ID == b.ID }) {
			s.say(i+1, "BUNDLE-UNIQUE", holdfast.SeverityError, "", "bundle %s is there twice", b.ID)
		}
		if i > 0 && !b.Inception.After(s.Bundles[i-1].Inception) {
			s.say(i+1, "BUNDLE-ORDER", holdfast.SeverityError, "", "it begins %s, no later than the bundle before it", stamp(b.Inception))
		}
		for _, k := range b.Keys {
			before, ok := named[k.Identifier]
			if ok && k.Identifier != "" && (before.Algorithm != k.Algorithm || before.TTL != k.TTL || before.Flags&^wire.FlagRevoke != k.Flags&^wire.FlagRevoke || !bytes.Equal(before.Public, k.Public)) {
				s.say(i+1, "BUNDLE-KEYS", holdfast.SeverityError, "", "the identifier %.40q stands for another key than in a bundle before", k.Identifier)
			}
			if !ok {
				named[k.Identifier] = k
			}
		}
	}
}

// times judges the bundles' dates.
func (s *signing) times(at time.Time) {
	for i, b := range s.Bundles {
		validity := b.Expiration.Sub(b.Inception)
		if !s.policy.Validity.has(validity) {
			s.say(i+1, "SIG-VALIDITY", holdfast.SeverityError, "", "its signatures hold for %s; the root's for %s", length(validity), length(s.policy.Validity.most))
		}
		for n, p := range []*holdfast.SigningPolicy{s.KSK, s.ZSK} {
			name := []string{"KSK", "ZSK"}[n]
			if p != nil && (validity < p.MinValidity || validity > p.MaxValidity) {
				s.say(i+1, "SIG-VALIDITY", holdfast.SeverityError, "", "its signatures hold for %s; the file's own policy for the %s has %s to %s", length(validity), name, length(p.MinValidity), length(p.MaxValidity))
			}
		}
		if i+1 == len(s.Bundles) {
			break
		}
		next := s.Bundles[i+1]
		s.pair(i+1, next.Inception.Sub(b.Inception), b.Expiration.Sub(next.Inception))
	}
	if n := len(s.Bundles); n == s.policy.Bundles && n > 1 {
		if cycle := s.Bundles[n-1].Inception.Sub(s.Bundles[0].Inception); !s.policy.Cycle.has(cycle) {
			s.say(0, "CYCLE", holdfast.SeverityWarning, "", "from the first bundle to the last are %s; the root's quarters have %s to %s", length(cycle), length(s.policy.Cycle.least), length(s.policy.Cycle.most))
		}
	}
	if !at.IsZero() && s.report.Until.Sub(at) > s.policy.Horizon {
		s.say(0, "HORIZON", holdfast.SeverityWarning, "", "it reaches to %s, more than %s ahead", stamp(s.report.Until), length(s.policy.Horizon))
	}
}

// pair judges how a bundle and the next one follow each other.
func (s *signing) pair(slot int, interval, overlap time.Duration) {
	if overlap <= 0 {
		s.say(slot, "SIG-OVERLAP", holdfast.SeverityCritical, "RFC 4035 section 5.3.1", "its signatures die %s before the next bundle begins: between them nobody can validate", length(-overlap))
		return
	}
	if !s.policy.Interval.has(interval) {
		s.say(slot, "BUNDLE-INTERVAL", holdfast.SeverityWarning, "", "the next bundle begins %s after it; in the root %s to %s", length(interval), length(s.policy.Interval.least), length(s.policy.Interval.most))
	}
	if !s.policy.Overlap.has(overlap) {
		s.say(slot, "SIG-OVERLAP", holdfast.SeverityError, "", "its signatures overlap with the next bundle's by %s; in the root by %s to %s", length(overlap), length(s.policy.Overlap.least), length(s.policy.Overlap.most))
	}
	if p := s.ZSK; p != nil && (overlap < p.MinOverlap || overlap > p.MaxOverlap) {
		s.say(slot, "SIG-OVERLAP", holdfast.SeverityError, "", "its signatures overlap with the next bundle's by %s; the file's own policy has %s to %s", length(overlap), length(p.MinOverlap), length(p.MaxOverlap))
	}
}

// stamp writes an instant for people.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// date writes an instant for people where the source gives only the day.
func date(t time.Time) string {
	if t.UTC().Truncate(day).Equal(t.UTC()) {
		return t.UTC().Format("2006-01-02")
	}
	return stamp(t)
}

// length writes a duration for people, in days where it is of some.
func length(d time.Duration) string {
	if d >= 2*day && d%day == 0 {
		return fmt.Sprintf("%d days", d/day)
	}
	if d >= 2*day {
		return fmt.Sprintf("%.1f days", d.Hours()/24)
	}
	return d.String()
}
