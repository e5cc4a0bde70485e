package judge

import "github.com/holdfastdns/holdfast"

// Probe is a server's answer by which the rest of the zone is sampled, examined:
// about a name below the apex, or a rarer type at it. It says nothing of the
// server's status, which goes by what every resolver needs.
type Probe struct {
	Purpose  holdfast.Purpose
	Exchange int
	Set      *Set    // the RRset asked for; nil where the answer is negative
	Denial   *Denial // nil where it is not
}
