package resolve

import (
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/measure/walk"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// This file reads from replies the little that tells whom to ask next. What a
// reply is worth is not its business.

// yxDomain says that what a DNAME leads to is longer than a name may be
// (RFC 6672 section 2.2).
const yxDomain = 6

// read is the exchange's message, nil where there is none that can be read.
func read(e holdfast.Exchange) *wire.Message {
	if e.Outcome != holdfast.Answered {
		return nil
	}
	m, err := wire.Parse(e.Reply)
	if err != nil {
		return nil
	}
	return m
}

func first(messages []*wire.Message, good func(*wire.Message) bool) *wire.Message {
	for _, m := range messages {
		if m != nil && good(m) {
			return m
		}
	}
	return nil
}

// speaks says whether a reply is a server's word about a zone that it holds.
func speaks(m *wire.Message) bool {
	if m.Rcode != wire.NoError && m.Rcode != wire.NXDomain && m.Rcode != yxDomain {
		return false
	}
	return m.Authoritative || len(m.Answer) > 0 ||
		slices.ContainsFunc(m.Authority, func(r wire.Record) bool { return r.Type == wire.TypeSOA })
}

// useful says whether a reply leads on: an answer, or a referral downwards.
func useful(name, zone holdfast.Name) func(*wire.Message) bool {
	return func(m *wire.Message) bool {
		_, _, referred := walk.Referral(m, name, zone)
		return referred || speaks(m)
	}
}

// signerBelow is the zone below zone in whose name something of the reply is
// signed, the deepest on the way to name; signed says that anything is signed.
func signerBelow(m *wire.Message, name, zone holdfast.Name) (signer holdfast.Name, signed bool) {
	for _, section := range [][]wire.Record{m.Answer, m.Authority} {
		for _, r := range section {
			sig, err := r.RRSIG()
			if err != nil {
				continue
			}
			signed = true
			if sig.Signer != zone && sig.Signer.IsSubdomainOf(zone) && name.IsSubdomainOf(sig.Signer) && sig.Signer.Labels() > signer.Labels() {
				signer = sig.Signer
			}
		}
	}
	return signer, signed
}

// alias is the name that the reply to name leads to: what its CNAME says, or
// the DNAME above it; empty where it leads nowhere else.
func alias(m *wire.Message, name holdfast.Name, t uint16) holdfast.Name {
	for _, r := range m.Answer {
		if r.Type == wire.TypeDNAME && name != r.Name && name.IsSubdomainOf(r.Name) {
			if target, err := r.Target(); err == nil {
				return wire.Redirect(name, r.Name, target)
			}
		}
	}
	if t == uint16(wire.TypeCNAME) || t == uint16(wire.TypeANY) {
		return ""
	}
	var target holdfast.Name
	for _, r := range m.Answer {
		switch {
		case r.Name != name:
		case uint16(r.Type) == t:
			return ""
		case r.Type == wire.TypeCNAME && target == "":
			target, _ = r.Target()
		}
	}
	return target
}
