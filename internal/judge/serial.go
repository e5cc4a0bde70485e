package judge

import (
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// SteadySerial is the serial that a server had when it was asked something
// else, where that is sure: all SOAs that it gave within a time of that
// question have it, one of them not before the question and one not after it.
func (c *Case) SteadySerial(server holdfast.Server, sent time.Time, within time.Duration) (serial uint32, steady bool) {
	before, after, first := false, false, true
	for i := range c.Measurement.Exchanges {
		e := &c.Measurement.Exchanges[i]
		if e.Zone != c.Zone || e.Server != server || c.Messages[i] == nil || e.Sent.Sub(sent).Abs() > within {
			continue
		}
		sets := c.Sets(c.Reply(i))
		set := Find(slices.Concat(sets.Answer, sets.Authority), c.Zone, wire.TypeSOA)
		if set == nil {
			continue
		}
		soa, err := set.Records[0].SOA()
		if err != nil {
			continue
		}
		if !first && soa.Serial != serial {
			return 0, false
		}
		serial, first = soa.Serial, false
		before = before || !e.Sent.After(sent)
		after = after || !e.Sent.Before(sent)
	}
	return serial, before && after
}
