package dnssec

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/judge/past"
)

// faultWords says what is wrong with signatures, without anything that is
// another from sample to sample.
func faultWords(s *judge.Set) string {
	switch s.Fault {
	case judge.FaultExpired:
		return "they have expired"
	case judge.FaultNotYet, judge.FaultWindow:
		return "they are not valid yet, or never"
	case judge.FaultCrypto, judge.FaultNotTried:
		return "they do not verify"
	case judge.FaultUnknownKey, judge.FaultKeyUnusable:
		return "they are made by a key that is not a zone key of the DNSKEY RRset"
	case judge.FaultSigner, judge.FaultLabels:
		return "they name another signer, or too many labels"
	case judge.FaultAlgorithm:
		return "they are of an algorithm that cannot be verified"
	}
	return "there are none"
}

func sampledBelow(p Policy) judge.Check {
	return judge.Check{
		Code: codeSampled, Name: "sample-invalid", Severity: holdfast.SeverityError,
		Reference: "RFC 4035 section 5.3, RFC 4035 section 2.2",
		Summary:   "DS records of delegations sampled anew each time, proofs about names below the zone, addresses of name servers and rarer types at the apex are signed well",
		Unless:    []string{codeExpired, codeCrypto, codeUnknownKey, codeMissing, codeSigner, codeDenialUnsigned, codeNoMatch, codeNotSignedByDS, codeUnsigned},
		Judge: func(c *judge.Case) []holdfast.Finding {
			broken := holdfast.Finding{Severity: holdfast.SeverityError, EDE: edeBogus}
			dying := holdfast.Finding{Severity: holdfast.SeverityInfo}
			for i := range c.Chain.Servers {
				sc := &c.Chain.Servers[i]
				if sc.Status == holdfast.Bogus {
					continue // told already
				}
				for _, probe := range sc.Probes {
					if s, what := unsound(sc, probe); s != nil {
						if broken.EDE = s.EDE; broken.Text == "" {
							broken.Text = fmt.Sprintf("%s sampled in the zone do not validate, though those that every resolver needs do: %s", what, faultWords(s))
						}
						broken.Evidence = union(broken.Evidence, []int{probe.Exchange})
						broken.Count++
					} else if level, dies := shortLived(c, p, sc, probe); level > holdfast.SeverityInfo {
						dying.Severity = max(dying.Severity, level)
						dying.Until = sooner(dying.Until, dies)
						dying.Evidence = union(dying.Evidence, []int{probe.Exchange})
						dying.Count++
					}
				}
			}
			switch {
			case broken.Count > 0:
				return []holdfast.Finding{broken}
			case dying.Count > 0:
				dying.Text = "the signatures over records sampled in the zone will expire soon, well before those of the zone's own"
				return []holdfast.Finding{dying}
			}
			return nil
		},
	}
}

// unsound is the RRset in a probe whose signatures do not hold, and what it
// is; nil where all do, or where the server's other proofs suffer from the
// same.
func unsound(sc *judge.ServerChain, probe judge.Probe) (*judge.Set, string) {
	if probe.Set != nil {
		if probe.Set.Status != holdfast.Secure {
			return probe.Set, "the signatures over the " + string(probe.Set.Class) + " records"
		}
		return nil, ""
	}
	if probe.Denial.Fault != judge.DenialUnsigned || failsAlike(sc, judge.DenialUnsigned) {
		return nil, ""
	}
	for _, s := range probe.Denial.Sets {
		if s.Class == holdfast.ClassDenial && s.Status != holdfast.Secure {
			return s, "the signatures over the " + kindName(probe.Denial) + " records"
		}
	}
	return nil, ""
}

// failsAlike says whether one of the server's ordinary proofs has the fault.
func failsAlike(sc *judge.ServerChain, fault judge.DenialFault) bool {
	return slices.ContainsFunc(sc.Denials, func(d *judge.Denial) bool { return d.Fault == fault })
}

// shortLived is how grave it is that a sampled RRset dies soon, where nothing
// of the server's own dies about as soon. Such signatures are renewed as those
// of the NS RRset are.
func shortLived(c *judge.Case, p Policy, sc *judge.ServerChain, probe judge.Probe) (holdfast.Severity, time.Time) {
	if probe.Set == nil {
		return holdfast.SeverityInfo, time.Time{}
	}
	l := life{class: holdfast.ClassNS, dies: probe.Set.Dies(), span: probe.Set.Life()}
	for _, own := range lives(sc) {
		if own.dies.Before(l.dies.Add(6 * time.Hour)) {
			return holdfast.SeverityInfo, time.Time{}
		}
	}
	return min(l.level(c, p, highestTTL(c)), holdfast.SeverityError), l.dies
}

func signatureIntermittent() judge.Check {
	return judge.Check{
		Code: codeIntermittent, Name: "signature-intermittent", Severity: holdfast.SeverityError,
		Reference: "RFC 4035 section 5.3.3",
		Summary:   "signatures do not verify now and then: by server, serial and key tag over the looks of the last day",
		Unless:    []string{codeChain, codeNoMatch, codeUnsigned},
		Judge: func(c *judge.Case) []holdfast.Finding {
			var classes, keys, servers []string
			f := holdfast.Finding{Severity: holdfast.SeverityError, EDE: edeBogus}
			for _, s := range past.Signing(c) {
				for _, server := range c.Servers {
					since, alternates := past.Alternates(s.Trials, server)
					if evidence := bothWays(c, s.Class, server); len(evidence) > 0 {
						alternates, f.Evidence = true, union(f.Evidence, evidence)
					}
					if !alternates {
						continue
					}
					classes = addText(classes, string(s.Class))
					servers = addText(servers, server.String())
					f.Until = sooner(f.Until, since)
					for _, t := range s.Trials {
						if t.Server == server && t.Bad > 0 {
							keys = addText(keys, fmt.Sprint(t.Tag))
						}
					}
					for _, set := range past.Watched(c, s.Class) {
						if set.Server == server {
							f.Evidence = union(f.Evidence, []int{set.Exchange})
						}
					}
				}
			}
			if len(classes) == 0 {
				return nil
			}
			f.Count = len(servers)
			f.Text = fmt.Sprintf("signatures over %s by key %s verify in some answers and fail in others, on %s: look for several signers, or for several keys of one tag",
				strings.Join(classes, ", "), strings.Join(keys, ", "), strings.Join(servers, ", "))
			return []holdfast.Finding{f}
		},
	}
}

func addText(all []string, text string) []string {
	if slices.Contains(all, text) {
		return all
	}
	all = append(all, text)
	slices.Sort(all)
	return all
}

// bothWays are the exchanges in which a server gave a class well and badly
// signed in one look; nil where it did not.
func bothWays(c *judge.Case, class holdfast.Class, server holdfast.Server) (evidence []int) {
	good, bad := false, false
	for _, s := range past.Watched(c, class) {
		if s.Server != server {
			continue
		}
		good = good || s.Status == holdfast.Secure
		bad = bad || s.Fault == judge.FaultCrypto || s.Fault == judge.FaultUnknownKey
		evidence = append(evidence, s.Exchange)
	}
	if good && bad {
		return evidence
	}
	return nil
}
