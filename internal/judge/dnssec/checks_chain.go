package dnssec

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func chainBroken() judge.Check {
	return judge.Check{
		Code: codeChain, Name: "chain-broken", Severity: holdfast.SeverityCritical,
		Reference: "RFC 4035 section 5",
		Summary:   "the chain from the trust anchor to each server validates; speaks where no other check names the cause",
		Judge: func(c *judge.Case) []holdfast.Finding {
			chain := c.Chain
			whole := holdfast.Finding{EDE: chain.EDE, Evidence: aboveEvidence(c)}
			switch {
			case chain.Link.Status == holdfast.Bogus && chain.Link.Cause == "":
				whole.Severity, whole.Text = holdfast.SeverityCritical, "the chain of trust breaks above the zone: "+chain.Link.Reason
				return []holdfast.Finding{whole}
			case chain.Link.Status == holdfast.Indeterminate:
				whole.Severity, whole.EDE = holdfast.SeverityNotice, chain.Link.EDE
				whole.Text = "it cannot be said whether the zone is secure: " + chain.Link.Reason
				return []holdfast.Finding{whole}
			case chain.Link.Status == holdfast.Bogus:
				return nil // SIG-13 speaks
			}
			g := &gathered{}
			for i := range chain.Servers {
				if sc := &chain.Servers[i]; sc.Status == holdfast.Bogus && sc.Cause == "" {
					g.add(holdfast.Finding{Severity: holdfast.SeverityError, Server: sc.Server, EDE: sc.EDE, Text: sc.Reason, Evidence: keyEvidence(sc)})
				}
			}
			return g.spread(chain.Reachable(), holdfast.SeverityCritical)
		},
	}
}

// aboveEvidence are the exchanges that the chain above the zone rests on.
func aboveEvidence(c *judge.Case) []int {
	var out []int
	for i := range c.Measurement.Exchanges {
		e := &c.Measurement.Exchanges[i]
		if e.Zone != c.Zone && (e.Purpose == holdfast.PurposeDNSKEY || e.Purpose == holdfast.PurposeDS) {
			out = append(out, i)
		}
	}
	return out
}

func keyEvidence(sc *judge.ServerChain) []int {
	if sc.KeyReply < 0 {
		return nil
	}
	return []int{sc.KeyReply}
}

// linkEvidence are the keys of a server and the parents' DS answers.
func linkEvidence(c *judge.Case, sc *judge.ServerChain) []int {
	out := keyEvidence(sc)
	for _, l := range c.Chain.Links {
		if l.Status == holdfast.Secure && len(out) < 3 {
			out = append(out, l.Exchange)
		}
	}
	return out
}

func dsMatchesNoKey() judge.Check {
	return judge.Check{
		Code: codeNoMatch, Name: "ds-matches-no-key", Severity: holdfast.SeverityCritical,
		Reference: "RFC 4035 section 5.2",
		Summary:   "at least one DS record at the parent names a zone key that the server publishes, by tag, algorithm and digest",
		Judge: func(c *judge.Case) []holdfast.Finding {
			return aboutKeys(c, codeNoMatch, func(sc *judge.ServerChain) string {
				if sc.EDE == edeNoZoneKey {
					return "the DS records of the parent name only keys that are revoked or lack the zone key flag"
				}
				return fmt.Sprintf("no DNSKEY matches a DS record of the parent: it names %s, the server publishes %s", dsNames(c.Chain.Link.DS), keyNames(sc.Keys))
			})
		},
	}
}

// aboutKeys says of each server whose keys fail for the cause what text gives.
func aboutKeys(c *judge.Case, cause string, text func(*judge.ServerChain) string) []holdfast.Finding {
	g := &gathered{}
	for i := range c.Chain.Servers {
		if sc := &c.Chain.Servers[i]; c.Chain.Link.Status == holdfast.Secure && sc.Cause == cause && (sc.KeySet == nil || sc.KeySet.Status != holdfast.Secure) {
			g.add(holdfast.Finding{
				Severity: holdfast.SeverityError, Server: sc.Server, RRset: holdfast.ClassDNSKEY,
				EDE: sc.EDE, Text: text(sc), Evidence: linkEvidence(c, sc),
			})
		}
	}
	return g.spread(c.Chain.Reachable(), holdfast.SeverityCritical)
}

func dsNames(all []holdfast.DS) string {
	var out []string
	for _, ds := range all {
		if name := keyName(ds.KeyTag, ds.Algorithm); !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return strings.Join(out, ", ")
}

func keyNames(keys []judge.Key) string {
	var out []string
	for _, k := range keys {
		out = append(out, keyName(k.Tag, k.Algorithm))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func keysNotSignedByDS() judge.Check {
	return judge.Check{
		Code: codeNotSignedByDS, Name: "keys-not-signed-by-ds-key", Severity: holdfast.SeverityCritical,
		Reference: "RFC 4035 section 5.2",
		Summary:   "a key that a DS record names signs the DNSKEY RRset",
		Judge: func(c *judge.Case) []holdfast.Finding {
			return aboutKeys(c, codeNotSignedByDS, func(sc *judge.ServerChain) string {
				var named []judge.Key
				for _, k := range sc.Keys {
					if k.Anchored {
						named = append(named, k)
					}
				}
				return fmt.Sprintf("the DNSKEY RRset is not signed by the key that the DS records name, %s", keyNames(named))
			})
		},
	}
}

func algorithmsIncomplete() judge.Check {
	return judge.Check{
		Code: codeAlgorithms, Name: "algorithm-incomplete", Severity: holdfast.SeverityError,
		Reference: "RFC 6840 section 5.11",
		Summary:   "every algorithm in the DS RRset signs the keys, and every algorithm among the keys signs the zone",
		Judge: func(c *judge.Case) []holdfast.Finding {
			g := &gathered{}
			for i := range c.Chain.Servers {
				sc := &c.Chain.Servers[i]
				if sc.KeySet == nil || !sc.KeysTrusted {
					continue
				}
				if missing := missingAlgorithms(c, sc); len(missing) > 0 {
					g.add(holdfast.Finding{
						Severity: holdfast.SeverityError, Server: sc.Server, Evidence: linkEvidence(c, sc),
						Text: "not every algorithm that the zone announces signs it: " + strings.Join(missing, "; "),
					})
				} else if extra := extraAlgorithms(sc); len(extra) > 0 {
					g.add(holdfast.Finding{
						Severity: holdfast.SeverityNotice, Server: sc.Server, Evidence: keyEvidence(sc),
						Text: fmt.Sprintf("signatures of algorithm %s have no key yet, as in a conservative algorithm roll-over", strings.Join(extra, ", ")),
					})
				}
			}
			return g.spread(c.Chain.Reachable(), holdfast.SeverityError)
		},
	}
}

// missingAlgorithms names the algorithms that the DS RRset or the keys
// announce and that do not sign what they should.
func missingAlgorithms(c *judge.Case, sc *judge.ServerChain) []string {
	var out []string
	say := func(algorithm uint8, class holdfast.Class) {
		text := fmt.Sprintf("algorithm %d does not sign %s", algorithm, class)
		if !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	for _, ds := range c.Chain.Link.DS {
		if c.Parent == "" && !hasAlgorithm(sc.Keys, ds.Algorithm) {
			continue // a trust anchor of ours for a key that is gone, which the zone need not heed
		}
		if wire.Supported(ds.Algorithm) && sc.KeySet.Status == holdfast.Secure && !signsWith(sc.KeySet, ds.Algorithm) {
			say(ds.Algorithm, holdfast.ClassDNSKEY)
		}
	}
	for _, s := range sc.Sets {
		if !s.Class.Essential() {
			continue
		}
		if s.Fault == judge.FaultAlgorithm {
			for _, sig := range s.Signatures {
				say(sig.Algorithm, s.Class)
			}
		}
		for _, k := range sc.Keys {
			if s.Status == holdfast.Secure && k.IsZoneKey() && !signsWith(s, k.Algorithm) {
				say(k.Algorithm, s.Class)
			}
		}
	}
	slices.Sort(out)
	return out
}

// signsWith says whether a signature of the algorithm covers the set; what is
// not verified here is believed: in a roll-over of the algorithm the keys are
// signed by one that no DS names yet, or any more.
func signsWith(s *judge.Set, algorithm uint8) bool {
	return slices.ContainsFunc(s.Signatures, func(sig judge.Signature) bool {
		return sig.Algorithm == algorithm && (sig.Verifies || sig.Fault == judge.FaultAlgorithm || sig.Fault == judge.FaultNotAnchored)
	})
}

// extraAlgorithms are those of signatures for which there is no key at all.
func extraAlgorithms(sc *judge.ServerChain) []string {
	var out []string
	for _, s := range sc.Sets {
		for _, sig := range s.Signatures {
			name := fmt.Sprint(sig.Algorithm)
			if !hasAlgorithm(sc.Keys, sig.Algorithm) && !revokedKey(sc.Keys, sig) && !slices.Contains(out, name) && sig.Signer == s.Zone {
				out = append(out, name)
			}
		}
	}
	slices.Sort(out)
	return out
}

func dsAndKeysApart() judge.Check {
	return judge.Check{
		Code: codeStandby, Name: "ds-and-keys-apart", Severity: holdfast.SeverityNotice,
		Reference: "RFC 6781 section 4.1",
		Summary:   "DS records without a key (stand-by), and secure entry points without a DS: legal, worth knowing in a roll-over",
		Unless:    []string{codeNoMatch, codeUnsigned},
		Judge: func(c *judge.Case) []holdfast.Finding {
			var keys []judge.Key
			var evidence []int
			for i := range c.Chain.Servers {
				if sc := &c.Chain.Servers[i]; sc.KeysTrusted && !sc.Borrowed {
					keys = append(keys, sc.Keys...)
					evidence = union(evidence, keyEvidence(sc))
				}
			}
			if c.Chain.Link.Status != holdfast.Secure || len(keys) == 0 || len(c.Chain.Link.DS) == 0 {
				return nil
			}
			var out []holdfast.Finding
			if lone := loneDS(c.Chain.Link.DS, keys); len(lone) > 0 {
				out = append(out, holdfast.Finding{
					Severity: holdfast.SeverityNotice, RRset: holdfast.ClassDS, Evidence: evidence,
					Text: fmt.Sprintf("the parent has DS records for keys that no server publishes: %s", dsNames(lone)),
				})
			}
			if lone := loneKeys(c.Chain.Link.DS, keys); len(lone) > 0 {
				out = append(out, holdfast.Finding{
					Severity: holdfast.SeverityInfo, RRset: holdfast.ClassDNSKEY, Evidence: evidence,
					Text: fmt.Sprintf("keys marked as secure entry points have no DS record: %s", keyNames(lone)),
				})
			}
			return out
		},
	}
}

func loneDS(all []holdfast.DS, keys []judge.Key) []holdfast.DS {
	var out []holdfast.DS
	for _, ds := range all {
		if !slices.ContainsFunc(keys, func(k judge.Key) bool { return k.Tag == ds.KeyTag && k.Algorithm == ds.Algorithm }) {
			out = append(out, ds)
		}
	}
	return out
}

// loneKeys are the secure entry points without a DS, each once.
func loneKeys(all []holdfast.DS, keys []judge.Key) []judge.Key {
	var out []judge.Key
	for _, k := range keys {
		named := slices.ContainsFunc(all, func(ds holdfast.DS) bool { return k.Tag == ds.KeyTag && k.Algorithm == ds.Algorithm })
		known := slices.ContainsFunc(out, func(o judge.Key) bool { return o.Tag == k.Tag && o.Algorithm == k.Algorithm })
		if k.Flags&wire.FlagSEP != 0 && k.IsZoneKey() && !named && !known {
			out = append(out, k)
		}
	}
	return out
}

func signedByDSUnsigned() judge.Check {
	return judge.Check{
		Code: codeUnsigned, Name: "ds-but-unsigned", Severity: holdfast.SeverityCritical,
		Reference: "RFC 4035 section 5.2",
		Summary:   "a zone with DS records at its parent has a DNSKEY RRset on every server",
		Judge: func(c *judge.Case) []holdfast.Finding {
			return aboutKeys(c, codeUnsigned, func(sc *judge.ServerChain) string { return sc.Reason })
		},
	}
}

func island() judge.Check {
	return judge.Check{
		Code: codeIsland, Name: "signed-without-ds", Severity: holdfast.SeverityWarning,
		Reference: "RFC 4035 section 5.2",
		Summary:   "a signed zone has a DS record at its signed parent: without one nobody validates it",
		Judge: func(c *judge.Case) []holdfast.Finding {
			parentDenies := slices.ContainsFunc(c.Chain.Links, func(l judge.Link) bool { return l.Status == holdfast.Insecure && l.Set == nil })
			if c.Chain.Link.Status != holdfast.Insecure || len(c.Chain.Link.DS) > 0 || !parentDenies {
				return nil
			}
			var evidence []int
			for i := range c.Chain.Servers {
				if sc := &c.Chain.Servers[i]; len(sc.Keys) > 0 {
					evidence = union(evidence, linkEvidence(c, sc))
				}
			}
			if evidence == nil {
				return nil
			}
			for _, l := range c.Chain.Links {
				evidence = union(evidence, []int{l.Exchange})
			}
			severity := holdfast.SeverityWarning
			if comesOrGoes(c) {
				severity = holdfast.SeverityNotice
			}
			return []holdfast.Finding{{
				Severity: severity, RRset: holdfast.ClassDS, Evidence: evidence,
				Text: "the zone publishes keys, but the parent has no DS record: resolvers take it as unsigned",
			}}
		},
	}
}

// comesOrGoes says that a zone with keys and without DS is on a way that the
// RFCs describe: its keys were not there a week ago and the DS follows them
// (RFC 6781 section 4.4), or it asked for its DS to be deleted and the keys
// follow the DS (RFC 8078 section 4).
//
// What the past tells was so before this look: the first that shows the change
// is not in it.
func comesOrGoes(c *judge.Case) bool {
	const onTheWay = 7 * 24 * time.Hour
	if c.Past.Looks == 0 {
		return false
	}
	if !slices.ContainsFunc(c.Past.Keys, func(k holdfast.KeyPast) bool { return k.Absent.IsZero() || c.Older(k.Published, onTheWay) }) {
		return true
	}
	for _, r := range c.Replies(c.Zone, holdfast.PurposeCDS) {
		set := c.Answer(r, c.Zone, wire.TypeCDS)
		if set == nil || !slices.ContainsFunc(set.Records, func(r wire.Record) bool { return string(r.Data) == "\x00\x00\x00\x00\x00" }) {
			continue
		}
		return slices.ContainsFunc(c.Past.DS, func(d holdfast.DSPast) bool { return d.Gone.IsZero() || !c.Older(d.Gone, onTheWay) })
	}
	return false
}

func signerWrong() judge.Check {
	return judge.Check{
		Code: codeSigner, Name: "signer-or-labels-wrong", Severity: holdfast.SeverityError,
		Reference: "RFC 4035 section 5.3.1",
		Summary:   "signatures are in the name of the zone and count no more labels than the name they stand at",
		Judge: func(c *judge.Case) []holdfast.Finding {
			return aboutSets(c, func(_ *judge.ServerChain, s *judge.Set) (holdfast.Finding, bool) {
				sig, found := has(s, judge.FaultSigner, judge.FaultLabels)
				if !found {
					return holdfast.Finding{}, false
				}
				f := holdfast.Finding{Severity: holdfast.SeverityNotice}
				if s.Status != holdfast.Secure {
					f.Severity, f.EDE = holdfast.SeverityError, s.EDE
				}
				f.Text = fmt.Sprintf("a signature over the %s RRset is in the name of %s", s.Class, sig.Signer)
				if sig.Fault == judge.FaultLabels {
					f.Text = fmt.Sprintf("a signature over the %s RRset counts more labels (%d) than its name has", s.Class, sig.Labels)
				}
				return f, true
			}).spread(c.Chain.Reachable(), holdfast.SeverityCritical)
		},
	}
}
