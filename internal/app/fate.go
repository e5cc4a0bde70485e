package app

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"text/tabwriter"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// FateOptions are the flags of `holdfast fate`, as given.
type FateOptions struct {
	Config, What string
	JSON         bool
}

// hanging is what hangs on an address, a network or a host domain.
type hanging struct {
	On     string               `json:"on"`
	Silent int                  `json:"silent"` // zones that have nothing else
	Zones  []holdfast.Dependent `json:"zones"`
}

// widestShown is how many networks are listed where nothing is named.
const widestShown = 20

// Fate says what hangs on an address, a network or a domain of name servers,
// and what a zone hangs on; without a name, on which networks most zones do.
func Fate(ctx context.Context, w World, o FateOptions) error {
	return withRecord(ctx, StoreOptions{Config: o.Config}, func(_ Config, r *record.Record) error {
		statuses, err := r.Statuses(ctx)
		if err != nil {
			return fmt.Errorf("fate: %w", err)
		}
		verdicts := make([]holdfast.Verdict, len(statuses))
		for i, s := range statuses {
			verdicts[i] = s.Verdict
		}
		f := holdfast.NewFate(verdicts)
		if o.What == "" {
			return writeWidest(w, o, f.Widest(widestShown))
		}
		if address, err := netip.ParseAddr(o.What); err == nil {
			return writeHanging(w, o, hanging{On: address.String(), Zones: f.OnAddresses([]netip.Addr{address.Unmap()})})
		}
		if network, err := netip.ParsePrefix(o.What); err == nil {
			if network != holdfast.NetworkOf(network.Addr()) {
				return fmt.Errorf("fate: %s: networks are told apart as %s", network, holdfast.NetworkOf(network.Addr()))
			}
			return writeHanging(w, o, hanging{On: network.String(), Zones: f.OnNetwork(network)})
		}
		name, err := wire.FromUnicode(o.What)
		if err != nil {
			return advise(fmt.Errorf("fate: %w", err), "Name a zone, an address, a network (192.0.2.0/24) or a domain that name servers have their names in.")
		}
		if zone, known := f.Of(name); known {
			return writeZoneFate(w, o, zone)
		}
		return writeHanging(w, o, hanging{On: name.String(), Zones: f.OnHost(name)})
	})
}

func writeHanging(w World, o FateOptions, h hanging) error {
	for _, d := range h.Zones {
		if d.All() {
			h.Silent++
		}
	}
	if o.JSON {
		return writeJSON(w.Stdout, h)
	}
	if len(h.Zones) == 0 {
		return advise(fmt.Errorf("fate: nothing under watch hangs on %s", h.On), "Name a zone, an address, a network (192.0.2.0/24) or a domain that name servers have their names in.")
	}
	verb := "hang"
	if len(h.Zones) == 1 {
		verb = "hangs"
	}
	fmt.Fprintf(w.Stdout, "On %s %s %s; %d of them with no other server\n\n", h.On, verb, count(len(h.Zones), "zone", "zones"), h.Silent)
	table := tabwriter.NewWriter(w.Stdout, 0, 0, 2, ' ', 0)
	for _, d := range h.Zones {
		fmt.Fprintf(table, "%s\t%d of %d addresses\n", d.Zone, d.Lost, d.Of)
	}
	return table.Flush()
}

func writeZoneFate(w World, o FateOptions, z holdfast.ZoneFate) error {
	if o.JSON {
		return writeJSON(w.Stdout, z)
	}
	fmt.Fprintf(w.Stdout, "%s has %s in %s, under names in %s\n\n", z.Zone,
		count(z.Servers, "server address", "server addresses"), count(len(z.Networks), "network", "networks"), count(len(z.Hosts), "domain", "domains"))
	return writeSupports(w, "HANGS ON\tADDRESSES\tOTHER ZONES\tOF WHICH WITH NOTHING ELSE", append(z.Networks, z.Hosts...))
}

func writeWidest(w World, o FateOptions, widest []holdfast.Support) error {
	if o.JSON {
		return writeJSON(w.Stdout, widest)
	}
	return writeSupports(w, "NETWORK\tADDRESSES\tZONES\tOF WHICH WITH NOTHING ELSE", widest)
}

func writeSupports(w World, head string, supports []holdfast.Support) error {
	table := tabwriter.NewWriter(w.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, strings.TrimSpace(head))
	for _, s := range supports {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\n", s.What, s.Servers, s.Others, s.Silent)
	}
	return table.Flush()
}
