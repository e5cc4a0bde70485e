// Package rollover holds the checks of how keys change: each DNSKEY and DS
// followed over time, and what resolvers may still hold in their caches held
// against what they would be given now (RFC 6781, 7583, 5011, 8901, 7344).
//
// Blame takes the kindest reading of what lies between two looks: an error is
// said only where a resolver that had asked when we asked would fail. Advice
// takes the safest: an instant that is given as safe counts from the first
// look at which the old was seen no more.
package rollover

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/judge/past"
	"github.com/holdfastdns/holdfast/internal/wire"
)

const day = 24 * time.Hour

// Policy is what the rules leave to the operator of the monitor.
type Policy struct {
	StandBy    time.Duration // a key or DS unused for so long is a stand-by, and no rollover under way
	CDSLag     time.Duration // how long CDS and DS may differ before it is worth a word
	ZSKAge     time.Duration // a zone-signing key older than this is worth a word
	KSKAge     time.Duration // likewise a key that a DS names
	Cadence    float64       // how many times its longest interval a key may serve before its habit counts as broken
	Activities int           // intervals between keys that must be known before there is a habit
}

// DefaultPolicy are the house's thresholds.
func DefaultPolicy() Policy {
	return Policy{StandBy: 60 * day, CDSLag: 7 * day, ZSKAge: 400 * day, KSKAge: 5 * 365 * day, Cadence: 1.5, Activities: 3}
}

// Checks are this room's checks under the default policy.
func Checks() []judge.Check { return ChecksWith(DefaultPolicy()) }

// ChecksWith are this room's checks under a policy.
func ChecksWith(p Policy) []judge.Check {
	return []judge.Check{
		keyWithdrawn(), dsWithdrawn(), dsEarly(), signsEarly(), underWay(p), keysOld(p),
		cdsWrong(), cdsLags(p), crossPublication(), revokeMisused(), signals(), reportChannel(), algorithms(),
	}
}

// view is a case's keys over time, with this look taken in.
type view struct {
	c    *judge.Case
	p    holdfast.Past
	keys map[string]holdfast.KeyPast
	ds   map[string]holdfast.DSPast
}

func viewOf(c *judge.Case) *view {
	type key struct{}
	return judge.Shared(c, key{}, func() *view {
		v := &view{c: c, p: past.Keys(c), keys: map[string]holdfast.KeyPast{}, ds: map[string]holdfast.DSPast{}}
		for _, k := range v.p.Keys {
			v.keys[k.ID] = k
		}
		for _, d := range v.p.DS {
			v.ds[d.ID] = d
		}
		return v
	})
}

// of are the editions of a class.
func (v *view) of(class holdfast.Class) []holdfast.EditionPast {
	var out []holdfast.EditionPast
	for _, e := range v.p.Editions {
		if e.Of == class {
			out = append(out, e)
		}
	}
	return out
}

// here are those that the last look found.
func (v *view) here(class holdfast.Class) []holdfast.EditionPast {
	return slices.DeleteFunc(v.of(class), func(e holdfast.EditionPast) bool { return !e.Here() })
}

// members are those of all editions of a class that are here, signers likewise.
func (v *view) members(class holdfast.Class) []string {
	return v.union(class, func(e holdfast.EditionPast) []string { return e.Members })
}

func (v *view) signers(class holdfast.Class) []string {
	return v.union(class, func(e holdfast.EditionPast) []string { return e.Signers })
}

func (v *view) union(class holdfast.Class, part func(holdfast.EditionPast) []string) []string {
	var out []string
	for _, e := range v.here(class) {
		for _, id := range part(e) {
			if !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
	}
	return out
}

// leaves is when the last resolver that can hold an edition has dropped it;
// zero where it is here still.
func leaves(e holdfast.EditionPast) time.Time {
	if e.Here() {
		return time.Time{}
	}
	return e.Cached(e.Gone)
}

// held says whether a resolver may hold the edition now, for all that is known.
func (v *view) held(e holdfast.EditionPast) bool {
	switch {
	case current(e):
		return true
	case e.Here():
		return !v.c.Passed(e.Cached(e.Quiet))
	}
	return !v.c.Passed(leaves(e))
}

// evidence are the exchanges that show keys and DS: of each at most two.
func (v *view) evidence() []int {
	var out []int
	for i := range v.c.Chain.Servers {
		if sc := &v.c.Chain.Servers[i]; sc.KeyReply >= 0 && sc.KeysAnswered && len(out) < 2 {
			out = append(out, sc.KeyReply)
		}
	}
	n := len(out)
	for _, l := range v.c.Chain.Links {
		if l.Exchange >= 0 && len(out) < n+2 {
			out = append(out, l.Exchange)
		}
	}
	return out
}

// keyNames names keys for people.
func (v *view) keyNames(ids []string) string {
	var out []string
	for _, id := range ids {
		name := "unknown"
		if k, ok := v.keys[id]; ok {
			name = keyName(k.Tag, k.Algorithm)
		}
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// dsNames names DS records for people, by the keys that they speak of.
func (v *view) dsNames(ids []string) string {
	var out []string
	for _, id := range ids {
		if d, ok := v.ds[id]; ok {
			if name := keyName(d.DS.KeyTag, d.DS.Algorithm); !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func keyName(tag uint16, algorithm uint8) string {
	return fmt.Sprintf("%d (algorithm %d)", tag, algorithm)
}

// stamp writes an instant for people, rounded up to the minute: what is safe
// from then on must not be said to be so before.
func stamp(t time.Time) string {
	return t.UTC().Add(time.Minute - time.Nanosecond).Truncate(time.Minute).Format("2006-01-02 15:04 UTC")
}

// without is a list less one.
func without(ids []string, id string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(other string) bool { return other == id })
}

func meets(a, b []string) bool {
	return slices.ContainsFunc(a, func(id string) bool { return slices.Contains(b, id) })
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// followable says whether a validator can follow the DS (RFC 4035 section 5.2).
func followable(ds holdfast.DS) bool {
	return wire.Supported(ds.Algorithm) && wire.DigestSupported(ds.DigestType)
}
