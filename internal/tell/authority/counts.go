package authority

import (
	"sync/atomic"

	"github.com/holdfastdns/holdfast/internal/wire"
)

// Counts are what the server did since it began.
type Counts struct {
	UDP, TCP  atomic.Int64 // questions
	Ignored   atomic.Int64 // packets that are no question
	Made      atomic.Int64 // answers that were not kept
	Truncated atomic.Int64
	Held      atomic.Int64 // responses that the limit held back
	Slipped   atomic.Int64 // of these, sent truncated
	Busy      atomic.Int64 // questions left unanswered for want of time to sign
	Failed    atomic.Int64 // SERVFAIL
	Turned    atomic.Int64 // connections refused, for there were too many

	Fine, Absent, Refused, Others atomic.Int64 // replies by response code
}

func (c *Counts) asked(tcp bool) {
	if tcp {
		c.TCP.Add(1)
		return
	}
	c.UDP.Add(1)
}

func (c *Counts) sent(rcode int) {
	switch rcode {
	case wire.NoError:
		c.Fine.Add(1)
	case wire.NXDomain:
		c.Absent.Add(1)
	case wire.Refused:
		c.Refused.Add(1)
	default:
		c.Others.Add(1)
	}
}

// Counts are what the server did, as it goes on.
func (s *Server) Counts() *Counts { return &s.counts }
