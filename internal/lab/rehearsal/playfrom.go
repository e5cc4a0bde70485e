package rehearsal

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

const (
	day = 24 * time.Hour
	// farthest is how far anything of a play may lie, in nanoseconds: beyond what
	// Check allows, and within what a duration holds.
	farthest = float64(20 * 365 * day)
)

// Stretch is a play by other timers: its steps are as far apart as they were,
// counted in add hold-downs. By holdfast.DefaultTimers a play of a minute takes
// half a year.
func Stretch(play holdfast.Play, timers holdfast.Timers) (holdfast.Play, error) {
	if play.Timers.Add <= 0 {
		return play, fmt.Errorf("stretch play %s: it has no add hold-down to count in", play.Name)
	}
	longer := func(d time.Duration) time.Duration {
		long := float64(d) * (float64(timers.Add) / float64(play.Timers.Add))
		return time.Duration(min(max(long, -farthest), farthest)).Round(time.Second)
	}
	out := play
	out.Steps = slices.Clone(play.Steps)
	for i := range out.Steps {
		step := &out.Steps[i]
		step.At, step.Acts = longer(step.At), slices.Clone(step.Acts)
		for j, act := range step.Acts {
			if act.Do != holdfast.ActClock {
				continue
			}
			off, err := clockOffset(act.With)
			if err != nil {
				return play, fmt.Errorf("stretch play %s: %w", play.Name, err)
			}
			step.Acts[j].With = offsetText(limited(longer(off), 2*max(timers.Add, timers.Life)))
		}
	}
	out.Timers, out.Length = timers, longer(play.Length)
	return out, Check(out)
}

// limited bounds how far a clock is off: beyond twice the hold-down and the life
// of signatures nothing more changes, and daemons lose their way.
func limited(d, most time.Duration) time.Duration { return min(max(d, -most), most) }

func offsetText(d time.Duration) string {
	if d < 0 {
		return "-" + span(-d)
	}
	return "+" + span(d)
}

// Pace is how fast a play made of the KSK operator's files goes.
type Pace struct {
	Day time.Duration // how long a day of theirs lasts: a second makes a quarter of a minute and a half
	// Lead is by how much longer the first step is shown, in their time: what
	// stands in the first bundle may have stood in the root long before.
	Lead time.Duration
}

// ceremonies builds plays from what the KSK operator's tools read and write.
type ceremonies struct {
	play holdfast.Play
	pace Pace
	last string // the step before, without its instant
}

func newCeremonies(name, title, about string, pace Pace, ttl uint32, life time.Duration) *ceremonies {
	c := &ceremonies{pace: pace, play: holdfast.Play{Name: name, Title: title, About: about, Clause: "RFC 5011 section 2.4.1 and section 4.1"}}
	t := holdfast.DefaultTimers()
	if ttl > 0 {
		t.TTL = time.Duration(ttl) * time.Second
	}
	if life > 0 {
		t.Life = life
	}
	for _, timer := range timerWords(&t) {
		*timer.into = max(c.here(*timer.into), time.Second)
	}
	c.play.Timers = t
	return c
}

// here is how long something of the operator's lasts in the play.
func (c *ceremonies) here(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (float64(c.pace.Day) / float64(day))).Round(time.Second)
}

// key takes a key in, once.
func (c *ceremonies) key(k holdfast.PlayKey) {
	if !slices.ContainsFunc(c.play.Keys, func(o holdfast.PlayKey) bool { return o.Name == k.Name }) {
		c.play.Keys = append(c.play.Keys, k)
	}
}

// step takes a step in, unless nothing changes with it.
func (c *ceremonies) step(s holdfast.PlayStep, at time.Duration) {
	if at > 0 {
		at += c.pace.Lead
	}
	s.At = c.here(at)
	s.Publish = published(s)
	same := fmt.Sprint(s.Publish, s.Sign, s.Revoke, s.Data)
	if same == c.last {
		return
	}
	c.last = same
	s.Text = inWords(s)
	c.play.Steps = append(c.play.Steps, s)
}

// inWords is what a step shows, in words.
func inWords(s holdfast.PlayStep) string {
	plain := slices.DeleteFunc(slices.Clone(s.Publish), func(name string) bool { return slices.Contains(s.Revoke, name) })
	parts := []string{strings.Join(plain, ", ") + " published"}
	if len(s.Revoke) > 0 {
		parts = append(parts, strings.Join(s.Revoke, ", ")+" revoked")
	}
	return strings.Join(append(parts, "signed by "+strings.Join(s.Sign, ", ")), "; ")
}

// done ends the play, with the keys that sign at first as anchors.
func (c *ceremonies) done(end time.Duration) (holdfast.Play, error) {
	if len(c.play.Steps) > 0 {
		for i, k := range c.play.Keys {
			c.play.Keys[i].Anchor = k.KSK && slices.Contains(c.play.Steps[0].Sign, k.Name)
		}
	}
	c.play.Length = c.here(end + c.pace.Lead)
	c.before()
	return c.play, Check(c.play)
}

// before puts a step with the anchors alone before a first one that publishes
// key-signing keys besides: they are to be seen coming.
func (c *ceremonies) before() {
	if len(c.play.Steps) == 0 {
		return
	}
	step := c.play.Steps[0]
	step.Publish = slices.DeleteFunc(slices.Clone(step.Publish), func(name string) bool {
		return slices.ContainsFunc(c.play.Keys, func(k holdfast.PlayKey) bool { return k.Name == name && k.KSK && !k.Anchor })
	})
	step.Revoke = nil
	if len(step.Publish) == len(c.play.Steps[0].Publish) {
		return
	}
	step.Name, step.Text = "before", inWords(step)
	lasts := max(c.here(day), shortestStep)
	for i := range c.play.Steps {
		c.play.Steps[i].At += lasts
	}
	c.play.Steps = slices.Insert(c.play.Steps, 0, step)
	c.play.Length += lasts
}

// shortestStep is long enough for every resolver to be asked in it, and to ask.
const shortestStep = 6 * time.Second

// A quarter of the KSK operator: nine slots of ten days.
const (
	slotDays    = 10
	quarterDays = 90
)

// FromSchemas is the play of some quarters of the KSK operator, one after the
// other, each by the name of its schema: normal, pre-publish, rollover, revoke.
// The keys are those of the inventory by algorithm, length and key tag;
// schemas say nothing of the ZSK, which rolls here as the root's does, with
// every quarter.
func FromSchemas(plan holdfast.CeremonyPlan, schemas []string, pace Pace) (holdfast.Play, error) {
	fail := func(err error) (holdfast.Play, error) {
		return holdfast.Play{}, fmt.Errorf("play of %s: %w", plan.File, err)
	}
	life := time.Duration(0)
	if plan.Policy != nil {
		life = plan.Policy.MaxValidity
	}
	c := newCeremonies(nameOf("schemas-"+strings.Join(schemas, "-")), "Quarters of the KSK operator: "+strings.Join(schemas, ", "),
		"Made from the schemas of "+textOf(plan.File)+".", pace, plan.TTL, life)
	for q, name := range schemas {
		schema, ok := plan.Schema(name)
		if !ok || len(schema.Slots) == 0 {
			return fail(fmt.Errorf("it has no schema %q, or one without slots", name))
		}
		if err := c.inventory(plan, schema); err != nil {
			return fail(err)
		}
		for i, slot := range schema.Slots {
			mine, zsks := quarterZSKs(q, len(schemas), i, len(schema.Slots))
			for _, zsk := range zsks {
				c.key(holdfast.PlayKey{Name: zsk, Algorithm: wire.RSASHA256, Bits: 2048})
			}
			c.step(holdfast.PlayStep{
				Name:    nameOf(fmt.Sprintf("Q%d-%s-%d", q+1, name, i+1)),
				Publish: slices.Concat(slot.Publish, slot.Revoke, zsks), Sign: slot.Sign, Revoke: slot.Revoke, Data: []string{mine},
			}, time.Duration(q*quarterDays+i*slotDays)*day)
		}
	}
	play, err := c.done(time.Duration(len(schemas)*quarterDays) * day)
	if err != nil {
		return fail(err)
	}
	return play, nil
}

// inventory takes the keys that a schema speaks of in.
func (c *ceremonies) inventory(plan holdfast.CeremonyPlan, schema holdfast.PhaseSchema) error {
	for i, slot := range schema.Slots {
		for _, name := range slices.Concat(slot.Publish, slot.Sign, slot.Revoke) {
			n := slices.IndexFunc(plan.Keys, func(k holdfast.CeremonyKey) bool { return k.Name == name })
			if n < 0 {
				return fmt.Errorf("schema %s: slot %d: no key is called %q", schema.Name, i+1, name)
			}
			k := plan.Keys[n]
			c.key(holdfast.PlayKey{Name: name, KSK: true, Algorithm: k.Algorithm, Bits: k.Bits, Tag: k.Tag})
		}
	}
	return nil
}

// quarterZSKs are the ZSKs in a slot: that of the quarter, in the first slot the
// one before it, in the last the one after it.
func quarterZSKs(quarter, quarters, slot, slots int) (mine string, all []string) {
	name := func(q int) string { return fmt.Sprintf("zsk%d", q+1) }
	mine, all = name(quarter), []string{name(quarter)}
	if slot == 0 && quarter > 0 {
		all = append(all, name(quarter-1))
	}
	if slot == slots-1 && quarter < quarters-1 {
		all = append(all, name(quarter+1))
	}
	return mine, all
}

// nameOf makes a name of a text: what does not belong there becomes a hyphen.
func nameOf(text string) string {
	out := strings.Map(func(r rune) rune {
		if isName("a" + string(r)) {
			return r
		}
		return '-'
	}, text)
	return strings.TrimLeft(out[:min(len(out), maxName)], "-")
}

// textOf makes one line that a play's text may hold.
func textOf(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " ")
	return strings.ReplaceAll(text, "#", "no. ")
}
