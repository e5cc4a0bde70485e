package anchor

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// The rules of groups A, E and F: what is trusted.

func noAnchor(a *auditing, p holdfast.Prospect) []remark {
	if p.Validates == holdfast.ValidationOff || len(p.Trusts) > 0 || troubled(p) || len(a.machine.Samples) > 0 || a.elsewhere(p) {
		return nil
	}
	return []remark{{
		text:     "it is to validate, and no file shows a key of the root that it trusts",
		evidence: []string{p.Reason.Place}, mend: a.mend(p),
	}}
}

// elsewhere says whether a package was looked at whose anchors another brings.
func (a *auditing) elsewhere(p holdfast.Prospect) bool {
	return a.machine.Kind == holdfast.MachinePackage && slices.ContainsFunc(p.Anchorings, func(w holdfast.Anchoring) bool { return w.Absent })
}

func troubled(p holdfast.Prospect) bool {
	return slices.ContainsFunc(p.Anchorings, func(w holdfast.Anchoring) bool { return w.Trouble != "" })
}

func stateLags(a *auditing, p holdfast.Prospect) []remark {
	var out []remark
	for _, way := range p.Anchorings {
		if way.Upkeep != holdfast.UpkeepFollow || len(way.Point.Keys) == 0 {
			continue
		}
		for _, k := range a.needed() {
			if _, trusted := withTag(p.Trusts, k.Tag); trusted {
				continue
			}
			if seed, ok := withTag(way.Seeds, k.Tag); ok {
				out = append(out, remark{
					text:     fmt.Sprintf("%d stands in %s, and the state in %s, which counts, does not trust it", k.Tag, seed.Place, way.File),
					evidence: []string{seed.Place, way.File}, mend: a.mend(p),
				})
			}
		}
	}
	return out
}

func notUnderstood(_ *auditing, p holdfast.Prospect) []remark {
	var out []remark
	for _, way := range p.Anchorings {
		if way.Trouble == "" {
			continue
		}
		r := remark{
			text:     "what it trusts is not known: " + way.Trouble,
			evidence: evidence(way.Statement.Place, way.File), mend: "look at the file: the resolver may refuse it too, or start without anchors",
		}
		if strings.Contains(way.Trouble, "permission denied") {
			// That speaks of us, not of the resolver.
			r.mend, r.weight = "run the audit as a user who may read "+orElse(way.File, "it"), weigh(holdfast.SeverityWarning)
		}
		out = append(out, r)
	}
	return out
}

func notValidating(a *auditing, p holdfast.Prospect) []remark {
	if p.Validates != holdfast.ValidationOff || withoutAnchors(p) {
		return nil
	}
	return []remark{{
		text:     fmt.Sprintf("it does not validate: %s is %q", p.Reason.Name, p.Reason.Value),
		evidence: evidence(p.Reason.Place), mend: validateLine(p.Software, p.Reason),
	}}
}

func journalNewer(_ *auditing, p holdfast.Prospect) []remark {
	s, ok := p.Find("journal")
	if !ok {
		return nil
	}
	return []remark{{
		text:     fmt.Sprintf("%s is newer than the state that was read: named may know more", s.Value),
		evidence: evidence(s.Place), mend: "`rndc managed-keys sync` writes the state as it is; then look again",
	}}
}

func trustsRevoked(a *auditing, p holdfast.Prospect) []remark {
	var out []remark
	for _, k := range p.Trusts {
		i := slices.IndexFunc(a.gone, func(g holdfast.RootKey) bool { return g.Tag == k.Tag })
		if i < 0 {
			continue
		}
		date, _ := a.gone[i].Date(holdfast.RootRevoked)
		out = append(out, remark{
			text:     fmt.Sprintf("it trusts %d (%s), which the root revoked on %s", k.Tag, a.gone[i].Name, day(date.At)),
			evidence: evidence(k.Place), mend: "remove the line at " + place(k.Place), until: date.At,
		})
	}
	return out
}

func trustsUnknown(a *auditing, p holdfast.Prospect) []remark {
	var out []remark
	for _, k := range p.Trusts {
		if _, known := a.calendar.Key(k.Tag); !known {
			out = append(out, remark{
				text:     fmt.Sprintf("it trusts %d for the root, which is none of the root's known keys: whoever has it can sign anything for this resolver", k.Tag),
				evidence: evidence(k.Place), mend: "remove the line at " + place(k.Place) + ", unless the machine is for a test",
			})
		}
	}
	return out
}

func outOfTime(a *auditing, p holdfast.Prospect) []remark {
	var out []remark
	for _, k := range p.Trusts {
		switch {
		case !k.Until.IsZero() && !a.at.Before(k.Until):
			out = append(out, remark{text: fmt.Sprintf("the anchor %d was for use until %s", k.Tag, day(k.Until)), evidence: evidence(k.Place), mend: "remove it", until: k.Until})
		case a.at.Before(k.From):
			out = append(out, remark{text: fmt.Sprintf("the anchor %d is for use from %s on", k.Tag, day(k.From)), evidence: evidence(k.Place), until: k.From})
		}
	}
	return out
}

// otherDigest compares anchors with the root's keys of the same tag.
func otherDigest(a *auditing, p holdfast.Prospect) []remark {
	var out []remark
	for _, k := range slices.Concat(p.Trusts, p.Waits) {
		root, ok := a.calendar.Key(k.Tag)
		if !ok || matches(k, root) {
			continue
		}
		out = append(out, remark{
			text:     fmt.Sprintf("its anchor %d is not the root's key of that tag (%s): with it nothing validates, or whoever made it can sign", k.Tag, root.Name),
			evidence: evidence(k.Place), mend: "replace the line at " + place(k.Place) + " by " + dsLine(root),
		})
	}
	return out
}

// matches says whether a held key is a root key, as far as both are known.
func matches(k holdfast.TrustedKey, root holdfast.RootKey) bool {
	if k.Algorithm != root.Algorithm {
		return false
	}
	if len(k.Public) > 0 && len(root.Public) > 0 {
		return bytes.Equal(k.Public, root.Public)
	}
	if len(k.Public) > 0 && root.DS != nil {
		key := wire.DNSKEY{Flags: wire.FlagZone | wire.FlagSEP, Protocol: 3, Algorithm: k.Algorithm, PublicKey: k.Public}
		ds, err := key.Digest(holdfast.Root, root.DS.DigestType)
		return err != nil || bytes.Equal(ds.Digest, root.DS.Digest)
	}
	if k.DS == nil {
		return true
	}
	if root.DS != nil && k.DS.DigestType == root.DS.DigestType {
		return bytes.Equal(k.DS.Digest, root.DS.Digest)
	}
	if len(root.Public) == 0 {
		return true
	}
	key := wire.DNSKEY{Flags: wire.FlagZone | wire.FlagSEP, Protocol: 3, Algorithm: root.Algorithm, PublicKey: root.Public}
	ds, err := key.Digest(holdfast.Root, k.DS.DigestType)
	return err != nil || bytes.Equal(ds.Digest, k.DS.Digest)
}

func twice(_ *auditing, p holdfast.Prospect) []remark {
	var out []remark
	for _, way := range p.Anchorings {
		seen := map[string]holdfast.TrustedKey{}
		for _, k := range way.Point.Keys {
			id := fmt.Sprintf("%d/%d/%x", k.Tag, k.Algorithm, k.Public)
			if k.DS != nil {
				id += fmt.Sprintf("/%d/%x", k.DS.DigestType, k.DS.Digest)
			}
			if first, again := seen[id]; again {
				out = append(out, remark{
					text:     fmt.Sprintf("the anchor %d stands twice", k.Tag),
					evidence: evidence(first.Place, k.Place), mend: "remove the line at " + place(k.Place),
				})
				continue
			}
			seen[id] = k
		}
	}
	return out
}

func keyInPositive(a *auditing, p holdfast.Prospect) []remark {
	if p.Software != holdfast.Resolved {
		return nil
	}
	var out []remark
	for _, way := range p.Anchorings {
		for _, k := range way.Point.Keys {
			if len(k.Public) == 0 || way.Upkeep == holdfast.UpkeepBuiltIn {
				continue
			}
			mend := "replace it by a DS record"
			if root, ok := a.calendar.Key(k.Tag); ok {
				mend = "replace it by " + dsLine(root)
			}
			out = append(out, remark{
				text:     fmt.Sprintf("the anchor %d is a DNSKEY record; with one, versions of systemd-resolved were reported to fail to validate anything (systemd issue 36592)", k.Tag),
				evidence: evidence(k.Place), mend: mend,
			})
		}
	}
	return out
}

func notSEP(_ *auditing, p holdfast.Prospect) []remark {
	var out []remark
	for _, k := range p.Trusts {
		if len(k.Public) > 0 && (k.Flags&wire.FlagSEP == 0 || k.Flags&wire.FlagZone == 0) {
			out = append(out, remark{
				text:     fmt.Sprintf("the anchor %d has flags %d: a key without the zone flag and the SEP flag is no trust anchor", k.Tag, k.Flags),
				evidence: evidence(k.Place), mend: "remove the line at " + place(k.Place),
			})
		}
	}
	return out
}
