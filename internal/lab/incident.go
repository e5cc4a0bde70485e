package lab

import (
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// share says whether something is of a share, by what it is.
func share(percent float64, parts ...string) bool {
	return float64(hashOf(parts...)%10000) < percent*100
}

// split says whether a signature is one of those that a signer with another
// key of the same tag makes: another share with each version and server.
func (f *frame) split(name holdfast.Name, t wire.Type) bool {
	if f.view.split == 0 {
		return false
	}
	server := ""
	if f.server != nil {
		server = f.server.addr.String()
	}
	return share(f.view.split, string(name), t.String(), server, f.zone.schedule.published(f.moment).String())
}

// collide adds a key with the tag of the one that signs the zone's data.
func (f *frame) collide(set []wire.Record, ttl uint32) ([]wire.Record, error) {
	uses := f.uses()
	i := slices.IndexFunc(uses, func(u keyUse) bool { return u.data })
	if i < 0 {
		return set, nil
	}
	twin, err := f.zone.twinKey(uses[i])
	if err != nil {
		return nil, err
	}
	return append(set, wire.NewDNSKEY(f.zone.name, ttl, twin.DNSKEY)), nil
}

// withoutDots are NS records as a zone file has them whose names lack their
// final dots.
func (f *frame) withoutDots(set []wire.Record) ([]wire.Record, error) {
	out := make([]wire.Record, 0, len(set))
	for _, r := range set {
		target, err := r.Target()
		if err != nil {
			return nil, err
		}
		if f.zone.name != holdfast.Root {
			target += f.zone.name
		}
		doubled, err := wire.NewTarget(r.Name, r.Type, r.TTL, target)
		if err != nil {
			return nil, err
		}
		out = append(out, doubled)
	}
	return out, nil
}

// stretch is by how much the TTL of an RRset is greater than what was signed.
func (f *frame) stretch(set []wire.Record) uint32 {
	if len(f.view.marks) == 0 || len(set) == 0 {
		return 1
	}
	marks := f.view.of(set[0].Type)
	if set[0].Type == wire.TypeDS {
		marks = f.delegation(set[0].Name).of(wire.TypeDS)
	}
	if slices.ContainsFunc(marks, func(m mark) bool { return m.kind == TTLAbove }) {
		return 2
	}
	return 1
}

// sigTTL is the TTL of the signatures over an RRset, which is to be that of the
// RRset (RFC 4034 section 3).
func (f *frame) sigTTL(ttl uint32) uint32 {
	if f.view.sigTTL {
		return ttl / 2
	}
	return ttl
}

// expired says whether a copy that was last refreshed at an instant is older
// than the SOA lets a secondary serve it (RFC 1035 section 3.3.13).
func (x *exchange) expired(refreshed time.Time) bool {
	if x.zone == nil {
		return false
	}
	soa, err := x.zone.content.set(x.zone.name, wire.TypeSOA)[0].SOA()
	return err == nil && !x.now.Before(refreshed.Add(time.Duration(soa.Expire)*time.Second))
}
