package walk

import (
	"cmp"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// This file looks for what stands behind a zone: whom its SOA names, where its
// parent takes notifications, what its name servers signal about it, and what
// validating resolvers make of it.

// behindSOA follows the names in the zone's SOA, once.
func (l *look) behindSOA(m *wire.Message) {
	if !authoritative(m) {
		return
	}
	i := slices.IndexFunc(m.Answer, func(r wire.Record) bool { return r.Name == l.zone && r.Type == wire.TypeSOA })
	if i < 0 {
		return
	}
	soa, err := m.Answer[i].SOA()
	if err != nil {
		return
	}
	if soa.RName.Labels() > 1 && l.once("mail", string(soa.RName)) {
		l.spawn(func() { l.keep(l.mail(soa.RName.Parent())...) })
	}
	l.mutex.Lock()
	known := l.names[soa.MName]
	l.mutex.Unlock()
	if !known && soa.MName.Labels() > 1 && l.once("mname", string(soa.MName)) {
		l.spawn(func() { l.keep(purposed(holdfast.PurposeMName, l.locate(soa.MName, route{}).exchanges)...) })
	}
}

// mailHosts is how many of a domain's mail hosts are looked for.
const mailHosts = 2

// mail finds out whether a domain takes mail (RFC 5321 section 5.1): its MX,
// or without any its own addresses, and the addresses of its first mail hosts.
func (l *look) mail(domain holdfast.Name) []exchange {
	return l.sweep.mail.do(l.ctx, domain, false, func() ([]exchange, bool) {
		at, err := l.enclosing(domain.Parent(), route{})
		if err != nil {
			return nil, l.ctx.Err() == nil
		}
		exchangers := l.seek(holdfast.PurposeMail, []wire.Type{wire.TypeMX}, domain, at, route{})
		out := exchangers.exchanges
		hosts := mailHostsIn(exchangers.messages, domain)
		if len(hosts) == 0 {
			out = append(out, l.seek(holdfast.PurposeMail, addressTypes, domain, exchangers.at, route{}).exchanges...)
		}
		for _, host := range hosts[:min(mailHosts, len(hosts))] {
			out = append(out, purposed(holdfast.PurposeMail, l.locate(host, route{}).exchanges)...)
		}
		return out, l.ctx.Err() == nil
	})
}

// mailHostsIn are a domain's mail hosts, the preferred first; the root where
// it takes no mail (RFC 7505) is none.
func mailHostsIn(messages []*wire.Message, domain holdfast.Name) []holdfast.Name {
	var found []wire.MX
	for _, m := range messages {
		for _, r := range m.Answer {
			if mx, err := r.MX(); err == nil && r.Name == domain && mx.Host != holdfast.Root {
				found = append(found, mx)
			}
		}
	}
	slices.SortFunc(found, func(a, b wire.MX) int {
		return cmp.Or(cmp.Compare(a.Preference, b.Preference), strings.Compare(string(a.Host), string(b.Host)))
	})
	hosts := make([]holdfast.Name, len(found))
	for i, mx := range found {
		hosts[i] = mx.Host
	}
	return slices.Compact(hosts)
}

// purposed are exchanges under another purpose than the one that they were
// made for, in a list of their own.
func purposed(purpose holdfast.Purpose, exchanges []exchange) []exchange {
	out := slices.Clone(exchanges)
	for i := range out {
		out[i].Purpose = purpose
	}
	return out
}

// signals asks, once the zone is known to have CDS, at each of its name servers
// outside of it for what that says in the zone's name (RFC 9615 section 2).
func (l *look) signals() {
	l.mutex.Lock()
	var names []holdfast.Name
	if l.begun["cds"] {
		for name := range l.names {
			if !name.IsSubdomainOf(l.zone) {
				names = append(names, name)
			}
		}
	}
	l.mutex.Unlock()
	for _, ns := range names {
		name, err := holdfast.ParseName("_dsboot." + string(l.zone) + "_signal." + string(ns))
		if err != nil || !l.once("signal", string(ns)) {
			continue // too long a name (RFC 9615 section 2.3)
		}
		l.spawn(func() {
			at, err := l.enclosing(ns.Parent(), route{})
			if err != nil {
				return
			}
			said := l.seek(holdfast.PurposeSignal, []wire.Type{wire.TypeCDS}, name, at, route{})
			l.keep(said.exchanges...)
			l.ancestry(said.at)
		})
	}
}

// notified is what a parent says about where it takes notifications.
type notified struct {
	exchanges []exchange
	nowhere   bool // that it takes none, or nothing that could be read
}

// notifications asks where the parent takes notifications about the zone: for
// all its children first, and about this one unless the parent has no such
// names at all. (RFC 9859 section 4.1 begins with the child's name, and comes
// to the same in the end; most parents have neither.)
func (l *look) notifications(parent *cut) {
	all := l.sweep.notified.do(l.ctx, parent.zone, false, func() (notified, bool) {
		return l.dsync(parent, under("_dsync", parent.zone))
	})
	l.keep(all.exchanges...)
	if all.nowhere || all.exchanges == nil {
		return
	}
	child := strings.TrimSuffix(strings.TrimSuffix(string(l.zone), string(parent.zone)), ".")
	if name, err := holdfast.ParseName(string(under(child+"._dsync", parent.zone))); err == nil {
		own, _ := l.dsync(parent, name)
		l.keep(own.exchanges...)
	}
}

// dsync asks for DSYNC records and for the addresses of those they name. whole
// says that there was time to do so.
func (l *look) dsync(parent *cut, name holdfast.Name) (out notified, whole bool) {
	answers, all := l.questions(holdfast.PurposeDSYNC, []wire.Type{wire.TypeDSYNC}, parent.zone, name, l.someServers(parent, route{}))
	out.exchanges = all
	out.nowhere = true
	for _, m := range answers {
		out.nowhere = m.Rcode == wire.NXDomain
		for _, r := range m.Answer {
			if d, err := r.DSYNC(); err == nil && d.Target != holdfast.Root {
				out.exchanges = append(out.exchanges, purposed(holdfast.PurposeDSYNC, l.locate(d.Target, route{}).exchanges)...)
			}
		}
	}
	return out, l.ctx.Err() == nil
}

// askValidators asks the configured resolvers what they make of the zone.
func (l *look) askValidators() {
	for _, resolver := range l.config().Validators {
		if !l.config().wants(resolver.Addr()) {
			continue
		}
		q := l.apex(holdfast.Server{Address: resolver.Addr().Unmap()}, holdfast.PurposeValidator, wire.TypeSOA)
		q.Shape, q.Port = wire.Shape{Recursion: true}, resolver.Port()
		l.pose(q)
	}
}
