package rollover

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// step is where a rollover stands: what was seen, and what comes next.
type step struct {
	class holdfast.Class // of the RRset that it turns on; one finding each
	kind  string
	text  string
	next  string    // what may be done next
	safe  time.Time // from when; zero: not known yet
}

func underWay(p Policy) judge.Check {
	return judge.Check{
		Code: "ROL-05", Name: "rollover-under-way", Severity: holdfast.SeverityInfo,
		Reference: "RFC 7583 section 3",
		Summary:   "which keys are being replaced, by which way, and from when the next step is safe",
		Judge: func(c *judge.Case) []holdfast.Finding {
			v := viewOf(c)
			if !c.Past.Known() && len(v.here(holdfast.ClassSOA)) < 2 {
				return nil
			}
			var out []holdfast.Finding
			for _, s := range slices.Concat(v.zoneKeys(p), v.entryPoints(p), v.providers()) {
				f := holdfast.Finding{Severity: holdfast.SeverityInfo, RRset: s.class, Until: s.safe, Evidence: v.evidence(), Text: s.kind + ": " + s.text}
				switch {
				case s.next == "":
				case s.safe.IsZero():
					f.Text += "; it is not safe yet that " + s.next
				default:
					f.Text += fmt.Sprintf("; from %s it is safe that %s", stamp(s.safe), s.next)
				}
				if !slices.ContainsFunc(out, func(o holdfast.Finding) bool { return o.RRset == f.RRset }) {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// published are the keys that are there, those that came last first.
func (v *view) published() []holdfast.KeyPast {
	out := slices.DeleteFunc(slices.Clone(v.p.Keys), func(k holdfast.KeyPast) bool { return !k.Gone.IsZero() })
	slices.SortStableFunc(out, func(a, b holdfast.KeyPast) int { return b.Published.Compare(a.Published) })
	return out
}

// named says whether a DS in the parent names the key; was, whether one did.
func (v *view) named(id string) (now, was bool) {
	for _, d := range v.p.DS {
		if d.Key == id {
			now, was = now || d.Gone.IsZero(), true
		}
	}
	return now, was
}

// pure says whether a key signs data and is no entry point: a ZSK.
func (v *view) pure(k holdfast.KeyPast) bool {
	now, was := v.named(k.ID)
	return k.Flags&wire.FlagSEP == 0 && !now && !was && !slices.Contains(v.signers(holdfast.ClassDNSKEY), k.ID)
}

// fresh says whether a publication was watched, and is not so long past
// that it is a stand-by.
func (v *view) fresh(p Policy, published, absent time.Time) bool {
	return !absent.IsZero() && !v.c.Older(published, p.StandBy)
}

// zoneKeys says how far the rollover of a zone-signing key is.
func (v *view) zoneKeys(p Policy) []step {
	data := v.signers(holdfast.ClassSOA)
	all := slices.DeleteFunc(v.published(), func(k holdfast.KeyPast) bool { return !v.pure(k) })
	var old []holdfast.KeyPast
	for _, k := range all {
		if !k.Retired.IsZero() && !slices.Contains(data, k.ID) {
			old = append(old, k)
		}
	}
	for _, k := range all {
		signs := slices.Contains(data, k.ID)
		switch {
		case !v.fresh(p, k.Published, k.Absent):
		case !signs && k.Active.IsZero() && len(data) > 0:
			safe := v.clear(holdfast.ClassDNSKEY, func(e holdfast.EditionPast) bool { return !slices.Contains(e.Members, k.ID) })
			return []step{{holdfast.ClassSOA, v.kindOf(k, "pre-publish rollover of a zone-signing key"), fmt.Sprintf("%s was published by %s and does not sign yet", v.keyNames([]string{k.ID}), stamp(k.Published)), "it signs", safe}}
		case signs:
			if other, ok := v.beside(k, all, data); ok {
				safe := both(v.safeWithout(other.ID), v.clear(holdfast.ClassDNSKEY, func(e holdfast.EditionPast) bool { return !slices.Contains(e.Members, k.ID) }))
				return []step{{holdfast.ClassSOA, v.kindOf(k, "double-signature rollover of a zone-signing key"), fmt.Sprintf("%s signs beside %s since %s", v.keyNames([]string{k.ID}), v.keyNames([]string{other.ID}), stamp(k.Published)), "the older goes", safe}}
			}
		}
	}
	for _, k := range old {
		if !v.c.Older(k.Retired, p.StandBy) {
			return []step{{holdfast.ClassSOA, v.kindOf(k, "rollover of a zone-signing key"), fmt.Sprintf("%s has not signed since %s", v.keyNames([]string{k.ID}), stamp(k.Retired)), "it goes", v.safeWithout(k.ID)}}
		}
	}
	return nil
}

// beside finds an older key that signs the same data as a key.
func (v *view) beside(k holdfast.KeyPast, all []holdfast.KeyPast, data []string) (holdfast.KeyPast, bool) {
	for _, e := range v.here(holdfast.ClassSOA) {
		for _, other := range all {
			if other.ID != k.ID && other.Published.Before(k.Published) && slices.Contains(e.Signers, k.ID) && slices.Contains(e.Signers, other.ID) && slices.Contains(data, other.ID) {
				return other, true
			}
		}
	}
	return holdfast.KeyPast{}, false
}

// entryPoints says how far the rollover of a key that the DS name is.
func (v *view) entryPoints(p Policy) []step {
	signers := v.signers(holdfast.ClassDNSKEY)
	for _, k := range v.published() {
		now, was := v.named(k.ID)
		name := v.keyNames([]string{k.ID})
		switch {
		case !k.Revoked.IsZero():
			return []step{{holdfast.ClassDS, "revocation (RFC 5011)", fmt.Sprintf("%s is revoked since %s", name, stamp(k.Revoked)), "it goes", k.Revoked.Add(30 * day)}}
		case k.Flags&wire.FlagSEP == 0 && !now && !was:
		case was && !now:
			return []step{{holdfast.ClassDS, v.kindOf(k, "rollover of a key-signing key"), fmt.Sprintf("the parent has no DS of %s any more", name), "it goes", v.safeWithout(k.ID)}}
		case !now && v.fresh(p, k.Published, k.Absent) && v.replaces(k):
			kind := v.kindOf(k, "double-signature rollover of a key-signing key")
			text := fmt.Sprintf("%s was published by %s and signs the keys", name, stamp(k.Published))
			if !slices.Contains(signers, k.ID) {
				kind, text = v.kindOf(k, "new key-signing key"), fmt.Sprintf("%s was published by %s and does not sign the keys yet", name, stamp(k.Published))
			}
			safe := v.clear(holdfast.ClassDNSKEY, func(e holdfast.EditionPast) bool { return !slices.Contains(e.Signers, k.ID) })
			return []step{{holdfast.ClassDS, kind, text, "its DS takes the place of the old", safe}}
		}
	}
	return v.doubleDS(p)
}

// replaces says whether there is another key that the DS name.
func (v *view) replaces(k holdfast.KeyPast) bool {
	return slices.ContainsFunc(v.p.DS, func(d holdfast.DSPast) bool { return d.Gone.IsZero() && d.Key != "" && d.Key != k.ID })
}

// doubleDS says how far a double-DS rollover is: a DS without its key, or one
// whose key has gone.
func (v *view) doubleDS(p Policy) []step {
	there := v.members(holdfast.ClassDNSKEY)
	for _, d := range v.p.DS {
		if !d.Gone.IsZero() || !v.elsewhereThan(d, there) {
			continue
		}
		name := keyName(d.DS.KeyTag, d.DS.Algorithm)
		switch {
		case d.Key == "" && v.fresh(p, d.Published, d.Absent):
			safe := v.clear(holdfast.ClassDS, func(e holdfast.EditionPast) bool { return !slices.Contains(e.Members, d.ID) })
			return []step{{holdfast.ClassDS, "double-DS rollover of a key-signing key", fmt.Sprintf("the parent has a DS of %s since %s, and its key is not published yet", name, stamp(d.Published)), "the key takes the place of the old", safe}}
		case d.Key != "" && !slices.Contains(there, d.Key):
			if k := v.keys[d.Key]; !k.Gone.IsZero() && !v.c.Older(k.Gone, p.StandBy) {
				safe := v.clear(holdfast.ClassDNSKEY, func(e holdfast.EditionPast) bool {
					return slices.Contains(e.Signers, d.Key) && !v.leadsWithout(d.ID, e)
				})
				return []step{{holdfast.ClassDS, "double-DS rollover of a key-signing key", fmt.Sprintf("%s is gone since %s, and the parent still has its DS", name, stamp(k.Gone)), "that DS goes", safe}}
			}
		}
	}
	return nil
}

// elsewhereThan says whether another DS than this leads to keys that are there.
func (v *view) elsewhereThan(d holdfast.DSPast, there []string) bool {
	return slices.ContainsFunc(v.p.DS, func(o holdfast.DSPast) bool {
		return o.ID != d.ID && o.Gone.IsZero() && slices.Contains(there, o.Key)
	})
}

// leadsWithout says whether DS of today other than one lead to the keys.
func (v *view) leadsWithout(id string, keys holdfast.EditionPast) bool {
	for _, ds := range v.members(holdfast.ClassDS) {
		if ds != id && v.ds[ds].Key != "" && slices.Contains(keys.Signers, v.ds[ds].Key) {
			return true
		}
	}
	return false
}

// providers says that a zone is signed by several, whose keys are shared.
func (v *view) providers() []step {
	data := v.here(holdfast.ClassSOA)
	if len(data) < 2 || meets(data[0].Signers, data[1].Signers) {
		return nil
	}
	keys, model := v.here(holdfast.ClassDNSKEY), 1
	for i := range keys {
		if i > 0 && !meets(keys[0].Signers, keys[i].Signers) {
			model = 2
		}
	}
	return []step{{
		class: holdfast.ClassDNSKEY, kind: fmt.Sprintf("several signers (RFC 8901 model %d)", model),
		text: fmt.Sprintf("some servers give data signed by %s, others by %s", v.keyNames(data[0].Signers), v.keyNames(data[1].Signers)),
	}}
}

// both is the later of two instants, of which zero means not yet.
func both(a, b time.Time) time.Time {
	if a.IsZero() || b.IsZero() {
		return time.Time{}
	}
	return later(a, b)
}

// kindOf is a rollover's name, of an algorithm where the key is of another than
// those that came before it.
func (v *view) kindOf(k holdfast.KeyPast, plain string) string {
	for _, other := range v.p.Keys {
		if other.Algorithm == k.Algorithm && other.ID != k.ID && (other.Gone.IsZero() || other.Gone.After(k.Published)) && other.Published.Before(k.Published) {
			return plain
		}
		if !k.Retired.IsZero() && other.Algorithm == k.Algorithm && other.ID != k.ID && other.Gone.IsZero() {
			return plain
		}
	}
	algorithms := map[uint8]bool{}
	for _, other := range v.p.Keys {
		if other.Gone.IsZero() {
			algorithms[other.Algorithm] = true
		}
	}
	if len(algorithms) < 2 {
		return plain
	}
	return "rollover of the algorithm"
}

// clear is when the last resolver has dropped all editions of a class that a
// function picks; zero where one of them is here, and where there was none, the
// instant since which the past is known.
func (v *view) clear(class holdfast.Class, picks func(holdfast.EditionPast) bool) time.Time {
	safe := v.p.Since
	for _, e := range v.of(class) {
		if !picks(e) {
			continue
		}
		if e.Here() {
			return time.Time{}
		}
		safe = later(safe, leaves(e))
	}
	return safe
}

// safeWithout is from when the DNSKEY RRset may do without a key: all data and
// all DS that need it have left the caches; zero while they are here.
func (v *view) safeWithout(id string) time.Time {
	var rest holdfast.EditionPast
	rest.Members, rest.Signers = without(v.members(holdfast.ClassDNSKEY), id), without(v.signers(holdfast.ClassDNSKEY), id)
	data := v.clear(holdfast.ClassSOA, func(e holdfast.EditionPast) bool {
		return slices.Contains(e.Signers, id) && !verifies(e, rest)
	})
	ds := v.clear(holdfast.ClassDS, func(e holdfast.EditionPast) bool { return !v.leads(e, rest) })
	return both(data, ds)
}

func keysOld(p Policy) judge.Check {
	return judge.Check{
		Code: "ROL-06", Name: "key-old", Severity: holdfast.SeverityInfo,
		Reference: "RFC 6781 section 3.3",
		Summary:   "keys are not used for much longer than is usual, in general and for this zone",
		Judge: func(c *judge.Case) []holdfast.Finding {
			v := viewOf(c)
			data := v.signers(holdfast.ClassSOA)
			if !c.Past.Known() {
				return nil
			}
			var old []string
			for _, k := range v.published() {
				now, _ := v.named(k.ID)
				switch {
				case now && c.Older(k.Published, p.KSKAge), !now && slices.Contains(data, k.ID) && k.Flags&wire.FlagSEP == 0 && c.Older(k.Published, p.ZSKAge):
					old = append(old, v.keyNames([]string{k.ID})+" since "+stamp(k.Published)+v.orBefore(k))
				}
			}
			if len(old) > 0 {
				slices.Sort(old)
				return []holdfast.Finding{{Severity: holdfast.SeverityInfo, RRset: holdfast.ClassDNSKEY, Evidence: v.evidence(), Count: len(old), Text: "keys that have been in use for unusually long: " + strings.Join(old, ", ")}}
			}
			return v.brokenCadence(p, data)
		},
	}
}

func (v *view) orBefore(k holdfast.KeyPast) string {
	if k.Absent.IsZero() {
		return " or before"
	}
	return ""
}

// brokenCadence says that a zone which replaced its zone-signing key at regular
// intervals has not done so this time.
func (v *view) brokenCadence(p Policy, data []string) []holdfast.Finding {
	var begun []time.Time
	for _, k := range v.p.Keys {
		if k.Flags&wire.FlagSEP == 0 && !k.Active.IsZero() && !k.Absent.IsZero() {
			begun = append(begun, k.Active)
		}
	}
	slices.SortFunc(begun, func(a, b time.Time) int { return a.Compare(b) })
	if len(begun) <= p.Activities || len(data) == 0 {
		return nil
	}
	var longest, shortest time.Duration
	for i := range begun[1:] {
		d := begun[i+1].Sub(begun[i])
		longest, shortest = max(longest, d), min(cmp.Or(shortest, d), d)
	}
	due := time.Duration(p.Cadence * float64(longest))
	if longest > 2*shortest || !v.c.Older(begun[len(begun)-1], due) {
		return nil
	}
	last := begun[len(begun)-1]
	return []holdfast.Finding{{
		Severity: holdfast.SeverityInfo, RRset: holdfast.ClassDNSKEY, Evidence: v.evidence(), Until: last.Add(longest),
		Text: fmt.Sprintf("the zone-signing key used to be replaced at intervals of at most %d days, and has not been since %s", int((longest+day-1)/day), stamp(last)),
	}}
}
