package anchor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
)

// The rules of groups C5, D, G and J: what comes when.

// maxInterval is the longest at which a validator may leave the keys unasked
// for (RFC 5011 section 2.3).
const maxInterval = 15 * 24 * time.Hour

// ajar is how far a clock may be off before a time in a file is called one
// that has not come.
const ajar = time.Hour

func stateStale(a *auditing, p holdfast.Prospect) []remark {
	var out []remark
	for _, way := range p.Anchorings {
		last := way.Point.Succeeded
		if way.Upkeep != holdfast.UpkeepFollow || last.IsZero() || a.at.Sub(last) <= maxInterval {
			continue
		}
		r := remark{
			text:     fmt.Sprintf("it last validated the root's keys on %s, and is to ask for them at least every 15 days", day(last)),
			evidence: evidence(way.File), mend: "see in its log what came of its last tries",
		}
		if !a.machine.Live {
			r.weight = weigh(holdfast.SeverityNotice) // the machine may be switched off
		}
		out = append(out, r)
	}
	return out
}

func holdTooLong(a *auditing, p holdfast.Prospect) []remark {
	f, fails := p.Fails()
	if !fails {
		return nil
	}
	var out []remark
	for _, k := range p.Waits {
		end := k.Hold
		if end.IsZero() && !k.Since.IsZero() {
			end = k.Since.Add(holdfast.DefaultTimers().Add)
		}
		if !end.After(f.From) {
			continue
		}
		out = append(out, remark{
			text:     fmt.Sprintf("%d waits in its hold-down until %s, and is needed from %s on", k.Tag, day(end), day(f.From)),
			evidence: evidence(k.Place), mend: a.mend(p), until: f.From,
		})
	}
	return out
}

// tooLate is about keys that a resolver has not even seen: with 30 days from
// today they come after the last key that it trusts has stopped signing.
func tooLate(a *auditing, p holdfast.Prospect) []remark {
	if p.Upkeep != holdfast.UpkeepFollow || len(p.Trusts) == 0 {
		return nil
	}
	end := a.lastsUntil(p.Trusts)
	soonest := a.at.Add(holdfast.DefaultTimers().Add)
	if end.IsZero() || !soonest.After(end) {
		return nil
	}
	var out []remark
	for _, k := range a.needed() {
		_, trusted := withTag(p.Trusts, k.Tag)
		if _, waits := withTag(p.Waits, k.Tag); trusted || waits {
			continue
		}
		out = append(out, remark{
			text: fmt.Sprintf("it does not know %d: had it seen it for the first time today it would trust it from %s on, and the last key that it trusts signs until %s by the calendar",
				k.Tag, day(soonest), day(end)),
			evidence: evidence(p.Trusts[0].Place), mend: a.mend(p), until: end,
		})
	}
	return out
}

// notFollowing is about keys that a resolver must have met: it validated the
// root's keys when they were among them, for longer than caches hold the RRset.
func notFollowing(a *auditing, p holdfast.Prospect) []remark {
	if p.Upkeep != holdfast.UpkeepFollow || p.Succeeded.IsZero() || len(p.Trusts) == 0 {
		return nil
	}
	var out []remark
	for _, k := range a.needed() {
		published, _ := k.Date(holdfast.RootPublished)
		_, trusted := withTag(p.Trusts, k.Tag)
		_, waits := withTag(p.Waits, k.Tag)
		if trusted || waits || !p.Succeeded.After(published.At.Add(holdfast.DefaultTimers().TTL)) {
			continue
		}
		out = append(out, remark{
			text:     fmt.Sprintf("it validated the root's keys on %s, and does not know %d, which is among them since %s: it does not follow them, or was given an old state", day(p.Succeeded), k.Tag, day(published.At)),
			evidence: anchorPlaces(p), mend: a.mend(p),
		})
	}
	return out
}

// lastsUntil is when the last of some keys stops to sign; zero where one is not
// to.
func (a *auditing) lastsUntil(keys []holdfast.TrustedKey) time.Time {
	var end time.Time
	for _, k := range keys {
		root, ok := a.calendar.Key(k.Tag)
		if !ok {
			continue
		}
		retired, leaves := root.Date(holdfast.RootRetired)
		if !leaves {
			return time.Time{}
		}
		if retired.At.After(end) {
			end = retired.At
		}
	}
	return end
}

func clockDoubtful(a *auditing, p holdfast.Prospect) []remark {
	var out []remark
	for _, way := range p.Anchorings {
		for what, at := range map[string]time.Time{"last asked": way.Point.Asked, "last succeeded": way.Point.Succeeded} {
			if at.After(a.at.Add(ajar)) {
				out = append(out, remark{
					text:     fmt.Sprintf("its state says that it %s on %s, which has not come: one clock is wrong", what, at.UTC().Format(time.RFC3339)),
					evidence: evidence(way.File), mend: "set the clock, and see that it is kept (NTP)",
				})
			}
		}
	}
	slices.SortFunc(out, func(x, y remark) int { return strings.Compare(x.text, y.text) })
	return out
}

func clockUnkept(a *auditing) []remark {
	var out []remark
	for _, s := range a.machine.Clock {
		out = append(out, remark{
			text:     fmt.Sprintf("the machine's clock may be wrong after a start: %s %s", s.Name, s.Value),
			evidence: evidence(s.Place), mend: "signatures are checked by the clock: see that it is set before the resolver starts", weight: weigh(holdfast.SeverityNotice),
		})
	}
	return out
}

func clockOverridden(_ *auditing, p holdfast.Prospect) []remark {
	var out []remark
	for _, name := range []string{"val-override-date", "dnssec-no-timecheck"} {
		if s, ok := p.Find(name); ok && s.Value != "" && s.Value != "0" {
			out = append(out, remark{
				text:     fmt.Sprintf("%s: signatures that have expired are taken, and old ones can be replayed", said(s)),
				evidence: evidence(s.Place), mend: "remove " + place(s.Place),
			})
		}
	}
	return out
}

// keysSize is what comes through over UDP wherever IPv6 does: its smallest MTU
// without the headers, in octets. The root's keys need about as much while two
// key-signing keys are among them.
const keysSize = 1232

func noLarge(_ *auditing, p holdfast.Prospect) []remark {
	tcp, ok := p.Find("do-tcp")
	if !ok || tcp.Value != "no" {
		return nil
	}
	r := remark{
		text:     "it may not ask over TCP: an answer with the root's keys that is cut off cannot be had in whole",
		evidence: evidence(tcp.Place), mend: "remove " + place(tcp.Place),
	}
	if size, ok := p.Find("edns-buffer-size"); ok {
		if n, err := strconv.Atoi(size.Value); err == nil && n < keysSize {
			r.text = fmt.Sprintf("it may not ask over TCP, and takes no more than %d octets over UDP: the root's keys may not get through", n)
			r.evidence, r.weight = evidence(tcp.Place, size.Place), weigh(holdfast.SeverityError)
		}
	}
	return []remark{r}
}

func forwardsAll(_ *auditing, p holdfast.Prospect) []remark {
	var to, places []string
	for _, s := range p.Settings {
		if s.Name == "forwarder" {
			to, places = append(to, s.Value), append(places, s.Place)
		}
	}
	if to == nil || p.Validates == holdfast.ValidationOff {
		return nil
	}
	return []remark{{
		text:     fmt.Sprintf("it asks %s for everything: the root's keys come as these pass them on, and if they answer SERVFAIL, so does it", strings.Join(to, ", ")),
		evidence: evidence(places...), mend: "look at the forwarders' anchors too: holdfast anchors audit ADDRESS",
	}}
}

func failsNow(a *auditing, p holdfast.Prospect) []remark {
	if len(p.Fates) == 0 || p.Fates[0].Standing == holdfast.Secure {
		return nil
	}
	f := p.Fates[0]
	text := "it answers SERVFAIL to all that is signed"
	if f.Standing == holdfast.Insecure {
		text = "it answers without validating, and says nothing of it: forged data passes"
	}
	since := a.brokeOn(p)
	if !since.IsZero() {
		text += ", since " + day(since)
	}
	return []remark{{text: text + a.provided() + ": " + f.Why, evidence: anchorPlaces(p), mend: a.mend(p), until: since}}
}

// provided says on which plans a finding rests that the calendar does not know
// to have come true.
func (a *auditing) provided() string {
	if len(a.out.Assumed) == 0 {
		return ""
	}
	last := a.out.Assumed[len(a.out.Assumed)-1]
	if last.Step == holdfast.RootSigns {
		return fmt.Sprintf(" if the plan was kept by which %d signs from %s on", last.Key, day(last.At))
	}
	return fmt.Sprintf(" if the plan was kept by which %d was %s on %s", last.Key, last.Step, day(last.At))
}

// brokeOn is when the last key that a resolver trusts stopped to sign.
func (a *auditing) brokeOn(p holdfast.Prospect) time.Time {
	if end := a.lastsUntil(p.Trusts); !end.After(a.at) {
		return end
	}
	return time.Time{}
}

// soon is what makes an error critical: RFC 5011's hold-down from now nothing
// can be learnt any more, only be configured.
func (a *auditing) soon(at time.Time) *holdfast.Severity {
	if at.Sub(a.at) <= holdfast.DefaultTimers().Add {
		return weigh(holdfast.SeverityCritical)
	}
	return nil
}

func willFail(a *auditing, p holdfast.Prospect) []remark {
	for n, f := range p.Fates {
		if n > 0 && f.Standing == holdfast.Bogus && p.Fates[n-1].Standing == holdfast.Secure {
			return []remark{{
				text:     fmt.Sprintf("it will answer SERVFAIL to all that is signed from %s on, %s: %s", day(f.From), stepText(f), f.Why),
				evidence: anchorPlaces(p), mend: a.mend(p), until: f.From, weight: a.soon(f.From),
			}}
		}
	}
	return nil
}

func failsOpen(a *auditing, p holdfast.Prospect) []remark {
	for n, f := range p.Fates {
		if n > 0 && f.Standing == holdfast.Insecure {
			return []remark{{
				text:     fmt.Sprintf("it will answer without validating from %s on, %s, and nobody is told: forged data passes; %s", day(f.From), stepText(f), f.Why),
				evidence: anchorPlaces(p), mend: a.mend(p), until: f.From, weight: a.soon(f.From),
			}}
		}
	}
	return nil
}

// stepText says which step of the calendar brings a fate.
func stepText(f holdfast.AnchorFate) string {
	switch {
	case f.Step == "":
		return "when its anchors run out"
	case f.Date.Planned:
		return fmt.Sprintf("when %d is %s as planned", f.Key, stepWord(f.Step))
	}
	return fmt.Sprintf("when %d is %s", f.Key, stepWord(f.Step))
}

func stepWord(s holdfast.RootStep) string {
	if s == holdfast.RootSigns {
		return "the one that signs"
	}
	return string(s)
}

// anchorPlaces are the lines of what a resolver trusts.
func anchorPlaces(p holdfast.Prospect) []string {
	var out []string
	for _, k := range p.Trusts {
		out = append(out, k.Place)
	}
	for _, way := range p.Anchorings {
		out = append(out, way.Statement.Place)
	}
	return evidence(out...)
}
