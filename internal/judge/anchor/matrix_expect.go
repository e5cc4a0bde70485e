package anchor

import (
	"fmt"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// A validator that follows RFC 5011 may look at the keys at any instant, as
// long as it does so often enough (section 2.3), and may answer from its cache.
// What is due is therefore not one value but those of an ensemble: validators
// that all do what the RFC says and differ in when they look. Others of it take
// a liberty that the RFC neither grants nor denies: what only they would show is
// called open.

// phases is how many validators look at the interval of section 2.3, each at
// another instant of it; one more looks without pause.
const phases = 6

// maxInstants bounds the instants at which what is due is worked out.
const maxInstants = 4000

// longest is what a play may last, and a timer of it: the hold-downs of many
// rollovers.
const longest = 20 * 365 * 24 * time.Hour

// world is what is common to all resolvers of a rehearsal.
type world struct {
	holdfast.Rehearsal
	served  []servedSet
	points  []time.Duration // the instants of the grid
	step    time.Duration   // between two of them
	refresh time.Duration   // the longest that may pass between two looks
	slack   time.Duration   // how long caches hold what was so
	lead    time.Duration   // by how much we may see something late
	keys    map[string]SeenKey
	shared  map[uint16]bool // tags that two keys of the play have
	faults  []holdfast.Due  // stretches in which the play breaks the way to the root
}

// servedSet is the root's DNSKEY RRset from an instant on. The root signs anew
// all the time, and evidence keeps what is essentially the same once: the
// signatures stay as old as they were when they were kept.
type servedSet struct {
	from    time.Duration
	kept    time.Duration
	records []wire.Record
	seen    map[time.Duration]Seen // by how far a clock is off
}

// newWorld reads what the root served and which keys played.
func newWorld(r holdfast.Rehearsal) (*world, error) {
	w := &world{Rehearsal: r, keys: map[string]SeenKey{}, shared: map[uint16]bool{}}
	for name, text := range r.Public {
		record, err := wire.ParseRecord(text)
		if err != nil {
			return nil, fmt.Errorf("key %s of play %s: %w", name, r.Play.Name, err)
		}
		key, err := record.DNSKEY()
		if err != nil {
			return nil, fmt.Errorf("key %s of play %s: %w", name, r.Play.Name, err)
		}
		w.keys[name] = SeenKey{DNSKEY: key, Tag: plainTag(key)}
	}
	tags := map[uint16]bool{}
	for _, key := range w.keys {
		w.shared[key.Tag] = w.shared[key.Tag] || tags[key.Tag]
		tags[key.Tag] = true
	}
	for i, s := range r.Served {
		if s.Exchange.Outcome != holdfast.Answered {
			continue
		}
		m, err := wire.Parse(s.Exchange.Reply)
		if err != nil {
			return nil, fmt.Errorf("served %d: %w", i, err)
		}
		seen, err := See(holdfast.Root, m.Answer, w.instant(s.After))
		if err != nil {
			return nil, fmt.Errorf("served %d: %w", i, err)
		}
		w.served = append(w.served, servedSet{s.After, s.After, m.Answer, map[time.Duration]Seen{0: seen}})
	}
	if r.Play.Length <= 0 || r.Play.Length > longest {
		return nil, fmt.Errorf("rehearsal of %s: a length of %v is none of a play", r.Play.Name, r.Play.Length)
	}
	if len(w.served) == 0 {
		return nil, fmt.Errorf("rehearsal of %s: it holds no answer of the root for its keys", r.Play.Name)
	}
	slices.SortStableFunc(w.served, func(a, b servedSet) int { return int(a.from - b.from) })
	w.served[0].from = 0
	w.cut()
	w.grid()
	w.faulty()
	return w, nil
}

// cut shortens a play that was cut short to what there is evidence of: nothing is
// due of what was not looked at.
func (w *world) cut() {
	if !w.Finished.IsZero() {
		return
	}
	last := time.Duration(0)
	for _, s := range w.Samples {
		last = max(last, s.After, s.Last)
	}
	for _, s := range w.Served {
		last = max(last, s.After, s.Last)
	}
	w.Play.Length = min(w.Play.Length, max(last, time.Millisecond))
}

// grid chooses the instants.
func (w *world) grid() {
	t := w.Play.Timers
	t.TTL, t.Life = min(max(t.TTL, 0), longest), min(max(t.Life, 0), longest)
	t.Query, t.Retry = min(max(t.Query, 0), longest), min(max(t.Retry, 0), longest)
	w.refresh = max(Refresh(t, t.TTL, t.Life), Retry(t, t.TTL, t.Life))
	w.lead = max(w.refresh/2, time.Second)
	w.slack = t.TTL + w.lead
	w.step = max(w.refresh/8, w.Play.Length/maxInstants, time.Millisecond)
	for i := range w.Play.Length/w.step + 1 {
		w.points = append(w.points, i*w.step)
	}
}

func (w *world) instant(after time.Duration) time.Time { return w.Started.Add(after) }

// at is what the root showed at an instant of the play, as a validator sees it
// whose clock is off by some time.
func (w *world) at(after, off time.Duration) Seen {
	i := len(w.served) - 1
	for i > 0 && w.served[i].from > after {
		i--
	}
	s := w.served[i]
	seen, known := s.seen[off]
	if !known {
		var err error
		if seen, err = See(holdfast.Root, s.records, w.instant(s.kept+off)); err != nil {
			seen = Seen{} // it was read before, at another instant
		}
		s.seen[off] = seen
	}
	return seen
}

// faulty notes where the play breaks the way between resolvers and root: what is
// due then no RFC settles.
func (w *world) faulty() {
	var open *holdfast.Due
	for _, step := range w.Play.Steps {
		for _, act := range step.Acts {
			switch {
			case act.Do == holdfast.ActFault && open == nil:
				open = &holdfast.Due{From: step.At, Until: w.Play.Length + w.step, Open: "the play puts a fault on the way to the root: " + act.With}
			case act.Do == holdfast.ActRepair && open != nil:
				open.Until = step.At + w.lead
				w.faults = append(w.faults, *open)
				open = nil
			}
		}
	}
	if open != nil {
		w.faults = append(w.faults, *open)
	}
}

// begin is the trust point that every resolver of a play begins with.
func (w *world) begin() State {
	point := holdfast.TrustPoint{Zone: holdfast.Root}
	for _, k := range w.Play.Keys {
		if key, ok := w.keys[k.Name]; ok && k.Anchor {
			point.Keys = append(point.Keys, holdfast.TrustedKey{
				Tag: key.Tag, Algorithm: key.Algorithm, Flags: key.Flags, Public: key.PublicKey, State: holdfast.KeyValid,
			})
		}
	}
	return Start(point, w.Play.Timers)
}

// moment is a validator at one instant of the grid.
type moment struct {
	standing holdfast.Status // empty while it is switched off
	clause   string
	states   map[string]holdfast.KeyState // by key of the play
	trusted  []uint16
	open     string // why nothing is due
	liberty  string // of the member
}

// member is one validator of the ensemble.
type member struct {
	follows bool
	phase   int // -1: looks without pause
	// forgets: pending keys do not outlive a restart.
	forgets bool
	// purges: a removed key is forgotten, and may be learned anew.
	purges bool
	// takes: a file of trust anchors is taken whose signature does not hold.
	takes bool
	// remembers: what was validated is answered from a cache that outlives a
	// restart with a clock that is behind, by which it looks fresh.
	remembers bool
	// liberty says what the RFC leaves open that this one makes use of.
	liberty string
}

// members of the ensemble for a resolver.
func (w *world) members(a holdfast.Actor) []member {
	if !a.Follows {
		return []member{{phase: -1}}
	}
	var out []member
	restarted := w.acted(a.Name, func(act holdfast.PlayAct) bool { return restarts(act.Do) })
	misled := w.acted(a.Name, unsigned)
	behind := w.acted(a.Name, func(act holdfast.PlayAct) bool {
		off, err := readOffset(act.With)
		return act.Do == holdfast.ActClock && err == nil && off < 0
	})
	revoked := slices.ContainsFunc(w.Play.Steps, func(s holdfast.PlayStep) bool { return len(s.Revoke) > 0 })
	for phase := -1; phase < phases; phase++ {
		out = append(out, member{follows: true, phase: phase})
		if restarted {
			out = append(out, member{follows: true, phase: phase, forgets: true, liberty: "RFC 5011 does not say whether a hold-down outlives a restart"})
		}
		if behind {
			out = append(out, member{follows: true, phase: phase, remembers: true, liberty: "by a clock that is behind, what a cache holds over a restart looks fresh for as long: of such a cache no clause speaks"})
		}
		if misled {
			out = append(out, member{follows: true, phase: phase, takes: true, liberty: "the signature of the file of trust anchors is an optional means to verify it (RFC 9718 section 4): one that fetches it by TLS need not look at it"})
		}
		if revoked {
			out = append(out, member{follows: true, phase: phase, purges: true, liberty: "what is known of a removed key may be purged (RFC 5011 section 4.2); that it comes back then is called bad practice, and not forbidden"})
		}
	}
	return out
}

func (w *world) acted(actor string, what func(holdfast.PlayAct) bool) bool {
	return slices.ContainsFunc(w.Acts, func(a holdfast.Acted) bool { return a.Actor == actor && what(a.Act) })
}

// unsigned says that a file of trust anchors is offered whose signature does not
// hold.
func unsigned(act holdfast.PlayAct) bool {
	return act.Do == holdfast.ActBootstrap && (act.With == "unknown-ca" || act.With == "expired-signer")
}

func (w *world) following(actor string) bool {
	return slices.ContainsFunc(w.Actors, func(a holdfast.Actor) bool { return a.Name == actor && a.Follows })
}

func restarts(do holdfast.ActKind) bool {
	return do == holdfast.ActRestart || do == holdfast.ActStart || do == holdfast.ActFlush || do == holdfast.ActClock
}

// run follows one validator through the play.
func (w *world) run(actor string, m member) []moment {
	var acts []holdfast.Acted
	for _, a := range w.Acts {
		if a.Actor == actor {
			acts = append(acts, a)
		}
	}
	v := &validator{world: w, member: m, state: w.begin()}
	out := make([]moment, len(w.points))
	for i, at := range w.points {
		for len(acts) > 0 && acts[0].After <= at {
			v.act(acts[0].Act, at)
			acts = acts[1:]
		}
		out[i] = v.moment(at)
	}
	return out
}
