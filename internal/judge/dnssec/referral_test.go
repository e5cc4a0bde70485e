package dnssec_test

import (
	"fmt"
	"testing"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// referred is what a walk of the world brings home when no server of the root
// answers the question for DS, but each gives a referral.
func referred(t *testing.T, w *world, edit func(*wire.Message)) holdfast.Measurement {
	t.Helper()
	m := w.measured(t)
	q := holdfast.Question{Name: zone, Type: uint16(wire.TypeNS)}
	for i := range m.Exchanges {
		e := &m.Exchanges[i]
		if e.Purpose != holdfast.PurposeDS {
			continue
		}
		e.Outcome, e.Reply = holdfast.Timeout, nil
		reply := &wire.Message{Response: true, Question: []holdfast.Question{q}, Authority: w.child[0].ns(t)}
		if len(w.ds) > 0 {
			reply.Authority = append(reply.Authority, w.root.signed(t, w.ds...)...)
		} else {
			for _, r := range w.root.proof(t, zone) {
				reply.Authority = append(reply.Authority, w.root.signed(t, r)...)
			}
		}
		if edit != nil {
			edit(reply)
		}
		packet := must[[]byte](t)(reply.Pack())
		m.Exchanges = append(m.Exchanges, holdfast.Exchange{
			Zone: holdfast.Root, Purpose: holdfast.PurposeReferral, Server: e.Server, Question: q, Transport: holdfast.UDP,
			Sent: now, Tries: 1, Outcome: holdfast.Answered, Reply: packet,
		})
	}
	return m
}

// TestReferralInPlaceOfDS: where the question for DS went unanswered, the
// referral tells what it would have said, and is held to the same signatures.
func TestReferralInPlaceOfDS(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*world)
		edit   func(*wire.Message)
		status holdfast.Status
	}{
		"with DS":             {status: holdfast.Secure},
		"with proof of no DS": {change: func(w *world) { w.ds = nil }, status: holdfast.Insecure},
		"with DS whose signature is broken": {
			change: func(w *world) { w.root.broken = map[holdfast.Class]bool{holdfast.ClassDS: true} }, status: holdfast.Bogus,
		},
		"with a proof whose signature is broken": {change: func(w *world) {
			w.ds = nil
			w.root.broken = map[holdfast.Class]bool{holdfast.ClassDenial: true}
		}, status: holdfast.Bogus},
		"with DS unsigned": {edit: func(m *wire.Message) { m.Authority = m.Authority[:3] }, status: holdfast.Bogus},
		"with neither":     {edit: func(m *wire.Message) { m.Authority = m.Authority[:2] }, status: holdfast.Indeterminate},
		"of the child's own server": {edit: func(m *wire.Message) {
			m.Authoritative, m.Answer, m.Authority = true, m.Authority[:2], nil
		}, status: holdfast.Indeterminate},
		"refused": {edit: func(m *wire.Message) { m.Rcode, m.Authority = wire.Refused, nil }, status: holdfast.Indeterminate},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if c.change != nil {
				c.change(w)
			}
			if v := catalogue(w.trust, nil).Judge(referred(t, w, c.edit), now); v.Status != c.status {
				t.Errorf("status %s (%s), want %s", v.Status, v.Reason, c.status)
			}
		})
	}
}

// TestReferralDies: the life of a DS that a referral brought counts as that of
// one which was asked for.
func TestReferralDies(t *testing.T) {
	w := newWorld(t)
	w.root.lives = map[holdfast.Class]life{holdfast.ClassDS: {10 * day, 2 * day}}
	v := catalogue(w.trust, nil).Judge(referred(t, w, nil), now)
	f, ok := finding(v, "SIG-13")
	if !v.FailsAt.Equal(now.Add(2*day)) || v.FailsBy != holdfast.ClassDS || !ok || len(f.Evidence) == 0 {
		t.Errorf("fails at %s by %s, finding %+v", v.FailsAt, v.FailsBy, f)
	}
}

// TestDenialBound: what stands in a reply behind the bound on NSEC3 RRsets is
// not looked at, and a proof within it holds whatever stands beside it.
func TestDenialBound(t *testing.T) {
	for strays, status := range map[int]holdfast.Status{13: holdfast.Secure, 16: holdfast.Bogus} {
		w := newWorld(t)
		w.each(func(e *edition) {
			e.edit = func(p holdfast.Purpose, m *wire.Message) {
				if p != holdfast.PurposeNXDomain {
					return
				}
				var out []wire.Record
				for i := range strays { // each covers nothing
					hash, next := make([]byte, 20), make([]byte, 20)
					hash[1], next[1], next[19] = byte(i), byte(i), 1
					owner := holdfast.Name(fmt.Sprintf("%s.%s", wire.HashLabel(hash), zone))
					out = append(out, wire.NewNSEC3(owner, 900, wire.NSEC3{Hash: 1, Next: next, Types: []wire.Type{wire.TypeA}}))
				}
				m.Authority = append(out, m.Authority...)
			}
		})
		if v := w.judged(t, now); v.Status != status {
			t.Errorf("behind %d strays: %s (%s), want %s", strays, v.Status, v.Reason, status)
		}
	}
}
