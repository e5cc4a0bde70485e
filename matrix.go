package holdfast

import (
	"slices"
	"time"
)

// Quantity is what is compared in a rehearsal: what a probe got, by the probe's
// own name, or one of these.
type Quantity string

const (
	QuantityState  Quantity = "state"  // of a key, as the resolver's own file or report has it
	QuantityTrust  Quantity = "trust"  // whether a key is trusted, where that is all that a report says
	QuantitySignal Quantity = "signal" // the tags of a key-tag signal (RFC 8145), in order, joined by "+"
)

// Agreement is how what was seen stands to what was due.
type Agreement string

const (
	Agrees   Agreement = "agrees"
	Deviates Agreement = "deviates" // from the clause that the cell names
	Open     Agreement = "open"     // no clause settles what is due, or the difference
	NotSeen  Agreement = "not-seen" // there is no evidence
)

// worse orders agreements: what a whole is called by its parts.
var worse = [...]Agreement{NotSeen, Agrees, Open, Deviates}

// Worst is the gravest of several; NotSeen where there are none.
func Worst(of ...Agreement) Agreement {
	worst := 0
	for _, a := range of {
		worst = max(worst, slices.Index(worse[:], a))
	}
	return worse[worst]
}

// Matrix is a rehearsal judged: for each step of the play, resolver and
// quantity what was due by the RFC's text, what was seen, and whether the two
// agree. Nothing in it was taken from what a resolver did before.
type Matrix struct {
	Format  string    `json:"format"` // holdfast-matrix/1
	Play    Play      `json:"play"`
	Started time.Time `json:"started"`
	Clock   string    `json:"clock"`
	Program string    `json:"program"` // that made the evidence
	// Cut is how far the evidence reaches where the rehearsal was cut short; zero
	// where it came to its end.
	Cut     time.Duration     `json:"cut_ns,omitempty"`
	Tags    map[string]uint16 `json:"tags"`
	Actors  []Actor           `json:"actors"`
	Lines   []MatrixLine      `json:"lines"`
	Cells   []MatrixCell      `json:"cells"`
	Ends    []MatrixEnd       `json:"ends"`
	Queries []QueryCount      `json:"queries,omitempty"`
	Acts    []Acted           `json:"acts,omitempty"`
}

// MatrixLine is one quantity of one resolver over the whole play.
type MatrixLine struct {
	Actor    string   `json:"actor"`
	Quantity Quantity `json:"quantity"`
	Key      string   `json:"key,omitempty"`    // of the play, where one is meant
	Source   string   `json:"source,omitempty"` // the file or command that it was read from
	Due      []Due    `json:"due"`
	Shown    []Shown  `json:"shown"`
}

// Due is what a validator may show over a stretch of the play. There is more
// than one value where caches and the interval of refreshing leave room.
type Due struct {
	From   time.Duration `json:"from_ns"`
	Until  time.Duration `json:"until_ns"`
	Values []string      `json:"values,omitempty"`
	// Main is the value of a validator that looks at the keys without pause.
	Main   string `json:"main,omitempty"`
	Clause string `json:"clause,omitempty"`
	// Also are values that no clause forbids and none grants, Liberty says why.
	Also    []string `json:"also,omitempty"`
	Liberty string   `json:"liberty,omitempty"`
	// Open says why nothing is due; then Values is empty.
	Open string `json:"open,omitempty"`
}

// Shown is what was seen over a stretch of the play.
type Shown struct {
	From  time.Duration `json:"from_ns"`
	Until time.Duration `json:"until_ns"` // when it was last seen
	Times int           `json:"times"`
	Value string        `json:"value"`
	// Evidence is where it stands in the rehearsal: "samples 12", "states 3".
	Evidence string `json:"evidence"`
}

// MatrixCell is one step, resolver and quantity.
type MatrixCell struct {
	Step      string    `json:"step"`
	Actor     string    `json:"actor"`
	Quantity  Quantity  `json:"quantity"`
	Key       string    `json:"key,omitempty"`
	Source    string    `json:"source,omitempty"`
	Expected  []string  `json:"expected"` // in order; one after the other within the step
	Observed  []string  `json:"observed"` // likewise
	Agreement Agreement `json:"agreement"`
	Clause    string    `json:"clause,omitempty"`
	Why       string    `json:"why,omitempty"` // where they do not simply agree
	// Meaning is what a departure comes to, where more can be said than what
	// differs.
	Meaning string `json:"meaning,omitempty"`
	// From and Until bound the departure, where there is one.
	From     time.Duration `json:"from_ns,omitempty"`
	Until    time.Duration `json:"until_ns,omitempty"`
	Evidence []string      `json:"evidence,omitempty"`
}

// MatrixEnd is how a resolver came out of a play.
type MatrixEnd struct {
	Actor     string    `json:"actor"`
	Agreement Agreement `json:"agreement"` // the gravest of its cells
	// Due and Seen are how signed names fared at the end: secure, insecure or
	// bogus; empty where nothing is due, or was seen.
	Due  Status `json:"due,omitempty"`
	Seen Status `json:"seen,omitempty"`
	// Failed is for how long a signed name failed in all.
	Failed time.Duration `json:"failed_ns"`
	Cells  int           `json:"cells"` // that were compared
	// Classes say what it is by its last answers to sentinel names, for each key
	// that may be an anchor (RFC 8509 section 3, and what was added to it).
	Classes []MatrixClass `json:"classes,omitempty"`
}

// MatrixClass is what a resolver is by its answers for one key: Vnew, Vold,
// Vind, nonV, insecure-by-revocation, broken, silent or other.
type MatrixClass struct {
	Key   string `json:"key"`
	Class string `json:"class"`
}

// MatrixGroup are cells of one resolver that say the same in several steps or of
// several quantities.
type MatrixGroup struct {
	Actor      string
	First      MatrixCell
	Steps      []string
	Quantities []string
}

// Groups are the cells of an agreement, those that say the same together, in the
// order of the play.
func (m Matrix) Groups(of Agreement) []MatrixGroup {
	var out []MatrixGroup
	for _, c := range m.Cells {
		if c.Agreement != of {
			continue
		}
		i := slices.IndexFunc(out, func(g MatrixGroup) bool { return g.same(c) })
		if i < 0 {
			out = append(out, MatrixGroup{Actor: c.Actor, First: c})
			i = len(out) - 1
		}
		g := &out[i]
		if !slices.Contains(g.Steps, c.Step) {
			g.Steps = append(g.Steps, c.Step)
		}
		if q := c.Title(); !slices.Contains(g.Quantities, q) {
			g.Quantities = append(g.Quantities, q)
		}
	}
	return out
}

// same says whether a cell says what the group does. What can be told of a
// departure by one quantity need not be said again of the others.
func (g MatrixGroup) same(c MatrixCell) bool {
	f := g.First
	if f.Actor != c.Actor {
		return false
	}
	if f.Agreement == Deviates {
		return f.Clause == c.Clause && (c.Meaning == f.Meaning || c.Meaning == "")
	}
	return f.Why == c.Why
}

// Title names the quantity of a cell with its key: "is-ta new".
func (c MatrixCell) Title() string {
	if c.Key == "" {
		return string(c.Quantity)
	}
	return string(c.Quantity) + " " + c.Key
}

// End finds how a resolver came out; ok is false where it did not play.
func (m Matrix) End(actor string) (end MatrixEnd, ok bool) {
	for _, e := range m.Ends {
		if e.Actor == actor {
			return e, true
		}
	}
	return MatrixEnd{}, false
}
