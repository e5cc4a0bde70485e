package walk

import (
	"context"
	"net/netip"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// What the walk to one name (measure/resolve) borrows of the walk over a zone.

// Referral is the delegation that a reply from a server of bailiwick shows for
// name or for a zone above it, and that zone's name; false where it shows none.
// Addresses from outside the bailiwick are left out.
func Referral(m *wire.Message, name, bailiwick holdfast.Name) (holdfast.Name, holdfast.Delegation, bool) {
	d, ok := delegationIn(m, name, bailiwick)
	return d.owner, holdfast.Delegation{NS: d.ns, Glue: d.glue}, ok
}

// Addresses finds the addresses of a name server from the root, within the
// bounds of a look, and gives the exchanges that said so.
func (s *Sweep) Addresses(ctx context.Context, name holdfast.Name) ([]netip.Addr, []holdfast.Exchange) {
	found := newLook(ctx, s, holdfast.Subject{Zone: name}).locate(name, route{})
	return found.addresses, found.exchanges
}
