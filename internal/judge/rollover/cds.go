package rollover

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/judge/past"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// ask is what one server of the zone says to the parent by CDS or CDNSKEY.
type ask struct {
	server holdfast.Server
	chain  *judge.ServerChain
	reply  judge.Reply
	set    *judge.RRset // nil: none
	data   [][]byte     // of its records, sorted
}

// asks are the answers of the zone's servers, those that have none included.
func asks(c *judge.Case, purpose holdfast.Purpose, t wire.Type) []ask {
	var out []ask
	for i := range c.Chain.Servers {
		sc := &c.Chain.Servers[i]
		r, ok := c.At(sc.Server, purpose)
		if !ok || !r.OK() || !r.Message.Authoritative {
			continue
		}
		a := ask{server: sc.Server, chain: sc, reply: r, set: c.Answer(r, c.Zone, t)}
		if a.set != nil {
			for _, record := range a.set.Records {
				a.data = append(a.data, record.Data)
			}
			slices.SortFunc(a.data, bytes.Compare)
		}
		out = append(out, a)
	}
	return out
}

// deletion are the only records that ask the parent for no DS at all (RFC 8078
// section 4, with its erratum 5049).
var deletion = map[wire.Type]string{wire.TypeCDS: "\x00\x00\x00\x00\x00", wire.TypeCDNSKEY: "\x00\x00\x03\x00\x00"}

// algorithmAt is where the algorithm stands in the data of each.
var algorithmAt = map[wire.Type]int{wire.TypeCDS: 2, wire.TypeCDNSKEY: 3}

// deletes says whether the records ask for deletion, and whether they do so in
// the one form that is legal.
func (a ask) deletes() (asked, legal bool) {
	if a.set == nil {
		return false, true
	}
	t := a.set.Type
	for _, d := range a.data {
		if len(d) > algorithmAt[t] && d[algorithmAt[t]] == 0 {
			asked = true
		}
	}
	return asked, !asked || len(a.data) == 1 && string(a.data[0]) == deletion[t]
}

func cdsWrong() judge.Check {
	return judge.Check{
		Code: "ROL-07", Name: "cds-wrong", Severity: holdfast.SeverityWarning,
		Reference: "RFC 7344 section 4",
		Summary:   "CDS and CDNSKEY say the same on every server, name keys that would work, and are signed by a key that the DS name",
		Judge: func(c *judge.Case) []holdfast.Finding {
			cds, keys := asks(c, holdfast.PurposeCDS, wire.TypeCDS), asks(c, holdfast.PurposeCDNSKEY, wire.TypeCDNSKEY)
			var out []holdfast.Finding
			out = append(out, each(cds, holdfast.ClassCDS, func(a ask) (holdfast.Severity, string) { return fault(c, a) })...)
			out = append(out, each(keys, holdfast.ClassCDNSKEY, func(a ask) (holdfast.Severity, string) {
				if severity, text := fault(c, a); text != "" {
					return severity, text
				}
				i := slices.IndexFunc(cds, func(b ask) bool { return b.server == a.server })
				if i >= 0 && !agree(c, cds[i], a) {
					return holdfast.SeverityWarning, "CDS and CDNSKEY do not speak of the same keys: a parent will heed neither"
				}
				return 0, ""
			})...)
			return append(append(out, differ(c, cds, holdfast.ClassCDS)...), differ(c, keys, holdfast.ClassCDNSKEY)...)
		},
	}
}

// each says what a function finds in the answers of servers, about the zone
// where it is so with all of them.
func each(all []ask, class holdfast.Class, find func(ask) (holdfast.Severity, string)) []holdfast.Finding {
	var found []holdfast.Finding
	of := 0
	for _, a := range all {
		if a.set == nil {
			continue
		}
		of++
		if severity, text := find(a); text != "" {
			found = append(found, holdfast.Finding{Severity: severity, Server: a.server, RRset: class, Text: text, Evidence: []int{a.reply.Index}})
		}
	}
	if len(found) == 0 {
		return nil
	}
	return judge.Spread(found, of, found[0].Severity, "on every server, "+found[0].Text)
}

// fault is what is wrong with one server's CDS or CDNSKEY by themselves.
func fault(c *judge.Case, a ask) (holdfast.Severity, string) {
	asked, legal := a.deletes()
	name := a.set.Type.String()
	switch {
	case !legal:
		return holdfast.SeverityWarning, fmt.Sprintf("%s asks for the DS records to be deleted in a form that no parent may heed (RFC 8078 section 4)", name)
	case c.Chain.Link.Status != holdfast.Secure || a.chain.KeySet == nil || a.chain.Status != holdfast.Secure:
		return 0, ""
	case !asked && !workable(c, a):
		return holdfast.SeverityError, fmt.Sprintf("%s asks for DS records that lead to no key which signs the keys: a parent that heeds it takes the zone off the net (RFC 7344 section 4.1)", name)
	case !signedByDS(a):
		return holdfast.SeverityWarning, fmt.Sprintf("%s is not signed by a key that a DS record names: a parent will not heed it (RFC 7344 section 4.1)", name)
	}
	return 0, ""
}

// workable says whether one of the keys asked for is there and signs the keys.
func workable(c *judge.Case, a ask) bool {
	for _, k := range a.chain.Keys {
		signs := slices.ContainsFunc(a.chain.KeySet.Signatures, func(s judge.Signature) bool {
			return s.KeyTag == k.Tag && s.Algorithm == k.Algorithm
		})
		if signs && k.IsZoneKey() && slices.ContainsFunc(a.set.Records, func(r wire.Record) bool { return asksFor(c.Zone, r, k.DNSKEY) }) {
			return true
		}
	}
	return false
}

// asksFor says whether a CDS or CDNSKEY record speaks of a key.
func asksFor(zone holdfast.Name, r wire.Record, key wire.DNSKEY) bool {
	if r.Type == wire.TypeCDNSKEY {
		k, err := r.DNSKEY()
		return err == nil && past.KeyID(k) == past.KeyID(key)
	}
	ds, err := r.DS()
	if err != nil || ds.KeyTag != key.KeyTag() || ds.Algorithm != key.Algorithm {
		return false
	}
	made, err := key.Digest(zone, ds.DigestType)
	return err != nil || bytes.Equal(made.Digest, ds.Digest) // a digest that we cannot make is believed
}

// signedByDS says whether a key that the parent's DS name signs the records.
func signedByDS(a ask) bool {
	for _, s := range a.chain.Sets {
		if s.RRset == nil || s.RRset.Type != a.set.Type {
			continue
		}
		return slices.ContainsFunc(s.Signatures, func(sig judge.Signature) bool {
			return sig.Verifies && slices.ContainsFunc(a.chain.Keys, func(k judge.Key) bool {
				return k.Anchored && k.Tag == sig.KeyTag && k.Algorithm == sig.Algorithm
			})
		})
	}
	return true // it was not examined
}

// agree says whether CDS and CDNSKEY of one server speak of the same keys. A
// zone may have only one of them.
func agree(c *judge.Case, cds, keys ask) bool {
	if cds.set == nil || keys.set == nil {
		return true
	}
	deleteDS, _ := cds.deletes()
	deleteKey, _ := keys.deletes()
	if deleteDS || deleteKey {
		return deleteDS == deleteKey
	}
	for _, r := range keys.set.Records {
		key, err := r.DNSKEY()
		if err == nil && !slices.ContainsFunc(cds.set.Records, func(ds wire.Record) bool { return asksFor(c.Zone, ds, key) }) {
			return false
		}
	}
	return !slices.ContainsFunc(cds.set.Records, func(ds wire.Record) bool {
		return !slices.ContainsFunc(keys.set.Records, func(r wire.Record) bool {
			key, err := r.DNSKEY()
			return err == nil && asksFor(c.Zone, ds, key)
		})
	})
}

// differ compares what servers ask for. Those with another serial are only
// late, unless they are of another signer (RFC 8901 section 8 wants the signers
// to agree on CDS).
func differ(c *judge.Case, all []ask, class holdfast.Class) []holdfast.Finding {
	for i := range all {
		for j := range i {
			a, b := all[j], all[i]
			if slices.EqualFunc(a.data, b.data, bytes.Equal) || !sameVersion(c, a, b) && !twoSigners(a, b) {
				continue
			}
			if a.chain.Status != b.chain.Status || a.chain.Signed != b.chain.Signed {
				continue // a copy that is broken otherwise
			}
			return []holdfast.Finding{{
				Severity: holdfast.SeverityWarning, RRset: class, Evidence: []int{a.reply.Index, b.reply.Index},
				Text: fmt.Sprintf("%s and %s give different %s records: a parent will heed neither", a.server, b.server, class),
			}}
		}
	}
	return nil
}

func sameVersion(c *judge.Case, a, b ask) bool {
	one, ok := c.SOA(a.server)
	other, too := c.SOA(b.server)
	return ok && too && one.Serial == other.Serial
}

// twoSigners says whether two servers' keys are signed by different keys, both
// of which the DS name.
func twoSigners(a, b ask) bool {
	if a.chain.Status != holdfast.Secure || b.chain.Status != holdfast.Secure || a.chain.KeySet == nil || b.chain.KeySet == nil {
		return false
	}
	tags := func(s *judge.Set) (out []string) {
		for _, sig := range s.Signatures {
			out = append(out, keyName(sig.KeyTag, sig.Algorithm))
		}
		return out
	}
	return !meets(tags(a.chain.KeySet), tags(b.chain.KeySet))
}

func cdsLags(p Policy) judge.Check {
	return judge.Check{
		Code: "ROL-08", Name: "cds-not-heeded", Severity: holdfast.SeverityInfo,
		Reference: "RFC 7344 section 6",
		Summary:   "the parent's DS become what the CDS ask for",
		Judge: func(c *judge.Case) []holdfast.Finding {
			v := viewOf(c)
			since := v.p.CDS.Since
			for _, e := range v.here(holdfast.ClassDS) {
				since = later(since, e.Published)
			}
			all := asks(c, holdfast.PurposeCDS, wire.TypeCDS)
			if v.p.CDS.ID == "" || len(all) == 0 || all[0].set == nil || c.Chain.Link.Status != holdfast.Secure || !c.Older(since, p.CDSLag) {
				return nil
			}
			have := dsSet(c.Chain.Link.DS)
			want := []string{}
			deleted, _ := all[0].deletes()
			if !deleted {
				var ds []holdfast.DS
				for _, r := range all[0].set.Records {
					if d, err := r.DS(); err == nil {
						ds = append(ds, d)
					}
				}
				want = dsSet(ds)
			}
			if slices.Equal(have, want) {
				return nil
			}
			what := "to have none"
			if !deleted {
				what = fmt.Sprintf("for %s", join(want))
			}
			return []holdfast.Finding{{
				Severity: holdfast.SeverityInfo, RRset: holdfast.ClassCDS, Evidence: []int{all[0].reply.Index},
				Text: fmt.Sprintf("since %s the CDS records ask %s and the parent has DS records for %s: it does not look for CDS, or does not heed it", stamp(since), what, join(have)),
			}}
		},
	}
}

// dsSet are the keys that DS records speak of, sorted.
func dsSet(all []holdfast.DS) []string {
	out := []string{}
	for _, ds := range all {
		if name := keyName(ds.KeyTag, ds.Algorithm); !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
