// Package zone judges what a zone is without DNSSEC: its delegation, whether
// its servers answer, and whether they agree.
//
// A verdict is per server (name and address); how it is rolled up to the zone
// stands in each check. The absence of an answer is used sparingly: we see
// from one place, packets are lost, and a measurement may be completed with
// exchanges of an earlier one, so each check says which it compares.
package zone

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Checks are the checks of this room.
func Checks() []judge.Check {
	return []judge.Check{
		delegationMissing(),
		tooFewNameServers(),
		unreachableByFamily(),
		delegationDiffers(),
		glueDiffers(),
		referralTooLarge(),
		nameServerUnusable(),
		dsMishandled(),
		parentTakesNotifications(),
		notAnswering(),
		tcpNotAnswering(),
		wrongSource(),
		serialsDiffer(),
		serversDisagree(),
		signedAndUnsigned(),
		refreshShort(),
		retryOdd(),
		expireShort(),
		minimumOdd(),
		severalSOA(),
		primaryOdd(),
		mailboxOdd(),
		apexMail(),
		apexAddress(),
		ttlAgainstSignatures(),
		ttlAboveOriginal(),
		specialAddress(),
		onePrefix(),
		namesIllegal(),
		soaDiffers(),
		zonemdWrong(),
		aliasWithData(),
		serialMisused(),
		copyExpiring(),
		losesQuestions(),
		delegationChanged(),
		contactUnusable(),
		contactUnderZone(),
		contactBounces(),
	}
}

// look is how far apart two exchanges may be and still belong to one look at
// the zone. A walk has a budget of seconds and looks are minutes apart at the
// least; what a core look did not ask again is up to an hour older.
const look = 10 * time.Minute

// together says whether two questions were sent in the same look.
func together(a, b time.Time) bool { return a.Sub(b).Abs() <= look }

// latest are a server's exchanges about the zone that belong to the last look
// at it, in the order of the measurement. Questions that were never sent are
// left out. The list is shared and must not be written to.
func latest(c *judge.Case, server holdfast.Server) []judge.Reply {
	type key struct{}
	return judge.Shared(c, key{}, func() map[holdfast.Server][]judge.Reply {
		all := plainReplies(c)
		for s, replies := range all {
			var newest time.Time
			for _, r := range replies {
				if r.Exchange.Sent.After(newest) {
					newest = r.Exchange.Sent
				}
			}
			all[s] = slices.DeleteFunc(replies, func(r judge.Reply) bool { return !together(r.Exchange.Sent, newest) })
		}
		return all
	})[server]
}

// plainReplies are the exchanges about the zone that were sent, by server.
func plainReplies(c *judge.Case) map[holdfast.Server][]judge.Reply {
	all := make(map[holdfast.Server][]judge.Reply)
	for i := range c.Measurement.Exchanges {
		e := &c.Measurement.Exchanges[i]
		if e.Zone == c.Zone && e.Purpose.Plain() && e.Outcome != holdfast.NotAsked {
			all[e.Server] = append(all[e.Server], c.Reply(i))
		}
	}
	return all
}

// overUDP says that the server replied over UDP: the reply kept came that way,
// or it was cut short there and TCP was tried after it, with or without success.
func overUDP(r judge.Reply) bool {
	return r.Exchange.Purpose != holdfast.PurposeSOATCP &&
		(r.Exchange.Truncated || replied(r) && r.Exchange.Transport == holdfast.UDP)
}

// replied says that a reply came from the address that was asked, be it one
// that cannot be read.
func replied(r judge.Reply) bool {
	switch r.Exchange.Outcome {
	case holdfast.Answered, holdfast.Malformed, holdfast.TruncatedTwice:
		return true
	}
	return false
}

// older says that serial a precedes b (RFC 1982 section 3.2).
func older(a, b uint32) bool { return wire.CompareSerial(a, b) < 0 }

// targets are the names that an NS RRset points to, sorted; those that cannot
// be read are left out.
func targets(set *judge.RRset) []holdfast.Name {
	var out []holdfast.Name
	for _, r := range set.Records {
		if name, err := r.Target(); err == nil {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// targetsOnce are targets of an RRset that many servers gave alike: shared, and
// not to be written to.
func targetsOnce(c *judge.Case, set *judge.RRset) []holdfast.Name {
	type key struct{ set *judge.RRset }
	return judge.Shared(c, key{set}, func() []holdfast.Name { return targets(set) })
}

// content is an RRset's data in canonical form and order, one string a record:
// what two servers' answers are compared by (RFC 4034 section 6).
func content(set *judge.RRset) []string {
	if set == nil {
		return nil
	}
	var out []string
	for _, r := range set.Records {
		out = append(out, string(r.Canonical()))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// without are the elements of a that b lacks; both sorted or not.
func without[T comparable](a, b []T) []T {
	var out []T
	for _, x := range a {
		if !slices.Contains(b, x) {
			out = append(out, x)
		}
	}
	return out
}

// join writes names for people: "a., b. and c."
func join[T ~string](items []T) string {
	var b strings.Builder
	for i, item := range items {
		switch {
		case i == 0:
		case i == len(items)-1:
			b.WriteString(" and ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(string(item))
	}
	return b.String()
}

// family is an address family, as an index.
type family int

const (
	ipv4 family = iota
	ipv6
)

// class is the address record's type that publishes the family.
func (f family) class() holdfast.Class { return [...]holdfast.Class{"A", "AAAA"}[f] }

func familyOf(address netip.Addr) family {
	if address.Unmap().Is4() {
		return ipv4
	}
	return ipv6
}

// ours says whether the silence over a family in the last look is our own
// trouble, by index of the family: nothing answered over it, although servers
// of other zones (the root's among them) were asked as well; or, where only
// this zone's were, the other family answers. No zone is blamed for a path
// that we do not have.
func ours(c *judge.Case) [2]bool {
	var newest time.Time
	for i := range c.Measurement.Exchanges {
		if e := &c.Measurement.Exchanges[i]; e.Outcome != holdfast.NotAsked && e.Sent.After(newest) {
			newest = e.Sent
		}
	}
	var others, answered [2]bool
	for i := range c.Measurement.Exchanges {
		e := &c.Measurement.Exchanges[i]
		if e.Outcome == holdfast.NotAsked || !together(e.Sent, newest) {
			continue
		}
		f := familyOf(e.Server.Address)
		if e.Zone != c.Zone {
			others[f] = true
		}
		if e.Outcome != holdfast.Timeout && e.Outcome != holdfast.Unreachable {
			answered[f] = true // whatever came, it came over the family
		}
	}
	var out [2]bool
	for f := range out {
		out[f] = !answered[f] && (others[f] || answered[1-f])
	}
	return out
}
