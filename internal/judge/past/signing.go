package past

import (
	"cmp"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

// renewalSlack is how exactly the time of a renewal is taken: where the looks
// before and after it lie further apart, its inception says more.
const renewalSlack = 6 * time.Hour

// signingKey is the key under which Signing is shared.
type signingKey struct{}

func foldSigning(c *judge.Case) []holdfast.SigningPast { return Signing(c) }

// Signing is what is known of how the zone signs, this look included. The
// answer is shared and must not be written to.
func Signing(c *judge.Case) []holdfast.SigningPast {
	return judge.Shared(c, signingKey{}, func() []holdfast.SigningPast {
		out := slices.Clone(c.Past.Signing)
		for _, seen := range observe(c) {
			i := slices.IndexFunc(out, func(s holdfast.SigningPast) bool { return s.Class == seen.class })
			if i < 0 {
				if len(out) >= holdfast.MaxSigningClasses {
					continue
				}
				out = append(out, holdfast.SigningPast{Class: seen.class})
				i = len(out) - 1
			}
			out[i] = fold(c, out[i], seen)
			out[i].Trials = foldTrials(c, out[i].Trials, seen.sets)
		}
		slices.SortFunc(out, func(a, b holdfast.SigningPast) int { return cmp.Compare(a.Class, b.Class) })
		return out
	})
}

// observation is what a look shows of one class, over all servers.
type observation struct {
	class  holdfast.Class
	newest *judge.Signature // the good signature that began last
	dies   time.Time        // the first death of a server's last signature
	sets   []*judge.Set     // in the order in which they were asked for
}

// observe gathers the RRsets that came with this look, by class.
func observe(c *judge.Case) []observation {
	var out []observation
	for _, s := range watched(c) {
		if !c.Measurement.Exchanges[s.set.Exchange].Sent.After(c.Past.Until) {
			continue
		}
		i := slices.IndexFunc(out, func(o observation) bool { return o.class == s.class })
		if i < 0 {
			out = append(out, observation{class: s.class})
			i = len(out) - 1
		}
		o := &out[i]
		o.sets = append(o.sets, s.set)
		if s.set.Best < 0 {
			continue
		}
		if dies := s.set.Dies(); o.dies.IsZero() || dies.Before(o.dies) {
			o.dies = dies
		}
		best := &s.set.Signatures[s.set.Best]
		if s.set.Status == holdfast.Secure && (o.newest == nil || best.Inception.After(o.newest.Inception)) {
			o.newest = best
		}
	}
	for i := range out {
		slices.SortStableFunc(out[i].sets, func(a, b *judge.Set) int {
			return c.Measurement.Exchanges[a.Exchange].Sent.Compare(c.Measurement.Exchanges[b.Exchange].Sent)
		})
	}
	return out
}

type watchedSet struct {
	class holdfast.Class
	set   *judge.Set
}

// watched are the RRsets that are the same ones in every look: of the proofs
// only that at the apex, and of the parent the DS or the proof of none.
func watched(c *judge.Case) []watchedSet {
	var out []watchedSet
	for i := range c.Chain.Links {
		l := &c.Chain.Links[i]
		if l.Set != nil {
			out = append(out, watchedSet{holdfast.ClassDS, l.Set})
		} else if l.Denial != nil {
			for _, s := range l.Denial.Sets {
				if s.Class == holdfast.ClassDenial {
					out = append(out, watchedSet{holdfast.ClassDS, s})
				}
			}
		}
	}
	for i := range c.Chain.Servers {
		sc := &c.Chain.Servers[i]
		if !sc.KeysTrusted {
			continue
		}
		for _, s := range sc.Sets {
			if s.Class != holdfast.ClassDenial || c.Measurement.Exchanges[s.Exchange].Purpose == holdfast.PurposeNoData {
				out = append(out, watchedSet{s.Class, s})
			}
		}
	}
	return out
}

// fold takes what a look shows of a class into what is known of it.
func fold(c *judge.Case, s holdfast.SigningPast, seen observation) holdfast.SigningPast {
	if n := seen.newest; n != nil && n.Inception.After(s.Inception) {
		if !s.Inception.IsZero() {
			s = renewed(s, n, when(c, n.Inception))
		}
		s.Inception, s.Expiration = n.Inception, n.Expiration
	}
	if seen.dies.IsZero() {
		return s
	}
	if !s.Dies.IsZero() && seen.dies.After(s.Dies) && len(s.Renewals) > 0 {
		left := s.Dies.Sub(when(c, s.Inception))
		last := &s.Renewals[len(s.Renewals)-1]
		if last.Least == 0 || left < last.Least {
			s.Renewals = slices.Clone(s.Renewals)
			s.Renewals[len(s.Renewals)-1].Least = left
		}
	}
	s.Dies = seen.dies
	return s
}

// when is the time at which signatures that are seen for the first time in
// this look came: now, unless nobody looked for long.
func when(c *judge.Case, inception time.Time) time.Time {
	if c.Instant.Sub(c.Past.Until) <= renewalSlack || !inception.After(c.Past.Until) || inception.After(c.Instant) {
		return c.Instant
	}
	return inception
}

// renewed notes that newer signatures were seen.
func renewed(s holdfast.SigningPast, by *judge.Signature, at time.Time) holdfast.SigningPast {
	r := holdfast.Renewal{At: at, Left: s.Expiration.Sub(at), Life: by.Expiration.Sub(by.Inception)}
	if !s.Renewed.IsZero() {
		r.Gap = at.Sub(s.Renewed)
	}
	s.Renewed = at
	s.Renewals = slices.Clone(s.Renewals)
	if n := len(s.Renewals); n > 0 && sameDay(s.Renewals[n-1].At, at) {
		day := &s.Renewals[n-1]
		day.Gap, day.Left, day.Life = max(day.Gap, r.Gap), min(day.Left, r.Left), r.Life
		return s
	}
	s.Renewals = append(s.Renewals, r)
	s.Renewals = s.Renewals[max(0, len(s.Renewals)-holdfast.MaxRenewals):]
	return s
}

func sameDay(a, b time.Time) bool { return dayOf(a) == dayOf(b) }

// dayOf counts days (UTC) since 1970.
func dayOf(t time.Time) int64 { return t.Unix() / 86400 }

// Watched are the RRsets of a class that are the same ones in every look. The
// list is shared and must not be written to.
func Watched(c *judge.Case, class holdfast.Class) []*judge.Set {
	type key struct{}
	return judge.Shared(c, key{}, func() map[holdfast.Class][]*judge.Set {
		out := make(map[holdfast.Class][]*judge.Set)
		for _, s := range watched(c) {
			out[s.class] = append(out[s.class], s.set)
		}
		return out
	})[class]
}
