package holdfast

import "time"

// RootPhase is where the root's key-signing keys stand between one and the
// next, read from one DNSKEY RRset alone. The letters are those of the KSK
// operator's plans.
type RootPhase string

const (
	RootSteady       RootPhase = "steady"        // one key, and it signs
	RootPrePublished RootPhase = "pre-published" // several, and the oldest signs (D)
	RootSwitched     RootPhase = "switched"      // several, and a newer one signs alone (E)
	RootDoubleSigned RootPhase = "double-signed" // several sign, none of them revoked
	RootRevoking     RootPhase = "revoking"      // one has REVOKE and signs for that (F)
	RootIrregular    RootPhase = "irregular"     // nothing that a rollover goes through
)

// RootSet is the root's DNSKEY RRset, as servers give it or as a signed key
// response promises it.
type RootSet struct {
	Keys []RootSetKey `json:"keys"` // key-signing keys first, those of the calendar by its order
	TTL  uint32       `json:"ttl"`
	// Inception and Expires are of its signatures: from when all of those of
	// key-signing keys hold, and when the first of them dies; zero without any.
	Inception time.Time `json:"inception,omitzero"`
	Expires   time.Time `json:"expires,omitzero"`
	Size      int       `json:"size"` // of the answer with its signatures, in octets
	Phase     RootPhase `json:"phase"`
	Why       string    `json:"why,omitempty"` // it is irregular
}

// RootSetKey is a key in the root's DNSKEY RRset.
type RootSetKey struct {
	Name string `json:"name,omitempty"` // KSK-2017, of those in the calendar
	// Tag is without REVOKE; Shown is as the key stands there.
	Tag       uint16 `json:"tag"`
	Shown     uint16 `json:"shown"`
	Algorithm uint8  `json:"algorithm"`
	Bits      int    `json:"bits,omitempty"`
	KSK       bool   `json:"ksk"`               // has the SEP flag
	Revoked   bool   `json:"revoked,omitempty"` // has REVOKE
	Signs     bool   `json:"signs"`             // a signature over the RRset verifies with it
}

// KSKs are the key-signing keys; Signers those that sign.
func (s RootSet) KSKs() []RootSetKey {
	var out []RootSetKey
	for _, k := range s.Keys {
		if k.KSK {
			out = append(out, k)
		}
	}
	return out
}

// Signers are the keys that sign the RRset.
func (s RootSet) Signers() []RootSetKey {
	var out []RootSetKey
	for _, k := range s.Keys {
		if k.Signs {
			out = append(out, k)
		}
	}
	return out
}

// RootSpan is a time in which the root's DNSKEY RRset is promised to stay as
// it is: a slot of a signed key response.
type RootSpan struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"` // when the next takes its place; of the last, when its signatures die
	Set   RootSet   `json:"set"`
	// Left is the least that its signatures have to live before they are
	// replaced: the margin for a publication that is late.
	Left  time.Duration `json:"left_ns"`
	Slot  int           `json:"slot"` // from 1
	File  string        `json:"file,omitempty"`
	Place string        `json:"place,omitempty"` // FILE:LINE
}

// RootExpected is a step that the calendar has for the root's keys, and how it
// stands.
type RootExpected struct {
	Key     string    `json:"key"`
	Tag     uint16    `json:"tag"`
	Step    RootStep  `json:"step"`
	At      time.Time `json:"at"`
	Planned bool      `json:"planned,omitempty"`
	Source  string    `json:"source"`
	Seen    bool      `json:"seen"` // the RRset shows that it happened
}

// RootState is the state of the root's keys at an instant, for people: what
// servers gave, what the calendar has next, and where the two differ.
type RootState struct {
	At       time.Time      `json:"at"`
	Set      *RootSet       `json:"set,omitempty"`      // nil: nothing was seen yet
	Taken    time.Time      `json:"taken,omitzero"`     // when Set was seen
	Foreign  bool           `json:"foreign,omitempty"`  // no key of the RRset is in the calendar: another root than IANA's
	Expected []RootExpected `json:"expected,omitempty"` // steps still to come, and those overdue, by date
	Departs  []string       `json:"departs,omitempty"`  // from the calendar, a sentence each
	Calendar Calendar       `json:"calendar"`
	// Looks are what the watch has seen of each key-signing key itself.
	Looks    []KeyPast  `json:"looks,omitempty"`
	Findings []Finding  `json:"findings,omitempty"` // of the judges, about the root
	Forecast []RootSpan `json:"forecast,omitempty"` // of signed key responses at hand
}
