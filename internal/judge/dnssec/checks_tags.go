package dnssec

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

func sameTag(p Policy) judge.Check {
	return judge.Check{
		Code: codeSameTag, Name: "key-tag-collision", Severity: holdfast.SeverityWarning,
		Reference: "RFC 4034 appendix B",
		Summary:   "no two different keys of one algorithm share a key tag, at one time or over time",
		Judge: func(c *judge.Case) []holdfast.Finding {
			keys, evidence := allKeys(c)
			var names []string
			most := 0
			for i, k := range keys {
				same := 1
				for j, other := range keys {
					if i != j && k.Tag == other.Tag && k.Algorithm == other.Algorithm {
						same++
					}
				}
				if name := keyName(k.Tag, k.Algorithm); same > 1 && !slices.Contains(names, name) {
					names = append(names, name)
					most = max(most, same)
				}
			}
			if len(names) == 0 {
				return reusedTags(c, keys, evidence)
			}
			slices.Sort(names)
			f := holdfast.Finding{
				Severity: holdfast.SeverityWarning, RRset: holdfast.ClassDNSKEY, Evidence: evidence, Count: len(names),
				Text: "different keys share a key tag: " + strings.Join(names, ", ") + "; a signer that goes by the tag may take the wrong one, and validators try only a few",
			}
			if most > p.MaxKeysPerTag {
				f.Severity = holdfast.SeverityError
				f.Text = fmt.Sprintf("%d different keys share a key tag, more than validators try: %s", most, strings.Join(names, ", "))
			}
			return []holdfast.Finding{f}
		},
	}
}

// reusedTags speaks of keys that took the tag of another that was there before
// them: caches may hold the old one, and hold it to be the new one.
func reusedTags(c *judge.Case, keys []judge.Key, evidence []int) []holdfast.Finding {
	var names []string
	for _, k := range keys {
		ids := make(map[string]bool)
		for _, known := range c.Past.Keys {
			if known.Algorithm == k.Algorithm && known.Tag == k.Tag {
				ids[known.ID] = true
			}
		}
		if name := keyName(k.Tag, k.Algorithm); len(ids) > 1 && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return []holdfast.Finding{{
		Severity: holdfast.SeverityWarning, RRset: holdfast.ClassDNSKEY, Evidence: evidence, Count: len(names),
		Text: "a key has the tag of a different one that was published before it: " + strings.Join(names, ", ") + "; a signer that goes by the tag may take the wrong one",
	}}
}

// allKeys are the different zone keys on any server, by their key material.
func allKeys(c *judge.Case) (out []judge.Key, evidence []int) {
	for i := range c.Chain.Servers {
		sc := &c.Chain.Servers[i]
		if sc.Borrowed {
			continue
		}
		for _, k := range sc.Keys {
			if k.IsZoneKey() && !slices.ContainsFunc(out, func(o judge.Key) bool {
				return o.Algorithm == k.Algorithm && o.Flags == k.Flags && bytes.Equal(o.PublicKey, k.PublicKey)
			}) {
				out = append(out, k)
			}
		}
		if len(sc.Keys) > 0 {
			evidence = union(evidence, keyEvidence(sc))
		}
	}
	return out, evidence
}
