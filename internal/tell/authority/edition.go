package authority

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast/internal/wire"
)

// maxRecords bounds an edition: it is held in memory, and its chain of denial
// is made anew with each change.
const maxRecords = 1 << 18

// NewEdition checks a plan. An error names the zone and the record.
func NewEdition(p Plan) (*Edition, error) {
	if p.Life == 0 {
		p.Life = 7 * 24 * time.Hour
	}
	if p.Backdate == 0 {
		p.Backdate = time.Hour
	}
	p.Keys = slices.Clone(p.Keys)
	e := &Edition{plan: p, sets: map[setKey][]wire.Record{}}
	if err := e.check(); err != nil {
		return nil, fmt.Errorf("make zone %s: %w", p.Zone, err)
	}
	for _, r := range p.Records {
		if err := e.add(r); err != nil {
			return nil, fmt.Errorf("make zone %s: %s %s: %w", p.Zone, r.Name, r.Type, err)
		}
	}
	apex := func(t wire.Type) []wire.Record { return e.sets[setKey{p.Zone, t}] }
	if len(apex(wire.TypeSOA)) != 1 || len(apex(wire.TypeNS)) == 0 {
		return nil, fmt.Errorf("make zone %s: want one SOA and at least one NS record at the apex", p.Zone)
	}
	e.soa, e.ns = apex(wire.TypeSOA)[0], apex(wire.TypeNS)
	e.addKeys()
	return e, nil
}

func (e *Edition) check() error {
	p := e.plan
	narrow := p.Denial == NarrowNSEC || p.Denial == NarrowNSEC3 || p.Denial == Compact
	switch {
	case len(p.Records) > maxRecords:
		return fmt.Errorf("it has %d records, more than %d", len(p.Records), maxRecords)
	case p.Names != nil && !narrow:
		return errors.New("names made as they are asked for have no chain: they want a narrow or compact denial")
	case p.Life < 0 || p.Backdate < 0:
		return errors.New("signatures cannot live for less than no time")
	}
	for _, k := range p.Keys {
		if k.Pair == nil {
			return errors.New("a key is missing")
		}
		if p.Denial == NSEC3 || p.Denial == NarrowNSEC3 {
			if k.Pair.DNSKEY.Algorithm == wire.RSASHA1 { // RFC 5155 section 2
				return errors.New("keys of algorithm 5 cannot go with NSEC3")
			}
		}
	}
	return nil
}

func (e *Edition) add(r wire.Record) error {
	switch {
	case r.Class != wire.ClassIN:
		return errors.New("class is not IN")
	case !r.Name.IsSubdomainOf(e.plan.Zone):
		return errors.New("it lies outside the zone")
	case strings.HasPrefix(string(r.Name), "*."):
		return errors.New("wildcards are not served")
	}
	if (e.plan.Denial == NarrowNSEC || e.plan.Denial == Compact) && strings.Trim(string(r.Name), "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
		return errors.New("a narrow NSEC wants names of letters, digits, hyphens and underscores")
	}
	switch r.Type {
	case wire.TypeCNAME, wire.TypeDNAME:
		return errors.New("aliases are not served")
	case wire.TypeDNSKEY, wire.TypeRRSIG, wire.TypeNSEC, wire.TypeNSEC3, wire.TypeNSEC3PARAM, wire.TypeOPT:
		return errors.New("the server makes such records itself")
	}
	if _, err := wire.PackName(r.Name); err != nil {
		return err
	}
	key := setKey{r.Name, r.Type}
	set := e.sets[key]
	if len(set) > 0 && set[0].TTL != r.TTL { // RFC 2181 section 5.2
		return errors.New("the TTLs of an RRset differ")
	}
	if slices.ContainsFunc(set, func(s wire.Record) bool { return string(s.Data) == string(r.Data) }) {
		return errors.New("it is there twice")
	}
	e.sets[key] = append(set, r)
	return nil
}

// addKeys makes the DNSKEY RRset, of the keys that are published, and says how
// names are hashed.
func (e *Edition) addKeys() {
	p := e.plan
	ttl := p.KeyTTL
	if ttl == 0 {
		ttl = e.soa.TTL
	}
	for i, k := range p.Keys {
		if k.Revoke {
			revoked := *k.Pair
			revoked.DNSKEY.Flags |= wire.FlagRevoke
			revoked.Tag = revoked.DNSKEY.KeyTag()
			p.Keys[i].Pair = &revoked
		}
		if k.Publish {
			e.keyset = append(e.keyset, wire.NewDNSKEY(p.Zone, ttl, p.Keys[i].Pair.DNSKEY))
		}
	}
	if len(p.Keys) > 0 && (p.Denial == NSEC3 || p.Denial == NarrowNSEC3) {
		e.sets[setKey{p.Zone, wire.TypeNSEC3PARAM}] = []wire.Record{wire.NewNSEC3PARAM(p.Zone, 0, wire.NSEC3PARAM{Hash: 1})}
	}
	if len(e.keyset) > 0 {
		e.sets[setKey{p.Zone, wire.TypeDNSKEY}] = e.keyset
	}
}
