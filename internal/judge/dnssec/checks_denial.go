package dnssec

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// aboutDenials gathers what a function finds in the negative answers of each
// server, by what resolvers lose by it.
func aboutDenials(c *judge.Case, find func(*judge.Denial) (holdfast.Finding, bool)) *gathered {
	g := &gathered{}
	for i := range c.Chain.Servers {
		sc := &c.Chain.Servers[i]
		for _, d := range sc.Denials {
			if !harmed(d).Essential() && slices.ContainsFunc(sc.Denials, func(o *judge.Denial) bool { return o.Fault == d.Fault && harmed(o).Essential() }) {
				continue // all denials fail so, and the others say it
			}
			if f, found := find(d); found {
				f.Server, f.RRset, f.Evidence = sc.Server, harmed(d), []int{d.Exchange}
				g.add(f)
			}
		}
	}
	return g
}

// harmed is the class of records that resolvers lose where a negative answer is
// bogus: whatever the zone denies, but for the types that nobody asks for save
// who maintains DS records, and for which the zone's other denials say nothing.
func harmed(d *judge.Denial) holdfast.Class {
	switch wire.Type(d.Question.Type) {
	case wire.TypeCDS, wire.TypeCDNSKEY, wire.TypeNSEC3PARAM:
		return holdfast.Class(wire.Type(d.Question.Type).String())
	}
	return holdfast.ClassDenial
}

// denialFault is a check for one way in which a proof fails.
func denialFault(check judge.Check, fault judge.DenialFault, text func(*judge.Denial) string) judge.Check {
	check.Severity = holdfast.SeverityCritical
	check.Judge = func(c *judge.Case) []holdfast.Finding {
		return aboutDenials(c, func(d *judge.Denial) (holdfast.Finding, bool) {
			return holdfast.Finding{Severity: holdfast.SeverityError, EDE: d.EDE, Text: text(d)},
				d.Fault == fault && causeOfDenial(d) == check.Code
		}).spread(c.Chain.Reachable(), holdfast.SeverityCritical)
	}
	return check
}

// denied is what a negative answer denies, without the name of the probe,
// which is another every sweep.
func denied(d *judge.Denial) string {
	if d.Purpose == holdfast.PurposeNXDomain {
		return "a name that does not exist"
	}
	return fmt.Sprintf("the type %s at the apex", wire.Type(d.Question.Type))
}

func denialMissing() judge.Check {
	return denialFault(judge.Check{
		Code: codeDenialMissing, Name: "denial-proof-missing",
		Reference: "RFC 4035 section 3.1.3",
		Summary:   "negative answers of a signed zone carry NSEC or NSEC3 records",
	}, judge.DenialMissing, func(d *judge.Denial) string {
		return "the answer for " + denied(d) + " carries no NSEC or NSEC3 record"
	})
}

func denialWrong() judge.Check {
	return denialFault(judge.Check{
		Code: codeDenialWrong, Name: "denial-proof-wrong",
		Reference: "RFC 5155 section 7.2, RFC 4035 section 3.1.3",
		Summary:   "the NSEC or NSEC3 records of negative answers prove what they must: closest encloser, next closer name, wildcard, type",
	}, judge.DenialWrong, func(d *judge.Denial) string {
		return fmt.Sprintf("the %s records in the answer for %s do not prove it", kindName(d), denied(d))
	})
}

func kindName(d *judge.Denial) string {
	if d.Kind == judge.DenialNSEC {
		return "NSEC"
	}
	return "NSEC3"
}

func denialUnsigned() judge.Check {
	return denialFault(judge.Check{
		Code: codeDenialUnsigned, Name: "denial-signature-invalid",
		Reference: "RFC 4035 section 5.4",
		Summary:   "the NSEC or NSEC3 records that prove negative answers are signed, and the signatures verify",
	}, judge.DenialUnsigned, func(d *judge.Denial) string {
		return fmt.Sprintf("the %s records in negative answers would prove them, but %s: unsigned names below the zone fail too", kindName(d), d.Reason)
	})
}

func denialContradicted() judge.Check {
	return denialFault(judge.Check{
		Code: codeDenialExists, Name: "denied-but-exists",
		Reference: "RFC 4035 section 5.4, RFC 5155 section 8",
		Summary:   "what a negative answer denies is not shown to exist by its own proof",
	}, judge.DenialExists, func(d *judge.Denial) string {
		return fmt.Sprintf("the %s records in the answer for %s show that it exists", kindName(d), denied(d))
	})
}

// hashing is what a server says of its NSEC3 parameters.
type hashing struct {
	server   holdfast.Server
	params   wire.NSEC3PARAM
	evidence []int
}

// hashings are the NSEC3 parameters in use, one a server: of those in its
// negative answers, the first.
func hashings(c *judge.Case) []hashing {
	var out []hashing
	for i := range c.Chain.Servers {
		for _, d := range c.Chain.Servers[i].Denials {
			if d.NSEC3 != nil {
				out = append(out, hashing{server: d.Server, params: *d.NSEC3, evidence: []int{d.Exchange}})
				break
			}
		}
	}
	return out
}

func nsec3Iterations(p Policy) judge.Check {
	return judge.Check{
		Code: codeIterations, Name: "nsec3-iterations", Severity: holdfast.SeverityWarning,
		Reference: "RFC 9276 section 3.1",
		Summary:   "NSEC3 takes no extra iterations; beyond what validators compute, negative answers are insecure",
		Judge: func(c *judge.Case) []holdfast.Finding {
			g := &gathered{}
			worst := holdfast.SeverityWarning
			for _, h := range hashings(c) {
				if h.params.Iterations == 0 {
					continue
				}
				f := holdfast.Finding{
					Severity: holdfast.SeverityWarning, Server: h.server, RRset: holdfast.ClassDenial, Evidence: h.evidence,
					Text: fmt.Sprintf("NSEC3 takes %d extra iterations; the standard asks for none", h.params.Iterations),
				}
				if h.params.Iterations > p.MaxIterations {
					f.Severity, f.EDE = holdfast.SeverityError, edeIterations
					f.Text = fmt.Sprintf("NSEC3 takes %d extra iterations: validators that stop at %d take the zone's negative answers as insecure", h.params.Iterations, p.MaxIterations)
					worst = holdfast.SeverityError
				}
				g.add(f)
			}
			return g.spread(len(hashings(c)), worst)
		},
	}
}

func nsec3Salt() judge.Check {
	return judge.Check{
		Code: codeSalt, Name: "nsec3-salt", Severity: holdfast.SeverityNotice,
		Reference: "RFC 9276 section 3.1",
		Summary:   "NSEC3 uses no salt",
		Judge: func(c *judge.Case) []holdfast.Finding {
			g := &gathered{}
			for _, h := range hashings(c) {
				if len(h.params.Salt) > 0 {
					g.add(holdfast.Finding{
						Severity: holdfast.SeverityNotice, Server: h.server, RRset: holdfast.ClassDenial, Evidence: h.evidence,
						Text: fmt.Sprintf("NSEC3 uses a salt of %d octets, which protects nothing", len(h.params.Salt)),
					})
				}
			}
			return g.spread(len(hashings(c)), holdfast.SeverityNotice)
		},
	}
}

func denialMixed() judge.Check {
	return judge.Check{
		Code: codeMixed, Name: "denial-mixed", Severity: holdfast.SeverityError,
		Reference: "RFC 5155 section 7.1",
		Summary:   "all servers deny with NSEC, or all with NSEC3",
		Judge: func(c *judge.Case) []holdfast.Finding {
			kinds := make(map[judge.DenialKind]int)
			var evidence []int
			for i := range c.Chain.Servers {
				var own []judge.DenialKind
				for _, d := range c.Chain.Servers[i].Denials {
					if d.Kind != judge.DenialNone && !slices.Contains(own, d.Kind) {
						own = append(own, d.Kind)
						kinds[d.Kind]++
						evidence = append(evidence, d.Exchange)
					}
				}
			}
			if len(kinds) < 2 {
				return nil
			}
			return []holdfast.Finding{{
				Severity: holdfast.SeverityError, RRset: holdfast.ClassDenial, Evidence: evidence, Count: min(kinds[judge.DenialNSEC], kinds[judge.DenialNSEC3]),
				Text: "some negative answers are proven with NSEC and some with NSEC3: the servers hold copies from before and after a change",
			}}
		},
	}
}

func nsec3ParamDiffers() judge.Check {
	return judge.Check{
		Code: codeParam, Name: "nsec3param-differs", Severity: holdfast.SeverityWarning,
		Reference: "RFC 5155 section 4",
		Summary:   "a server's NSEC3PARAM record is that of the NSEC3 records it answers with",
		Judge: func(c *judge.Case) []holdfast.Finding {
			g := &gathered{}
			for _, h := range hashings(c) {
				reply, ok := c.At(h.server, holdfast.PurposeNSEC3PARAM)
				if !ok || !reply.OK() {
					continue
				}
				found := false
				if set := c.Answer(reply, c.Zone, wire.TypeNSEC3PARAM); set != nil {
					for _, r := range set.Records {
						p, err := r.NSEC3PARAM()
						found = found || err == nil && p.Hash == h.params.Hash && p.Iterations == h.params.Iterations && bytes.Equal(p.Salt, h.params.Salt)
					}
				}
				if !found {
					g.add(holdfast.Finding{
						Severity: holdfast.SeverityWarning, Server: h.server, RRset: holdfast.ClassNSEC3PARAM, Evidence: append(h.evidence, reply.Index),
						Text: "the NSEC3 records in negative answers are not hashed as any NSEC3PARAM record says",
					})
				}
			}
			return g.spread(len(hashings(c)), holdfast.SeverityWarning)
		},
	}
}

func negativeSOA() judge.Check {
	return judge.Check{
		Code: codeNegativeSOA, Name: "negative-answer-soa", Severity: holdfast.SeverityWarning,
		Reference: "RFC 2308 section 3",
		Summary:   "negative answers carry the zone's own SOA record",
		Judge: func(c *judge.Case) []holdfast.Finding {
			return aboutDenials(c, func(d *judge.Denial) (holdfast.Finding, bool) {
				f := holdfast.Finding{Severity: holdfast.SeverityWarning, Text: "negative answers come without an SOA record, so that resolvers cannot keep them"}
				if d.SOAOwner != "" {
					f.Text = fmt.Sprintf("negative answers come with the SOA record of %s", d.SOAOwner)
				}
				return f, d.SOAOwner != c.Zone && !d.Positive
			}).spread(c.Chain.Reachable(), holdfast.SeverityWarning)
		},
	}
}
