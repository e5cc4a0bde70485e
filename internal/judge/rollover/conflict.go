package rollover

import (
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
)

// conflict is a pair of editions that a resolver may have at once and that do
// not fit together: one it holds from before, one that came while it could.
type conflict struct {
	before, after holdfast.EditionPast
	safe          time.Time // when the last resolver has dropped before; zero: not while it is here
}

// together says that servers give both at this look.
func (c conflict) together() bool { return current(c.before) && current(c.after) }

// current says whether this look found an edition. One that it could not look
// for is neither here nor gone.
func current(e holdfast.EditionPast) bool { return e.Here() && e.Quiet.IsZero() }

// data says that it is about who signs the zone's data, not about DS.
func (c conflict) data() bool {
	return c.before.Of == holdfast.ClassSOA || c.after.Of == holdfast.ClassSOA
}

// conflicts are all pairs of DS with DNSKEY, and of data with DNSKEY, that are
// in caches now and do not fit.
func (v *view) conflicts() []conflict {
	var out []conflict
	if v.p.Looks < 1 {
		return nil
	}
	for _, keys := range v.of(holdfast.ClassDNSKEY) {
		for _, ds := range v.of(holdfast.ClassDS) {
			if !v.leads(ds, keys) {
				out = v.consider(out, ds, keys)
			}
		}
		for _, data := range v.of(holdfast.ClassSOA) {
			if v.validated() && !verifies(data, keys) {
				out = v.consider(out, data, keys)
			}
		}
	}
	return out
}

// consider takes a pair in where a resolver can have it. Of the two, the one
// that was published last is what was done; of two at one look, what is not the
// DNSKEY RRset.
func (v *view) consider(out []conflict, other, keys holdfast.EditionPast) []conflict {
	pair := conflict{before: keys, after: other}
	if keys.Published.After(other.Published) {
		pair.before, pair.after = other, keys
	}
	if !v.held(pair.before) || !v.held(pair.after) {
		return out
	}
	// What was so at the first look nobody was seen to do. Only signers who do
	// not know each other's keys can be told by one look.
	if !pair.after.Published.After(v.p.Since) && !(pair.data() && pair.together()) {
		return out
	}
	// A resolver that asked when we last saw the one must hold it still when we
	// first saw the other: what may have happened between our looks is no proof.
	if !current(pair.before) && !pair.after.Published.Before(pair.before.Cached(lastSeen(pair.before))) {
		return out
	}
	pair.safe = leaves(pair.before)
	return append(out, pair)
}

// lastSeen is the last look that found an edition which this one did not.
func lastSeen(e holdfast.EditionPast) time.Time {
	if e.Here() {
		return e.Quiet
	}
	return e.Last
}

// leads says whether a validator with the DS RRset comes to trust the DNSKEY
// RRset: a DS names a key that signs it, or none of them can be followed (RFC
// 4035 section 5.2).
func (v *view) leads(ds, keys holdfast.EditionPast) bool {
	able := false
	for _, id := range ds.Members {
		d, ok := v.ds[id]
		if !ok {
			return true // dropped from the past: nothing can be said
		}
		if !followable(d.DS) {
			continue
		}
		able = true
		if d.Key != "" && slices.Contains(keys.Signers, d.Key) {
			return true
		}
	}
	return !able
}

// verifies says whether one of the keys signs the data. An unsigned zone is the
// DS' matter.
func verifies(data, keys holdfast.EditionPast) bool {
	return len(data.Signers) == 0 || len(keys.Members) == 0 || meets(data.Signers, keys.Members)
}

// validated says whether any resolver validates the zone: its DS, or those
// still in caches, can be followed, or a trust anchor names it.
func (v *view) validated() bool {
	editions := v.of(holdfast.ClassDS)
	for _, e := range editions {
		if v.held(e) && slices.ContainsFunc(e.Members, func(id string) bool { return followable(v.ds[id].DS) }) {
			return true
		}
	}
	return len(editions) == 0 && v.c.Chain.Link.Status == holdfast.Secure
}

// code is the check whose matter a conflict is.
func (v *view) code(c conflict) string {
	switch {
	case c.data() && c.together():
		return codeCross
	case c.after.Of == holdfast.ClassSOA:
		return codeSignsEarly
	case c.after.Of == holdfast.ClassDS && v.announced(c.after):
		return codeDSWithdrawn
	case c.after.Of == holdfast.ClassDS:
		return codeDSEarly
	case c.before.Of == holdfast.ClassDS && v.elsewhere(c.before):
		return codeDSEarly
	case c.before.Of == holdfast.ClassDS && !v.worked(c.before):
		return "" // it led nowhere before either: CHN-02's matter
	}
	return codeKeyWithdrawn
}

// announced says whether a DS that leads to keys of today was there before the
// edition was: then it was not swapped in, but the other was taken away.
func (v *view) announced(ds holdfast.EditionPast) bool {
	signers := v.signers(holdfast.ClassDNSKEY)
	return slices.ContainsFunc(ds.Members, func(id string) bool {
		d := v.ds[id]
		return d.Key != "" && slices.Contains(signers, d.Key) && d.Published.Before(ds.Published)
	})
}

// elsewhere says whether the DS lead to the keys of some server all the same:
// then nothing was withdrawn, but a signer came whom they do not name.
func (v *view) elsewhere(ds holdfast.EditionPast) bool {
	return slices.ContainsFunc(v.here(holdfast.ClassDNSKEY), func(keys holdfast.EditionPast) bool { return v.leads(ds, keys) })
}

// worked says whether the DS ever led to the zone's keys.
func (v *view) worked(ds holdfast.EditionPast) bool {
	return slices.ContainsFunc(v.of(holdfast.ClassDNSKEY), func(keys holdfast.EditionPast) bool { return v.leads(ds, keys) })
}

// worst is the conflict of a code that lasts longest: one without an end before
// all others. ok is false where there is none.
func (v *view) worst(code string) (worst conflict, ok bool) {
	for _, c := range v.conflicts() {
		if v.code(c) != code {
			continue
		}
		if !ok || !worst.safe.IsZero() && (c.safe.IsZero() || c.safe.After(worst.safe)) {
			worst, ok = c, true
		}
	}
	return worst, ok
}
