package holdfast

import "time"

// Past is what earlier looks at a zone taught about it: what cannot be seen in
// one look, such as since when a key is published or how often the zone is
// signed anew. It is folded from look to look by judge/past, kept by the record
// beside the verdict, and travels with saved evidence, so that a colleague who
// judges it comes to the same verdict. Its lists are bounded; a Past comes to a
// few thousand octets.
//
// What is still there at Until has no instant of its end: a look at which
// nothing changed changes nothing but Until and Looks.
type Past struct {
	Since time.Time `json:"since,omitzero"` // of the first look taken in; zero: nothing is known
	Until time.Time `json:"until,omitzero"` // of the last look taken in
	Looks int       `json:"looks,omitempty"`
	// Full is the last look of full depth taken in, at which the parent was
	// asked too.
	Full     time.Time     `json:"full,omitzero"`
	Keys     []KeyPast     `json:"keys,omitempty"`
	DS       []DSPast      `json:"ds,omitempty"`
	Editions []EditionPast `json:"editions,omitempty"` // of DNSKEY, DS and the zone's data
	CDS      CDSPast       `json:"cds,omitzero"`
	Signing  []SigningPast `json:"signing,omitempty"` // by class
	Servers  []ServerPast  `json:"servers,omitempty"` // by server
	// Delegation is what the roster said of the zone.
	Delegation DelegationPast `json:"delegation,omitzero"`
}

// Known says whether anything was learnt before.
func (p Past) Known() bool { return !p.Since.IsZero() }
