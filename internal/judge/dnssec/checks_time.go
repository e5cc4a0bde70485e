package dnssec

import (
	"fmt"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/judge/past"
)

func signatureExpired(p Policy) judge.Check {
	return judge.Check{
		Code: codeExpired, Name: "signature-expired", Severity: holdfast.SeverityCritical,
		Reference: "RFC 4035 section 5.3.1",
		Summary:   "no RRset's last signature has expired, by class and server",
		Judge: func(c *judge.Case) []holdfast.Finding {
			g := aboutSets(c, func(_ *judge.ServerChain, s *judge.Set) (holdfast.Finding, bool) {
				if s.Status == holdfast.Secure || s.Fault != judge.FaultExpired {
					return holdfast.Finding{}, false
				}
				return holdfast.Finding{
					Severity: holdfast.SeverityError, EDE: edeExpired, Until: s.Dies(),
					Text: fmt.Sprintf("the last signature over the %s RRset expired at %s", s.Class, stamp(s.Dies())),
				}, true
			})
			of := c.Chain.Reachable()
			for _, class := range g.order {
				if float64(len(g.each[class])) < p.ExpiredQuorum*float64(of) {
					continue
				}
				for i := range g.each[class] {
					g.each[class][i].Severity = holdfast.SeverityCritical
				}
			}
			return g.spread(of, holdfast.SeverityCritical)
		},
	}
}

// life is what is left of one class at one server: its RRset that dies first.
type life struct {
	server   holdfast.Server
	class    holdfast.Class
	dies     time.Time
	span     time.Duration
	evidence []int
}

// level is how grave the life left is, by itself (check catalogue, section 8);
// SeverityInfo where it is not. Where the zone is known to renew its signatures
// with no more life left than this, it is not alarming: nothing is said above
// the usual minimum, and nothing critical above half of it.
func (l life) level(c *judge.Case, p Policy, maxTTL time.Duration) holdfast.Severity {
	share := func(f float64) time.Duration { return time.Duration(f * float64(l.span)) }
	critical := min(max(p.CriticalLeft, maxTTL), share(p.CriticalShare))
	grave := min(p.ErrorLeft, share(p.ErrorShare))
	warning := min(p.WarningLeft, share(p.WarningShare))
	if usual := usualLeast(c, l.class); usual > 0 {
		critical = min(critical, usual/2)
		// A look sees a renewal a little late, so that the least life seen is
		// a little less than what is usual.
		usual -= min(time.Hour, share(0.02))
		grave, warning = min(grave, usual), min(warning, usual)
	}
	switch {
	case c.Within(l.dies, critical):
		return holdfast.SeverityCritical
	case c.Within(l.dies, grave):
		return holdfast.SeverityError
	case c.Within(l.dies, warning):
		return holdfast.SeverityWarning
	}
	return holdfast.SeverityInfo
}

// usualLeast is the least life that signatures of a class usually have left on
// any server before they are renewed; 0 where it is not known.
func usualLeast(c *judge.Case, class holdfast.Class) time.Duration {
	if h, ok := habits(c)[class]; ok {
		return h.Least
	}
	return 0
}

type habitsKey struct{}

// habits are those of the zone's signers, by class, as earlier looks taught.
func habits(c *judge.Case) map[holdfast.Class]past.Habit {
	return judge.Shared(c, habitsKey{}, func() map[holdfast.Class]past.Habit {
		out := make(map[holdfast.Class]past.Habit)
		for _, s := range c.Past.Signing {
			if h, ok := past.HabitOf(s); ok {
				out[s.Class] = h
			}
		}
		return out
	})
}

// lives are those of a server's good RRsets, one a class.
func lives(sc *judge.ServerChain) []life {
	var out []life
next:
	for _, s := range sc.Sets {
		if s.Status != holdfast.Secure {
			continue
		}
		l := life{server: sc.Server, class: s.Class, dies: s.Dies(), span: s.Life(), evidence: evidence(sc, s)}
		for i := range out {
			if out[i].class != l.class {
				continue
			}
			if l.dies.Before(out[i].dies) {
				out[i] = l
			}
			continue next
		}
		out = append(out, l)
	}
	return out
}

// highestTTL is the highest original TTL among the zone's RRsets: for so long
// a resolver may keep what it fetched.
func highestTTL(c *judge.Case) time.Duration {
	var highest uint32
	for i := range c.Chain.Servers {
		for _, s := range c.Chain.Servers[i].Sets {
			if s.Best >= 0 {
				highest = max(highest, s.Signatures[s.Best].OriginalTTL)
			}
		}
	}
	return time.Duration(highest) * time.Second
}

func signatureExpiring(p Policy) judge.Check {
	return judge.Check{
		Code: codeExpiring, Name: "signature-expiring", Severity: holdfast.SeverityWarning,
		Reference: "RFC 6781 section 4.4.2",
		Summary:   "the last signature of each RRset class has enough of its life left, by server",
		Judge: func(c *judge.Case) []holdfast.Finding {
			byClass := make(map[holdfast.Class][]life)
			var order []holdfast.Class
			for i := range c.Chain.Servers {
				for _, l := range lives(&c.Chain.Servers[i]) {
					if byClass[l.class] == nil {
						order = append(order, l.class)
					}
					byClass[l.class] = append(byClass[l.class], l)
				}
			}
			var out []holdfast.Finding
			for _, class := range order {
				out = append(out, expiring(c, p, byClass[class], highestTTL(c))...)
			}
			return out
		},
	}
}

// expiring judges one class over the servers that show it. It is critical only
// where every one of them dies: a server that lags is an error at most, for
// resolvers go to the others.
func expiring(c *judge.Case, p Policy, all []life, maxTTL time.Duration) []holdfast.Finding {
	levels := make([]holdfast.Severity, len(all))
	mildest, gravest := holdfast.SeverityCritical, holdfast.SeverityInfo
	for i, l := range all {
		levels[i] = l.level(c, p, maxTTL)
		mildest, gravest = min(mildest, levels[i]), max(gravest, levels[i])
	}
	if gravest == holdfast.SeverityInfo {
		return nil
	}
	var each []holdfast.Finding
	for i, l := range all {
		if levels[i] == holdfast.SeverityInfo {
			continue
		}
		severity := min(levels[i], holdfast.SeverityError)
		if mildest == holdfast.SeverityInfo && c.Within(l.dies, p.LaggingLeft) {
			severity = holdfast.SeverityError
		}
		each = append(each, dying(l, l.server, severity))
	}
	whole := gravest
	if mildest != holdfast.SeverityCritical {
		whole = min(gravest, holdfast.SeverityError)
	}
	first := all[0]
	for _, l := range all {
		if l.dies.Before(first.dies) {
			first = l
		}
	}
	out := judge.Spread(each, len(all), whole, dying(first, holdfast.Server{}, whole).Text)
	for i := range out {
		if out[i].RRset != holdfast.ClassDS && !out[i].RRset.Essential() {
			out[i].Severity = min(out[i].Severity, holdfast.SeverityWarning)
		}
	}
	return out
}

func dying(l life, server holdfast.Server, severity holdfast.Severity) holdfast.Finding {
	text := fmt.Sprintf("on every server the last signature over the %s RRset expires, on the first at %s", l.class, stamp(l.dies))
	if server != (holdfast.Server{}) {
		text = fmt.Sprintf("the last signature over the %s RRset expires at %s: the server becomes bogus then unless it is given newer ones", l.class, stamp(l.dies))
	}
	return holdfast.Finding{
		Severity: severity, Server: server, RRset: l.class, Until: l.dies, Evidence: l.evidence, Text: text,
	}
}

func signatureShorterThanExpire() judge.Check {
	return judge.Check{
		Code: codeShort, Name: "signature-shorter-than-soa-expire", Severity: holdfast.SeverityNotice,
		Reference: "RFC 6781 section 4.4.1",
		Summary:   "signatures outlive the SOA expire value plus the highest TTL, so that a secondary cut off from its primary stops before it turns bogus",
		Unless:    []string{codeExpired},
		Judge: func(c *judge.Case) []holdfast.Finding {
			var first life
			var expire uint32
			for i := range c.Chain.Servers {
				sc := &c.Chain.Servers[i]
				if soa, ok := c.SOA(sc.Server); ok {
					expire = max(expire, soa.Expire)
				}
				for _, l := range lives(sc) {
					if l.class.Essential() && (first.dies.IsZero() || l.dies.Before(first.dies)) {
						first = l
					}
				}
			}
			maxTTL := highestTTL(c)
			if first.dies.IsZero() || !c.Within(first.dies, time.Duration(expire)*time.Second+maxTTL) {
				return nil
			}
			return []holdfast.Finding{{
				Severity: holdfast.SeverityNotice, RRset: holdfast.ClassSOA, Evidence: first.evidence,
				Text: fmt.Sprintf("a secondary cut off from its primary would serve expired signatures before it stops: they live shorter than the SOA expire value (%d s) and the highest TTL (%d s) together", expire, int(maxTTL.Seconds())),
			}}
		},
	}
}

func signatureNotYetValid(p Policy) judge.Check {
	return judge.Check{
		Code: codeNotYet, Name: "signature-not-yet-valid", Severity: holdfast.SeverityError,
		Reference: "RFC 4034 section 3.1.5",
		Summary:   "signatures begin in the past, beyond the skew of validators' clocks, and end after they begin",
		Judge: func(c *judge.Case) []holdfast.Finding {
			return aboutSets(c, func(_ *judge.ServerChain, s *judge.Set) (holdfast.Finding, bool) {
				sig, found := has(s, judge.FaultNotYet, judge.FaultWindow)
				switch {
				case found:
					f := holdfast.Finding{Severity: holdfast.SeverityNotice, Until: sig.Inception}
					f.Text = fmt.Sprintf("a signature over the %s RRset is not valid before %s", s.Class, stamp(sig.Inception))
					if sig.Fault == judge.FaultWindow {
						f.Until = time.Time{}
						f.Text = fmt.Sprintf("a signature over the %s RRset expires at %s, before it begins at %s", s.Class, stamp(sig.Expiration), stamp(sig.Inception))
					}
					if s.Status != holdfast.Secure && (s.Fault == judge.FaultNotYet || s.Fault == judge.FaultWindow) {
						f.Severity, f.EDE = holdfast.SeverityError, s.EDE
					}
					return f, true
				case s.Status == holdfast.Secure && !c.Passed(s.Signatures[s.Best].Inception.Add(p.Skew)):
					return holdfast.Finding{
						Severity: holdfast.SeverityNotice,
						Text:     fmt.Sprintf("the signatures over the %s RRset begin at the moment of signing: validators whose clocks are behind refuse them", s.Class),
					}, !olderSignature(s, c.Instant.Add(-p.Skew))
				}
				return holdfast.Finding{}, false
			}).spread(c.Chain.Reachable(), holdfast.SeverityCritical)
		},
	}
}

// olderSignature says whether a good signature of the set began before an
// instant.
func olderSignature(s *judge.Set, before time.Time) bool {
	for _, sig := range s.Signatures {
		if sig.Fault == judge.FaultNone && !sig.Inception.After(before) {
			return true
		}
	}
	return false
}

func parentSignature(p Policy) judge.Check {
	return judge.Check{
		Code: codeParent, Name: "parent-signature", Severity: holdfast.SeverityCritical,
		Reference: "RFC 4035 section 3.1.4.1",
		Summary:   "the parent's servers give signed DS records, or a signed proof that there are none, with enough of their life left",
		Unless:    []string{codeChain},
		Judge: func(c *judge.Case) []holdfast.Finding {
			var broken []holdfast.Finding
			var all []life
			of := 0
			for i := range c.Chain.Links {
				l := &c.Chain.Links[i]
				if l.Status != holdfast.Indeterminate {
					of++
				}
				if l.Status == holdfast.Bogus {
					broken = append(broken, holdfast.Finding{
						Severity: holdfast.SeverityError, Server: l.Server, RRset: holdfast.ClassDS, EDE: l.EDE,
						Until: l.FailsAt, Text: l.Reason, Evidence: []int{l.Exchange},
					})
				} else if w, ok := linkWindow(l); ok {
					all = append(all, life{server: l.Server, class: holdfast.ClassDS, dies: w.Expiration, span: w.Expiration.Sub(w.Inception), evidence: []int{l.Exchange}})
				}
			}
			if len(broken) > 0 {
				return judge.Spread(broken, of, holdfast.SeverityCritical, broken[0].Text)
			}
			if len(all) == 0 {
				return nil
			}
			return expiring(c, p, all, 0)
		},
	}
}
