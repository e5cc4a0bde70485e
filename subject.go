package holdfast

import "net/netip"

// Kind says what sort of top-level domain a zone is.
type Kind string

const (
	KindRoot    Kind = "root"
	KindGeneric Kind = "generic"
	KindCountry Kind = "country-code"
	KindInfra   Kind = "infrastructure" // arpa
	KindOther   Kind = "other"          // not a top-level domain
)

// Subject is one thing under watch: for now a zone, by its delegation.
type Subject struct {
	Zone    Name  `json:"zone"`
	Unicode UName `json:"unicode,omitempty"` // equal to Zone.Short() unless the name is internationalised
	Kind    Kind  `json:"kind"`
	// IDN says that the name is internationalised (an A-label of its last
	// label begins with xn--). A country's IDN is KindCountry and IDN.
	IDN bool `json:"idn,omitempty"`
	// Delegation is what the roster says of the zone, nil where only the name
	// is known and the walk is to find the rest.
	Delegation *Delegation `json:"delegation,omitempty"`
	// Registration is what is known of who stands behind the zone, nil where
	// nobody was asked.
	Registration *Registration `json:"registration,omitempty"`
}

// Delegation is what a parent publishes of a child: names, glue and DS.
type Delegation struct {
	NS   []Name                `json:"ns"`
	Glue map[Name][]netip.Addr `json:"glue,omitempty"`
	DS   []DS                  `json:"ds,omitempty"`
	// ByHand says that people gave the delegation, for a zone that its parent
	// does not publish yet, or not so: the parent is not asked about it.
	ByHand bool `json:"by_hand,omitempty"`
}

// DS is a delegation signer record's data (RFC 4034 section 5.1).
type DS struct {
	KeyTag     uint16 `json:"key_tag"`
	Algorithm  uint8  `json:"algorithm"`
	DigestType uint8  `json:"digest_type"`
	Digest     []byte `json:"digest"`
}

// Server is one name server on one of its addresses. The same name on two
// addresses is two servers: they may disagree.
type Server struct {
	Name    Name       `json:"name"`
	Address netip.Addr `json:"address"`
}

// String is "ns1.example. (192.0.2.1)".
func (s Server) String() string { return s.Name.String() + " (" + s.Address.String() + ")" }
