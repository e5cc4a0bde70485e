package zone

import (
	"net/netip"
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// holder is what authoritative servers say of a name server's name. Referrals
// met on the way, errors and silence say nothing.
type holder struct {
	alias     bool         // it is the owner of a CNAME
	absent    bool         // NXDOMAIN
	answered  [2]bool      // by family: an authoritative answer came, be it that there is no address
	addresses []netip.Addr // of both families, sorted
	evidence  []int
}

// of are the addresses of one family.
func (h *holder) of(f family) []netip.Addr {
	var out []netip.Addr
	for _, a := range h.addresses {
		if familyOf(a) == f {
			out = append(out, a)
		}
	}
	return out
}

// holders are the name servers' names whose addresses were asked for, with what
// was learned.
func holders(c *judge.Case) map[holdfast.Name]*holder { return hosts(c, holdfast.PurposeAddress) }

// hosts are the names whose addresses were asked for to a purpose. They are
// shared and must not be written to.
func hosts(c *judge.Case, purpose holdfast.Purpose) map[holdfast.Name]*holder {
	type key struct{ purpose holdfast.Purpose }
	return judge.Shared(c, key{purpose}, func() map[holdfast.Name]*holder { return readHosts(c, purpose) })
}

func readHosts(c *judge.Case, purpose holdfast.Purpose) map[holdfast.Name]*holder {
	out := make(map[holdfast.Name]*holder)
	for i := range c.Measurement.Exchanges {
		e := &c.Measurement.Exchanges[i]
		if e.Purpose != purpose {
			continue
		}
		f := ipv4
		switch wire.Type(e.Question.Type) {
		case wire.TypeA:
		case wire.TypeAAAA:
			f = ipv6
		default:
			continue
		}
		h := out[e.Question.Name]
		if h == nil {
			h = &holder{}
			out[e.Question.Name] = h
		}
		h.learn(c, c.Reply(i), f)
	}
	for _, h := range out {
		slices.SortFunc(h.addresses, netip.Addr.Compare)
	}
	return out
}

func (h *holder) learn(c *judge.Case, r judge.Reply, f family) {
	if !r.OK() || !r.Message.Authoritative {
		return
	}
	name := r.Exchange.Question.Name
	h.evidence = append(h.evidence, r.Index)
	if c.Answer(r, name, wire.TypeCNAME) != nil {
		h.alias = true
		return
	}
	h.answered[f] = true
	if set := c.Answer(r, name, wire.Type(r.Exchange.Question.Type)); set != nil {
		for _, record := range set.Records {
			if a, err := record.Address(); err == nil && !slices.Contains(h.addresses, a) {
				h.addresses = append(h.addresses, a)
			}
		}
		return
	}
	if r.Message.Rcode == wire.NXDomain {
		h.absent = true
	}
}
