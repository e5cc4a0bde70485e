package rollover

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func signals() judge.Check {
	return judge.Check{
		Code: "ROL-11", Name: "bootstrap-signals", Severity: holdfast.SeverityInfo,
		Reference: "RFC 9615 section 2",
		Summary:   "under which of its name servers the zone's CDS are published a second time, for the parent to trust before there is a DS",
		Judge: func(c *judge.Case) []holdfast.Finding {
			own := ownCDS(c)
			var at, other []string
			var evidence []int
			for i := range c.Measurement.Exchanges {
				e := &c.Measurement.Exchanges[i]
				_, host, found := strings.Cut(string(e.Question.Name), "._signal.")
				if e.Purpose != holdfast.PurposeSignal || !found || !c.Reply(i).OK() {
					continue
				}
				set := c.Answer(c.Reply(i), e.Question.Name, wire.TypeCDS)
				if set == nil {
					continue
				}
				list := &at
				if !slices.Equal(own, dataOf(set)) {
					list = &other
				}
				if !slices.Contains(*list, host) {
					*list, evidence = append(*list, host), append(evidence, i)
				}
			}
			if len(at)+len(other) == 0 {
				return nil
			}
			slices.Sort(at)
			slices.Sort(other)
			text := "CDS are also published under the signalling names of its name servers"
			if len(at) > 0 {
				text += ", the same as in the zone under " + join(at)
			}
			if len(other) > 0 {
				text += ", others than in the zone under " + join(other)
			}
			return []holdfast.Finding{{Severity: holdfast.SeverityInfo, RRset: holdfast.ClassCDS, Text: text, Evidence: evidence, Count: len(at) + len(other)}}
		},
	}
}

// ownCDS are the zone's CDS as the first server that has any gives them.
func ownCDS(c *judge.Case) []string {
	for _, a := range asks(c, holdfast.PurposeCDS, wire.TypeCDS) {
		if a.set != nil {
			return dataOf(a.set)
		}
	}
	return nil
}

func dataOf(set *judge.RRset) []string {
	var out []string
	for _, r := range set.Records {
		out = append(out, string(r.Data))
	}
	slices.Sort(out)
	return out
}

// optReportChannel is the EDNS option by which a server names the agent that
// takes error reports (RFC 9567 section 5).
const optReportChannel = 18

func reportChannel() judge.Check {
	return judge.Check{
		Code: "ROL-12", Name: "error-report-channel", Severity: holdfast.SeverityInfo,
		Reference: "RFC 9567 section 5",
		Summary:   "whether the zone's servers name an agent to whom resolvers report what fails, as automated DS changes want (RFC 10026)",
		Judge: func(c *judge.Case) []holdfast.Finding {
			agents := map[string][]int{}
			for i := range c.Measurement.Exchanges {
				e := &c.Measurement.Exchanges[i]
				if e.Zone != c.Zone || !e.Purpose.Plain() || c.Reply(i).Message == nil {
					continue
				}
				opt, ok := wire.ReadOPT(e.Reply)
				if !ok {
					continue
				}
				if data, ok := opt.Option(optReportChannel); ok {
					if agent := agentName(data); agent != "" && len(agents[agent]) < 2 {
						agents[agent] = append(agents[agent], i)
					}
				}
			}
			if len(agents) == 0 {
				return nil
			}
			var names []string
			f := holdfast.Finding{Severity: holdfast.SeverityInfo, Count: len(agents)}
			for agent, at := range agents {
				names, f.Evidence = append(names, agent), append(f.Evidence, at...)
			}
			slices.Sort(names)
			slices.Sort(f.Evidence)
			f.Text = "resolvers are asked to report errors to " + join(names)
			return []holdfast.Finding{f}
		},
	}
}

// agentName reads an uncompressed name; empty where it cannot be one, or is
// the root, by which no agent is meant.
func agentName(data []byte) string {
	var b strings.Builder
	for len(data) > 0 {
		n := int(data[0])
		switch {
		case n == 0 && len(data) == 1:
			return b.String()
		case n == 0 || n > 63 || len(data) <= n || b.Len()+n > 254:
			return ""
		}
		for _, octet := range data[1 : 1+n] {
			if octet <= ' ' || octet > '~' || octet == '.' || octet == '\\' {
				fmt.Fprintf(&b, "\\%03d", octet)
				continue
			}
			b.WriteByte(octet)
		}
		b.WriteByte('.')
		data = data[1+n:]
	}
	return ""
}

func algorithms() judge.Check {
	return judge.Check{
		Code: "ROL-13", Name: "algorithm-rollover", Severity: holdfast.SeverityInfo,
		Reference: "RFC 6781 section 4.1.4",
		Summary:   "where DS, keys and signatures are of more than one algorithm: which has which",
		Judge: func(c *judge.Case) []holdfast.Finding {
			var keys, ds, data []uint8
			add := func(list *[]uint8, algorithm uint8) {
				if !slices.Contains(*list, algorithm) {
					*list = append(*list, algorithm)
				}
			}
			var evidence []int
			for i := range c.Chain.Servers {
				sc := &c.Chain.Servers[i]
				for _, k := range sc.Keys {
					if k.IsZoneKey() {
						add(&keys, k.Algorithm)
					}
				}
				if soa, ok := c.At(sc.Server, holdfast.PurposeSOA); ok {
					if set := c.Answer(soa, c.Zone, wire.TypeSOA); set != nil {
						for _, sig := range set.RRSIGs {
							if sig.Signer == c.Zone {
								add(&data, sig.Algorithm)
							}
						}
					}
				}
				if sc.KeyReply >= 0 && len(evidence) < 2 {
					evidence = append(evidence, sc.KeyReply)
				}
			}
			for _, d := range c.Chain.Link.DS {
				add(&ds, d.Algorithm)
			}
			all, trusted := slices.Concat(keys, ds, data), "DS"
			if c.Parent == "" { // what we trust is our own affair, and no part of the zone
				all, trusted = slices.Concat(keys, data), "trust anchors here"
			}
			slices.Sort(all)
			if len(keys) == 0 || len(slices.Compact(all)) < 2 {
				return nil
			}
			f := holdfast.Finding{
				Severity: holdfast.SeverityInfo, RRset: holdfast.ClassDNSKEY, Evidence: evidence,
				Text: fmt.Sprintf("more than one algorithm: %s of %s, keys of %s, signatures over the zone's data of %s", trusted, numbers(ds), numbers(keys), numbers(data)),
			}
			if until := viewOf(c).holdDown(); !until.IsZero() {
				f.Until = until
				f.Text += fmt.Sprintf("; those who follow RFC 5011 trust the new algorithm from %s at the earliest: until then the old goes on signing the keys", stamp(until))
			}
			return []holdfast.Finding{f}
		},
	}
}

// holdDown is when those who follow RFC 5011 can first trust a key of an
// algorithm that is new to a trust point, whose publication was watched
// (section 2.4.1): a parent's DS need no such time, trust anchors do. It is
// zero where that has passed, or the zone has a parent.
func (v *view) holdDown() time.Time {
	if v.c.Parent != "" {
		return time.Time{}
	}
	for _, k := range v.published() {
		fresh := k.Flags&wire.FlagSEP != 0 && !k.Absent.IsZero() && k.Revoked.IsZero() && !slices.ContainsFunc(v.p.Keys, func(o holdfast.KeyPast) bool {
			return o.Flags&wire.FlagSEP != 0 && o.Algorithm == k.Algorithm && o.Published.Before(k.Published)
		})
		if until := k.Published.Add(holdfast.DefaultTimers().Add); fresh && !v.c.Passed(until) {
			return until
		}
	}
	return time.Time{}
}

func numbers(algorithms []uint8) string {
	slices.Sort(algorithms)
	var out []string
	for _, a := range algorithms {
		out = append(out, fmt.Sprint(a))
	}
	if len(out) == 0 {
		return "none"
	}
	return join(out)
}

func join(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}
