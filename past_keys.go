package holdfast

import "time"

// The instants of a past are those of looks: what happened, happened after the
// look before. So whoever blames must take the reading that is kindest, and
// whoever advises the one that is safest.

// KeyPast is a DNSKEY over time. It is known by its content, never by its tag:
// two keys may share one (RFC 4034 appendix B).
type KeyPast struct {
	// ID is made of flags without REVOKE, protocol, algorithm and public key:
	// a key that is revoked stays the key it was.
	ID        string `json:"id"`
	Flags     uint16 `json:"flags"` // without REVOKE
	Algorithm uint8  `json:"algorithm"`
	Tag       uint16 `json:"tag"` // without REVOKE
	// Absent is the last look that did not find it, before it was published;
	// zero where it was there from the first.
	Absent     time.Time `json:"absent,omitzero"`
	Published  time.Time `json:"published"`           // the first look that found it
	Everywhere time.Time `json:"everywhere,omitzero"` // the first at which every server had it
	Active     time.Time `json:"active,omitzero"`     // the first at which it signed
	Retired    time.Time `json:"retired,omitzero"`    // the first at which it signed no more; zero while it does
	Revoked    time.Time `json:"revoked,omitzero"`    // the first that found it with REVOKE (RFC 5011 section 2.1)
	Gone       time.Time `json:"gone,omitzero"`       // the first that found it nowhere; zero while it is there
}

// DSPast is a DS record of the parent over time.
type DSPast struct {
	ID string `json:"id"` // made of its data
	DS DS     `json:"ds"`
	// Key is the ID of the key that it names, once that was seen. A DS may be
	// there before its key (RFC 7583 section 3.3.2).
	Key       string    `json:"key,omitempty"`
	Absent    time.Time `json:"absent,omitzero"` // the last look that did not find it, before it was published; zero: it was there from the first
	Published time.Time `json:"published"`       // the first look that found it
	Gone      time.Time `json:"gone,omitzero"`   // the first that found it nowhere; zero while it is there
}

// EditionPast is one edition of an RRset of the zone, as servers gave it and
// caches may still hold it: the DNSKEY RRset (ClassDNSKEY), the DS RRset in the
// parent (ClassDS), or the zone's own data, for which its SOA stands
// (ClassSOA). Several may be there at once, with several signers or while a
// change spreads.
type EditionPast struct {
	Of Class `json:"of"`
	// Members are what is in it: IDs of keys that may sign, or of DS records;
	// sorted. Without any, the RRset was seen to be absent.
	Members []string `json:"members,omitempty"`
	Signers []string `json:"signers,omitempty"` // IDs of the keys that sign it; none for ClassDS
	// TTL is in seconds; for ClassSOA the highest of the zone's data with these
	// signers.
	TTL       uint32    `json:"ttl"`
	Expires   time.Time `json:"expires,omitzero"` // of its signatures, the last
	Published time.Time `json:"published"`        // the first look that found it
	// Quiet is the last look that found it before those that learnt nothing of
	// this RRset; zero where the last look did.
	Quiet time.Time `json:"quiet,omitzero"`
	Last  time.Time `json:"last,omitzero"` // the last look that found it; zero while it is there
	Gone  time.Time `json:"gone,omitzero"` // the first that did not; zero while it is there
}

// CDSPast is what the zone asks of its parent by CDS and CDNSKEY (RFC 7344).
type CDSPast struct {
	ID    string    `json:"id,omitempty"`   // made of the records; empty: there are none
	Since time.Time `json:"since,omitzero"` // the first look that found these
}

// longest is how long resolvers keep a thing at the most, whatever its TTL: a
// week, which RFC 8767 section 4 recommends as the cap.
const longest = 7 * 24 * time.Hour

// Cached is how long a resolver that asked at an instant keeps the edition: by
// its TTL, and no longer than its signatures last (RFC 4035 section 5.3.3).
func (e EditionPast) Cached(asked time.Time) time.Time {
	until := asked.Add(min(time.Duration(e.TTL)*time.Second, longest))
	if !e.Expires.IsZero() && e.Expires.Before(until) {
		return e.Expires
	}
	return until
}

// Here says whether the last look found the edition.
func (e EditionPast) Here() bool { return e.Gone.IsZero() }
