package dnssec

import (
	"fmt"
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func signatureInvalid() judge.Check {
	return judge.Check{
		Code: codeCrypto, Name: "signature-invalid", Severity: holdfast.SeverityCritical,
		Reference: "RFC 4035 section 5.3.3",
		Summary:   "signatures verify under the key that they name; where another does, a notice (RFC 6840 section 5.4)",
		Judge: func(c *judge.Case) []holdfast.Finding {
			g := aboutSets(c, func(_ *judge.ServerChain, s *judge.Set) (holdfast.Finding, bool) {
				sig, found := has(s, judge.FaultCrypto, judge.FaultNotTried)
				if !found {
					return holdfast.Finding{}, false
				}
				name := keyName(sig.KeyTag, sig.Algorithm)
				if s.Status == holdfast.Secure {
					return holdfast.Finding{
						Severity: holdfast.SeverityNotice,
						Text:     fmt.Sprintf("a signature over the %s RRset by key %s does not verify, though another does", s.Class, name),
					}, true
				}
				if causeOf(s) != codeCrypto {
					return holdfast.Finding{}, false // told by another check
				}
				f := holdfast.Finding{Severity: holdfast.SeverityError, EDE: s.EDE}
				f.Text = fmt.Sprintf("no signature over the %s RRset verifies: the one by key %s fails", s.Class, name)
				if s.Fault == judge.FaultNotTried {
					f.Text = s.Reason
				}
				return f, true
			})
			of := c.Chain.Reachable()
			for _, class := range g.order {
				if each := g.each[class]; len(each) < of {
					for i := range each {
						if each[i].Severity == holdfast.SeverityError {
							each[i].Text += "; other servers' do: look for a second signer, or a copy damaged on its way"
						}
					}
				}
			}
			return g.spread(of, holdfast.SeverityCritical)
		},
	}
}

func signatureByUnknownKey() judge.Check {
	return judge.Check{
		Code: codeUnknownKey, Name: "signature-by-unknown-key", Severity: holdfast.SeverityNotice,
		Reference: "RFC 6840 section 5.4",
		Summary:   "signatures are by keys in the server's DNSKEY RRset that may sign; one beside a good one is a notice",
		Judge: func(c *judge.Case) []holdfast.Finding {
			return aboutSets(c, func(sc *judge.ServerChain, s *judge.Set) (holdfast.Finding, bool) {
				sig, found := has(s, judge.FaultUnknownKey, judge.FaultKeyUnusable)
				if !found {
					return holdfast.Finding{}, false
				}
				name := keyName(sig.KeyTag, sig.Algorithm)
				if s.Status == holdfast.Secure {
					if s.Class == holdfast.ClassDNSKEY && revokedKey(sc.Keys, sig) {
						return holdfast.Finding{}, false // as RFC 5011 section 2.1 wants it
					}
					// An algorithm without any key is CHN-04's to speak of.
					known := sig.Fault == judge.FaultKeyUnusable || hasAlgorithm(sc.Keys, sig.Algorithm)
					return holdfast.Finding{
						Severity: holdfast.SeverityNotice,
						Text:     fmt.Sprintf("the %s RRset is also signed by key %s, which is not a zone key of the DNSKEY RRset", s.Class, name),
					}, known
				}
				return holdfast.Finding{
					Severity: holdfast.SeverityError, EDE: s.EDE,
					Text: fmt.Sprintf("the %s RRset is signed only by key %s, which is not a zone key of the DNSKEY RRset", s.Class, name),
				}, causeOf(s) == codeUnknownKey
			}).spread(c.Chain.Reachable(), holdfast.SeverityCritical)
		},
	}
}

// revokedKey says whether a signature names a key that has REVOKE.
func revokedKey(keys []judge.Key, sig judge.Signature) bool {
	return slices.ContainsFunc(keys, func(k judge.Key) bool {
		return k.Flags&wire.FlagRevoke != 0 && k.Tag == sig.KeyTag && k.Algorithm == sig.Algorithm
	})
}

func signatureMissing() judge.Check {
	return judge.Check{
		Code: codeMissing, Name: "signature-missing", Severity: holdfast.SeverityCritical,
		Reference: "RFC 4035 section 3.1.1",
		Summary:   "RRsets of a signed zone come with signatures where DO is set",
		Judge: func(c *judge.Case) []holdfast.Finding {
			return aboutSets(c, func(_ *judge.ServerChain, s *judge.Set) (holdfast.Finding, bool) {
				return holdfast.Finding{
					Severity: holdfast.SeverityError, EDE: edeSigsMissing,
					Text: fmt.Sprintf("the %s RRset came without any signature, though the zone is signed and DO was set", s.Class),
				}, s.Status != holdfast.Secure && s.Unsigned() && causeOf(s) == codeMissing
			}).spread(c.Chain.Reachable(), holdfast.SeverityCritical)
		},
	}
}
