package holdfast

import (
	"net/netip"
	"time"
)

// Depth is how much of a zone a sweep looks at.
type Depth string

const (
	Core Depth = "core" // SOA and DNSKEY with DO at every address
	Full Depth = "full" // all that the walk can collect
)

// Purpose says why a question was asked: judges find evidence by it. The
// pair (Exchange.Zone, Exchange.Purpose) names the place in the walk.
type Purpose string

const (
	// Asked of the parent's servers about the child; Exchange.Zone is the parent.
	PurposeReferral Purpose = "referral"  // NS of the child at a parent server
	PurposeDS       Purpose = "parent-ds" // DS of the child at a parent server
	// Asked of servers of Exchange.Zone about a name-server's address.
	PurposeAddress Purpose = "address" // A or AAAA of an NS name, from the zone that holds it
	// Asked of each server of Exchange.Zone about the zone itself.
	PurposeSOA        Purpose = "soa"
	PurposeSOATCP     Purpose = "soa-tcp"
	PurposeNS         Purpose = "ns"
	PurposeDNSKEY     Purpose = "dnskey"
	PurposeNSEC3PARAM Purpose = "nsec3param"
	PurposeCDS        Purpose = "cds"
	PurposeCDNSKEY    Purpose = "cdnskey"
	PurposeNXDomain   Purpose = "nxdomain" // a name that does not exist
	PurposeNoData     Purpose = "nodata"   // a type that does not exist at the apex
	PurposeApex       Purpose = "apex"     // A, AAAA, MX, TXT, HTTPS, CSYNC or ZONEMD at the apex
	// Asked of one address of each name server of Exchange.Zone.
	PurposeNXDeep Purpose = "nxdomain-deep" // a name two labels below one that does not exist
	PurposeSample Purpose = "sample"        // DS of a name below the zone, of one server
)

// Purposes of questions about what stands behind a zone.
const (
	// Asked of servers of Exchange.Zone, the zone that holds the name.
	PurposeMail   Purpose = "mail"   // MX, A or AAAA of the domain of the SOA's RNAME, and of its mail hosts
	PurposeMName  Purpose = "mname"  // A or AAAA of the SOA's MNAME, where it is no name server of the zone
	PurposeSignal Purpose = "signal" // CDS at a signalling name below a name server's (RFC 9615 section 2)
	PurposeDSYNC  Purpose = "dsync"  // where a parent takes notifications (RFC 9859), and the addresses of who takes them
	// Asked of a validating resolver that the configuration names, with RD and
	// with CD clear; Exchange.Zone is the zone watched, Server.Name is empty.
	PurposeValidator Purpose = "validator"
)

// Purposes of questions about how a server of Exchange.Zone behaves. They are
// sent once, over the transport that they name, so that silence says nothing;
// none speaks of the zone's data.
const (
	// The same for every zone that the server has, and asked once a sweep.
	PurposeForeign  Purpose = "foreign"  // a name that is surely not its own, with RD and a cookie
	PurposeVersion  Purpose = "version"  // version.bind, class CH
	PurposeIdentity Purpose = "identity" // id.server, class CH (RFC 4892)
	PurposeTLS      Purpose = "tls"      // what PurposeForeign asks, over TLS (RFC 7858), where configured
	// The zone's SOA, put in an unusual way.
	PurposeManners     Purpose = "manners"      // mixed case, an unknown EDNS option and flag, and ZONEVERSION, all at once
	PurposeCase        Purpose = "case"         // mixed case alone, where that went wrong
	PurposeEDNSOption  Purpose = "edns-option"  // the unknown EDNS option alone, likewise
	PurposeEDNSFlag    Purpose = "edns-flag"    // the unknown EDNS flag alone, likewise
	PurposeEDNSVersion Purpose = "edns-version" // EDNS version 1
	// Of one address of each name server.
	PurposeANY     Purpose = "any"     // ANY at the apex, with room for 4096 octets
	PurposeQDCount Purpose = "qdcount" // two questions in one message
	PurposeAXFR    Purpose = "axfr"    // a transfer over TCP, cut after its first message
)

// Plain says that the question is about the zone's own data, of the zone's own
// servers, and such as any server is asked all day: one of those by which it
// is judged whether a server is there.
func (p Purpose) Plain() bool {
	switch p {
	case PurposeSOA, PurposeSOATCP, PurposeNS, PurposeDNSKEY, PurposeNSEC3PARAM, PurposeCDS, PurposeCDNSKEY, PurposeNXDomain, PurposeNoData:
		return true
	}
	return false
}

// Transport is how a question travelled.
type Transport string

const (
	UDP Transport = "udp"
	TCP Transport = "tcp"
	TLS Transport = "tls" // RFC 7858, port 853
)

// Outcome says how a question ended. Every outcome is data: it speaks of the
// server, the path or the message, never of a fault in Holdfast.
type Outcome string

const (
	Answered       Outcome = "answered"        // a reply that matches the question, whatever its RCODE
	Timeout        Outcome = "timeout"         // nothing that matched came in time
	Unreachable    Outcome = "unreachable"     // the network said so (no route, host unreachable)
	Refused        Outcome = "conn-refused"    // the host said so (port closed); RCODE REFUSED is Answered
	Malformed      Outcome = "malformed"       // a reply with our id that cannot be parsed; Reply holds it
	TruncatedTwice Outcome = "truncated-twice" // TC over UDP and TC again over TCP
	WrongSource    Outcome = "wrong-source"    // the only reply came from another address; Reply holds it
	NotAsked       Outcome = "not-asked"       // the budget or the caller ended before it was sent
)

// Question is what was asked; the class is IN but for PurposeVersion and
// PurposeIdentity.
type Question struct {
	Name Name   `json:"name"`
	Type uint16 `json:"type"`
}

// Exchange is one question put to one server and what came of it. It is the
// unit of evidence. Query and Reply are the bytes on the wire (for TCP without
// the length prefix); Reply is nil where none came.
type Exchange struct {
	Zone      Name          `json:"zone"` // the zone in whose name the server was asked
	Purpose   Purpose       `json:"purpose"`
	Server    Server        `json:"server"`
	Question  Question      `json:"question"`
	Transport Transport     `json:"transport"` // of the reply kept; a truncated UDP reply leads to TCP
	Sent      time.Time     `json:"sent"`      // when the try that ended it was sent, UTC
	RTT       time.Duration `json:"rtt_ns"`    // zero where no reply came
	Tries     int           `json:"tries"`     // questions sent, over both transports
	// Truncated says that a UDP reply had TC set and TCP was used after it.
	Truncated bool       `json:"truncated,omitempty"`
	Outcome   Outcome    `json:"outcome"`
	Query     []byte     `json:"query,omitempty"`
	Reply     []byte     `json:"reply,omitempty"`
	Detail    string     `json:"detail,omitempty"` // what the network said, for people
	From      netip.Addr `json:"from,omitzero"`    // who replied, where it was not Server.Address
}

// Measurement is what one look at a subject brought home, whole and by itself:
// a judge needs nothing else but an instant and trust anchors. Exchanges that
// several zones share (the root's keys, the address of a name server) are
// listed in each.
type Measurement struct {
	ID       string    `json:"id"` // unique, sorts by time; given by whoever measured
	Sweep    string    `json:"sweep,omitempty"`
	Subject  Subject   `json:"subject"`
	Depth    Depth     `json:"depth"`
	Vantage  string    `json:"vantage"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	// Cut says that the budget ended before the walk did: what is missing was
	// not asked, and is no fault of the servers.
	Cut bool `json:"cut,omitempty"`
	// Base is the ID of the last full measurement of the zone, where this one
	// is of core depth: what was not asked again is taken from there. See
	// Compose.
	Base      string     `json:"base,omitempty"`
	Exchanges []Exchange `json:"exchanges"`
}

// place is where an exchange stands in a walk; a later exchange at the same
// place supersedes an earlier one.
type place struct {
	zone     Name
	purpose  Purpose
	server   Server
	question Question
}

// Compose is the core measurement completed with those exchanges of its base
// that it did not ask again, so that a judge always sees the whole zone. The
// core's exchanges come first and keep their indexes; each exchange still says
// when it was sent. base must be the measurement that core.Base names.
func Compose(core, base Measurement) Measurement {
	asked := make(map[place]bool, len(core.Exchanges))
	for _, e := range core.Exchanges {
		asked[place{e.Zone, e.Purpose, e.Server, e.Question}] = true
	}
	whole := core
	whole.Exchanges = append(make([]Exchange, 0, len(core.Exchanges)+len(base.Exchanges)), core.Exchanges...)
	for _, e := range base.Exchanges {
		if !asked[place{e.Zone, e.Purpose, e.Server, e.Question}] {
			whole.Exchanges = append(whole.Exchanges, e)
		}
	}
	return whole
}

// Sweep describes one pass over the roster, by itself.
type Sweep struct {
	ID        string          `json:"id"`
	Depth     Depth           `json:"depth"`
	Vantage   string          `json:"vantage"`
	Program   string          `json:"program"`   // name and version of the measuring program
	Catalogue string          `json:"catalogue"` // version of the check catalogue
	Serial    uint32          `json:"serial"`    // of the roster (root zone) that was swept
	Started   time.Time       `json:"started"`
	Finished  time.Time       `json:"finished,omitzero"` // zero while it runs
	Zones     int             `json:"zones"`             // zones measured
	Questions int             `json:"questions"`
	Outcomes  map[Outcome]int `json:"outcomes"`
	Statuses  map[Status]int  `json:"statuses"`
	// Withheld says that most of the world seemed down at once: the finding is
	// about us, and no zone was blamed on the strength of this sweep.
	Withheld bool `json:"withheld,omitempty"`
}

// Seconds the sweep took, zero while it runs.
func (s Sweep) Seconds() float64 {
	if s.Finished.IsZero() {
		return 0
	}
	return s.Finished.Sub(s.Started).Seconds()
}

// Rate is questions per second over the whole sweep.
func (s Sweep) Rate() float64 {
	if seconds := s.Seconds(); seconds > 0 {
		return float64(s.Questions) / seconds
	}
	return 0
}
