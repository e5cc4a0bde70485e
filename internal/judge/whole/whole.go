// Package whole judges a complete zone, offline: every signature over every
// RRset that the zone answers for, the NSEC or NSEC3 chain to its last span
// and bit, the zone's digest (ZONEMD), its delegations and their glue, at a
// given instant.
//
// It holds no zone: records are sorted into canonical order outside memory
// where they must be, and judged while they stream by. Like all judges it is
// pure: the same records, instant and anchors give the same report, byte for
// byte, however many workers share the work and in whatever order the records
// came.
package whole

import (
	"context"
	"errors"
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
	// Horizon is how far ahead of At to look for what will expire. Zero: not.
	Horizon time.Duration
	// Sample lets a random share of the signatures stand for all.
	Sample Sample
	// Scratch opens a place for what does not fit into memory. Nil: all is kept
	// in memory, however much it is.
	Scratch func() (Scratch, error)
	// Batch is how many octets are sorted in memory at a time. Zero: 12 MB,
	// with which the whole work stays below 300 MB.
	Batch int
}

// Sample says which signatures have their cryptography verified; names and
// dates of all are judged. The zero value: all have.
type Sample struct {
	// Share of the signatures, between 0 and 1; or else their Number, which is
	// met but for chance.
	Share  float64
	Number int
	// Seed makes the choice: another seed, other signatures.
	Seed uint64
}

func (s Sample) all() bool { return s.Share <= 0 && s.Number <= 0 }

// DigestState says what became of the zone's digest.
type DigestState string

const (
	DigestAbsent      DigestState = "absent"
	DigestVerified    DigestState = "verified"
	DigestMismatch    DigestState = "mismatch"
	DigestUnsupported DigestState = "unsupported" // of a scheme or hash that is not known here
	DigestUnjudged    DigestState = "unjudged"    // the zone was not read to its end
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
	// Incomplete says why the zone was not read to its end. What only a whole
	// zone can tell (denial, digest, what is missing) is then left out.
	Incomplete string `json:"incomplete,omitempty"`

	Records     int `json:"records"`
	RRsets      int `json:"rrsets"`      // without RRSIG
	Delegations int `json:"delegations"` // zone cuts
	Secured     int `json:"secured"`     // delegations with DS
	Glue        int `json:"glue"`        // address records at and below zone cuts
	// Signed counts the RRsets that the zone answers for, which must be signed.
	Signed int `json:"signed"`

	Signatures  int `json:"signatures"`          // all RRSIG records
	Verified    int `json:"verified"`            // good at the instant
	Expired     int `json:"expired"`             // right, but for their time
	NotYet      int `json:"not_yet"`             // right, but for their time
	Invalid     int `json:"invalid"`             // cryptography or form says no
	UnknownKey  int `json:"unknown_key"`         // by no key of the zone
	Unsupported int `json:"unsupported"`         // of an algorithm that is not known here
	Unwanted    int `json:"unwanted"`            // over what must not be signed, or is not there
	Unsampled   int `json:"unsampled,omitempty"` // right but for their cryptography, which the sample passed over
	Missing     int `json:"missing"`             // RRsets that no signature covers
	BogusRRsets int `json:"bogus_rrsets"`        // RRsets without a good signature, the missing included

	// FailsAt is the instant at which the first RRset loses its last good
	// signature; zero where none is good. FailsName and FailsType say which.
	FailsAt   time.Time     `json:"fails_at,omitzero"`
	FailsName holdfast.Name `json:"fails_name,omitempty"`
	FailsType string        `json:"fails_type,omitempty"`
	// Horizon is what will have expired by then; nil where nobody asked.
	Horizon *Horizon `json:"horizon,omitempty"`

	Denial   string      `json:"denial"` // "NSEC", "NSEC3", both with a comma, or empty
	OptOut   bool        `json:"opt_out,omitempty"`
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

// Verifier takes in a zone record by record.
type Verifier struct {
	options    Options
	sorter     *sorter
	found      findings // of records that cannot be sorted in
	records    int
	signatures int
	firstSOA   holdfast.Name
	incomplete string

	name    holdfast.Name // of the record before
	key     []byte        // of that name; nil where it is none
	keyed   bool
	zoneKey []byte // known once the zone is
	entry   []byte // under construction, reused
	target  []byte
	wanted  wantedCache

	done  atomic.Int64
	stage atomic.Int32
}

// New makes a Verifier.
func New(options Options) *Verifier {
	options.Workers = max(options.Workers, 1)
	if options.MaxFindings == 0 {
		options.MaxFindings = 100
	}
	v := &Verifier{options: options, sorter: newSorter(options.Scratch, options.Batch)}
	v.found.limit = options.MaxFindings
	if options.Zone != "" {
		v.zoneKey, _ = appendNameKey(nil, options.Zone)
	}
	return v
}

// Add takes one record, whose Data it does not keep. The order of records does
// not matter, but for the first SOA, which names the zone. An error means that
// the scratch file could not be written.
func (v *Verifier) Add(r wire.Record) error {
	v.records++
	v.done.Add(1)
	if r.Name != v.name || !v.keyed {
		v.name, v.keyed = r.Name, true
		var ok bool
		if v.key, ok = appendNameKey(v.key[:0], r.Name); !ok {
			v.keyed = false
		}
	}
	if !v.keyed { // no name at all: nobody can load it
		v.found.add(found{outsideZone.fill(r.Name, 0, "it lies outside the zone and no server will load it"), string(r.Name), 0}, 1)
		return nil
	}
	switch r.Type {
	case wire.TypeSOA:
		if v.firstSOA == "" {
			v.firstSOA = r.Name
			if v.options.Zone == "" {
				v.zoneKey = append([]byte{}, v.key...)
			}
		}
	case wire.TypeRRSIG:
		v.signatures++
	case wire.TypeNS:
		if err := v.want(r); err != nil {
			return err
		}
	}
	v.entry = append(append(v.entry[:0], v.key...), 0, byte(r.Type>>8), byte(r.Type))
	v.entry = appendTail(r.AppendCanonical(v.entry), r.TTL, r.Class)
	return v.sorter.add(v.entry)
}

// BrokeOff says that the zone was not read to its end, and why. What came
// before is judged all the same.
func (v *Verifier) BrokeOff(why string) { v.incomplete = why }

// Progress says how far the work is: what is being done, and how many records
// or names of it are. It may be asked at any time.
func (v *Verifier) Progress() (stage Stage, done int) {
	return Stage(v.stage.Load()), int(v.done.Load())
}

// Stage is a part of the work.
type Stage int32

const (
	StageReading Stage = iota // records
	StageJudging              // records, of as many as were read
	StageDenial               // hashed names
)

func (v *Verifier) enter(s Stage) {
	v.done.Store(0)
	v.stage.Store(int32(s))
}

// Verify judges the zone that these records make. See Verifier.Report.
func Verify(records []wire.Record, options Options) (Report, error) {
	v := New(options)
	for _, r := range records {
		if err := v.Add(r); err != nil {
			v.Close()
			return Report{}, err
		}
	}
	return v.Report(context.Background())
}

// Close gives back what a Verifier holds that will not be asked for a Report.
func (v *Verifier) Close() { v.sorter.close() }

// Report judges what was added, once; it closes the Verifier. It answers
// ErrNoSOA where there is no zone, the context's error, and that of the
// scratch file; all that is wrong with the zone is a finding.
func (v *Verifier) Report(ctx context.Context) (Report, error) {
	defer v.Close()
	zone := v.options.Zone
	if zone == "" {
		zone = v.firstSOA
	}
	if zone == "" {
		return Report{}, ErrNoSOA
	}
	zoneKey, ok := appendNameKey(nil, zone)
	if !ok {
		return Report{}, ErrNoSOA
	}
	v.enter(StageJudging)
	j := newJudgement(v, zone, zoneKey)
	defer j.hashes.close()
	if err := j.stream(ctx); err != nil {
		return Report{}, err
	}
	v.enter(StageDenial)
	if err := j.denial(ctx); err != nil {
		return Report{}, err
	}
	j.signatures()
	j.anchor()
	j.conclude()
	return j.report, nil
}
