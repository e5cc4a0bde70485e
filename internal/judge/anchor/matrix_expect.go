package anchor

import (
	"fmt"
	"slices"
	"strings"
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
	if len(w.served) == 0 {
		return nil, fmt.Errorf("rehearsal of %s: it holds no answer of the root for its keys", r.Play.Name)
	}
	slices.SortStableFunc(w.served, func(a, b servedSet) int { return int(a.from - b.from) })
	w.served[0].from = 0
	w.grid()
	w.faulty()
	return w, nil
}

// grid chooses the instants.
func (w *world) grid() {
	t := w.Play.Timers
	w.refresh = max(Refresh(t, t.TTL, t.Life), Retry(t, t.TTL, t.Life))
	w.lead = max(w.refresh/2, time.Second)
	w.slack = t.TTL + w.lead
	w.step = max(w.refresh/8, w.Play.Length/maxInstants, time.Millisecond)
	for at := time.Duration(0); at <= w.Play.Length; at += w.step {
		w.points = append(w.points, at)
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
	// liberty says what the RFC leaves open that this one makes use of.
	liberty string
}

// members of the ensemble for a resolver.
func (w *world) members(a holdfast.Actor) []member {
	if !a.Follows {
		return []member{{phase: -1}}
	}
	restarted := slices.ContainsFunc(w.Acts, func(x holdfast.Acted) bool { return x.Actor == a.Name && restarts(x.Act.Do) })
	revoked := slices.ContainsFunc(w.Play.Steps, func(s holdfast.PlayStep) bool { return len(s.Revoke) > 0 })
	var out []member
	for phase := -1; phase < phases; phase++ {
		out = append(out, member{follows: true, phase: phase})
		if restarted {
			out = append(out, member{follows: true, phase: phase, forgets: true, liberty: "RFC 5011 does not say whether a hold-down outlives a restart"})
		}
		if revoked {
			out = append(out, member{follows: true, phase: phase, purges: true, liberty: "what is known of a removed key may be purged (RFC 5011 section 4.2); that it comes back then is called bad practice, and not forbidden"})
		}
	}
	return out
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

// validator is a member on its way through the play.
type validator struct {
	*world
	member
	state State
	next  time.Duration // when it looks again
	off   time.Duration // by how much its clock is wrong
	down  bool          // switched off
	open  string
}

// switchedOff is why nothing is due of a resolver that was stopped.
const switchedOff = "it is switched off"

// act is what was done to the resolver.
func (v *validator) act(act holdfast.PlayAct, at time.Duration) {
	if restarts(act.Do) {
		v.down, v.next = false, at
		if v.forgets {
			v.state.Keys = slices.DeleteFunc(slices.Clone(v.state.Keys), func(k Key) bool { return k.State == holdfast.KeyAddPend })
		}
	}
	switch act.Do {
	case holdfast.ActStop:
		v.down = true
	case holdfast.ActReset:
		v.state, v.down, v.next, v.open = v.begin(), false, at, ""
	case holdfast.ActClock:
		off, err := readOffset(act.With)
		if err != nil {
			v.open = "the clock of the resolver was changed in a way that is not known here: " + act.With
			return
		}
		v.off = off
	case holdfast.ActTamper:
		v.tamper(act.With)
	case holdfast.ActBootstrap:
		// A file whose signature does not hold changes nothing.
		if act.With != "unknown-ca" && act.With != "expired-signer" {
			v.open = "anchors were fetched anew by other means than RFC 5011"
		}
	}
}

// tamper is what was done to the state file. What cannot be written is lost
// with the next restart; RFC 5011 says nothing of state that is damaged.
func (v *validator) tamper(how string) {
	switch how {
	case "writable", "room":
	case "read-only", "full":
		if v.follows {
			v.open = "its state could not be written: RFC 5011 does not say what a validator does then"
		}
	default:
		if v.follows {
			v.open = "its state file was damaged (" + how + "): RFC 5011 does not say what a validator makes of it"
		}
	}
}

// readOffset reads "+40d", "-2m", "+0s".
func readOffset(text string) (time.Duration, error) {
	sign := time.Duration(1)
	if rest, ok := strings.CutPrefix(text, "-"); ok {
		sign, text = -1, rest
	}
	var d holdfast.Duration
	if err := d.UnmarshalText([]byte(strings.TrimPrefix(text, "+"))); err != nil {
		return 0, fmt.Errorf("read offset of a clock: %w", err)
	}
	return sign * d.Of(), nil
}

// moment is how the validator stands at an instant, after it has looked where
// it was to look.
func (v *validator) moment(at time.Duration) moment {
	if v.down {
		return moment{open: switchedOff, states: v.states()}
	}
	seen := v.at(at, v.off)
	if v.follows && at >= v.next {
		v.state, _ = Observe(v.state, seen, v.instant(at+v.off), v.Play.Timers)
		if v.purges {
			v.state.Keys = slices.DeleteFunc(v.state.Keys, func(k Key) bool { return k.State == holdfast.KeyRemoved })
		}
		if v.phase >= 0 {
			v.next += v.refresh
			if v.next <= at || v.next > at+v.refresh {
				v.next = at + v.refresh
			}
			// The first look is at the beginning, or after a restart; the phases
			// part after it.
			if at < v.step {
				v.next = v.refresh * time.Duration(v.phase) / phases
			}
		}
	}
	m := moment{standing: v.state.Standing(seen), states: v.states(), open: v.open, liberty: v.liberty}
	m.clause = ground(v.state, seen, m.standing)
	for _, k := range v.state.Trusted() {
		m.trusted = append(m.trusted, k.Tag)
	}
	return m
}

func (v *validator) states() map[string]holdfast.KeyState {
	out := map[string]holdfast.KeyState{}
	for name, key := range v.keys {
		if mayBeAnchor(key.DNSKEY) {
			out[name] = v.state.Of(key)
		}
	}
	return out
}

// ground is the clause that a standing rests on.
func ground(state State, seen Seen, standing holdfast.Status) string {
	switch {
	case state.Deleted:
		return "RFC 5011 section 5"
	case standing == holdfast.Secure:
		return "RFC 4035 section 5"
	}
	for _, k := range state.Keys {
		if k.State == holdfast.KeyAddPend {
			if i := seen.find(k.TrustedKey, state.Zone, false); i >= 0 && seen.Keys[i].Signs {
				return "RFC 5011 section 2.2" // it signs, and must not be trusted yet
			}
		}
		if k.State == holdfast.KeyRevoked || k.State == holdfast.KeyRemoved {
			if i := seen.find(k.TrustedKey, state.Zone, false); i >= 0 && seen.Keys[i].Signs {
				return "RFC 5011 section 2.1" // it signs, and was revoked for ever
			}
		}
	}
	return "RFC 4035 section 5"
}
