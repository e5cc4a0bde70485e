package dnssec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// voices lists what each server said in a step, and marks those that differ
// from what was taken: about the name, the zone's keys, and DS of the zone that
// follows.
func (r *resolver) voices(s *Step, at *ground, taken word, replies []judge.Reply) {
	named := make([]Voice, 0, len(replies))
	for _, reply := range replies {
		w := r.hear(reply, s.Name, at)
		named = append(named, voiceOf(reply, w.says, w.key, w.verdict))
	}
	mark(named, taken.key, taken.status)
	s.Voices = append(s.Voices, named...)
	if r.told(at.zone, s) {
		return // an alias brought us back: it was said before
	}
	s.Voices = append(s.Voices, r.keyVoices(at)...)
	if taken.kind == KindReferral || taken.kind == KindCut {
		s.Voices = append(s.Voices, r.linkVoices(at, s.Next)...)
	}
	for _, v := range s.Voices {
		if v.Differs {
			r.out.Differ++
		}
	}
}

// told says whether an earlier step was in the same zone.
func (r *resolver) told(zone holdfast.Name, s *Step) bool {
	again := slices.ContainsFunc(r.out.Steps, func(earlier Step) bool { return earlier.Zone == zone })
	for _, v := range s.Voices {
		if again && v.Differs {
			r.out.Differ++
		}
	}
	return again
}

func voiceOf(reply judge.Reply, says, key string, v verdict) Voice {
	out := Voice{
		Server: reply.Exchange.Server, Purpose: reply.Exchange.Purpose, Says: says, Evidence: reply.Index,
		Status: v.status, EDE: v.ede, Reason: v.reason, key: key,
	}
	if out.Status == holdfast.Secure {
		out.EDE, out.Reason = 0, ""
	}
	return out
}

// keyVoices is what each server of a zone said of its keys.
func (r *resolver) keyVoices(at *ground) []Voice {
	var out []Voice
	for _, reply := range r.kase.Replies(at.zone, holdfast.PurposeDNSKEY) {
		says, key := "no keys", ""
		v := at.verdict()
		set := r.kase.Answer(reply, at.zone, wire.TypeDNSKEY)
		switch {
		case !speaks(reply):
			v.status = holdfast.Indeterminate
			v.ede, says = silence(reply)
			v.reason, key = says, says
		case set != nil:
			says, key = counted([]*judge.RRset{set}), dataOf(set)
		}
		if ring := r.ring(reply, at.zone, at.by); ring != nil && at.by != nil {
			v = verdict{status: holdfast.Secure}
			if set := r.examine(reply, ring).sets[0]; set.Status != holdfast.Secure {
				v = verdict{set.Status, set.EDE, set.Reason, clauseOf(set)}
			}
		}
		out = append(out, voiceOf(reply, says, key, v))
	}
	return agree(out)
}

// linkVoices is what each server of a zone said of DS of its child.
func (r *resolver) linkVoices(at *ground, child holdfast.Name) []Voice {
	var out []Voice
	for _, reply := range r.kase.Replies(at.zone, holdfast.PurposeDS) {
		if reply.Exchange.Question.Name != child {
			continue
		}
		says, key := fmt.Sprintf("%s has no DS", child), ""
		v := at.verdict()
		set := r.kase.Answer(reply, child, wire.TypeDS)
		switch {
		case !speaks(reply):
			v.status = holdfast.Indeterminate
			v.ede, says = silence(reply)
			v.reason, key = says, says
		case set != nil:
			says, key = fmt.Sprintf("%s has %s", child, counted([]*judge.RRset{set})), dataOf(set)
		}
		if at.ring != nil && speaks(reply) {
			link := r.link(reply, child, at.ring)
			r.holdToCut(&link, child, at.zone)
			v = verdict{link.Status, link.EDE, link.Reason, clauseOfLink(&link)}
		}
		out = append(out, voiceOf(reply, says, key, v))
	}
	return agree(out)
}

// dataOf is an RRset's content, whatever its order and TTL.
func dataOf(set *judge.RRset) string {
	var data []string
	for _, record := range set.Records {
		data = append(data, string(record.Canonical()))
	}
	slices.Sort(data)
	return strings.Join(data, " ")
}

// agree marks those voices that differ from the best, or among equals from the
// most.
func agree(voices []Voice) []Voice {
	rank := []holdfast.Status{holdfast.Indeterminate, holdfast.Bogus, holdfast.Insecure, holdfast.Secure}
	count := map[string]int{}
	best := -1
	for i, v := range voices {
		count[v.key]++
		better := best < 0
		if !better {
			now, then := slices.Index(rank, v.Status), slices.Index(rank, voices[best].Status)
			better = now > then || now == then && count[v.key] > count[voices[best].key]
		}
		if better {
			best = i
		}
	}
	if best >= 0 {
		mark(voices, voices[best].key, voices[best].Status)
	}
	return voices
}

func mark(voices []Voice, key string, status holdfast.Status) {
	for i := range voices {
		voices[i].Differs = voices[i].key != key || voices[i].Status != status
	}
}
