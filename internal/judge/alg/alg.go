// Package alg judges the algorithms, digests and key sizes that a zone relies
// on, by the standing that IANA's registries give them (RFC 9904).
package alg

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/judge/iana"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Checks are the checks of this room.
func Checks() []judge.Check {
	return []judge.Check{
		algorithmDeprecated(),
		digestDeprecated(),
		onlyDeprecatedDigests(),
		sha256Missing(),
		rsaKeyLength(),
		keyMalformed(),
		weakKey(),
		unusualAlgorithm(),
	}
}

// keys are the different zone keys that the servers publish, by tag, and the
// exchanges that they were seen in. Revoked keys are on their way out (RFC
// 5011 section 2.1) and are left out.
func keys(c *judge.Case) (out []wire.DNSKEY, evidence []int) {
	for _, server := range c.Servers {
		reply, ok := c.At(server, holdfast.PurposeDNSKEY)
		if !ok {
			continue
		}
		set := c.Answer(reply, c.Zone, wire.TypeDNSKEY)
		if set == nil {
			continue
		}
		evidence = append(evidence, reply.Index)
		for _, record := range set.Records {
			key, err := record.DNSKEY()
			if err != nil || key.Flags&wire.FlagZone == 0 || key.Flags&wire.FlagRevoke != 0 {
				continue
			}
			if !slices.ContainsFunc(out, func(k wire.DNSKEY) bool { return same(k, key) }) {
				out = append(out, key)
			}
		}
	}
	slices.SortFunc(out, func(a, b wire.DNSKEY) int {
		return cmp.Or(cmp.Compare(a.KeyTag(), b.KeyTag()), bytes.Compare(a.PublicKey, b.PublicKey))
	})
	return out, evidence
}

func same(a, b wire.DNSKEY) bool {
	return a.Flags == b.Flags && a.Protocol == b.Protocol && a.Algorithm == b.Algorithm && bytes.Equal(a.PublicKey, b.PublicKey)
}

// delegated are the different DS records that the parent's servers give, and
// the exchanges that they were seen in; where the parent was not asked, those
// that were given by hand.
func delegated(c *judge.Case) (out []holdfast.DS, evidence []int) {
	for _, server := range c.ParentServers {
		for _, purpose := range []holdfast.Purpose{holdfast.PurposeDS, holdfast.PurposeReferral} {
			reply, ok := c.AtParent(server, purpose)
			if !ok {
				continue
			}
			set := c.Answer(reply, c.Zone, wire.TypeDS)
			if set == nil {
				set = c.Authority(reply, c.Zone, wire.TypeDS)
			}
			if set == nil {
				continue
			}
			evidence = append(evidence, reply.Index)
			for _, record := range set.Records {
				if ds, err := record.DS(); err == nil && !slices.ContainsFunc(out, func(d holdfast.DS) bool { return equal(d, ds) }) {
					out = append(out, ds)
				}
			}
			break
		}
	}
	if len(c.ParentServers) == 0 && c.Measurement.Subject.Delegation != nil {
		out = slices.Clone(c.Measurement.Subject.Delegation.DS)
	}
	return out, evidence
}

func equal(a, b holdfast.DS) bool {
	return a.KeyTag == b.KeyTag && a.Algorithm == b.Algorithm && a.DigestType == b.DigestType && bytes.Equal(a.Digest, b.Digest)
}

// usable says whether a digest may be used for delegation: the registry does
// not forbid it. A type that is not registered is not.
func usable(ds holdfast.DS) bool {
	digest, registered := iana.DigestOf(ds.DigestType)
	return registered && digest.UseForSigning != iana.MustNot
}

// digestNames are the digest types in use that want accepts, for people.
func digestNames(set []holdfast.DS, want func(holdfast.DS) bool) string {
	var types []uint8
	for _, ds := range set {
		if want(ds) {
			types = append(types, ds.DigestType)
		}
	}
	slices.Sort(types)
	var names []string
	for _, t := range slices.Compact(types) {
		name := "not registered"
		if digest, ok := iana.DigestOf(t); ok {
			name, _, _ = strings.Cut(digest.Description, " (")
		}
		names = append(names, fmt.Sprintf("%d (%s)", t, name))
	}
	return strings.Join(names, ", ")
}
