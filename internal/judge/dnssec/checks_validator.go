package dnssec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// bogusCodes are the RFC 8914 info-codes by which a validator says that DNSSEC
// made it fail; the others speak of its own network or policy.
var bogusCodes = []uint16{edeAlgorithm, edeDigest, edeBogus, edeExpired, edeNotYet, edeKeyMissing, edeSigsMissing, edeNoZoneKey, edeNSECMissing}

func validatorsDisagree() judge.Check {
	return judge.Check{
		Code: codeValidators, Name: "validators-disagree", Severity: holdfast.SeverityError,
		Reference: "RFC 8914 section 4, RFC 6840 section 5.7",
		Summary:   "validating resolvers that the configuration names come to the same verdict on the zone",
		Judge: func(c *judge.Case) []holdfast.Finding {
			f := holdfast.Finding{Severity: holdfast.SeverityError}
			var says []string
			for _, r := range c.Replies(c.Zone, holdfast.PurposeValidator) {
				status, ede, words := saysValidator(c, r)
				if status == "" || !contradicts(c.Chain.Status, status) {
					continue
				}
				says = addText(says, r.Exchange.Server.Address.String()+" "+words)
				f.Evidence = append(f.Evidence, r.Index)
				f.EDE = max(f.EDE, ede)
			}
			if len(says) == 0 {
				return nil
			}
			f.Count = len(says)
			ours := "here the zone is " + string(c.Chain.Status)
			if c.Chain.Reason != "" {
				ours += " (" + c.Chain.Reason + ")"
			}
			f.Text = ours + ", but by a validating resolver it is not: " + strings.Join(says, "; ")
			return []holdfast.Finding{f}
		},
	}
}

// saysValidator is what a validating resolver makes of the zone; empty where
// its answer says nothing of that: it was not reached, failed for other
// reasons, or speaks from a memory older than what it is held against.
func saysValidator(c *judge.Case, r judge.Reply) (status holdfast.Status, ede int, words string) {
	m := r.Message
	switch {
	case m == nil:
		return "", 0, ""
	case m.Rcode == wire.ServFail && m.EDNS != nil:
		for _, e := range m.EDNS.EDE {
			if slices.Contains(bogusCodes, e.Code) {
				return holdfast.Bogus, int(e.Code), fmt.Sprintf("says bogus (EDE %d)", e.Code)
			}
		}
	case m.Rcode == wire.NoError && remembered(c, r):
	case m.Rcode == wire.NoError && m.AuthenticatedData:
		return holdfast.Secure, 0, "says secure"
	case m.Rcode == wire.NoError:
		return holdfast.Insecure, 0, "gives it without the AD flag"
	}
	return "", 0, ""
}

// remembered says whether the answer may be older than this look: its TTL has
// begun to run down, or there is nothing in it to tell by.
func remembered(c *judge.Case, r judge.Reply) bool {
	soa := c.Answer(r, c.Zone, wire.TypeSOA)
	if soa == nil {
		return true
	}
	for _, sig := range soa.RRSIGs {
		return soa.TTL < sig.OriginalTTL
	}
	return false
}

// contradicts says whether two verdicts exclude each other. What is not known
// contradicts nothing.
func contradicts(ours, theirs holdfast.Status) bool {
	switch ours {
	case holdfast.Secure, holdfast.Insecure, holdfast.Bogus:
		return ours != theirs
	}
	return false
}
