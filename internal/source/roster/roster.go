// Package roster says who is under watch: the delegations of the root zone, or
// a list of names. A new root zone replaces the old one only when it has been
// verified and is not strangely small or old; otherwise the old roster stays.
package roster

import (
	"bytes"
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/source"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Config is the [roster] table.
type Config struct {
	// Sources of the root zone, tried in this order: "axfr:HOST[:PORT]",
	// "https://...", or a file. Default: ICANN's two transfer servers, then
	// https://www.internic.net/domain/root.zone.
	Sources []string `toml:"sources"`
	// List names a file of zones to watch in place of the root's: one a line,
	// or CSV. See ReadList.
	List string `toml:"list"`
	// Interval between looks for a new root zone. Default 30 minutes: a new
	// one comes twice a day.
	Interval holdfast.Duration `toml:"interval"`
	// MaxLossPercent is the share of the old roster's zones that a new root
	// zone may lack. At this share and above it is refused. Default 10.
	MaxLossPercent int `toml:"max_loss_percent"`
}

// Roster is who is under watch.
type Roster struct {
	Zone    holdfast.Name `json:"zone"`   // whose delegations these are; empty for a list
	Serial  uint32        `json:"serial"` // of Zone
	From    string        `json:"from"`
	Fetched time.Time     `json:"fetched"`
	// Subjects are sorted by name in canonical order: Zone itself is the first.
	Subjects []holdfast.Subject `json:"subjects"`
}

// Find is the subject of that name.
func (r *Roster) Find(zone holdfast.Name) (holdfast.Subject, bool) {
	i, ok := slices.BinarySearchFunc(r.Subjects, zone, func(s holdfast.Subject, name holdfast.Name) int {
		return wire.CompareNames(s.Zone, name)
	})
	if !ok {
		return holdfast.Subject{}, false
	}
	return r.Subjects[i], true
}

// ErrEmpty says that a zone delegates nothing.
var ErrEmpty = errors.New("the zone delegates no names; check that the source serves the root zone")

//go:embed idn-country-code.txt
var idnCountryCodes string

// countryIDNs are the internationalised country codes, by A-label.
func countryIDNs() map[holdfast.Name]bool {
	out := make(map[holdfast.Name]bool, 64)
	for line := range strings.Lines(idnCountryCodes) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			out[holdfast.Name(line+".")] = true
		}
	}
	return out
}

// kinds tells what sort of name a name is. A country code is a name of two
// ASCII letters (ISO 3166-1 alpha-2, RFC 1591 section 2) or one of IANA's list.
type kinds map[holdfast.Name]bool

func (k kinds) of(name holdfast.Name) holdfast.Kind {
	switch {
	case name == holdfast.Root:
		return holdfast.KindRoot
	case name.Labels() > 1:
		return holdfast.KindOther
	case name == "arpa.":
		return holdfast.KindInfra
	case len(name) == 3 && isLetter(name[0]) && isLetter(name[1]) || k[name]:
		return holdfast.KindCountry
	}
	return holdfast.KindGeneric
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' }

func (k kinds) subject(name holdfast.Name, d *holdfast.Delegation) holdfast.Subject {
	last := name.Short()
	last = last[strings.LastIndexByte(last, '.')+1:]
	return holdfast.Subject{
		Zone: name, Unicode: wire.Unicode(name), Kind: k.of(name),
		IDN: strings.HasPrefix(last, "xn--"), Delegation: d,
	}
}

// Build makes a roster of a zone: the zone itself and each of its delegations,
// with what the zone says of them. It answers ErrEmpty where there is none.
func Build(zone source.Zone) (*Roster, error) {
	cuts := map[holdfast.Name]*holdfast.Delegation{zone.Name: {}}
	addresses := map[holdfast.Name][]netip.Addr{}
	for _, r := range zone.Records {
		if err := gather(cuts, addresses, r); err != nil {
			return nil, fmt.Errorf("build roster of %s: %w", zone.From, err)
		}
	}
	kinds := kinds(countryIDNs())
	out := &Roster{Zone: zone.Name, Serial: zone.SOA.Serial, From: zone.From, Fetched: zone.Fetched}
	for name, d := range cuts {
		if name != zone.Name && (len(d.NS) == 0 || occluded(cuts, name, zone.Name)) {
			continue
		}
		settle(d, addresses)
		out.Subjects = append(out.Subjects, kinds.subject(name, d))
	}
	if len(out.Subjects) < 2 {
		return nil, fmt.Errorf("build roster of %s: %w", zone.From, ErrEmpty)
	}
	slices.SortFunc(out.Subjects, func(a, b holdfast.Subject) int { return wire.CompareNames(a.Zone, b.Zone) })
	return out, nil
}

// gather notes what one record says of a delegation.
func gather(cuts map[holdfast.Name]*holdfast.Delegation, addresses map[holdfast.Name][]netip.Addr, r wire.Record) error {
	switch r.Type {
	case wire.TypeNS, wire.TypeDS:
		d := cuts[r.Name]
		if d == nil {
			d = &holdfast.Delegation{}
			cuts[r.Name] = d
		}
		if r.Type == wire.TypeNS {
			target, err := r.Target()
			d.NS = append(d.NS, target)
			return err
		}
		ds, err := r.DS()
		d.DS = append(d.DS, ds)
		return err
	case wire.TypeA, wire.TypeAAAA:
		addr, err := r.Address()
		addresses[r.Name] = append(addresses[r.Name], addr)
		return err
	}
	return nil
}

// settle sorts a delegation and gives it the addresses that the zone holds of
// its name servers: what a referral brings, be they below the cut or beside it.
func settle(d *holdfast.Delegation, addresses map[holdfast.Name][]netip.Addr) {
	slices.SortFunc(d.NS, wire.CompareNames)
	d.NS = slices.Compact(d.NS)
	slices.SortFunc(d.DS, compareDS)
	for _, name := range d.NS {
		known := addresses[name]
		if len(known) == 0 {
			continue
		}
		if d.Glue == nil {
			d.Glue = make(map[holdfast.Name][]netip.Addr)
		}
		known = slices.Clone(known)
		slices.SortFunc(known, netip.Addr.Compare)
		d.Glue[name] = slices.Compact(known)
	}
}

// occluded says whether a delegation lies below another: nobody is sent there.
func occluded(cuts map[holdfast.Name]*holdfast.Delegation, name, apex holdfast.Name) bool {
	for _, above := range name.Ancestors() {
		if above == apex {
			return false
		}
		if d := cuts[above]; d != nil && len(d.NS) > 0 {
			return true
		}
	}
	return false
}

func compareDS(a, b holdfast.DS) int {
	return cmp.Or(cmp.Compare(a.KeyTag, b.KeyTag), cmp.Compare(a.Algorithm, b.Algorithm),
		cmp.Compare(a.DigestType, b.DigestType), bytes.Compare(a.Digest, b.Digest))
}
