package dnssec

import (
	"fmt"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

func signatureTooLong(p Policy) judge.Check {
	return judge.Check{
		Code: codeLong, Name: "signature-too-long", Severity: holdfast.SeverityNotice,
		Reference: "RFC 6781 section 4.4.2",
		Summary:   "signatures are not valid for so long that records replaced long ago can be played again",
		Judge: func(c *judge.Case) []holdfast.Finding {
			return aboutSets(c, func(_ *judge.ServerChain, s *judge.Set) (holdfast.Finding, bool) {
				for _, sig := range s.Signatures {
					if span := sig.Expiration.Sub(sig.Inception); sig.Fault == judge.FaultNone && span > p.LongestLife {
						return holdfast.Finding{
							Severity: holdfast.SeverityNotice,
							Text: fmt.Sprintf("a signature over the %s RRset is valid for %d days (until %s): for so long, whoever kept the records can play them again after they are replaced",
								s.Class, int(span.Hours()/24), stamp(sig.Expiration)),
						}, true
					}
				}
				return holdfast.Finding{}, false
			}).spread(c.Chain.Reachable(), holdfast.SeverityNotice)
		},
	}
}

func signatureTTL(p Policy) judge.Check {
	return judge.Check{
		Code: codeTTL, Name: "signature-ttl", Severity: holdfast.SeverityNotice,
		Reference: "RFC 4034 section 3, RFC 4035 section 2.2, RFC 4035 section 5.3.3",
		Summary:   "RRSIG records have the TTL of what they sign, that TTL is the original one, and it ends before the signature does",
		Unless:    []string{codeExpired, codeExpiring},
		Judge: func(c *judge.Case) []holdfast.Finding {
			maxTTL := highestTTL(c)
			return aboutSets(c, func(sc *judge.ServerChain, s *judge.Set) (holdfast.Finding, bool) {
				if s.Status != holdfast.Secure {
					return holdfast.Finding{}, false
				}
				text := ttlFault(c, p, s, maxTTL)
				return holdfast.Finding{Severity: holdfast.SeverityNotice, Text: text}, text != ""
			}).spread(c.Chain.Reachable(), holdfast.SeverityNotice)
		},
	}
}

// ttlFault says what is wrong with the TTLs of a good set, empty where nothing
// is. A TTL above the original one is ZON-11's to speak of, and what is left of
// a signature that is about to expire SIG-02's.
func ttlFault(c *judge.Case, p Policy, s *judge.Set, maxTTL time.Duration) string {
	best := s.Signatures[s.Best]
	for _, sig := range s.Signatures {
		if sig.Fault == judge.FaultNone && sig.TTL != s.RRset.TTL {
			return fmt.Sprintf("an RRSIG over the %s RRset has TTL %d, the RRset has %d", s.Class, sig.TTL, s.RRset.TTL)
		}
	}
	if s.RRset.TTL < best.OriginalTTL {
		return fmt.Sprintf("the %s RRset comes with a TTL below the original one that was signed (%d): as from a cache", s.Class, best.OriginalTTL)
	}
	l := life{class: s.Class, dies: best.Expiration, span: s.Life()}
	ttl := time.Duration(min(s.RRset.TTL, best.OriginalTTL)) * time.Second
	if c.Within(best.Expiration, ttl) && l.level(c, p, maxTTL) < holdfast.SeverityWarning {
		return fmt.Sprintf("the TTL of the %s RRset (%d s) reaches beyond the end of its signature, %s: resolvers must cut it short", s.Class, s.RRset.TTL, stamp(best.Expiration))
	}
	return ""
}
