package rollover

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/judge/past"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func dsEarly() judge.Check {
	return judge.Check{
		Code: codeDSEarly, Name: "ds-before-its-key", Severity: holdfast.SeverityError,
		Reference: "RFC 7583 section 3.3.1",
		Summary:   "the DS change to a key that every cache can have; CDS does not ask for it before (RFC 7344 section 4.1)",
		Judge: func(c *judge.Case) []holdfast.Finding {
			v := viewOf(c)
			var out []holdfast.Finding
			if worst, found := v.worst(codeDSEarly); found {
				out = append(out, v.dsChanged(worst))
			}
			if f, found := v.dsAsked(); found {
				out = append(out, f)
			}
			return out
		},
	}
}

func (v *view) dsChanged(worst conflict) holdfast.Finding {
	f := v.unsafe(worst)
	f.RRset = holdfast.ClassDS
	ds := worst.after
	if ds.Of != holdfast.ClassDS {
		f.Text = fmt.Sprintf("servers answer with keys to which the DS records that caches may hold do not lead%s: they were to come only when their DS was everywhere", end(worst))
		return f
	}
	names := v.dsNames(ds.Members)
	known := slices.ContainsFunc(ds.Members, func(id string) bool { return v.ds[id].Key != "" })
	switch {
	case !known:
		f.Text = fmt.Sprintf("the DS records in the parent were changed to %s, of which no key was ever published: have the former DS published again", names)
		f.Until = time.Time{}
	case current(worst.before) && !v.elsewhere(ds):
		f.Text = fmt.Sprintf("the DS records in the parent were changed to %s, and no such key signs the keys: have the former DS published again", names)
	default:
		f.Text = fmt.Sprintf("the DS records in the parent were changed to %s too soon: caches may hold DNSKEY RRsets that they do not lead to%s; have the former DS published as well until then", names, end(worst))
	}
	return f
}

// dsAsked says whether the zone's CDS ask for DS records that would break
// resolvers if the parent published them now, with keys that will do later.
// CDS for keys that are not there at all are ROL-07's matter.
func (v *view) dsAsked() (holdfast.Finding, bool) {
	wanted, evidence := v.wanted()
	if len(wanted) == 0 || !meets(wanted, v.signers(holdfast.ClassDNSKEY)) || v.c.Chain.Link.Status != holdfast.Secure {
		return holdfast.Finding{}, false
	}
	var safe time.Time
	for _, keys := range v.of(holdfast.ClassDNSKEY) {
		if meets(wanted, keys.Signers) || len(keys.Members) == 0 || !v.held(keys) {
			continue
		}
		if keys.Here() {
			return holdfast.Finding{}, false // several signers, who ask in common, or not to be told
		}
		if v.c.Passed(keys.Cached(keys.Last)) {
			continue // it may be gone from every cache by now
		}
		safe = later(safe, leaves(keys))
	}
	if safe.IsZero() || v.already(wanted) {
		return holdfast.Finding{}, false
	}
	return holdfast.Finding{
		Severity: holdfast.SeverityError, RRset: holdfast.ClassCDS, Reference: "RFC 7344 section 4.1", Until: safe, Evidence: evidence,
		Text: fmt.Sprintf("the CDS records ask the parent to change to %s too soon: caches may hold DNSKEY RRsets without that key until %s; ask for the former DS as well until then", v.keyNames(wanted), stamp(safe)),
	}, true
}

// already says whether the parent's DS name no key but those: then what is
// asked for was done.
func (v *view) already(wanted []string) bool {
	for _, id := range v.members(holdfast.ClassDS) {
		if key := v.ds[id].Key; key == "" || !slices.Contains(wanted, key) {
			return false
		}
	}
	return true
}

// wanted are the IDs of keys that the CDS records ask for, where all servers
// that were asked give the same and each of those keys is known; none where
// they ask for something else.
func (v *view) wanted() (ids []string, evidence []int) {
	var data [][]byte
	for i, a := range asks(v.c, holdfast.PurposeCDS, wire.TypeCDS) {
		if i > 0 && !slices.EqualFunc(data, a.data, bytes.Equal) {
			return nil, nil
		}
		data, evidence = a.data, append(evidence, a.reply.Index)
	}
	for _, d := range data {
		ds, err := wire.Record{Type: wire.TypeDS, Data: d}.DS()
		if err != nil {
			return nil, nil
		}
		id := v.keyOf(ds)
		if id == "" {
			return nil, nil
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, evidence
}

// keyOf is the ID of the key that a DS names, whether it is there or was.
func (v *view) keyOf(ds holdfast.DS) string {
	if known := v.ds[past.DSID(ds)].Key; known != "" {
		return known
	}
	for _, id := range v.members(holdfast.ClassDNSKEY) {
		if v.names(ds, id) {
			return id
		}
	}
	return ""
}

// names says whether a DS is that of a key which some server gives.
func (v *view) names(ds holdfast.DS, id string) bool {
	for i := range v.c.Chain.Servers {
		for _, k := range v.c.Chain.Servers[i].Keys {
			if k.Tag != ds.KeyTag || k.Algorithm != ds.Algorithm || past.KeyID(k.DNSKEY) != id {
				continue
			}
			made, err := k.Digest(v.c.Zone, ds.DigestType)
			return err == nil && bytes.Equal(made.Digest, ds.Digest)
		}
	}
	return false
}
