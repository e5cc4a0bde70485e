package holdfast

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// KeySignal is what a resolver told a server of the keys that it trusts
// (RFC 8145). Whoever asks can say so of any keys: it is a hint, not a proof.
type KeySignal struct {
	At     time.Time  `json:"at"`
	Source netip.Addr `json:"source"`
	Zone   Name       `json:"zone"` // whose keys
	Tags   []uint16   `json:"tags"` // ascending, each once
	Option bool       `json:"option,omitempty"`
}

// maxSignalTags is how many tags a label has room for (RFC 8145 section 5.1).
const maxSignalTags = 12

// ReadKeySignal reads the zone and the tags of a name such as _ta-4f66-9728.
// (RFC 8145 section 5.1): four hexadecimal digits for each, in any case and,
// though ascending order is due, in any order.
func ReadKeySignal(name Name) (zone Name, tags []uint16, ok bool) {
	label, _, _ := strings.Cut(string(name), ".")
	list, found := strings.CutPrefix(strings.ToLower(label), "_ta-")
	if !found || name == Root {
		return "", nil, false
	}
	for word := range strings.SplitSeq(list, "-") {
		tag, err := strconv.ParseUint(word, 16, 16)
		if err != nil || len(word) != 4 || len(tags) == maxSignalTags {
			return "", nil, false
		}
		tags = append(tags, uint16(tag))
	}
	return name.Parent(), SortTags(tags), true
}

// SortTags puts key tags in ascending order, each once. It changes its argument.
func SortTags(tags []uint16) []uint16 {
	slices.Sort(tags)
	return slices.Compact(tags)
}

// SignalTally is how often a source signalled a set of keys on a day.
type SignalTally struct {
	Source netip.Addr `json:"source"`
	Day    time.Time  `json:"day"` // its beginning, UTC
	Tags   []uint16   `json:"tags"`
	Count  int64      `json:"count"`
}

// SignalClass says what a signal means for a rollover under way.
type SignalClass string

const (
	SignalNew     SignalClass = "new only"
	SignalBoth    SignalClass = "both"
	SignalOld     SignalClass = "old only" // what fails when the old key goes
	SignalAncient SignalClass = "ancient"  // keys that were revoked already, and no other
	SignalOther   SignalClass = "other"    // keys that were never the zone's
)

// SignalClasses are all classes, the healthy ones first.
func SignalClasses() []SignalClass {
	return []SignalClass{SignalNew, SignalBoth, SignalOld, SignalAncient, SignalOther}
}

// Stale says whether sources of a class will fail, or have failed.
func (c SignalClass) Stale() bool { return c == SignalOld || c == SignalAncient }

// SignalRoles are the parts that keys play in a rollover at an instant.
type SignalRoles struct {
	New     []uint16 `json:"new"`
	Old     []uint16 `json:"old,omitempty"`
	Ancient []uint16 `json:"ancient,omitempty"`
}

// SignalSpan is a stretch of days on which a source signalled the same keys.
type SignalSpan struct {
	Tags  []uint16  `json:"tags"`
	From  time.Time `json:"from"`
	Until time.Time `json:"until"` // its last day
	Count int64     `json:"count"`
}

// SignalNoise names a reason to think twice of what a source signals.
type SignalNoise string

const (
	NoiseOnce    SignalNoise = "once"    // a single signal: a test, or a machine that is gone
	NoiseSeveral SignalNoise = "several" // different keys on one day, more than once: several resolvers behind one address
	NoiseBack    SignalNoise = "back"    // from the new key back to the old one: an image that starts anew
)

// SignalSource is what is known of one source.
type SignalSource struct {
	Address netip.Addr    `json:"address"`
	Class   SignalClass   `json:"class"` // by its last day
	First   time.Time     `json:"first"` // its first day, and its last
	Last    time.Time     `json:"last"`
	Count   int64         `json:"count"`
	Spans   []SignalSpan  `json:"spans"` // by time
	Noise   []SignalNoise `json:"noise,omitempty"`
}

// SignalDay is a day's sources by class, each source once, and by key.
type SignalDay struct {
	Day     time.Time           `json:"day"`
	Sources int                 `json:"sources"`
	Classes map[SignalClass]int `json:"classes"`
	Tags    map[uint16]int      `json:"tags"`
}

// Signals are the signals for the keys of a zone, summed up.
type Signals struct {
	Format  string              `json:"format"` // holdfast-signals/1
	Zone    Name                `json:"zone"`
	From    time.Time           `json:"from,omitzero"` // first day, last day
	Until   time.Time           `json:"until,omitzero"`
	Count   int64               `json:"count"`
	Roles   SignalRoles         `json:"roles"`   // on the last day
	Classes map[SignalClass]int `json:"classes"` // sources by the class of their last day
	Days    []SignalDay         `json:"days"`
	// Stale are the sources that will fail, those that signal most first.
	Stale []SignalSource `json:"stale"`
	// Sources are all of them, by address; empty unless they were asked for.
	Sources []SignalSource `json:"sources,omitempty"`
	// Lost are signals that came when there were more sources and days than
	// are kept.
	Lost int64 `json:"lost,omitempty"`
}
