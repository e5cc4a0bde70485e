// Package dnssec judges a collected chain of trust at an instant: from the
// trust anchors through DS and DNSKEY to SOA, NS and the proofs of negative
// answers, for each server address by itself (RFC 4033 to 4035, 5155, 6840,
// 9276), and what the checks CHN, SIG and NEG have to say about it.
//
// Any valid path suffices (RFC 6840 sections 5.4 and 5.11): an RRset is good
// where one signature is. What this room cannot verify makes a zone insecure,
// not bogus (RFC 4035 section 5.2).
package dnssec

import (
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Policy is what the standards leave to the validator and what section 8 of
// the check catalogue leaves to the operator. Use DefaultPolicy and change
// what must be.
type Policy struct {
	// MaxKeysPerTag is how many DNSKEYs of one tag and algorithm are tried for
	// a signature or a DS. Four is what Unbound allows; with more, colliding
	// tags multiply the work (KeyTrap, CVE-2023-50387).
	MaxKeysPerTag int
	// MaxVerifications is how many signature verifications an RRset may cost;
	// signatures beyond it are not tried. BIND's max-validations-per-fetch is
	// 16 as well.
	MaxVerifications int
	// MaxPerReply is how many verifications all RRsets of one reply may cost
	// together; those beyond it are not tried. An honest reply, its proof of
	// four RRsets signed by two keys each, needs eight. So a case costs at most
	// this many for each reply, whatever stands in them.
	MaxPerReply int
	// MaxDenialRecords is how many NSEC and NSEC3 RRsets of a reply are looked
	// at. An honest proof needs at most three (RFC 5155 section 7.2).
	MaxDenialRecords int
	// MaxIterations is the number of extra NSEC3 iterations above which a proof
	// is not computed and the answer is insecure (RFC 9276 section 3.2). The
	// validators in wide use stop between 50 and 150. A proof hashes each
	// ancestor of the name asked for, up to the zone, and each with a wildcard
	// before it, once: with L labels below the zone at most 2L+2 names, each
	// by so many SHA-1 runs and one more (CVE-2023-50868).
	MaxIterations uint16

	// The life left at which SIG-02 and SIG-13 speak: less than the duration
	// and less than the share of the signature's whole validity, so that a
	// zone with validity of a day or two is not always in alarm.
	WarningLeft, ErrorLeft, CriticalLeft    time.Duration
	WarningShare, ErrorShare, CriticalShare float64
	// LaggingLeft is the life left at which one server is an error while
	// others are fine.
	LaggingLeft time.Duration
	// ExpiredQuorum is the share of reachable servers with expired signatures
	// from which SIG-01 is critical: half of them, because resolvers then fail
	// on every other try and wait, and a zone of two servers has one left.
	ExpiredQuorum float64
	// LongestLife is the validity beyond which a signature is too long: for so
	// long, who kept a record can play it again after it was changed.
	LongestLife time.Duration
	// Skew is how far a validator's clock may be off: an inception nearer than
	// this is a habit to mend.
	Skew time.Duration
}

// DefaultPolicy is the policy of the check catalogue.
func DefaultPolicy() Policy {
	const day = 24 * time.Hour
	return Policy{
		MaxKeysPerTag: 4, MaxVerifications: 16, MaxPerReply: 64, MaxDenialRecords: 16, MaxIterations: 50,
		WarningLeft: 7 * day, WarningShare: 0.25,
		ErrorLeft: 3 * day, ErrorShare: 0.10,
		CriticalLeft: day, CriticalShare: 0.10,
		LaggingLeft:   day,
		ExpiredQuorum: 0.5,
		LongestLife:   180 * day,
		Skew:          5 * time.Minute,
	}
}

// Validator makes chains. It may be used by many goroutines at once.
type Validator struct {
	Policy  Policy
	anchors map[holdfast.Name]*trust
	cache   *Cache
}

// NewValidator makes a validator over trust anchors: DS or DNSKEY records, for
// the root or for any zone; the one nearest to a judged zone counts. Records
// of other types, and DS or DNSKEY records that cannot be read, are passed
// over. cache may be nil.
func NewValidator(anchors []wire.Record, cache *Cache) *Validator {
	v := &Validator{Policy: DefaultPolicy(), anchors: make(map[holdfast.Name]*trust), cache: cache}
	for _, r := range anchors {
		t := v.anchors[r.Name]
		if t == nil {
			t = &trust{zone: r.Name}
		}
		switch r.Type {
		case wire.TypeDS:
			if ds, err := r.DS(); err == nil {
				t.ds = append(t.ds, ds)
				v.anchors[r.Name] = t
			}
		case wire.TypeDNSKEY:
			if key, err := r.DNSKEY(); err == nil {
				t.keys = append(t.keys, key)
				v.anchors[r.Name] = t
			}
		}
	}
	return v
}

// anchorFor is the anchor at or above a zone that is nearest to it; nil where
// there is none.
func (v *Validator) anchorFor(zone holdfast.Name) *trust {
	if t, ok := v.anchors[zone]; ok {
		return t
	}
	for _, above := range zone.Ancestors() {
		if t, ok := v.anchors[above]; ok {
			return t
		}
	}
	return nil
}

// Validate makes the chain of a case.
func (v *Validator) Validate(c *judge.Case) *judge.Chain {
	r := &reader{
		validator: v, kase: c,
		exams: exams{policy: v.Policy, cache: v.cache, at: c.Instant, passed: c.Passed},
		rings: make(map[ringKey]*keyring),
		read:  make(map[readKey]*reading), perReply: true,
	}
	return r.chain()
}

// RFC 8914 info-codes that validation gives.
const (
	edeAlgorithm   = 1
	edeDigest      = 2
	edeUnknown     = 5 // DNSSEC Indeterminate
	edeBogus       = 6
	edeExpired     = 7
	edeNotYet      = 8
	edeKeyMissing  = 9
	edeSigsMissing = 10
	edeNoZoneKey   = 11
	edeNSECMissing = 12
	edeNoServer    = 22
	edeNetwork     = 23
	edeIterations  = 27
)
