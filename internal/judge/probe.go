package judge

import "github.com/holdfastdns/holdfast"

// Probe is a server's answer about a name below the apex, examined: one of
// those by which the rest of the zone is sampled. It says nothing of the
// server's status, which goes by what every resolver needs.
type Probe struct {
	Purpose  holdfast.Purpose
	Exchange int
	Set      *Set    // the RRset asked for; nil where the answer is negative
	Denial   *Denial // nil where it is not
}
