package rootkey

import (
	"fmt"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func underWay(calendar holdfast.Calendar) judge.Check {
	return judge.Check{
		Code: "RKR-01", Name: "root-rollover-under-way", Severity: holdfast.SeverityInfo,
		Reference: "RFC 5011 section 6.3",
		Summary:   "which phase of a rollover the root's key-signing keys are in, who signs, and what comes next",
		Judge: func(c *judge.Case) []holdfast.Finding {
			v := viewOf(c, calendar)
			if v == nil || v.set.Phase == holdfast.RootSteady {
				return nil
			}
			f := v.about(holdfast.SeverityInfo, fmt.Sprintf("%s: %s", v.set.Phase, describe(v.set)))
			if v.set.Why != "" {
				f.Severity = holdfast.SeverityWarning
				f.Text += "; no rollover goes through this: " + v.set.Why
			}
			if held := v.heldDown(); held != "" {
				f.Text += "; " + held
			}
			if next, ok := v.next(); ok {
				f.Text += fmt.Sprintf("; next by the calendar of %s: %s", v.calendar.Taken.Format("2006-01-02"), clause(next))
				f.Until = next.At
			}
			return []holdfast.Finding{f}
		},
	}
}

// describe says for people what the key-signing keys of an RRset do.
func describe(set holdfast.RootSet) string {
	var out []string
	for _, k := range set.KSKs() {
		switch {
		case k.Revoked && k.Signs:
			out = append(out, fmt.Sprintf("%s is revoked (shown as %d) and signs that", nameOf(k), k.Shown))
		case k.Revoked:
			out = append(out, fmt.Sprintf("%s is revoked (shown as %d) and does not sign", nameOf(k), k.Shown))
		case k.Signs:
			out = append(out, nameOf(k)+" signs")
		default:
			out = append(out, nameOf(k)+" is published and does not sign")
		}
	}
	return strings.Join(out, ", ")
}

// heldDown says from when those who follow RFC 5011 trust a key whose
// publication was watched: a hold-down after they first saw it, at an interval
// of their questions after it came, and again at the next question (sections
// 2.3, 2.4.1 and 4.1). It is silent once that has passed.
func (v *view) heldDown() string {
	for _, k := range v.set.KSKs() {
		p, ok := v.keyPast(k)
		if !ok || p.Absent.IsZero() || k.Revoked {
			continue
		}
		if safe := v.accepted(p); !v.c.Passed(safe) {
			return fmt.Sprintf("those who follow RFC 5011 trust %s from %s at the earliest, and all by %s: before, no step may rest on it",
				nameOf(k), stamp(p.Absent.Add(timers().Add)), stamp(safe.Add(time.Minute-time.Nanosecond)))
		}
	}
	return ""
}

// accepted is when all have come to trust a key that was published by
// p.Published, if they asked as often as they must and were answered.
func (v *view) accepted(p holdfast.KeyPast) time.Time {
	ttl, life := time.Duration(v.set.TTL)*time.Second, v.set.Expires.Sub(v.set.Inception)
	return p.Published.Add(max(timers().Add, ttl) + 2*interval(ttl, life))
}

// sentence says a step of the calendar for people, with its source.
func sentence(e holdfast.RootExpected) string { return fmt.Sprintf("%s (%s)", clause(e), e.Source) }

// clause says a step of the calendar for people.
func clause(e holdfast.RootExpected) string {
	word := "on"
	if e.Planned {
		word = "planned for"
	}
	return fmt.Sprintf("%s (%d) %s, %s %s", e.Key, e.Tag, verbs[e.Step], word, date(e.At))
}

// next is the next step of the calendar that is still to come.
func (v *view) next() (holdfast.RootExpected, bool) {
	if v.foreign {
		return holdfast.RootExpected{}, false
	}
	expected := Expected(v.set, v.calendar)
	for _, e := range expected {
		if !e.Seen && !said(e, expected) && !v.c.Passed(e.At) {
			return e, true
		}
	}
	return holdfast.RootExpected{}, false
}

func switchedEarly(calendar holdfast.Calendar) judge.Check {
	return judge.Check{
		Code: "RKR-02", Name: "root-key-signs-too-soon", Severity: holdfast.SeverityError,
		Reference: "RFC 5011 section 2.4.1",
		Summary:   "a new key of the root signs alone only once those who follow RFC 5011 can have come to trust it",
		Judge: func(c *judge.Case) []holdfast.Finding {
			v := viewOf(c, calendar)
			if v == nil {
				return nil
			}
			early, since := v.early()
			if len(early) == 0 {
				return nil
			}
			p, _ := v.keyPast(early[0])
			f := v.about(holdfast.SeverityError, fmt.Sprintf(
				"%s signs the root's keys alone since %s, and was not published before %s: those who follow RFC 5011 trust it after 30 days at the earliest, and cannot come to it any more, since no key that they trust signs; let an older key sign also",
				tags(early), stamp(since), stamp(p.Absent)))
			f.EDE = 9 // DNSKEY missing (RFC 8914 section 4.10)
			return []holdfast.Finding{f}
		},
	}
}

// early are the keys that sign without an older one beside them, where that
// began before a hold-down after their publication, and since when. What lies
// between two looks is read in the kindest way: the new key came right after
// the last look without it, the old one ceased right before the first without
// its signature.
func (v *view) early() (early []holdfast.RootSetKey, since time.Time) {
	var published time.Time
	for _, k := range v.set.KSKs() {
		if !k.Signs || k.Revoked {
			continue
		}
		p, ok := v.keyPast(k)
		if !ok || p.Absent.IsZero() {
			return nil, since // it was there from the first: nothing is known
		}
		early = append(early, k)
		if published.IsZero() || p.Absent.Before(published) {
			published = p.Absent
		}
	}
	for _, p := range v.past.Keys {
		if p.Flags&wire.FlagSEP == 0 || p.Active.IsZero() || !p.Published.Before(published.Add(time.Nanosecond)) {
			continue
		}
		if ceased := first(p.Revoked, p.Retired, p.Gone); ceased.After(since) {
			since = ceased
		}
	}
	if since.IsZero() || !since.Before(published.Add(timers().Add)) {
		return nil, since
	}
	return early, since
}

// first is the earliest instant of those that are not zero.
func first(all ...time.Time) time.Time {
	var out time.Time
	for _, t := range all {
		if !t.IsZero() && (out.IsZero() || t.Before(out)) {
			out = t
		}
	}
	return out
}
