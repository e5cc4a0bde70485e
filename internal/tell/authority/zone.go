package authority

import (
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Zone is a zone that the server answers for.
type Zone interface {
	// Name is the apex; it never changes.
	Name() holdfast.Name
	// At is the zone as it stands at an instant, nil where it is not there yet
	// or no more. The server asks every second: a zone hands out the same
	// *Edition until something in it changes.
	At(now time.Time) *Edition
}

// Key is a key of a zone in one edition, and what it does there. A key may
// sign without being published, and be published without signing.
type Key struct {
	Pair    *wire.Key
	Publish bool // it stands in the DNSKEY RRset
	// Revoke sets the REVOKE flag wherever the key stands or signs, which
	// changes its tag (RFC 5011 section 2.1). Pair is the key without it.
	Revoke   bool
	SignKeys bool // it signs the DNSKEY, CDS and CDNSKEY RRsets
	SignData bool // it signs all else
}

// Fault is what is wrong with the signatures at one name, on purpose.
type Fault int

const (
	Sound    Fault = iota
	Bogus          // the signatures are of the right form and do not verify
	Unsigned       // there are none
	Expired        // they were good until a day before
)

// Denial is how a zone shows what there is not.
type Denial int

const (
	// NSEC is the chain of RFC 4034 section 4 over all names of the edition.
	NSEC Denial = iota
	// NSEC3 is that of RFC 5155: no salt, no more iterations (RFC 9276).
	NSEC3
	// NarrowNSEC covers the name asked for and nothing else (RFC 4470).
	NarrowNSEC
	// NarrowNSEC3 does the same with hashes (RFC 7129 appendix B).
	NarrowNSEC3
	// Compact answers for every name as if it were there, without anything
	// (RFC 9824).
	Compact
)

// Names are names of a zone that are made as they are asked for. They must
// answer the same for the whole life of an edition, and at once.
type Names interface {
	// Node is what stands at a name below the apex; ok is false where neither
	// it nor anything beneath it exists. An empty non-terminal has no records.
	Node(name holdfast.Name) (records []wire.Record, fault Fault, ok bool)
}

// Plan is what an edition is made of.
type Plan struct {
	Zone holdfast.Name
	// Records are all of the zone's but DNSKEY, RRSIG, NSEC, NSEC3 and
	// NSEC3PARAM, which the server makes: SOA and NS at the apex, whatever
	// stands below, and delegations with glue to zones elsewhere. A zone that
	// this server answers for is delegated to without them, by its own NS
	// records and DS below. Wildcards, CNAME and DNAME are not served.
	Records []wire.Record
	// Names are further names; nil: none. They want a narrow or compact denial.
	Names Names
	// Faults are what is wrong at names of Records.
	Faults map[holdfast.Name]Fault
	Keys   []Key // none: the zone is not signed
	KeyTTL uint32
	Denial Denial
	// DS is what the zone above shows for this one, right or wrong; none: the
	// delegation is insecure.
	DS []holdfast.DS
	// Life is how long a new signature is good for, Backdate how long before
	// it was made it begins. An answer's signatures are made anew when half of
	// their life is over. 0: seven days, one hour.
	Life, Backdate time.Duration
}

// Edition is a zone from one change to the next. It does not change.
type Edition struct {
	plan   Plan
	soa    wire.Record
	ns     []wire.Record
	keyset []wire.Record
	sets   map[setKey][]wire.Record
}

type setKey struct {
	name holdfast.Name
	typ  wire.Type
}

// Zone is the edition's apex.
func (e *Edition) Zone() holdfast.Name { return e.plan.Zone }

// DS is what the zone above shows for it.
func (e *Edition) DS() []holdfast.DS { return e.plan.DS }

// Dated is an edition and when it comes.
type Dated struct {
	From    time.Time
	Edition *Edition // nil: the zone is gone from then on
}

// timeline is a zone whose editions are known beforehand.
type timeline struct {
	name  holdfast.Name
	dates []Dated
}

// Timeline is a zone that goes through editions, in the order of their dates.
func Timeline(name holdfast.Name, dates ...Dated) Zone { return timeline{name, dates} }

// Fixed is a zone that never changes.
func Fixed(e *Edition) Zone { return Timeline(e.plan.Zone, Dated{Edition: e}) }

func (t timeline) Name() holdfast.Name { return t.name }

func (t timeline) At(now time.Time) *Edition {
	for i := len(t.dates) - 1; i >= 0; i-- {
		if !t.dates[i].From.After(now) {
			return t.dates[i].Edition
		}
	}
	return nil
}
