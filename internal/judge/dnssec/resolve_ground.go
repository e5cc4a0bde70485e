package dnssec

import (
	"fmt"
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// verdict is a status, and why it is not secure.
type verdict struct {
	status    holdfast.Status
	ede       int
	reason    string
	reference string
}

// ground is a zone on the way, and how far the chain of trust holds there.
type ground struct {
	standing
	zone      holdfast.Name
	trust     string // what its keys rest on, for people
	reference string
	by        *trust // what its keys are measured by; nil where it is not secure
	evidence  []int  // what the standing rests on
}

func (g *ground) verdict() verdict { return verdict{g.status, g.ede, g.reason, g.reference} }

// enter says how far the chain holds at a zone, coming from its parent; nil
// for the root. A trust anchor of the zone itself counts before its DS.
func (r *resolver) enter(zone holdfast.Name, parent *ground) *ground {
	if known := r.grounds[zone]; known != nil {
		return known
	}
	g := &ground{zone: zone}
	r.grounds[zone] = g
	anchor := r.validator.anchors[zone]
	switch {
	case anchor != nil:
		r.keys(g, anchor)
		if g.status == holdfast.Secure {
			g.trust = "a trust anchor"
		}
	case parent == nil:
		g.standing = notSecure(holdfast.Indeterminate, edeUnknown, fmt.Sprintf("there is no trust anchor at or above %s", zone))
		g.reference = "RFC 4035 section 4.3"
	case parent.status != holdfast.Secure:
		g.standing, g.reference = parent.standing, parent.reference
		g.ring = nil
	default:
		link := r.linkTo(zone, parent)
		if link.Exchange >= 0 {
			g.evidence = append(g.evidence, link.Exchange)
		}
		if link.Status == holdfast.Secure {
			r.keys(g, &trust{zone: zone, ds: link.DS})
		} else {
			g.standing = notSecure(link.Status, link.EDE, fmt.Sprintf("at %s: %s", zone, link.Reason))
			g.reference = clauseOfLink(&link)
		}
		g.dies = sooner(g.dies, link.FailsAt)
	}
	return g
}

// keys holds the keys of a zone against the trust in it.
func (r *resolver) keys(g *ground, t *trust) {
	g.by = t
	g.standing = r.zoneKeys(g.zone, t)
	switch g.status {
	case holdfast.Insecure:
		g.reference = "RFC 4035 section 5.2"
		return
	case holdfast.Indeterminate:
		g.reference = "RFC 4035 section 4.3"
		return
	case holdfast.Bogus:
		g.reference = "RFC 4035 section 5.2"
	}
	for _, reply := range r.kase.Replies(g.zone, holdfast.PurposeDNSKEY) {
		ring := r.ring(reply, g.zone, t)
		switch {
		case ring == nil:
			continue
		case g.status == holdfast.Secure && ring != g.ring:
			continue
		case g.status == holdfast.Secure:
			g.trust = anchoredBy(ring)
		case !ring.anchored():
			g.ede, g.reason = edeKeyMissing, fmt.Sprintf("at %s: no DNSKEY matches a DS record of the parent", g.zone)
			if ring.fooled {
				g.ede, g.reference = edeNoZoneKey, "RFC 4034 section 2.1.1"
				g.reason = fmt.Sprintf("at %s: the DS records name only keys that may not sign a zone", g.zone)
			}
		default:
			g.reference = clauseOf(r.examine(reply, ring).sets[0])
		}
		g.evidence = append(g.evidence, reply.Index)
		return
	}
}

// anchoredBy names the keys of a ring that the trust names.
func anchoredBy(ring *keyring) string {
	out := ""
	for _, k := range ring.keys {
		if k.Anchored && out == "" {
			out = "DS of key " + keyName(k.Tag, k.Algorithm)
		} else if k.Anchored {
			out += fmt.Sprintf(", %d (%d)", k.Tag, k.Algorithm)
		}
	}
	return out
}

// linkTo is the link from a zone to a child by its servers' answers for DS and
// by their referrals, which carry the same (RFC 4035 section 3.1.4).
func (r *resolver) linkTo(child holdfast.Name, parent *ground) judge.Link {
	links := r.linksTo(child, parent.ring, parent.dies)
	links = append(links, r.linksByReferral(child, parent)...)
	for i := range links {
		r.holdToCut(&links[i], child, parent.zone)
	}
	return bestLink(links)
}

func (r *resolver) linksByReferral(child holdfast.Name, parent *ground) []judge.Link {
	var out []judge.Link
	read := map[*wire.Message]bool{}
	for _, reply := range r.kase.Replies(parent.zone, holdfast.PurposeName) {
		if read[reply.Message] || !reply.OK() {
			continue
		}
		if to, _ := r.referral(reply, reply.Exchange.Question.Name, parent.zone); to != child {
			continue
		}
		read[reply.Message] = true
		link := judge.Link{Server: reply.Exchange.Server, Exchange: reply.Index}
		sets := r.kase.Sets(reply)
		if ds := judge.Find(sets.Authority, child, wire.TypeDS); ds != nil {
			r.linkByDS(&link, r.exams.set(ds, parent.ring, holdfast.ClassDS))
		} else {
			link.Denial = r.exams.denial(sets, parent.ring, holdfast.Question{Name: child, Type: uint16(wire.TypeDS)}, claimNoData, "")
			if link.Denial.Fault == judge.DenialMissing {
				continue
			}
			linkByDenial(&link, link.Denial)
		}
		link.FailsAt = sooner(link.FailsAt, parent.dies)
		out = append(out, link)
	}
	return out
}

// holdToCut holds a proof that there is no DS to what RFC 6840 section 4.4
// asks: it must show that there is a delegation, by the NS bit or by opt-out.
// Without that, whoever strips signatures could pass off any name of a signed
// zone as an unsigned child.
func (r *resolver) holdToCut(link *judge.Link, child, zone holdfast.Name) {
	if link.Status != holdfast.Insecure || link.Denial == nil || link.Denial.Fault != judge.DenialProven || link.Denial.OptOut {
		return
	}
	var good []*judge.Set
	for _, s := range link.Denial.Sets {
		if s.Class == holdfast.ClassDenial && s.Status == holdfast.Secure {
			good = append(good, s)
		}
	}
	var types []wire.Type
	if r := readNSEC(good).match(child); r != nil {
		types = r.Types
	} else if hashed := readNSEC3(good, zone); hashed.params != nil && link.Denial.Kind == judge.DenialNSEC3 {
		if r := hashed.match(child); r != nil {
			types = r.Types
		}
	}
	if !slices.Contains(types, wire.TypeNS) {
		link.Status, link.EDE = holdfast.Bogus, edeNSECMissing
		link.Reason = "the proof that there is no DS record shows no delegation either: its types lack NS"
	}
}
