package past

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// What a past holds of keys at the most. What is longest gone is dropped
// first; of a zone with more than that at once, the rest is not followed.
const (
	maxKeys     = 24
	maxDS       = 16
	maxEditions = 8 // of one class
)

// KeyID names a key by its content, but for the REVOKE bit.
func KeyID(k wire.DNSKEY) string {
	flags := k.Flags &^ wire.FlagRevoke
	return digest([]byte{byte(flags >> 8), byte(flags), k.Protocol, k.Algorithm}, k.PublicKey)
}

// DSID names a DS record by its content.
func DSID(ds holdfast.DS) string {
	return digest([]byte{byte(ds.KeyTag >> 8), byte(ds.KeyTag), ds.Algorithm, ds.DigestType}, ds.Digest)
}

func digest(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Keys is the past of a case's keys with its look taken in: what the checks of
// a rollover judge by. Of the rest of the past it says nothing.
func Keys(c *judge.Case) holdfast.Past {
	type key struct{}
	return judge.Shared(c, key{}, func() holdfast.Past {
		p := c.Past
		if c.Instant.After(p.Until) {
			foldKeys(c, &p)
			p = Again(p, c.Measurement.Depth, c.Instant)
		}
		return p
	})
}

// foldKeys takes in what a look shows of DNSKEY, DS, CDS and who signs.
func foldKeys(c *judge.Case, p *holdfast.Past) {
	f := &keyFold{kase: c, past: p, at: c.Instant, copies: copies(c)}
	p.Keys, p.DS, p.Editions = slices.Clone(p.Keys), slices.Clone(p.DS), slices.Clone(p.Editions)
	f.ds() // first: whether keys that are missing matter is said by the DS
	f.keys()
	f.signed()
	f.cds()
}

// keyFold is the taking in of one look.
type keyFold struct {
	kase   *judge.Case
	past   *holdfast.Past // written to
	at     time.Time
	copies []*keyCopy
}

// fresh says whether an exchange belongs to this look: a core look is
// completed with those of an older one.
func (f *keyFold) fresh(e *holdfast.Exchange) bool { return fresh(f.kase, e) }

func fresh(c *judge.Case, e *holdfast.Exchange) bool { return e.Sent.After(c.Past.Until) }

func (f *keyFold) keys() {
	var seen []holdfast.EditionPast
	everywhere := map[string]int{}
	for _, v := range f.copies {
		for _, id := range v.ids {
			everywhere[id]++
			f.see(id, v.keys[id])
		}
		seen = append(seen, v.edition())
	}
	for i := range f.past.Keys {
		k := &f.past.Keys[i]
		switch n := everywhere[k.ID]; {
		case len(f.copies) == 0:
		case n == 0 && k.Gone.IsZero():
			k.Gone = f.at
			if !k.Active.IsZero() && k.Retired.IsZero() {
				k.Retired = f.at
			}
		case n == len(f.copies) && k.Everywhere.IsZero():
			k.Everywhere = f.at
		}
	}
	f.past.Keys = bounded(f.past.Keys, maxKeys, func(k holdfast.KeyPast) time.Time { return k.Gone })
	if f.follows(holdfast.ClassDNSKEY, seen) {
		f.editions(holdfast.ClassDNSKEY, seen, f.past.Until)
	}
}

// follows says whether editions of a class are worth keeping: a zone that was
// never seen signed has none.
func (f *keyFold) follows(class holdfast.Class, seen []holdfast.EditionPast) bool {
	some := func(e holdfast.EditionPast) bool { return len(e.Members) > 0 || len(e.Signers) > 0 }
	return slices.ContainsFunc(seen, some) || slices.ContainsFunc(f.past.Editions, func(e holdfast.EditionPast) bool {
		return e.Of == class || e.Of == holdfast.ClassDS && len(e.Members) > 0
	})
}

// see takes in a key that a server gives.
func (f *keyFold) see(id string, key wire.DNSKEY) {
	i := slices.IndexFunc(f.past.Keys, func(k holdfast.KeyPast) bool { return k.ID == id })
	if i < 0 {
		plain := key
		plain.Flags &^= wire.FlagRevoke
		f.past.Keys = append(f.past.Keys, holdfast.KeyPast{ID: id, Flags: plain.Flags, Algorithm: key.Algorithm, Tag: plain.KeyTag(), Absent: f.past.Until, Published: f.at})
		i = len(f.past.Keys) - 1
	}
	k := &f.past.Keys[i]
	if !k.Gone.IsZero() { // published again: a new life
		*k = holdfast.KeyPast{ID: k.ID, Flags: k.Flags, Algorithm: k.Algorithm, Tag: k.Tag, Absent: f.past.Until, Published: f.at}
	}
	if revoked := key.Flags&wire.FlagRevoke != 0; revoked && k.Revoked.IsZero() {
		k.Revoked = f.at
	}
}

// ds takes in what the parent's servers say, where this look asked them.
func (f *keyFold) ds() {
	asked := false
	var seen []holdfast.EditionPast
	found := map[string]bool{}
	for _, purpose := range []holdfast.Purpose{holdfast.PurposeDS, holdfast.PurposeReferral} {
		for _, r := range f.kase.Replies(f.kase.Parent, purpose) {
			asked = asked || r.Exchange.Question.Name == f.kase.Zone && f.fresh(r.Exchange)
		}
	}
	if !asked {
		return
	}
	for _, link := range f.kase.Chain.Links {
		if link.Exchange < 0 || !f.fresh(f.kase.Reply(link.Exchange).Exchange) || link.Status != holdfast.Secure && link.Status != holdfast.Insecure || len(link.DS) > maxDS {
			continue
		}
		e := holdfast.EditionPast{Of: holdfast.ClassDS, Expires: link.FailsAt}
		if link.Set != nil {
			e.TTL, e.Expires = link.Set.RRset.TTL, link.Set.Dies()
		}
		for _, ds := range link.DS {
			id := DSID(ds)
			found[id] = true
			e.Members = append(e.Members, id)
			if !slices.ContainsFunc(f.past.DS, func(d holdfast.DSPast) bool { return d.ID == id && d.Gone.IsZero() }) {
				f.past.DS = slices.DeleteFunc(f.past.DS, func(d holdfast.DSPast) bool { return d.ID == id })
				f.past.DS = append(f.past.DS, holdfast.DSPast{ID: id, DS: ds, Absent: f.past.Full, Published: f.at})
			}
		}
		seen = append(seen, e)
	}
	f.resolve()
	if len(seen) > 0 {
		for i := range f.past.DS {
			if d := &f.past.DS[i]; d.Gone.IsZero() && !found[d.ID] {
				d.Gone = f.at
			}
		}
	}
	f.past.DS = bounded(f.past.DS, maxDS, func(d holdfast.DSPast) time.Time { return d.Gone })
	if f.follows(holdfast.ClassDS, seen) {
		f.editions(holdfast.ClassDS, seen, f.past.Full)
	}
}

// resolve finds the keys that DS records name.
func (f *keyFold) resolve() {
	for i := range f.past.DS {
		d := &f.past.DS[i]
		for _, v := range f.copies {
			if d.Key == "" {
				d.Key = v.named(f.kase.Zone, d.DS)
			}
		}
	}
}

// signed takes in who signs the zone's data.
func (f *keyFold) signed() {
	f.resolve() // a key may have come after its DS
	var seen []holdfast.EditionPast
	active := map[string]bool{}
	for _, v := range f.copies {
		for _, id := range v.signers {
			active[id] = true
		}
		if len(v.data.Signers) > 0 {
			seen = append(seen, v.data)
			for _, id := range v.data.Signers {
				active[id] = true
			}
		}
	}
	for i := range f.past.Keys {
		k := &f.past.Keys[i]
		switch {
		case len(seen) == 0 || !k.Gone.IsZero():
		case active[k.ID]:
			if k.Active.IsZero() {
				k.Active = f.at
			}
			k.Retired = time.Time{}
		case !k.Active.IsZero() && k.Retired.IsZero():
			k.Retired = f.at
		}
	}
	f.editions(holdfast.ClassSOA, seen, f.past.Until)
}

// cds notes since when the zone asks what it asks. Servers that do not agree
// ask for nothing.
func (f *keyFold) cds() {
	var said []string
	for _, v := range f.kase.Servers {
		r, ok := f.kase.At(v, holdfast.PurposeCDS)
		if !ok || !f.fresh(r.Exchange) || !r.OK() || !r.Message.Authoritative {
			continue
		}
		id := ""
		if set := f.kase.Answer(r, f.kase.Zone, wire.TypeCDS); set != nil {
			var parts []string
			for _, record := range set.Records {
				parts = append(parts, string(record.Data))
			}
			slices.Sort(parts)
			id = digest([]byte(strings.Join(parts, "")))
		}
		if !slices.Contains(said, id) {
			said = append(said, id)
		}
	}
	if len(said) == 1 && said[0] != f.past.CDS.ID {
		f.past.CDS = holdfast.CDSPast{ID: said[0], Since: f.at}
		if said[0] == "" {
			f.past.CDS = holdfast.CDSPast{}
		}
	}
}

// editions takes in the editions of a class that a look found. last is the
// look before which learnt of the class. Where this one learnt nothing, those
// known stay, and it is noted since when they were not seen.
func (f *keyFold) editions(class holdfast.Class, seen []holdfast.EditionPast, last time.Time) {
	all := f.past.Editions
	taken := make([]bool, len(all))
	for _, e := range seen {
		slices.Sort(e.Members)
		slices.Sort(e.Signers)
		e.Published = f.at
		i := slices.IndexFunc(all, func(have holdfast.EditionPast) bool {
			return have.Of == e.Of && have.TTL == e.TTL && slices.Equal(have.Members, e.Members) && slices.Equal(have.Signers, e.Signers)
		})
		switch {
		case i < 0:
			all, taken = append(all, e), append(taken, true)
			continue
		case !all[i].Here():
			all[i] = e
		default:
			if all[i].Quiet = (time.Time{}); e.Expires.After(all[i].Expires) {
				all[i].Expires = e.Expires
			}
		}
		taken[i] = true
	}
	for i := range all {
		switch e := &all[i]; {
		case e.Of != class || !e.Here() || taken[i]:
		case len(seen) > 0:
			e.Last, e.Gone, e.Quiet = cmp.Or(e.Quiet, last), f.at, time.Time{}
		case e.Quiet.IsZero():
			e.Quiet = last
		}
	}
	rest := slices.DeleteFunc(slices.Clone(all), func(e holdfast.EditionPast) bool { return e.Of == class })
	own := slices.DeleteFunc(all, func(e holdfast.EditionPast) bool { return e.Of != class })
	f.past.Editions = append(rest, bounded(own, maxEditions, func(e holdfast.EditionPast) time.Time { return e.Gone })...)
	slices.SortStableFunc(f.past.Editions, func(a, b holdfast.EditionPast) int { return cmp.Compare(a.Of, b.Of) })
}

// bounded keeps at most so many: those that are there, then those that went
// last.
func bounded[T any](all []T, most int, gone func(T) time.Time) []T {
	if len(all) <= most {
		return all
	}
	rank := func(v T) int64 {
		if g := gone(v); !g.IsZero() {
			return -g.Unix()
		}
		return -1 << 62
	}
	slices.SortStableFunc(all, func(a, b T) int { return cmp.Compare(rank(a), rank(b)) })
	return all[:most]
}
