package web

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
)

// keysPicture shows the keys of a zone, and the DS records that name them,
// along one axis of time, as looks found them.
type keysPicture struct {
	axis
	Looks     int
	Since     time.Time
	Lanes     []keyLane // drawn
	All       []keyLane // told in the table
	Steps     []findingView
	Safe      string // place of the instant from which a rollover's next step is safe; "": none to come
	Anchor    string
	NowAnchor string
	Changed   bool // something came, went or changed while it was watched
}

// keyLane is one key or DS record over time.
type keyLane struct {
	Kind      string // "KSK", "ZSK", "CSK", "DS"
	Tag       uint16
	What      string // algorithm or digest
	State     string // what it is now, with since when
	Life      string // all that was seen of it, in words
	Early     bool   // it was there before the picture begins
	Stretches []stretch

	Here                                                           bool
	Absent, Published, Everywhere, Active, Retired, Revoked, Ended time.Time
}

// stretch is a time in one state.
type stretch struct{ Class, X, Width, Height, Title string }

// keysShown is how far back keys are drawn.
const keysShown = 400 * day

// turn is the instant at which a state began.
type turn struct {
	at                 time.Time
	class, word, event string
}

func newKeysPicture(p holdfast.Past, findings []findingView, now time.Time) keysPicture {
	if !p.Until.After(p.Since) || len(p.Keys)+len(p.DS) == 0 {
		return keysPicture{} // one look shows no time
	}
	k := keysPicture{Looks: p.Looks, Since: p.Since}
	var turns [][]turn
	add := func(l keyLane, of []turn) {
		l.Here = l.Ended.IsZero()
		l.State, l.Life = wordsOf(l, of, now)
		k.All, turns = append(k.All, l), append(turns, of)
	}
	for _, d := range inOrder(p.DS, func(d holdfast.DSPast) (bool, int, time.Time) { return d.Gone.IsZero(), 0, d.Published }) {
		add(dsLane(d))
	}
	for _, key := range inOrder(p.Keys, func(k holdfast.KeyPast) (bool, int, time.Time) {
		return k.Gone.IsZero(), roleOf(p, k).place, k.Published
	}) {
		add(newKeyLane(key, roleOf(p, key).word))
	}
	until := time.Time{}
	for _, f := range findings {
		if familyOf(f.Code) != "ROL" {
			continue
		}
		k.Steps = append(k.Steps, f)
		if f.Until.After(now) && f.Severity == holdfast.SeverityInfo {
			until = later(until, f.Until)
		}
	}
	from := k.beginning(turns, now)
	to := later(now, until)
	margin := max(to.Sub(from)/40, time.Minute)
	k.axis = newAxis(from, to.Add(margin), now)
	k.NowAnchor = k.anchor(now)
	if !until.IsZero() {
		k.Safe, k.Anchor = k.place(until), k.anchor(until)
	}
	for i, l := range k.All {
		if !l.Here && l.Ended.Before(from) {
			continue
		}
		l.draw(k.axis, turns[i], now)
		k.Lanes = append(k.Lanes, l)
	}
	return k
}

// inOrder puts what is there before what has gone, then by role, then the older first.
func inOrder[T any](all []T, of func(T) (here bool, place int, published time.Time)) []T {
	out := slices.Clone(all)
	slices.SortStableFunc(out, func(a, b T) int {
		here, place, published := of(a)
		otherHere, otherPlace, otherPublished := of(b)
		return cmp.Or(cmp.Compare(btoi(!here), btoi(!otherHere)), cmp.Compare(place, otherPlace), published.Compare(otherPublished))
	})
	return out
}

type role struct {
	word  string
	place int
}

// roleOf is what a key is used for: by what it signs, else by its SEP flag
// (RFC 4034 section 2.1.1), which is a hint and no more.
func roleOf(p holdfast.Past, k holdfast.KeyPast) role {
	var keys, data bool
	for _, e := range p.Editions {
		if slices.Contains(e.Signers, k.ID) {
			keys, data = keys || e.Of == holdfast.ClassDNSKEY, data || e.Of == holdfast.ClassSOA
		}
	}
	switch sep := k.Flags&1 == 1; {
	case keys && data && sep:
		return role{"CSK", 1}
	case data && !sep, !keys && !sep:
		return role{"ZSK", 2}
	}
	return role{"KSK", 0}
}

func newKeyLane(k holdfast.KeyPast, kind string) (keyLane, []turn) {
	l := keyLane{
		Kind: kind, Tag: k.Tag, What: algorithmName(k.Algorithm),
		Absent: k.Absent, Published: k.Published, Everywhere: k.Everywhere, Active: k.Active, Retired: k.Retired, Revoked: k.Revoked, Ended: k.Gone,
	}
	turns := []turn{
		{k.Published, "standby", "published, does not sign", "published"},
		{k.Active, "active", "active", "signs from"},
		{k.Retired, "standby", "retired, signs no more", "signed no more from"},
		{k.Revoked, "revoked", "revoked", "revoked"},
	}
	return l, inTime(turns)
}

func dsLane(d holdfast.DSPast) (keyLane, []turn) {
	l := keyLane{Kind: "DS", Tag: d.DS.KeyTag, What: digestName(d.DS.DigestType), Absent: d.Absent, Published: d.Published, Ended: d.Gone}
	if d.Key == "" {
		l.What += ", its key was not seen yet"
	}
	return l, []turn{{d.Published, "delegated", "published", "published"}}
}

// inTime are the turns that were seen, in their order.
func inTime(turns []turn) []turn {
	turns = slices.DeleteFunc(turns, func(t turn) bool { return t.at.IsZero() })
	slices.SortStableFunc(turns, func(a, b turn) int { return a.at.Compare(b.at) })
	return turns
}

// wordsOf says what a lane shows: how it stands now, and its whole course.
func wordsOf(l keyLane, turns []turn, now time.Time) (state, life string) {
	var said []string
	for i, t := range turns {
		switch {
		case i == 0 && l.Absent.IsZero():
			said = append(said, "there at the first look")
			state = t.word
		case t.at.Equal(l.Published) && l.Absent.IsZero():
			state = t.word // as it was at the first look: since when is not known
			said = append(said, t.word+" then")
		default:
			said = append(said, t.event+" "+instant(t.at))
			state = t.word + " since " + lately(t.at, now)
		}
	}
	if !l.Ended.IsZero() {
		said, state = append(said, "gone "+instant(l.Ended)), "gone since "+lately(l.Ended, now)
	}
	return state, strings.Join(said, ", ")
}

func shortly(t time.Time) string { return t.UTC().Format("2 Jan 2006 15:04") }

// lately is an instant as there is room for beside a bar: without its year
// while that is plain.
func lately(t, now time.Time) string {
	if now.Sub(t) < 300*day {
		return t.UTC().Format("2 Jan 15:04")
	}
	return t.UTC().Format("2 Jan 2006")
}

// beginning is where the picture begins: somewhat before the first change, so
// that changes of these days are not lost in a year of rest.
func (k *keysPicture) beginning(turns [][]turn, now time.Time) time.Time {
	first := now
	see := func(at time.Time) {
		if at.After(now.Add(-keysShown)) && at.After(k.Since) {
			k.Changed = true
			first = earlier(first, at)
		}
	}
	for i, l := range k.All {
		for _, t := range turns[i] {
			see(t.at)
		}
		see(l.Ended)
	}
	from := later(k.Since, now.Add(-keysShown))
	if k.Changed {
		from = later(from, first.Add(-max(now.Sub(first)/4, 6*time.Hour)))
	}
	return earlier(from, now.Add(-time.Hour))
}

// draw cuts the lane's time into stretches, one a state.
func (l *keyLane) draw(a axis, turns []turn, now time.Time) {
	end := now
	if !l.Here {
		end = l.Ended
	}
	l.Early = l.Published.Before(a.from) || l.Absent.IsZero()
	for i, t := range turns {
		until := end
		if i+1 < len(turns) {
			until = earlier(turns[i+1].at, end)
		}
		if !until.After(t.at) || !until.After(a.from) {
			continue
		}
		height := "12"
		if t.class == "standby" {
			height = "4"
		}
		l.Stretches = append(l.Stretches, stretch{
			Class: t.class, X: a.place(t.at), Width: percentOf(max(a.share(until)-a.share(t.at), 0.003)), Height: height,
			Title: fmt.Sprintf("%s: %s to %s", t.word, instant(t.at), instant(until)),
		})
	}
}

// digestName is the mnemonic of IANA's registry "DS Record Hash Algorithms",
// or the number.
func digestName(d uint8) string {
	switch d {
	case 1:
		return "SHA-1"
	case 2:
		return "SHA-256"
	case 3:
		return "GOST R 34.11-94"
	case 4:
		return "SHA-384"
	}
	return fmt.Sprintf("digest type %d", d)
}
