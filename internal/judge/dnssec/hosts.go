package dnssec

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// hosts judges the zones in which the zone's name servers have their names,
// those within the zone itself left out: its own chain speaks of them.
func (r *reader) hosts() []judge.HostZone {
	var out []judge.HostZone
	given := make(map[holdfast.Name][]judge.Reply)
	for i := range r.kase.Measurement.Exchanges {
		reply := r.kase.Reply(i)
		e := reply.Exchange
		if e.Purpose != holdfast.PurposeAddress || e.Question.Name.IsSubdomainOf(r.kase.Zone) && r.kase.Zone != holdfast.Root ||
			!reply.OK() || !reply.Message.Authoritative {
			continue
		}
		given[e.Zone] = append(given[e.Zone], reply)
	}
	for zone, replies := range given {
		out = append(out, r.host(zone, replies))
	}
	slices.SortFunc(out, func(a, b judge.HostZone) int { return holdfast.CompareNames(a.Zone, b.Zone) })
	return out
}

func (r *reader) host(zone holdfast.Name, replies []judge.Reply) judge.HostZone {
	h := judge.HostZone{Zone: zone}
	for _, reply := range replies {
		h.Names = append(h.Names, reply.Exchange.Question.Name)
		h.Evidence = append(h.Evidence, reply.Index)
	}
	slices.Sort(h.Names)
	h.Names = slices.Compact(h.Names)
	anchor := r.validator.anchorFor(zone)
	if anchor == nil {
		h.Status, h.EDE, h.Reason = holdfast.Indeterminate, edeUnknown, fmt.Sprintf("there is no trust anchor at or above %s", zone)
		return h
	}
	s := r.down(anchor, zone)
	h.Status, h.EDE, h.Reason = s.status, s.ede, s.reason
	if s.status != holdfast.Secure {
		return h
	}
	live(&h, s.keys)
	r.hostAddresses(&h, s.ring, replies)
	return h
}

// hostAddresses judges the addresses of the names. Of several answers to one
// question any that holds is enough: a resolver that meets a bad server asks
// the next.
func (r *reader) hostAddresses(h *judge.HostZone, ring *keyring, replies []judge.Reply) {
	best := make(map[holdfast.Question]*judge.Set)
	for _, reply := range replies {
		q := reply.Exchange.Question
		if r.kase.Answer(reply, q.Name, wire.Type(q.Type)) == nil || r.ofAnother(reply, ring.zone) {
			continue
		}
		set := r.examine(reply, ring).sets[0]
		if have := best[q]; have == nil || have.Status != holdfast.Secure && set.Status == holdfast.Secure {
			best[q] = set
		}
	}
	for _, q := range slices.SortedFunc(maps.Keys(best), compareQuestions) {
		set := best[q]
		live(h, set)
		if set.Status == holdfast.Bogus && h.Status != holdfast.Bogus {
			h.Status, h.EDE = holdfast.Bogus, set.EDE
			h.Reason = fmt.Sprintf("the %s records of %s: %s", wire.Type(q.Type), q.Name, set.Reason)
		}
	}
	if h.Status == holdfast.Bogus {
		h.FailsAt, h.Life = time.Time{}, 0
	}
}

func compareQuestions(a, b holdfast.Question) int {
	return cmp.Or(holdfast.CompareNames(a.Name, b.Name), cmp.Compare(a.Type, b.Type))
}

// live takes the life of a set's signatures in, where it is the first to die.
func live(h *judge.HostZone, set *judge.Set) {
	if set.Best < 0 || !h.FailsAt.IsZero() && !set.Dies().Before(h.FailsAt) {
		return
	}
	h.FailsAt, h.Life = set.Dies(), set.Life()
}

// ofAnother says that an answer came out of a zone below, which begins at the
// very name and lies on the same servers: it is not for this zone's keys.
func (r *reader) ofAnother(reply judge.Reply, zone holdfast.Name) bool {
	name := reply.Exchange.Question.Name
	sets := r.kase.Sets(reply)
	if name != zone && judge.Find(slices.Concat(sets.Answer, sets.Authority), name, wire.TypeNS) != nil {
		return true
	}
	for _, set := range sets.Answer {
		for _, sig := range set.RRSIGs {
			if sig.Signer != zone && sig.Signer.IsSubdomainOf(zone) {
				return true
			}
		}
	}
	return false
}

// hostsSoon and hostsShare are the life left at which DEL-08 warns: less than a
// day and less than a tenth of the whole, since many hosts' zones are signed as
// they answer, for a day or two at a time.
const (
	hostsSoon  = 24 * time.Hour
	hostsShare = 10
)

func hostZoneFails() judge.Check {
	return judge.Check{
		Code: "DEL-08", Name: "host-zone-fails", Severity: holdfast.SeverityError,
		Reference: "RFC 4035 section 5, RFC 2182 section 6",
		Summary:   "The zones in which the name servers have their names validate, and go on to.",
		Judge:     judgeHosts,
	}
}

func judgeHosts(c *judge.Case) []holdfast.Finding {
	bogus := holdfast.Finding{Severity: holdfast.SeverityError, RRset: holdfast.ClassNS}
	dying := holdfast.Finding{Severity: holdfast.SeverityWarning, RRset: holdfast.ClassNS}
	var fails, soon []string
	for _, h := range c.Chain.Hosts {
		switch {
		case h.Status == holdfast.Bogus:
			fails = append(fails, fmt.Sprintf("%s in %s, which does not validate (%s)", namesOf(h.Names), h.Zone, h.Reason))
			bogus.EDE, bogus.Evidence, bogus.Count = h.EDE, append(bogus.Evidence, h.Evidence...), bogus.Count+len(h.Names)
		case h.Status == holdfast.Secure && !h.FailsAt.IsZero() && c.Within(h.FailsAt, min(hostsSoon, h.Life/hostsShare)):
			soon = append(soon, fmt.Sprintf("%s in %s, whose signatures die at %s", namesOf(h.Names), h.Zone, h.FailsAt.Format(time.DateTime+" UTC")))
			dying.Evidence, dying.Count = append(dying.Evidence, h.Evidence...), dying.Count+len(h.Names)
			if dying.Until.IsZero() || h.FailsAt.Before(dying.Until) {
				dying.Until = h.FailsAt
			}
		}
	}
	bogus.Text = "name servers have their names in zones that fail: " + strings.Join(fails, "; ")
	dying.Text = "name servers have their names in zones that will fail: " + strings.Join(soon, "; ")
	switch {
	case len(fails) > 0:
		return []holdfast.Finding{bogus}
	case len(soon) > 0:
		return []holdfast.Finding{dying}
	}
	return nil
}

func namesOf(names []holdfast.Name) string {
	const most = 4
	text := make([]string, 0, most+1)
	for _, n := range names[:min(len(names), most)] {
		text = append(text, string(n))
	}
	if more := len(names) - most; more > 0 {
		text = append(text, fmt.Sprintf("%d more", more))
	}
	return strings.Join(text, ", ")
}
