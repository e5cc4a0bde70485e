package holdfast

import (
	"encoding/json"
	"fmt"
	"time"
)

// Bounds of SigningPast.
const (
	MaxSigningClasses = 12 // classes of RRsets
	MaxRenewals       = 21 // days with renewals: three weeks of a daily signer, half a year of a weekly one
	MaxTrials         = 12 // signatures in trouble
)

// SigningPast is how a zone signs RRsets of one class: when its signatures were
// renewed, with how much of their life left, and which of them did not verify.
// It is learnt from RRsets that every look sees; for ClassDenial that is the
// record at the apex, since the others are of another name each time.
type SigningPast struct {
	Class Class `json:"class"`
	// Inception and Expiration are those of the newest signature that was seen
	// on any server, Renewed when it was first seen; zero where it was there
	// already at the first look.
	Inception  time.Time `json:"inception,omitzero"`
	Expiration time.Time `json:"expiration,omitzero"`
	Renewed    time.Time `json:"renewed,omitzero"`
	// Dies is when the first of the servers lost, or will lose, its last
	// signature, as last seen.
	Dies time.Time `json:"dies,omitzero"`
	// Renewals are the days (UTC) on which newer signatures appeared, the
	// oldest first, at most MaxRenewals.
	Renewals []Renewal `json:"renewals,omitempty"`
	// Trials are signatures that did not verify, and others at the same server
	// since; at most MaxTrials. They are dropped a while after the trouble.
	Trials []SignatureTrial `json:"trials,omitempty"`
}

// Renewal is a day on which signatures were renewed. In JSON it is a list of
// Unix time and seconds, since a Past holds many.
type Renewal struct {
	At   time.Time     // the first renewal of the day
	Gap  time.Duration // the longest wait that ended that day; 0: not known
	Left time.Duration // the least life that the newest signature had left when it was renewed
	// Least is the least life that any server's signature had left when it was
	// renewed, until the next Renewal; 0: not known, below 0: it had expired.
	Least time.Duration
	Life  time.Duration // the whole validity of the signatures renewed
}

// MarshalJSON writes [at, gap, left, least, life] in seconds.
func (r Renewal) MarshalJSON() ([]byte, error) {
	seconds := func(d time.Duration) int64 { return int64(d / time.Second) }
	return json.Marshal([5]int64{r.At.Unix(), seconds(r.Gap), seconds(r.Left), seconds(r.Least), seconds(r.Life)})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (r *Renewal) UnmarshalJSON(text []byte) error {
	var n []int64
	if err := json.Unmarshal(text, &n); err != nil {
		return fmt.Errorf("read renewal: %w", err)
	}
	if len(n) != 5 {
		return fmt.Errorf("read renewal: %d numbers in place of 5", len(n))
	}
	seconds := func(n int64) time.Duration { return time.Duration(n) * time.Second }
	*r = Renewal{At: time.Unix(n[0], 0).UTC(), Gap: seconds(n[1]), Left: seconds(n[2]), Least: seconds(n[3]), Life: seconds(n[4])}
	return nil
}

// SignatureTrial is how often the RRset of a class at a server verified or
// failed while the server had a serial and its signature a key tag.
type SignatureTrial struct {
	Server  Server    `json:"server"`
	Serial  uint32    `json:"serial"`
	Tag     uint16    `json:"tag"`
	Good    int       `json:"good,omitempty"`  // answers that verified
	Bad     int       `json:"bad,omitempty"`   // answers that did not
	Turns   int       `json:"turns,omitempty"` // how often it became the other of good and bad at the server
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
	Failed  time.Time `json:"failed,omitzero"`   // the last failure
	Failing bool      `json:"failing,omitempty"` // the last answer did not verify
}
