package lab

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Plan describes a small Internet before it is built: New builds it. Plans
// come from the text format (Parse), from a root zone (RootPlan) or from the
// built-in list of top-level domains (BuiltinPlan); all three may be edited.
type Plan struct {
	Start  time.Time  // the lab clock's first instant
	Rate   float64    // the lab clock's rate; 0 counts as 1
	Seed   uint64     // of lossy servers and of Edwards-curve keys; 0: keys are random
	Zones  []ZonePlan // in any order; the root is made up where it is missing
	Faults []Fault    // ordered from the start
	// Validators are the addresses of validating resolvers.
	Validators []netip.Addr
}

// Zone finds a zone's plan, nil where the plan has none of that name.
func (p *Plan) Zone(name holdfast.Name) *ZonePlan {
	for i := range p.Zones {
		if p.Zones[i].Name == name {
			return &p.Zones[i]
		}
	}
	return nil
}

// ZonePlan describes one zone.
type ZonePlan struct {
	Name holdfast.Name
	// Servers serve the zone. Where there are none, the zone's own NS and
	// address records say who does.
	Servers []Host
	Signing Signing
	// Transfer lets everybody transfer the zone. The root always may be: that
	// is how the rosters of tests come in.
	Transfer bool
	SOA      SOATimers
	TTL      TTLs
	// Presigned are the records of a zone that is served as it is: signatures,
	// proofs and mistakes included. The parent has DS of its keys with the SEP
	// flag, of any algorithm, unless Signing says Island. Nil: the lab signs.
	Presigned []wire.Record
	// Rollovers are the changes of its keys, one after the other.
	Rollovers []Rollover
	// Ring are the zone's keys where they are ordered by name, and Orders what
	// it shows of them, by instant; the first from the beginning. Both are empty
	// where the lab makes the keys that Signing wants.
	Ring   []NamedKey
	Orders []KeyOrder
	// Partners are the servers of a second provider, who signs the zone by
	// itself (RFC 8901); Multisigner is the model, 1 or 2 (0: 2).
	Partners    []Host
	Multisigner int
	// Records are the unsigned content. DNSSEC records among them are left
	// out, but for the DS of children that the lab does not hold. SOA, NS and
	// the addresses of name servers are added where they are missing, in this
	// zone and in its parent.
	Records []wire.Record
	// Keys are DNSKEY records that are published beside the zone's own keys and
	// sign nothing, and CDS and CDNSKEY records: those of other names, and of
	// the apex where Signing.NoCDS leaves the zone's own out.
	Keys []wire.Record
}

// SOATimers change the zone's SOA where they are not zero.
type SOATimers struct {
	Refresh, Retry, Expire, Minimum time.Duration
	MName, RName                    holdfast.Name
}

// TTLs are those of records that the lab makes; zero: 1 h, and for what the
// parent has of the zone, a day.
type TTLs struct {
	Default    time.Duration // of the apex and the name servers' addresses, and of records without a TTL of their own
	NS         time.Duration // of the zone's own NS
	DNSKEY     time.Duration // of DNSKEY, CDS and CDNSKEY
	Delegation time.Duration // of the NS and glue in the parent
	DS         time.Duration
}

// Host is a name server and its addresses.
type Host struct {
	Name      holdfast.Name
	Addresses []netip.Addr
}

// Algorithm is a signing algorithm and, for RSA, the length of keys in bits.
type Algorithm struct {
	Number uint8
	Bits   int // RSA only; 0: 2048
}

// SerialScheme says how the SOA serial follows the zone's versions.
type SerialScheme string

const (
	SerialUnix  SerialScheme = "unix"  // seconds since 1970 at the version's birth
	SerialDate  SerialScheme = "date"  // YYYYMMDDnn, nn counting the day's versions
	SerialCount SerialScheme = "count" // the file's serial at the lab's start, plus one a version
)

// NSEC3 says how a zone denies with hashed names (RFC 5155).
type NSEC3 struct {
	Iterations uint16
	Salt       []byte
	OptOut     bool
}

// Signing is how a zone is signed. The zero value means ECDSA P-256 with a KSK
// and a ZSK, NSEC, signatures valid for 28 days and renewed every 7: so they
// always outlive the SOA expire value of 14 days and the highest TTL.
type Signing struct {
	Unsigned   bool
	Algorithms []Algorithm // each signs everything (RFC 4035 section 2.2)
	CSK        bool        // one key with the SEP flag for all
	NSEC3      *NSEC3      // nil: NSEC
	Compact    bool        // answers deny with NSEC made for each of them (RFC 9824)
	Island     bool        // signed, but the parent has no DS
	Digests    []uint8     // DS digest types; none: 2 (SHA-256)
	NoCDS      bool        // publish neither CDS nor CDNSKEY
	ZONEMD     bool        // publish a zone digest (RFC 8976)

	Validity time.Duration // from the signing to the expiration; 0: 28 d
	Backdate time.Duration // from the inception to the signing; 0: 1 h
	Resign   time.Duration // between signings of the whole zone; 0: a quarter of Validity
	Publish  time.Duration // between versions (serials); 0: Resign; rounded to a fraction of it
	Jitter   time.Duration // expirations are up to this much earlier, by RRset
	Phase    time.Duration // signings are at the lab's start plus Phase plus multiples of Resign
	Serial   SerialScheme  // "": unix
}

// Limits that keep a plan's arithmetic honest.
const (
	maxIterations = 2500 // RFC 5155 section 10.3: the most for 4096-bit keys
)

func (s Signing) withDefaults() Signing {
	if len(s.Algorithms) == 0 {
		s.Algorithms = []Algorithm{{Number: wire.ECDSAP256SHA256}}
	}
	if len(s.Digests) == 0 {
		s.Digests = []uint8{2}
	}
	if s.Validity == 0 {
		s.Validity = 28 * day
	}
	if s.Backdate == 0 {
		s.Backdate = time.Hour
	}
	if s.Resign == 0 {
		s.Resign = max((s.Validity / 4).Truncate(time.Second), time.Second)
	}
	if s.Publish == 0 || s.Publish > s.Resign {
		s.Publish = s.Resign
	}
	// A signing is always a new version too, so versions divide epochs evenly.
	versions := (s.Resign + s.Publish - 1) / s.Publish
	s.Publish = (s.Resign / versions).Truncate(time.Second)
	if s.Serial == "" {
		s.Serial = SerialUnix
	}
	return s
}

// check speaks of a Signing that has its defaults.
func (s Signing) check() error {
	for _, a := range s.Algorithms {
		if !wire.Supported(a.Number) {
			return fmt.Errorf("algorithm %d: %w", a.Number, wire.ErrAlgorithm)
		}
		if a.Bits != 0 && (a.Bits < 1024 || a.Bits > 4096) {
			return fmt.Errorf("RSA keys of %d bits: want 1024 to 4096", a.Bits)
		}
	}
	for _, d := range s.Digests {
		if !wire.DigestSupported(d) {
			return fmt.Errorf("DS digest type %d: %w", d, wire.ErrAlgorithm)
		}
	}
	switch {
	case s.Validity < time.Second || s.Resign < time.Second || s.Publish < time.Second:
		return fmt.Errorf("validity %s, resign %s, publish %s: too short", s.Validity, s.Resign, s.Publish)
	case s.Backdate < 0 || s.Backdate > maxDuration || s.Backdate%time.Second != 0:
		return fmt.Errorf("backdate %s: want whole seconds, at most %s", s.Backdate, maxDuration)
	case s.Validity > maxDuration || s.Resign > maxDuration || s.Phase.Abs() > maxDuration:
		return fmt.Errorf("validity %s, resign %s, phase %s: want at most %s", s.Validity, s.Resign, s.Phase, maxDuration)
	case s.Jitter < 0 || s.Jitter >= s.Validity:
		return fmt.Errorf("jitter %s: want less than the validity, %s", s.Jitter, s.Validity)
	case s.Serial == SerialDate && s.Publish < 15*time.Minute:
		return fmt.Errorf("publish %s: serials by date have room for 99 versions a day", s.Publish)
	case s.Compact && s.NSEC3 != nil:
		return fmt.Errorf("compact denial is by NSEC only")
	case s.NSEC3 != nil && (s.NSEC3.Iterations > maxIterations || len(s.NSEC3.Salt) > 255):
		return fmt.Errorf("nsec3 iterations %d, salt of %d octets: want at most %d and 255", s.NSEC3.Iterations, len(s.NSEC3.Salt), maxIterations)
	}
	switch s.Serial {
	case SerialUnix, SerialDate, SerialCount:
		return nil
	}
	return fmt.Errorf("serial %q: want unix, date or count", s.Serial)
}

// maxDuration bounds what a plan may say: signatures compare in serial
// arithmetic, half of 2^32 seconds (RFC 4034 section 3.1.5).
const maxDuration = 60 * 365 * 24 * time.Hour
