package judge

import (
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Chain is what validation made of a case: the links from the parent's
// servers, and each server of the zone by itself.
type Chain struct {
	// Status of the zone, rolled up by who breaks. A resolver that meets a bad
	// server tries the next one, so the zone has the best status among its
	// reachable servers (secure, then insecure, then indeterminate), and is
	// bogus only where every reachable server is, or where the chain breaks at
	// the parent or above. It is unreachable where no server answered.
	Status holdfast.Status
	EDE    int    // RFC 8914 info-code; 0 where none fits
	Reason string // why it is not secure, for people
	// Cause is the code of the check that explains why the zone is bogus;
	// empty where none does.
	Cause string

	// FailsAt is the earliest instant at which a signature that validation
	// rests on dies, over all reachable servers, the parent's DS and the keys
	// above; FailsBy its class (ClassDS for anything above the zone).
	FailsAt time.Time
	FailsBy holdfast.Class

	// Link is the delegation's security as the chain uses it: secure with DS,
	// insecure with the DS RRset proven absent (or of algorithms that nobody
	// here can verify), bogus, or indeterminate.
	Link Link
	// Links are the delegation's security as each parent server shows it.
	Links []Link
	// Servers are the zone's, in the order of Case.Servers.
	Servers []ServerChain
	// Hosts are the zones in which the zone's name servers have their names.
	Hosts []HostZone
	// Windows are the lives of signatures, by server and class.
	Windows []holdfast.Window
	// Algorithms of the zone's keys on any server, sorted.
	Algorithms []uint8
}

// Link is what one parent server says of the delegation's security.
type Link struct {
	Server   holdfast.Server
	Exchange int // index of the DS answer, or of the referral that stands in for it; -1 where there is none
	Status   holdfast.Status
	EDE      int
	Reason   string
	Cause    string
	DS       []holdfast.DS // as it came, whether or not it validates
	Set      *Set          // the DS RRset examined; nil where there is none
	Denial   *Denial       // the proof that there is no DS; nil where there is a DS
	FailsAt  time.Time     // when this link dies, with the keys above it; zero: not by time
}

// ServerChain is what one server's evidence means, by itself.
type ServerChain struct {
	holdfast.Server
	Status  holdfast.Status
	EDE     int
	Reason  string
	Cause   string // code of the check that explains a bogus status
	FailsAt time.Time
	FailsBy holdfast.Class

	// Reachable says that at least one reply came that speaks of the zone.
	Reachable bool
	// Signed says that the server gave a DNSKEY RRset or any RRSIG.
	Signed bool
	// Keys are the server's DNSKEYs; KeySet their RRset examined, nil where
	// the server gave none. KeysAnswered says that it was asked and answered.
	Keys         []Key
	KeySet       *Set
	KeyReply     int // index of the DNSKEY exchange; -1 where there is none
	KeysAnswered bool
	// KeysTrusted says that the keys are authenticated by a DS of the parent
	// or by a trust anchor, if need be but for dates.
	KeysTrusted bool
	// Borrowed says that the keys are another server's, since this one's
	// DNSKEY answer did not arrive.
	Borrowed bool

	// Sets are the RRsets examined, KeySet included; Denials the negative
	// answers.
	Sets    []*Set
	Denials []*Denial
	// Probes are its answers about names below the apex, and rarer types at it.
	Probes []Probe
}

// Key is a DNSKEY as a chain sees it.
type Key struct {
	wire.DNSKEY
	Tag uint16
	// Anchored says that a DS of the parent (or a trust anchor) of a supported
	// algorithm and digest names it.
	Anchored bool
}

// Fault says what is wrong with a signature.
type Fault string

const (
	FaultNone        Fault = ""
	FaultExpired     Fault = "expired"       // RFC 4035 section 5.3.1
	FaultNotYet      Fault = "not-yet-valid" // RFC 4035 section 5.3.1
	FaultWindow      Fault = "window"        // expiration is not after inception
	FaultCrypto      Fault = "crypto"        // RFC 4035 section 5.3.3
	FaultUnknownKey  Fault = "unknown-key"   // no DNSKEY of that tag and algorithm
	FaultKeyUnusable Fault = "key-unusable"  // no zone key flag, protocol not 3, revoked or malformed
	FaultSigner      Fault = "signer"        // signer's name is not the zone
	FaultLabels      Fault = "labels"        // labels exceed the owner's, or an expansion is not proven
	FaultAlgorithm   Fault = "algorithm"     // not supported here
	FaultNotAnchored Fault = "not-anchored"  // verifies, but no DS names the key (DNSKEY RRset only)
	FaultNotTried    Fault = "not-tried"     // beyond the bounds on work (CVE-2023-50387)
)

// Signature is one signature examined.
type Signature struct {
	RRSIG
	Inception, Expiration time.Time // by serial arithmetic, near the case's instant
	// Fault is why it does not help at the instant; FaultNone where it does.
	Fault Fault
	// Verifies says that the cryptography holds under a key that may sign the
	// RRset, whatever the dates. A signature that is merely expired verifies.
	Verifies bool
}

// Set is one RRset at one server, examined.
type Set struct {
	Server     holdfast.Server
	Zone       holdfast.Name // whose keys are to sign it
	Class      holdfast.Class
	Exchange   int // index of the exchange that it came in
	RRset      *RRset
	Signatures []Signature
	Status     holdfast.Status // secure or bogus; insecure where no algorithm is supported
	EDE        int
	Reason     string
	Fault      Fault // of the signature that came nearest; FaultNone where the set is secure or unsigned
	// Best is the signature that dies last among those that verify, expired
	// ones included; -1 where none verifies.
	Best int
}

// Unsigned says that no signature came with the RRset.
func (s *Set) Unsigned() bool { return len(s.Signatures) == 0 }

// Dies is the instant at which the last signature that verifies dies, or died;
// zero where none verifies.
func (s *Set) Dies() time.Time {
	if s.Best < 0 {
		return time.Time{}
	}
	return s.Signatures[s.Best].Expiration
}

// Life is the whole span of validity of the signature that dies last.
func (s *Set) Life() time.Duration {
	if s.Best < 0 {
		return 0
	}
	best := s.Signatures[s.Best]
	return best.Expiration.Sub(best.Inception)
}

// DenialKind says with what a negative answer was proven.
type DenialKind string

const (
	DenialNone  DenialKind = "none" // no NSEC and no NSEC3
	DenialNSEC  DenialKind = "nsec"
	DenialNSEC3 DenialKind = "nsec3"
)

// DenialFault says what is wrong with a negative answer's proof.
type DenialFault string

const (
	DenialProven     DenialFault = ""
	DenialMissing    DenialFault = "missing"    // no NSEC or NSEC3 at all
	DenialWrong      DenialFault = "wrong"      // records came, but they do not prove it
	DenialUnsigned   DenialFault = "unsigned"   // the records would prove it, but their signatures do not hold
	DenialExists     DenialFault = "exists"     // the records say that what is denied exists, or deny what exists
	DenialIterations DenialFault = "iterations" // more than we compute: insecure (RFC 9276 section 3.2)
)

// Denial is one negative answer (or one wildcard expansion) examined.
type Denial struct {
	Server   holdfast.Server
	Purpose  holdfast.Purpose
	Exchange int
	Question holdfast.Question
	Kind     DenialKind
	Fault    DenialFault
	Reason   string
	EDE      int
	OptOut   bool   // rests on an opt-out span (RFC 5155 section 6)
	Positive bool   // an answer made from a wildcard: no negative answer, but with a proof
	Sets     []*Set // its NSEC or NSEC3 RRsets, and its SOA
	// NSEC3 holds the parameters in use where Kind is DenialNSEC3.
	NSEC3 *wire.NSEC3PARAM
	// SOAOwner is the owner of the SOA in the authority section, empty where
	// none came.
	SOAOwner holdfast.Name
}

// Server is the server's part of the chain, nil where it is not among the
// zone's.
func (c *Chain) Server(s holdfast.Server) *ServerChain {
	for i := range c.Servers {
		if c.Servers[i].Server == s {
			return &c.Servers[i]
		}
	}
	return nil
}

// Reachable counts the servers that answered.
func (c *Chain) Reachable() int {
	n := 0
	for i := range c.Servers {
		if c.Servers[i].Reachable {
			n++
		}
	}
	return n
}
