package rollover

import (
	"bytes"
	"fmt"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func revokeMisused() judge.Check {
	return judge.Check{
		Code: "ROL-10", Name: "revoke-misused", Severity: holdfast.SeverityWarning,
		Reference: "RFC 5011 section 2.1",
		Summary:   "a revoked key is a former trust anchor that signs its own revocation, and that no DS names any more",
		Judge: func(c *judge.Case) []holdfast.Finding {
			var found []holdfast.Finding
			of := 0
			for i := range c.Chain.Servers {
				sc := &c.Chain.Servers[i]
				if !sc.KeysAnswered || len(sc.Keys) == 0 {
					continue
				}
				of++
				if severity, text := misuse(c, sc); text != "" {
					found = append(found, holdfast.Finding{Severity: severity, Server: sc.Server, RRset: holdfast.ClassDNSKEY, Text: text, Evidence: []int{sc.KeyReply}})
				}
			}
			if len(found) == 0 {
				return nil
			}
			return judge.Spread(found, of, found[0].Severity, "on every server, "+found[0].Text)
		},
	}
}

// misuse is the gravest thing wrong with the revoked keys of one server.
func misuse(c *judge.Case, sc *judge.ServerChain) (severity holdfast.Severity, text string) {
	say := func(s holdfast.Severity, t string) {
		if text == "" || s > severity {
			severity, text = s, t
		}
	}
	sole := true
	for _, k := range sc.Keys {
		sole = sole && !k.Anchored
	}
	for _, k := range sc.Keys {
		if k.Flags&wire.FlagRevoke == 0 || k.Flags&wire.FlagZone == 0 {
			continue
		}
		name := keyName(k.Tag, k.Algorithm)
		switch named := namedByDS(c, k.DNSKEY); {
		case named && sole:
			say(holdfast.SeverityError, fmt.Sprintf("%s is revoked, and the DS records in the parent lead to no other key: a revoked key validates nothing", name))
		case named:
			say(holdfast.SeverityWarning, fmt.Sprintf("%s is revoked, and the parent still has a DS record for it: the DS was to go first", name))
		}
		if !selfSigned(c, sc, k) {
			say(holdfast.SeverityWarning, fmt.Sprintf("%s is revoked, but does not sign the DNSKEY RRset: nobody who trusts it will heed the revocation", name))
		}
		if k.Flags&wire.FlagSEP == 0 {
			say(holdfast.SeverityNotice, fmt.Sprintf("%s is revoked, and is no secure entry point: nobody can have had it for a trust anchor, and it is best just withdrawn", name))
		}
	}
	return severity, text
}

// namedByDS says whether a DS names the key as it was before it was revoked,
// or as it is.
func namedByDS(c *judge.Case, key wire.DNSKEY) bool {
	plain := key
	plain.Flags &^= wire.FlagRevoke
	for _, ds := range c.Chain.Link.DS {
		for _, k := range []wire.DNSKEY{plain, key} {
			if k.Algorithm != ds.Algorithm || k.KeyTag() != ds.KeyTag {
				continue
			}
			if made, err := k.Digest(c.Zone, ds.DigestType); err == nil && bytes.Equal(made.Digest, ds.Digest) {
				return true
			}
		}
	}
	return false
}

// maxSelf bounds how many signatures of one tag are tried: a hostile answer may
// hold any number (CVE-2023-50387).
const maxSelf = 4

func selfSigned(c *judge.Case, sc *judge.ServerChain, k judge.Key) bool {
	set := c.Answer(c.Reply(sc.KeyReply), c.Zone, wire.TypeDNSKEY)
	if set == nil || !wire.Supported(k.Algorithm) {
		return true
	}
	tried := 0
	for _, sig := range set.RRSIGs {
		if sig.KeyTag != k.Tag || sig.Algorithm != k.Algorithm {
			continue
		}
		if tried++; tried > maxSelf || wire.Verify(sig.RRSIG, k.DNSKEY, set.Records) == nil {
			return true
		}
	}
	return false
}
