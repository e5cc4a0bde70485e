// Package whole judges a complete zone, offline: every signature over every
// RRset that the zone answers for, the NSEC or NSEC3 chain to its last span
// and bit, and the zone's digest (ZONEMD), at a given instant.
//
// Like all judges it is pure: the same records, instant and anchors give the
// same report, byte for byte, however many workers share the cryptography.
package whole

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Options say how to judge.
type Options struct {
	// At is the instant to judge at.
	At time.Time
	// Zone is the zone's name; empty: the owner of the first SOA record.
	Zone holdfast.Name
	// Anchors are DS or DNSKEY records that are trusted; those of other zones
	// are passed over. Where there is none for the zone, its own keys are taken
	// at their word, and the report says so.
	Anchors []wire.Record
	// Workers that share the signatures: the number of processors. Zero: 1.
	Workers int
	// MaxFindings of one code that are listed singly. Zero: 100.
	MaxFindings int
	// RequireZONEMD makes a zone without a digest that can be verified a
	// finding of severity error.
	RequireZONEMD bool
}

// DigestState says what became of the zone's digest.
type DigestState string

const (
	DigestAbsent      DigestState = "absent"
	DigestVerified    DigestState = "verified"
	DigestMismatch    DigestState = "mismatch"
	DigestUnsupported DigestState = "unsupported" // of a scheme or hash that is not known here
)

// Key is one key of the zone.
type Key struct {
	Tag        uint16 `json:"tag"`
	Algorithm  uint8  `json:"algorithm"`
	Flags      uint16 `json:"flags"`
	Bits       int    `json:"bits"`
	Signatures int    `json:"signatures"` // that verify under it, whatever their dates
	Anchored   bool   `json:"anchored"`   // a trust anchor names it
}

// Report is what a zone is found to be. Its form in JSON is described in
// docs/formats/verify.md.
type Report struct {
	Zone   holdfast.Name   `json:"zone"`
	At     time.Time       `json:"at"`
	Serial uint32          `json:"serial"`
	Status holdfast.Status `json:"status"`
	Reason string          `json:"reason,omitempty"`

	Records     int `json:"records"`
	RRsets      int `json:"rrsets"`      // without RRSIG
	Delegations int `json:"delegations"` // zone cuts
	Secured     int `json:"secured"`     // delegations with DS
	// Signed counts the RRsets that the zone answers for, which must be signed.
	Signed int `json:"signed"`

	Signatures  int `json:"signatures"`   // all RRSIG records
	Verified    int `json:"verified"`     // good at the instant
	Expired     int `json:"expired"`      // right, but for their time
	NotYet      int `json:"not_yet"`      // right, but for their time
	Invalid     int `json:"invalid"`      // cryptography or form says no
	UnknownKey  int `json:"unknown_key"`  // by no key of the zone
	Unsupported int `json:"unsupported"`  // of an algorithm that is not known here
	Unwanted    int `json:"unwanted"`     // over what must not be signed, or is not there
	Missing     int `json:"missing"`      // RRsets that no signature covers
	BogusRRsets int `json:"bogus_rrsets"` // RRsets without a good signature, the missing included

	// FailsAt is the instant at which the first RRset loses its last good
	// signature; zero where none is good. FailsName and FailsType say which.
	FailsAt   time.Time     `json:"fails_at,omitzero"`
	FailsName holdfast.Name `json:"fails_name,omitempty"`
	FailsType string        `json:"fails_type,omitempty"`

	Denial   string      `json:"denial"` // "NSEC", "NSEC3", both with a comma, or empty
	Digest   DigestState `json:"zonemd"`
	Anchored bool        `json:"anchored"` // a trust anchor that was given leads to the zone's keys
	Keys     []Key       `json:"keys"`

	Findings []holdfast.Finding `json:"findings"`
}

// Worst is the highest severity among the findings.
func (r Report) Worst() holdfast.Severity {
	return holdfast.Verdict{Findings: r.Findings}.Worst()
}

// Good says whether nothing was found at which a resolver, or whoever takes
// the zone over, would stumble.
func (r Report) Good() bool { return r.Worst() < holdfast.SeverityError }

// ErrNoSOA says that the records are no zone: there is no SOA among them.
var ErrNoSOA = errors.New("the zone has no SOA record (RFC 1035 section 5.2)")

// Verifier takes in a zone record by record. It keeps them all: a later form
// may judge while they stream by, behind the same three names.
type Verifier struct {
	options Options
	index   *index
}

// New makes a Verifier.
func New(options Options) *Verifier {
	options.Workers = max(options.Workers, 1)
	if options.MaxFindings == 0 {
		options.MaxFindings = 100
	}
	return &Verifier{options: options, index: newIndex()}
}

// Add takes one record. The order of records does not matter, but for the
// first SOA, which names the zone. It never fails; the error is there so that
// Add can be handed to whoever reads the zone.
func (v *Verifier) Add(r wire.Record) error {
	v.index.add(r)
	return nil
}

// Verify judges the zone that these records make. See Verifier.Report.
func Verify(records []wire.Record, options Options) (Report, error) {
	v := New(options)
	for _, r := range records {
		v.index.add(r)
	}
	return v.Report()
}

// Report judges what was added. The only error is ErrNoSOA: all else that is
// wrong with a zone is a finding.
func (v *Verifier) Report() (Report, error) {
	zone := v.options.Zone
	if zone == "" {
		zone = v.index.firstSOA
	}
	if zone == "" {
		return Report{}, ErrNoSOA
	}
	z := v.index.zone(zone)
	j := &judgement{Options: v.options, zone: z, report: Report{
		Zone: zone, At: v.options.At.UTC(), Records: v.index.records, Digest: DigestAbsent,
	}}
	if z.apex == nil || len(z.apex.set(wire.TypeSOA)) == 0 {
		return Report{}, ErrNoSOA
	}
	j.apex()
	j.readKeys()
	jobs := j.signatureJobs()
	// The cryptography is four fifths of the work; digest and chain are done
	// beside it.
	var next atomic.Int64
	var workers sync.WaitGroup
	for range v.options.Workers {
		workers.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(jobs); i = next.Add(1) - 1 {
				j.verify(&jobs[i])
			}
		})
	}
	j.digest()
	j.denial()
	workers.Wait()
	j.signatures(jobs)
	j.anchor()
	j.conclude()
	return j.report, nil
}

// judgement is one zone being judged. Its fields are the judging goroutine's;
// workers read keys and write into their own jobs only.
type judgement struct {
	Options
	zone   *zone
	keys   []key
	report Report
	found  []found
	soa    wire.SOA
	// keySignatures are those over the DNSKEY RRset, once verified.
	keySignatures []signature
	// unsigned says that the zone has no keys: nothing in it can be verified.
	unsigned bool
	// hopeless says that all keys are of algorithms that are not known here:
	// to us the zone is as good as unsigned (RFC 4035 section 5.2).
	hopeless bool
}

// apex reads the SOA and says what is wrong at the top of the zone.
func (j *judgement) apex() {
	apex := j.zone.apex
	soas := apex.set(wire.TypeSOA)
	soa, err := soas[0].SOA()
	if err != nil {
		j.find(apexWrong, apex, wire.TypeSOA, "%v", err)
	}
	j.soa, j.report.Serial = soa, soa.Serial
	for _, other := range soas[1:] {
		if string(other.Data) != string(soas[0].Data) {
			j.find(apexWrong, apex, wire.TypeSOA, "the zone has more than one SOA record")
			break
		}
	}
	if len(apex.set(wire.TypeNS)) == 0 {
		j.find(apexWrong, apex, wire.TypeNS, "the apex has no NS records")
	}
	for _, n := range j.zone.outside {
		j.find(outsideZone, n, 0, "it lies outside the zone and no server will load it")
	}
	for _, n := range j.zone.nodes {
		for _, s := range n.sets {
			if s.typ != wire.TypeRRSIG {
				j.report.RRsets++
			}
			j.checkTTL(n, s)
		}
		if n.state == cut {
			j.report.Delegations++
			if len(n.set(wire.TypeDS)) > 0 {
				j.report.Secured++
			}
		}
		j.checkAlias(n)
	}
}

// checkTTL sees that the records of a set share one TTL (RFC 2181 section
// 5.2). Signatures have each the TTL of what they cover.
func (j *judgement) checkTTL(n *node, s set) {
	if s.typ == wire.TypeRRSIG {
		return
	}
	for _, r := range s.records[1:] {
		if r.TTL != s.records[0].TTL {
			j.find(ttlsDiffer, n, s.typ, "its records have different TTLs, %d and %d among them", s.records[0].TTL, r.TTL)
			return
		}
	}
}

// checkAlias sees that a CNAME stands alone (RFC 2181 section 10.1, RFC 4035
// section 2.5).
func (j *judgement) checkAlias(n *node) {
	if len(n.set(wire.TypeCNAME)) == 0 || n.state == below {
		return
	}
	for _, s := range n.sets {
		switch s.typ {
		case wire.TypeCNAME, wire.TypeRRSIG, wire.TypeNSEC:
		default:
			j.find(aliasAndMore, n, wire.TypeCNAME, "%s stands beside a CNAME", s.typ)
			return
		}
	}
}

// conclude says what all of it amounts to.
func (j *judgement) conclude() {
	r := &j.report
	r.Findings = j.findings()
	switch {
	case j.unsigned:
		r.Status, r.Reason = holdfast.Insecure, "the zone has no DNSKEY records: it is not signed"
	case j.hopeless:
		r.Status, r.Reason = holdfast.Insecure, "all keys are of algorithms that are not supported"
	case !r.Good():
		r.Status, r.Reason = holdfast.Bogus, worstText(r.Findings)
	case r.Anchored:
		r.Status = holdfast.Secure
	default:
		r.Status, r.Reason = holdfast.Indeterminate, "all holds under the zone's own keys; no trust anchor was given to hold them against"
	}
}

// worstText is the text of the first of the worst findings.
func worstText(findings []holdfast.Finding) string {
	worst := holdfast.Verdict{Findings: findings}.Worst()
	for _, f := range findings {
		if f.Severity == worst {
			return f.Text
		}
	}
	return ""
}
