package dnssec

import (
	"fmt"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// ownPurposes are the questions put to the zone's own servers, the keys apart.
var ownPurposes = [...]holdfast.Purpose{
	holdfast.PurposeSOA, holdfast.PurposeSOATCP, holdfast.PurposeNS, holdfast.PurposeNSEC3PARAM,
	holdfast.PurposeCDS, holdfast.PurposeCDNSKEY, holdfast.PurposeNXDomain, holdfast.PurposeNoData,
}

// probePurposes are the questions by which the rest of the zone is sampled:
// names below it, its name servers' addresses, rarer types at the apex.
var probePurposes = [...]holdfast.Purpose{holdfast.PurposeNXDeep, holdfast.PurposeSample, holdfast.PurposeAddress, holdfast.PurposeApex}

// keysOf begins a server's part of the chain: whether it answers, and its keys
// held against the trust in the zone (nil where the zone is not secure).
func (r *reader) keysOf(server holdfast.Server, t *trust) (judge.ServerChain, *keyring) {
	sc := judge.ServerChain{Server: server, KeyReply: -1, Status: holdfast.Unreached, EDE: edeNetwork}
	asked := false
	for _, purpose := range ownPurposes {
		reply, ok := r.kase.At(server, purpose)
		switch {
		case !ok:
		case speaks(reply):
			sc.Reachable = true
			sc.Signed = sc.Signed || r.signed(reply)
		case !asked || reply.Message != nil:
			sc.EDE, sc.Reason = silence(reply)
			asked = true
		}
	}
	reply, ok := r.kase.At(server, holdfast.PurposeDNSKEY)
	if !ok {
		return sc, nil
	}
	sc.KeyReply = reply.Index
	if !speaks(reply) {
		if sc.Reason == "" {
			sc.EDE, sc.Reason = silence(reply)
		}
		return sc, nil
	}
	sc.Reachable, sc.KeysAnswered = true, true
	sc.Signed = sc.Signed || r.signed(reply)
	ring := r.ring(reply, r.kase.Zone, t)
	if ring == nil {
		return sc, nil
	}
	sc.Signed, sc.Keys = true, ring.keys
	if t != nil {
		sets, _ := r.examine(reply, ring).stamped(reply)
		sc.KeySet = sets[0]
		sc.Sets = append(sc.Sets, sc.KeySet)
		sc.KeysTrusted = sc.KeySet.Best >= 0
	}
	return sc, ring
}

// content examines what a server of a secure zone says, under the keys.
func (r *reader) content(sc *judge.ServerChain, ring *keyring) {
	for _, purpose := range ownPurposes {
		reply, ok := r.kase.At(sc.Server, purpose)
		if !ok || !speaks(reply) {
			continue
		}
		sets, denial := r.examine(reply, ring).stamped(reply)
		sc.Sets = append(sc.Sets, sets...)
		if denial != nil {
			sc.Sets = append(sc.Sets, denial.Sets...)
			sc.Denials = append(sc.Denials, denial)
		}
	}
	for _, purpose := range probePurposes {
		for _, reply := range r.kase.Replies(r.kase.Zone, purpose) {
			if reply.Exchange.Server != sc.Server || !speaks(reply) || r.ofChild(reply) {
				continue
			}
			probe := judge.Probe{Purpose: purpose, Exchange: reply.Index}
			sets, denial := r.examine(reply, ring).stamped(reply)
			if probe.Denial = denial; len(sets) > 0 {
				probe.Set = sets[0]
			}
			if probe.Set != nil || probe.Denial != nil {
				sc.Probes = append(sc.Probes, probe)
			}
		}
	}
}

// ofChild says whether a reply is made from a zone below, which the server has
// too: it says nothing of this one.
func (r *reader) ofChild(reply judge.Reply) bool {
	below := func(name holdfast.Name) bool { return name != r.kase.Zone && name.IsSubdomainOf(r.kase.Zone) }
	sets := r.kase.Sets(reply)
	for _, section := range [][]*judge.RRset{sets.Answer, sets.Authority} {
		for _, s := range section {
			if s.Type == wire.TypeSOA && below(s.Name) {
				return true
			}
			for _, sig := range s.RRSIGs {
				if below(sig.Signer) {
					return true
				}
			}
		}
	}
	return false
}

// decide gives the server of a secure zone its status from what was examined.
// CDS, CDNSKEY and NSEC3PARAM are not asked for by resolvers' clients: trouble
// with them is found, but makes no server bogus.
func (r *reader) decide(sc *judge.ServerChain, ring *keyring) {
	sc.Status, sc.EDE, sc.Reason = holdfast.Secure, 0, ""
	if sc.KeySet != nil && sc.KeySet.Status != holdfast.Secure {
		r.decideKeys(sc, ring)
		return
	}
	if sc.KeysAnswered && sc.KeySet == nil {
		sc.Status, sc.EDE, sc.Cause = holdfast.Bogus, edeKeyMissing, codeUnsigned
		sc.Reason = "the parent has DS records, but the server has no DNSKEY RRset"
		if !sc.Signed {
			sc.EDE, sc.Reason = edeSigsMissing, "the parent has DS records, but the server's copy of the zone is unsigned"
		}
		return
	}
	if ring == nil {
		sc.Status, sc.EDE, sc.Reason = holdfast.Indeterminate, edeUnknown, "the keys of the zone were not obtained"
		return
	}
	for _, s := range sc.Sets {
		if s.Status != holdfast.Secure && s.Class.Essential() && s.Class != holdfast.ClassDenial {
			sc.Status, sc.EDE, sc.Reason, sc.Cause = holdfast.Bogus, s.EDE, s.Reason, causeOf(s)
			return
		}
	}
	for _, d := range sc.Denials {
		if !harmed(d).Essential() {
			continue
		}
		switch d.Fault {
		case judge.DenialExists, judge.DenialWrong, judge.DenialMissing, judge.DenialUnsigned:
			sc.Status, sc.EDE, sc.Cause = holdfast.Bogus, d.EDE, causeOfDenial(d)
			sc.Reason = fmt.Sprintf("the answer to %s %s is not proven: %s", d.Question.Name, wire.Type(d.Question.Type), d.Reason)
			return
		}
	}
}

// decideKeys says why a server's keys are not good.
func (r *reader) decideKeys(sc *judge.ServerChain, ring *keyring) {
	s := sc.KeySet
	sc.Status, sc.EDE, sc.Reason, sc.Cause = holdfast.Bogus, s.EDE, s.Reason, causeOf(s)
	if ring.anchored() {
		return
	}
	sc.Cause = codeNoMatch
	sc.EDE, sc.Reason = edeKeyMissing, "no DNSKEY matches a DS record of the parent"
	if ring.fooled {
		sc.EDE, sc.Reason = edeNoZoneKey, "the DS records of the parent name only keys that may not sign a zone"
	}
}

// causeOf is the code of the check that speaks of a set's fault.
func causeOf(s *judge.Set) string {
	switch s.Fault {
	case judge.FaultExpired:
		return codeExpired
	case judge.FaultNotYet, judge.FaultWindow:
		return codeNotYet
	}
	if s.Class == holdfast.ClassDenial {
		return codeDenialUnsigned
	}
	if s.Class == holdfast.ClassDNSKEY && !s.Unsigned() && s.Fault != judge.FaultCrypto {
		return codeNotSignedByDS
	}
	switch s.Fault {
	case judge.FaultCrypto, judge.FaultNotTried:
		return codeCrypto
	case judge.FaultUnknownKey, judge.FaultKeyUnusable:
		return codeUnknownKey
	case judge.FaultSigner, judge.FaultLabels:
		return codeSigner
	case judge.FaultAlgorithm:
		return codeAlgorithms
	}
	return codeMissing
}

func causeOfDenial(d *judge.Denial) string {
	switch d.Fault {
	case judge.DenialMissing:
		return codeDenialMissing
	case judge.DenialWrong:
		return codeDenialWrong
	case judge.DenialExists:
		return codeDenialExists
	}
	for _, s := range d.Sets {
		if s.Class == holdfast.ClassDenial && s.Status != holdfast.Secure {
			return causeOf(s)
		}
	}
	return codeDenialUnsigned
}
