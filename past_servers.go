package holdfast

import "time"

// ServerPast is one server of a zone over time: which version of the zone it
// had since when, and whether questions to it were lost. Of a server that is
// well and gives what it gave before, nothing changes.
type ServerPast struct {
	Server Server `json:"server"`
	// Serial is the last that it gave, Given the first look at which it did;
	// zero while none was seen.
	Serial uint32    `json:"serial,omitempty"`
	Given  time.Time `json:"given,omitzero"`
	// Timers and NS are made of the SOA but for its serial and of the NS
	// records, as it first gave them with that serial; empty while not known
	// for sure. Changed is the first of the last looks that found others under
	// the same serial.
	Timers  string    `json:"timers,omitempty"`
	NS      string    `json:"ns,omitempty"`
	Changed time.Time `json:"changed,omitzero"`
	// Peak is a serial that it gave until PeakUntil, and has fallen back from
	// (RFC 1982 section 3.2); PeakUntil is zero where it has not.
	Peak      uint32    `json:"peak,omitempty"`
	PeakUntil time.Time `json:"peak_until,omitzero"`
	// Behind is the first look at which another server had a newer version
	// than the one that this one still has; zero where none has.
	Behind time.Time `json:"behind,omitzero"`
	// Lossy and Dark are looks at which part, and all, of the questions put to
	// it were lost: the last look is the lowest bit. Past looks leave at the
	// top, after LossLooks.
	Lossy uint16 `json:"lossy,omitempty"`
	Dark  uint16 `json:"dark,omitempty"`
}

// LossLooks is how many looks Lossy and Dark hold: an hour of core looks.
const LossLooks = 12

// DelegationPast is what the roster said of a zone's delegation over time.
type DelegationPast struct {
	// Items are "NS name", "glue name address" and "DS tag algorithm digest-type
	// digest", sorted; of a digest its beginning.
	Items []string `json:"items,omitempty"`
	// Changed is the look that found the last change; zero where none was seen.
	// Added and Removed are the items that came and went with it.
	Changed time.Time `json:"changed,omitzero"`
	Added   []string  `json:"added,omitempty"`
	Removed []string  `json:"removed,omitempty"`
}
