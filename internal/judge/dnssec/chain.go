package dnssec

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

// chain validates the case.
func (r *reader) chain() *judge.Chain {
	c := &judge.Chain{}
	trust := r.delegation(c)
	rings := make([]*keyring, len(r.kase.Servers))
	var lender *keyring
	for i, server := range r.kase.Servers {
		sc, ring := r.keysOf(server, trust)
		if rings[i] = ring; lender == nil && sc.KeysTrusted && sc.KeySet.Status == holdfast.Secure {
			lender = ring
		}
		c.Servers = append(c.Servers, sc)
	}
	for i := range c.Servers {
		r.server(&c.Servers[i], rings[i], lender, c.Link)
	}
	c.Hosts = r.hosts()
	r.windows(c)
	r.rollUp(c)
	return c
}

// delegation finds what the zone's keys are to be measured by: a trust anchor
// for the zone itself, the parent's DS, or the roster's. It is nil where the
// zone is not secure, and c.Link says why.
func (r *reader) delegation(c *judge.Chain) *trust {
	kase := r.kase
	anchor := r.validator.anchorFor(kase.Zone)
	c.Link = judge.Link{Exchange: -1}
	switch {
	case anchor == nil:
		c.Link.Status, c.Link.EDE = holdfast.Indeterminate, edeUnknown
		c.Link.Reason = fmt.Sprintf("there is no trust anchor at or above %s", kase.Zone)
		return nil
	case anchor.zone == kase.Zone:
		c.Link.Status, c.Link.DS = holdfast.Secure, anchor.ds
		if !anchor.followable() {
			c.Link.Status, c.Link.EDE = holdfast.Insecure, unsupported(anchor.ds)
			c.Link.Reason = "the trust anchor is of no supported algorithm and digest"
			return nil
		}
		return anchor
	}
	if d := kase.Measurement.Subject.Delegation; d != nil && !r.askedForDS() {
		return byRoster(c, kase.Zone, d)
	}
	above := r.above(anchor)
	if above.status != holdfast.Secure {
		c.Link.Status, c.Link.EDE, c.Link.Reason, c.Link.FailsAt = above.status, above.ede, above.reason, above.dies
		return nil
	}
	c.Links = r.linksTo(kase.Zone, above.ring, above.dies)
	c.Link = bestLink(c.Links)
	if c.Link.Status != holdfast.Secure {
		return nil
	}
	return &trust{zone: kase.Zone, ds: c.Link.DS}
}

func (r *reader) askedForDS() bool {
	for i := range r.kase.Measurement.Exchanges {
		e := &r.kase.Measurement.Exchanges[i]
		if e.Purpose == holdfast.PurposeDS && e.Question.Name == r.kase.Zone {
			return true
		}
	}
	return false
}

// byRoster takes the delegation given with the subject, where no parent was
// asked: a zone tested before it is delegated, or a core look without a base.
func byRoster(c *judge.Chain, zone holdfast.Name, d *holdfast.Delegation) *trust {
	c.Link.DS = d.DS
	switch {
	case len(d.DS) == 0:
		c.Link.Status, c.Link.Reason = holdfast.Insecure, "the delegation given has no DS record"
	case len(usable(d.DS)) == 0:
		c.Link.Status, c.Link.EDE = holdfast.Insecure, unsupported(d.DS)
		c.Link.Reason = "no DS record given is of a supported algorithm and digest"
	default:
		c.Link.Status = holdfast.Secure
		return &trust{zone: zone, ds: d.DS}
	}
	return nil
}

// server finishes a server's part of the chain. lender are keys of another
// server, for one whose DNSKEY answer did not arrive: a resolver asks again
// elsewhere.
func (r *reader) server(sc *judge.ServerChain, ring, lender *keyring, link judge.Link) {
	if !sc.Reachable {
		if sc.Reason == "" {
			sc.Reason = "it was asked nothing that tells"
		}
		return
	}
	if link.Status != holdfast.Secure {
		sc.Status, sc.EDE, sc.Reason, sc.Cause = link.Status, link.EDE, link.Reason, link.Cause
		return
	}
	if ring == nil && !sc.KeysAnswered && lender != nil {
		ring, sc.Borrowed, sc.KeysTrusted = lender, true, true
	}
	if ring != nil && sc.KeysTrusted {
		r.content(sc, ring)
	}
	r.decide(sc, ring)
}

// windows lists the lives of signatures and finds when each server fails.
func (r *reader) windows(c *judge.Chain) {
	for i := range c.Links {
		if w, ok := linkWindow(&c.Links[i]); ok {
			c.Windows = append(c.Windows, w)
		}
	}
	for i := range c.Servers {
		sc := &c.Servers[i]
		if sc.KeysTrusted {
			c.Windows = append(c.Windows, serverWindows(sc)...)
		}
		sc.FailsAt, sc.FailsBy = r.failure(sc)
	}
}

// failure is the instant at which the server's first class dies. Where the
// server is bogus already, it is the instant at which it became so by time, and
// zero where time did not do it.
func (r *reader) failure(sc *judge.ServerChain) (at time.Time, by holdfast.Class) {
	for _, s := range sc.Sets {
		dies := s.Dies()
		if dies.IsZero() || sc.Status == holdfast.Bogus && !r.kase.Passed(dies) {
			continue
		}
		if at.IsZero() || dies.Before(at) {
			at, by = dies, s.Class
		}
	}
	return at, by
}

// serverWindows is one window a class: of its RRsets, the one that dies first.
func serverWindows(sc *judge.ServerChain) []holdfast.Window {
	var out []holdfast.Window
	for _, s := range sc.Sets {
		if s.Best < 0 {
			continue
		}
		w := windowOf(s, sc.Server)
		i := slices.IndexFunc(out, func(have holdfast.Window) bool { return have.Class == s.Class })
		switch {
		case i < 0:
			out = append(out, w)
		case w.Expiration.Before(out[i].Expiration):
			out[i] = w
		}
	}
	return out
}

func windowOf(s *judge.Set, server holdfast.Server) holdfast.Window {
	sig := s.Signatures[s.Best]
	return holdfast.Window{
		Server: server, Class: s.Class, Inception: sig.Inception, Expiration: sig.Expiration,
		KeyTag: sig.KeyTag, Algorithm: sig.Algorithm, Signer: sig.Signer, TTL: s.RRset.TTL,
	}
}

// linkWindow is the life of the DS RRset at a parent server, or of the proof
// that there is none.
func linkWindow(link *judge.Link) (holdfast.Window, bool) {
	set := link.Set
	if set == nil && link.Denial != nil {
		for _, s := range link.Denial.Sets {
			if s.Class == holdfast.ClassDenial && s.Best >= 0 && (set == nil || s.Dies().Before(set.Dies())) {
				set = s
			}
		}
	}
	if set == nil || set.Best < 0 {
		return holdfast.Window{}, false
	}
	w := windowOf(set, link.Server)
	w.Class = holdfast.ClassDS
	return w, true
}

// rollUp gives the zone its status and its time to failure.
func (r *reader) rollUp(c *judge.Chain) {
	rank := map[holdfast.Status]int{holdfast.Secure: 4, holdfast.Insecure: 3, holdfast.Indeterminate: 2, holdfast.Bogus: 1}
	taken := 0
	var silent []string
	for i := range c.Servers {
		sc := &c.Servers[i]
		for _, k := range sc.Keys {
			if !slices.Contains(c.Algorithms, k.Algorithm) {
				c.Algorithms = append(c.Algorithms, k.Algorithm)
			}
		}
		if !sc.Reachable {
			if !slices.Contains(silent, sc.Reason) {
				silent = append(silent, sc.Reason)
			}
			continue
		}
		if rank[sc.Status] > taken {
			taken = rank[sc.Status]
			c.Status, c.EDE, c.Reason, c.Cause = sc.Status, sc.EDE, sc.Reason, sc.Cause
		}
	}
	slices.Sort(c.Algorithms)
	if taken == 0 {
		c.Status, c.EDE = holdfast.Unreached, edeNoServer
		c.Reason = "no server answered"
		if len(silent) > 0 {
			c.Reason += " (" + strings.Join(silent, "; ") + ")"
		}
	}
	// What the parent says stands even where the zone's servers are silent.
	if c.Link.Status == holdfast.Bogus {
		c.Status, c.EDE, c.Reason, c.Cause = c.Link.Status, c.Link.EDE, c.Link.Reason, c.Link.Cause
	}
	r.failsFirst(c)
}

// failsFirst is the earliest failure over the servers and the chain above
// them. A zone that is bogus already has only what brought it there.
func (r *reader) failsFirst(c *judge.Chain) {
	consider := func(at time.Time, by holdfast.Class) {
		if at.IsZero() || c.Status == holdfast.Bogus && !r.kase.Passed(at) {
			return
		}
		if c.FailsAt.IsZero() || at.Before(c.FailsAt) {
			c.FailsAt, c.FailsBy = at, by
		}
	}
	for i := range c.Servers {
		consider(c.Servers[i].FailsAt, c.Servers[i].FailsBy)
	}
	consider(c.Link.FailsAt, holdfast.ClassDS)
}
