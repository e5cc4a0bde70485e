package rehearsal

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab"
	"github.com/holdfastdns/holdfast/internal/measure/anchor"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Names of the world that plays are performed in.
const (
	zoneName     holdfast.Name = "lab."
	signedName   holdfast.Name = "www.lab."
	bogusName    holdfast.Name = "bogus.lab." // a zone of its own: faults strike zones
	insecureName holdfast.Name = "insecure.lab."
	unsignedName holdfast.Name = "www.insecure.lab."
)

// Addresses of that world. Resolvers do not follow glue that leads to 127/8.
var (
	rootAddress  = netip.AddrFrom4([4]byte{10, 53, 0, 10})
	zoneAddress  = netip.AddrFrom4([4]byte{10, 53, 0, 11})
	childAddress = netip.AddrFrom4([4]byte{10, 53, 0, 12})
	dataAddress  = netip.AddrFrom4([4]byte{10, 53, 0, 80})
	dataAddress6 = netip.MustParseAddr("2001:db8::80")
)

// Set is a play with its keys made: the same world can be built of it several
// times.
type Set struct {
	Play holdfast.Play
	// Tags are those of the root's keys without REVOKE, and Public the keys as
	// DNSKEY records in presentation format, by the play's names.
	Tags   map[string]uint16
	Public map[string]string
	// Names are what resolvers are asked for.
	Names anchor.Names

	root []lab.NamedKey
	zone *wire.Key // of lab.
	kid  *wire.Key // of bogus.lab.
}

// Prepare checks a play and makes its keys, which takes a second or two where
// they are of RSA or are to have a certain tag.
func Prepare(play holdfast.Play) (Set, error) {
	if err := Check(play); err != nil {
		return Set{}, err
	}
	s := Set{Play: play, Tags: map[string]uint16{}, Public: map[string]string{}}
	s.Names = anchor.Names{Signed: signedName, Bogus: bogusName, Unsigned: unsignedName, Sentinel: zoneName, Root: true}
	for _, k := range play.Keys {
		key, err := s.makeKey(k)
		if err != nil {
			return Set{}, fmt.Errorf("play %s: key %s: %w", play.Name, k.Name, err)
		}
		s.Tags[k.Name] = key.Tag
		s.Public[k.Name] = wire.NewDNSKEY(holdfast.Root, ttlOf(play.Timers.TTL), key.DNSKEY).String()
		s.root = append(s.root, lab.NamedKey{Name: k.Name, SEP: k.KSK, Algorithm: lab.Algorithm{Number: k.Algorithm, Bits: k.Bits}, Key: key})
		if k.KSK {
			s.Names.Keys = append(s.Names.Keys, anchor.Key{Name: k.Name, Tag: key.Tag})
		}
	}
	for _, into := range []**wire.Key{&s.zone, &s.kid} {
		key, err := wire.GenerateKey(wire.ECDSAP256SHA256, wire.FlagZone|wire.FlagSEP, 0, rand.Reader)
		if err != nil {
			return Set{}, fmt.Errorf("play %s: keys of %s: %w", play.Name, zoneName, err)
		}
		*into = key
	}
	return s, nil
}

// makeKey makes a key of the root, of the tag that it is to have.
func (s Set) makeKey(k holdfast.PlayKey) (*wire.Key, error) {
	flags := uint16(wire.FlagZone)
	if k.KSK {
		flags |= wire.FlagSEP
	}
	tag := k.Tag
	if k.SameTag != "" {
		tag = s.Tags[k.SameTag]
	}
	if tag != 0 {
		return wire.GenerateKeyOfTag(k.Algorithm, flags, k.Bits, tag, rand.Reader)
	}
	for {
		key, err := wire.GenerateKey(k.Algorithm, flags, k.Bits, rand.Reader)
		if err != nil {
			return nil, err
		}
		// A play that wants no collision of tags must not have one by chance,
		// be it of a key with REVOKE: sentinel names would speak of two keys.
		if !s.taken(key) {
			return key, nil
		}
	}
}

// byDigest says whether the resolvers begin with the DS of their anchors.
func (s Set) byDigest() bool {
	return slices.ContainsFunc(s.Play.Keys, func(k holdfast.PlayKey) bool { return k.Digest })
}

// taken says whether a key's tag, with REVOKE or without, is another's, or is
// to be.
func (s Set) taken(key *wire.Key) bool {
	mine := tagsOf(key.DNSKEY)
	if slices.ContainsFunc(s.Play.Keys, func(k holdfast.PlayKey) bool { return k.Tag != 0 && slices.Contains(mine[:], k.Tag) }) {
		return true
	}
	return slices.ContainsFunc(s.root, func(k lab.NamedKey) bool {
		theirs := tagsOf(k.Key.DNSKEY)
		return slices.Contains(theirs[:], mine[0]) || slices.Contains(theirs[:], mine[1])
	})
}

// tagsOf are the tags of a key without and with REVOKE.
func tagsOf(key wire.DNSKEY) [2]uint16 {
	revoked := key
	revoked.Flags |= flagRevoke
	return [2]uint16{key.KeyTag(), revoked.KeyTag()}
}

const flagRevoke = 0x80 // RFC 5011 section 2.1

// Lab is the play's world, with the play beginning at an instant, of which
// whole seconds count. It may be built earlier: until then it is as in the
// first step. The same set makes the same world each time.
func (s Set) Lab(begin time.Time) lab.Plan {
	begin = begin.UTC().Truncate(time.Second)
	return lab.Plan{
		Start:  begin,
		Zones:  []lab.ZonePlan{s.rootPlan(begin), s.zonePlan(), s.bogusPlan(), s.insecurePlan()},
		Faults: append(s.faults(begin), lab.Fault{Server: lab.Everywhere, Kind: lab.Break, Zone: bogusName, Classes: []holdfast.Class{"A", "AAAA"}}),
	}
}

// rootPlan is the root, its keys as the play orders them.
func (s Set) rootPlan(begin time.Time) lab.ZonePlan {
	timers := s.Play.Timers
	z := lab.ZonePlan{
		Name: holdfast.Root, Ring: s.root, Servers: []lab.Host{{Name: "a.root-servers.lab.", Addresses: []netip.Addr{rootAddress}}},
		// The signatures are renewed as those of the root are: long before they end.
		Signing: lab.Signing{NoCDS: true, Validity: timers.Life, Backdate: backdate(timers.Life), Resign: max(timers.Life/4, time.Second).Truncate(time.Second)},
		SOA:     lab.SOATimers{Minimum: s.dataTTL()},
		TTL:     lab.TTLs{Default: s.dataTTL(), NS: timers.TTL, DNSKEY: timers.TTL},
	}
	for _, step := range s.Play.Steps {
		z.Orders = append(z.Orders, lab.KeyOrder{
			At: begin.Add(step.At), Text: step.Name + ": " + step.Text,
			Publish: step.Publish, Revoke: step.Revoke, Sign: step.Sign, Data: step.Data,
		})
	}
	return z
}

// backdate is how long before their signing signatures begin: enough for
// machines whose clocks differ, and little beside their life.
func backdate(life time.Duration) time.Duration {
	return min(max((life/10).Truncate(time.Second), 2*time.Second), time.Hour)
}

// dataTTL is that of all that hangs below the root's keys: short, so that what
// resolvers make of the keys shows at once.
func (s Set) dataTTL() time.Duration {
	return min(max((s.Play.Timers.TTL/4).Truncate(time.Second), time.Second), time.Hour)
}

// child begins a zone below the root.
func (s Set) child(name holdfast.Name, at netip.Addr) lab.ZonePlan {
	ttl := s.dataTTL()
	return lab.ZonePlan{
		Name: name, Servers: []lab.Host{{Name: "ns." + name, Addresses: []netip.Addr{at}}},
		SOA: lab.SOATimers{Minimum: ttl}, TTL: lab.TTLs{Default: ttl, NS: ttl, DNSKEY: ttl, Delegation: ttl, DS: ttl},
	}
}

func (s Set) signed(z lab.ZonePlan, key *wire.Key) lab.ZonePlan {
	z.Signing = lab.Signing{NoCDS: true}
	z.Ring = []lab.NamedKey{{Name: "csk", SEP: true, Key: key}}
	z.Orders = []lab.KeyOrder{{Publish: []string{"csk"}, Sign: []string{"csk"}, Data: []string{"csk"}}}
	return z
}

// addresses are the data of a name.
func (s Set) addresses(name holdfast.Name) []wire.Record {
	return []wire.Record{wire.NewAddress(name, ttlOf(s.dataTTL()), dataAddress), wire.NewAddress(name, ttlOf(s.dataTTL()), dataAddress6)}
}

// zonePlan is the signed top-level domain, with the sentinel names of every
// key-signing key (RFC 8509 section 2).
func (s Set) zonePlan() lab.ZonePlan {
	z := s.signed(s.child(zoneName, zoneAddress), s.zone)
	z.Records = s.addresses(signedName)
	for _, k := range s.Names.Keys {
		for _, probe := range []holdfast.Probe{holdfast.ProbeIs, holdfast.ProbeNot} {
			z.Records = append(z.Records, s.addresses(anchor.SentinelName(probe, k.Tag, zoneName))...)
		}
	}
	return z
}

func (s Set) bogusPlan() lab.ZonePlan {
	z := s.signed(s.child(bogusName, childAddress), s.kid)
	z.Records = s.addresses(bogusName)
	return z
}

func (s Set) insecurePlan() lab.ZonePlan {
	z := s.child(insecureName, childAddress)
	z.Signing.Unsigned = true
	z.Records = s.addresses(unsignedName)
	return z
}

// faults are those that the play's acts order, each until the step that
// repairs, or to the end. Check has read them.
func (s Set) faults(begin time.Time) []lab.Fault {
	var out []lab.Fault
	open := 0
	for _, step := range s.Play.Steps {
		for _, act := range step.Acts {
			switch act.Do {
			case holdfast.ActFault:
				if f, err := lab.ParseFault(act.With, begin); err == nil {
					f.From = begin.Add(step.At)
					out = append(out, f)
				}
			case holdfast.ActRepair:
				for i := range out[open:] {
					out[open+i].To = begin.Add(step.At)
				}
				open = len(out)
			}
		}
	}
	return out
}

func ttlOf(d time.Duration) uint32 { return uint32(cmp.Or(d, time.Second) / time.Second) }
