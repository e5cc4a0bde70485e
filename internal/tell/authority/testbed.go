package authority

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Host is a name server and its addresses.
type Host struct {
	Name      holdfast.Name
	Addresses []netip.Addr
}

// Testbed says what the zones of a test bed are made of.
type Testbed struct {
	Base    holdfast.Name
	Servers []Host
	// Web are the addresses that the names of tests have: a page there answers
	// browsers.
	Web     []netip.Addr
	Contact holdfast.Name // the SOA's RNAME
	TTL     uint32        // of all; 0: 60
	Serial  uint32        // of every zone
	// Key is the key of a role, of an algorithm; roles are file names.
	Key func(role string, zone holdfast.Name, algorithm uint8) (*wire.Key, error)
}

// Names of the zones below the base.
const (
	labelSentinel = "sentinel"
	labelInsecure = "insecure"
)

// SentinelZone is the zone with the sentinels.
func SentinelZone(base holdfast.Name) holdfast.Name { return childOf(labelSentinel, base) }

// InsecureZone is the zone without signatures, right below the sentinels'.
func InsecureZone(base holdfast.Name) holdfast.Name {
	return childOf(labelInsecure, SentinelZone(base))
}

// Support is a zone that shows whether a resolver supports an algorithm, in a
// digest of the DS and a way of denial.
type Support struct {
	Digest    uint8
	Algorithm uint8
	Denial    Denial // NSEC or NSEC3
}

// Label is that of the zone, in the manner of rootcanary.org.
func (s Support) Label() string {
	n := "1"
	if s.Denial == NSEC3 {
		n = "3"
	}
	return "d" + strconv.Itoa(int(s.Digest)) + "a" + strconv.Itoa(int(s.Algorithm)) + "n" + n
}

// Supports are all that there are: RSA/SHA-1 without the mark of NSEC3 does
// not go with it (RFC 5155 section 2).
func Supports() (out []Support) {
	for _, algorithm := range []uint8{wire.RSASHA1, wire.RSASHA1NSEC3SHA1, wire.RSASHA256, wire.RSASHA512,
		wire.ECDSAP256SHA256, wire.ECDSAP384SHA384, wire.ED25519, wire.ED448} {
		for _, digest := range []uint8{1, 2, 4} {
			for _, denial := range []Denial{NSEC, NSEC3} {
				if algorithm != wire.RSASHA1 || denial == NSEC {
					out = append(out, Support{digest, algorithm, denial})
				}
			}
		}
	}
	return out
}

// BaseRole is the role of the base zone's key, the one whose DS the zone above
// has to show.
const BaseRole = "base"

// Roles are those that Zones wants keys for, with their algorithms.
func Roles() map[string]uint8 {
	out := map[string]uint8{BaseRole: wire.ECDSAP256SHA256, labelSentinel: wire.ECDSAP256SHA256}
	for _, s := range Supports() {
		out[supportRole(s.Algorithm)] = s.Algorithm
	}
	return out
}

func supportRole(algorithm uint8) string { return "algorithm-" + strconv.Itoa(int(algorithm)) }

// Zones makes the zones of a test bed: the base, the sentinels, the one that
// is not signed, and one for each algorithm, digest and denial.
func (t Testbed) Zones() ([]Zone, error) {
	if err := t.Check(); err != nil {
		return nil, fmt.Errorf("make test bed %s: %w", t.Base, err)
	}
	if t.TTL == 0 {
		t.TTL = 60
	}
	editions := []func() (*Edition, error){t.base, t.sentinel, t.insecure}
	for _, s := range Supports() {
		editions = append(editions, func() (*Edition, error) { return t.support(s) })
	}
	var out []Zone
	for _, make := range editions {
		e, err := make()
		if err != nil {
			return nil, fmt.Errorf("make test bed: %w", err)
		}
		out = append(out, Fixed(e))
	}
	return out, nil
}

// Check says what a test bed lacks.
func (t Testbed) Check() error {
	switch {
	case t.Base == "" || t.Base == holdfast.Root:
		return errors.New("it wants the name of a zone of its own")
	case len(string(t.Base)) > 120:
		return errors.New("the name is so long that its tests' names would be longer than names may be")
	case len(t.Servers) == 0:
		return errors.New("it has no name server")
	case len(t.Web) == 0:
		return errors.New("the names of its tests have no address: say where the page is")
	}
	for _, h := range t.Servers {
		if h.Name.IsSubdomainOf(t.Base) && len(h.Addresses) == 0 {
			return fmt.Errorf("name server %s lies within the zone and has no address", h.Name)
		}
		if h.Name.IsSubdomainOf(t.Base) && h.Name.Parent() != t.Base {
			return fmt.Errorf("name server %s: want one right below the zone", h.Name)
		}
	}
	return nil
}

// base is the zone that all others lie in.
func (t Testbed) base() (*Edition, error) {
	key, err := t.Key(BaseRole, t.Base, wire.ECDSAP256SHA256)
	if err != nil {
		return nil, err
	}
	records, err := t.apex(t.Base)
	if err != nil {
		return nil, err
	}
	records = append(records, t.web(t.Base)...)
	for _, h := range t.Servers {
		if !h.Name.IsSubdomainOf(t.Base) {
			continue
		}
		for _, addr := range h.Addresses {
			records = append(records, wire.NewAddress(h.Name, t.TTL, addr))
		}
	}
	return t.edition(Plan{Zone: t.Base, Records: records}, key, 2)
}

func (t Testbed) sentinel() (*Edition, error) {
	zone := SentinelZone(t.Base)
	key, err := t.Key(labelSentinel, zone, wire.ECDSAP256SHA256)
	if err != nil {
		return nil, err
	}
	records, err := t.apex(zone)
	if err != nil {
		return nil, err
	}
	names := sentinelNames{zone, t.web(zone)}
	return t.edition(Plan{Zone: zone, Records: append(records, t.web(zone)...), Names: names, Denial: NarrowNSEC}, key, 2)
}

func (t Testbed) insecure() (*Edition, error) {
	zone := InsecureZone(t.Base)
	records, err := t.apex(zone)
	if err != nil {
		return nil, err
	}
	return NewEdition(Plan{Zone: zone, Records: append(records, t.web(zone)...), Names: runNames{zone, t.web(zone)}, Denial: NarrowNSEC})
}

// support is a zone with one good name and one bad.
func (t Testbed) support(s Support) (*Edition, error) {
	zone := childOf(s.Label(), t.Base)
	key, err := t.Key(supportRole(s.Algorithm), zone, s.Algorithm)
	if err != nil {
		return nil, err
	}
	records, err := t.apex(zone)
	if err != nil {
		return nil, err
	}
	secure, bogus := childOf("secure", zone), childOf("bogus", zone)
	records = append(append(records, t.web(secure)...), t.web(bogus)...)
	return t.edition(Plan{Zone: zone, Records: records, Denial: s.Denial, Faults: map[holdfast.Name]Fault{bogus: Bogus}}, key, s.Digest)
}

// edition signs a plan with one key for all, of which the zone above shows a DS.
func (t Testbed) edition(p Plan, key *wire.Key, digest uint8) (*Edition, error) {
	ds, err := key.DNSKEY.Digest(p.Zone, digest)
	if err != nil {
		return nil, fmt.Errorf("zone %s: %w", p.Zone, err)
	}
	p.Keys = []Key{{Pair: key, Publish: true, SignKeys: true, SignData: true}}
	p.KeyTTL, p.DS = t.TTL, []holdfast.DS{ds}
	return NewEdition(p)
}

func (t Testbed) apex(zone holdfast.Name) ([]wire.Record, error) {
	soa, err := wire.NewSOA(zone, t.TTL, wire.SOA{MName: t.Servers[0].Name, RName: t.Contact, Serial: t.Serial,
		Refresh: 3600, Retry: 600, Expire: 604800, NegativeMinTTL: t.TTL})
	if err != nil {
		return nil, err
	}
	out := []wire.Record{soa}
	for _, h := range t.Servers {
		ns, err := wire.NewTarget(zone, wire.TypeNS, t.TTL, h.Name)
		if err != nil {
			return nil, err
		}
		out = append(out, ns)
	}
	return out, nil
}

// web is the address of the page, at a name.
func (t Testbed) web(name holdfast.Name) (out []wire.Record) {
	for _, addr := range t.Web {
		out = append(out, wire.NewAddress(name, t.TTL, addr))
	}
	return out
}

// Delegation is what the zone above a test bed has to publish, in the form of
// a zone file.
func (t Testbed) Delegation() (string, error) {
	if err := t.Check(); err != nil {
		return "", fmt.Errorf("delegate test bed %s: %w", t.Base, err)
	}
	key, err := t.Key(BaseRole, t.Base, wire.ECDSAP256SHA256)
	if err != nil {
		return "", err
	}
	ds, err := key.DNSKEY.Digest(t.Base, 2)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for _, h := range t.Servers {
		ns, err := wire.NewTarget(t.Base, wire.TypeNS, 3600, h.Name)
		if err != nil {
			return "", err
		}
		out.WriteString(ns.String() + "\n")
	}
	for _, h := range t.Servers {
		for _, addr := range h.Addresses {
			if h.Name.IsSubdomainOf(t.Base) {
				out.WriteString(wire.NewAddress(h.Name, 3600, addr).String() + "\n")
			}
		}
	}
	out.WriteString(wire.NewDS(t.Base, 3600, ds).String() + "\n")
	return out.String(), nil
}
