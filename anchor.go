package holdfast

import "time"

// KeyState is where a key of a trust point stands (RFC 5011 section 4.1). Only
// Valid and Missing keys validate.
type KeyState string

const (
	KeyStart   KeyState = "start"    // not known, or seen and not yet validated
	KeyAddPend KeyState = "add-pend" // seen in a validated RRset, and waiting for its hold-down
	KeyValid   KeyState = "valid"
	KeyMissing KeyState = "missing" // was valid, and is in the RRset no more
	KeyRevoked KeyState = "revoked" // seen with REVOKE, in an RRset that it signed
	KeyRemoved KeyState = "removed" // revoked, and forgotten after the remove hold-down
)

// Trusted says whether a key in that state validates (RFC 5011 section 4.1).
func (s KeyState) Trusted() bool { return s == KeyValid || s == KeyMissing }

// TrustedKey is a key as a validator holds it: whole, or as a digest only.
type TrustedKey struct {
	// Tag is that of the key without REVOKE, which changes it by 128 for most
	// keys: a key that is revoked stays the key it was.
	Tag       uint16   `json:"tag"`
	Algorithm uint8    `json:"algorithm"`
	Flags     uint16   `json:"flags,omitempty"`  // as held, REVOKE included; zero where only a digest is held
	Public    []byte   `json:"public,omitempty"` // as in DNSKEY; nil where only a digest is held
	DS        *DS      `json:"ds,omitempty"`     // where it is held by digest
	State     KeyState `json:"state"`            // Valid for one that is trusted come what may
	// Since is when it came into that state, Hold when its hold-down ends; zero
	// where there is none, or the file does not say.
	Since time.Time `json:"since,omitzero"`
	Hold  time.Time `json:"hold,omitzero"`
	// From and Until bound when it may be trusted at all (RFC 9718 section 2.1);
	// zero: unbounded.
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"`
	// Word is what the file calls it, where it has a word of its own: MISSING,
	// initial-key, static-ds, initializing managed.
	Word  string `json:"word,omitempty"`
	Place string `json:"place,omitempty"` // FILE:LINE
}

// TrustPoint is a zone that a validator trusts of itself, and the keys that it
// holds for that (RFC 5011 section 2).
type TrustPoint struct {
	Zone Name         `json:"zone"`
	View string       `json:"view,omitempty"` // BIND's, where a text names it
	Keys []TrustedKey `json:"keys"`
	// When the validator last asked for the keys, last got an answer that it
	// could validate, and means to ask again; zero where the file does not say.
	Asked     time.Time `json:"asked,omitzero"`
	Succeeded time.Time `json:"succeeded,omitzero"`
	Next      time.Time `json:"next,omitzero"`
}

// RootStep is one step in the life of a root key-signing key.
type RootStep string

const (
	RootGenerated RootStep = "generated"
	RootAnchored  RootStep = "anchored"  // in IANA's trust anchor file
	RootPublished RootStep = "published" // in the root's DNSKEY RRset
	RootSigns     RootStep = "signs"     // signs that RRset
	RootRetired   RootStep = "retired"   // signs it no more
	RootRevoked   RootStep = "revoked"   // is there with REVOKE, and signs for that
	RootRemoved   RootStep = "removed"   // is gone from it
	RootAbandoned RootStep = "abandoned" // never came to be used
)

// RootDate is when a step came, or is to come.
type RootDate struct {
	Step    RootStep  `json:"step"`
	At      time.Time `json:"at"`
	Planned bool      `json:"planned,omitempty"` // announced, and not confirmed in the source
	Source  string    `json:"source"`
}

// RootKey is one key-signing key of the root and its dates, in order.
type RootKey struct {
	Name string `json:"name"`         // KSK-2017
	ID   string `json:"id,omitempty"` // of IANA's trust anchor file: Klajeyz
	// Tag is zero for a key that was never published, and of which no source at
	// hand gives one.
	Tag       uint16     `json:"tag,omitempty"`
	Algorithm uint8      `json:"algorithm"`
	DS        *DS        `json:"ds,omitempty"`     // SHA-256
	Public    []byte     `json:"public,omitempty"` // as in DNSKEY, where it is known
	Dates     []RootDate `json:"dates"`
}

// Date finds a step; ok is false where the calendar has none.
func (k RootKey) Date(step RootStep) (date RootDate, ok bool) {
	for _, d := range k.Dates {
		if d.Step == step {
			return d, true
		}
	}
	return RootDate{}, false
}

// Calendar is what is known and announced of the root's keys, as of a date. A
// plan in it is never taken for a fact: only the live DNSKEY RRset says what
// happened.
type Calendar struct {
	Taken time.Time `json:"taken"`
	Keys  []RootKey `json:"keys"` // by date of publication, or of generation where there was none
	// Plans are announced without days: they bind no key that exists.
	Plans []RootPlan `json:"plans,omitempty"`
}

// RootPlan is something announced of the root's keys, to the quarter or to the
// year only.
type RootPlan struct {
	Name   string    `json:"name"`
	From   time.Time `json:"from"`
	Until  time.Time `json:"until"` // the first instant after it
	Text   string    `json:"text"`
	Source string    `json:"source"`
}

// Key finds a key by its tag.
func (c Calendar) Key(tag uint16) (RootKey, bool) {
	for _, k := range c.Keys {
		if k.Tag == tag {
			return k, true
		}
	}
	return RootKey{}, false
}
