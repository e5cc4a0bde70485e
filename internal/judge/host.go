package judge

import (
	"time"

	"github.com/holdfastdns/holdfast"
)

// HostZone is a zone in which name servers of the judged zone have their
// names, and what validation made of it as far as the walk collected it:
// whoever can forge an address there has the judged zone.
type HostZone struct {
	Zone   holdfast.Name
	Names  []holdfast.Name // the name servers' names in it, sorted
	Status holdfast.Status
	EDE    int
	Reason string // why it is not secure, for people
	// FailsAt is when the first of its own signatures seen here dies, over its
	// keys and the addresses, and Life that signature's whole span; zero where
	// it is not secure.
	FailsAt  time.Time
	Life     time.Duration
	Evidence []int
}
