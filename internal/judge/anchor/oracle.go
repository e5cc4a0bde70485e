package anchor

import (
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
)

// EventKind names what the oracle saw. The first six are those of RFC 5011
// section 4.1.
type EventKind string

const (
	NewKey  EventKind = "NewKey"
	KeyPres EventKind = "KeyPres"
	KeyRem  EventKind = "KeyRem"
	AddTime EventKind = "AddTime"
	RemTime EventKind = "RemTime"
	RevBit  EventKind = "RevBit"

	Learned      EventKind = "learned"       // a key that was held by digest is there
	Reset        EventKind = "reset"         // the keys that vouched for a pending one are all revoked
	Unproved     EventKind = "unproved"      // REVOKE on a key that does not sign for it
	Refused      EventKind = "refused"       // a new key, and no room for it
	NotValidated EventKind = "not-validated" // no trusted key signs: the RRset counts for nothing
	Deletion     EventKind = "deletion"      // every anchor is revoked
)

// Event is one step of the oracle.
type Event struct {
	At   time.Time         `json:"at"`
	Kind EventKind         `json:"kind"`
	Tag  uint16            `json:"tag,omitempty"` // without REVOKE; zero where no key is meant
	From holdfast.KeyState `json:"from,omitempty"`
	To   holdfast.KeyState `json:"to,omitempty"`
	// Clause is what demands it.
	Clause string `json:"clause"`
	// Open says, where the RFC does not settle what is to happen, what it leaves
	// open; then another implementation may do otherwise.
	Open string `json:"open,omitempty"`
}

// maxPending bounds the keys that wait: whoever has one trusted key could
// publish any number. The RFC asks for five SEP keys at least (section 2.4.3).
const maxPending = 16

// Observe is RFC 5011: what becomes of a trust point when the validator looks
// at the zone's DNSKEY RRset at an instant. The state that is handed in is not
// changed.
func Observe(before State, seen Seen, at time.Time, timers holdfast.Timers) (State, []Event) {
	if before.Deleted {
		return before, nil
	}
	run := look{State: before.clone(), seen: seen, at: at, timers: timers}
	run.Asked = at
	run.learn()
	revoked := run.revoke()
	run.forget()
	if revoked && len(run.Trusted()) == 0 {
		run.delete()
		return run.State, run.events
	}
	run.reset()
	by := run.validators(seen)
	if len(by) == 0 {
		// What does not validate starts, stops and ends nothing: every event of
		// section 4.1 but RevBit speaks of a valid DNSKEY RRset.
		run.say(NotValidated, nil, "", "", "RFC 5011 section 4.1")
		run.Next = at.Add(run.after(Retry))
		return run.State, run.events
	}
	run.Succeeded = at
	run.Next = at.Add(run.after(Refresh))
	run.present()
	run.add(by)
	return run.State, run.events
}

// look is one call of Observe.
type look struct {
	State
	seen   Seen
	at     time.Time
	timers holdfast.Timers
	events []Event
}

func (l *look) say(kind EventKind, key *Key, from, to holdfast.KeyState, clause string) *Event {
	e := Event{At: l.at, Kind: kind, From: from, To: to, Clause: clause}
	if key != nil {
		e.Tag = key.Tag
	}
	l.events = append(l.events, e)
	return &l.events[len(l.events)-1]
}

// learn fills in keys that are held by digest, from an RRset that they sign.
func (l *look) learn() {
	for i := range l.Keys {
		k := &l.Keys[i]
		if len(k.Public) > 0 || k.DS == nil {
			continue
		}
		j := l.seen.find(k.TrustedKey, l.Zone, false)
		if j < 0 || len(l.seen.Keys[j].PublicKey) == 0 || !l.seen.Keys[j].Signs {
			continue
		}
		k.Public, k.Flags = l.seen.Keys[j].PublicKey, l.seen.Keys[j].Flags
		l.say(Learned, k, k.State, k.State, "RFC 4035 section 5")
	}
}

// revoke heeds REVOKE bits, of keys that sign for their own revocation. It
// needs no other key's signature (RFC 5011 section 2.1).
func (l *look) revoke() bool {
	any := false
	for i := range l.Keys {
		k := &l.Keys[i]
		j := l.seen.find(k.TrustedKey, l.Zone, true)
		if j < 0 {
			continue
		}
		if !l.seen.Keys[j].Signs {
			if k.State.Trusted() {
				l.say(Unproved, k, k.State, k.State, "RFC 5011 section 2.1")
			}
			continue
		}
		switch {
		case k.State.Trusted():
			any = true
			e := l.say(RevBit, k, k.State, holdfast.KeyRevoked, "RFC 5011 sections 2.1 and 4.1")
			if len(k.Public) == 0 && k.DS != nil {
				e.Open = "the key is held by a digest, which is another one with REVOKE (section 2.1, N.B.): whether a validator knows it again is left open"
			}
		case k.State == holdfast.KeyAddPend:
			// The table has no way from AddPend to Revoked, but the key is invalid
			// for ever from now on.
			l.say(RevBit, k, k.State, holdfast.KeyRevoked, "RFC 5011 section 3").Open = "the table of section 4 has no such step; to forget the key is as good while it stays away"
		case k.State == holdfast.KeyRevoked:
			k.Hold = l.at.Add(l.timers.Remove) // it is there still
			continue
		default:
			continue
		}
		k.State, k.Since, k.Hold, k.By, k.Seen = holdfast.KeyRevoked, l.at, l.at.Add(l.timers.Remove), nil, 0
		k.Flags = l.seen.Keys[j].Flags
	}
	return any
}

// forget lets revoked keys go that have been away for the remove hold-down. To
// keep them longer does no harm (RFC 5011 section 2.4.2).
func (l *look) forget() {
	for i := range l.Keys {
		k := &l.Keys[i]
		if k.State == holdfast.KeyRevoked && !l.at.Before(k.Hold) && l.seen.find(k.TrustedKey, l.Zone, true) < 0 {
			l.say(RemTime, k, k.State, holdfast.KeyRemoved, "RFC 5011 sections 2.4.2 and 4.1")
			k.State, k.Since, k.Hold = holdfast.KeyRemoved, l.at, time.Time{}
		}
	}
}

func (l *look) delete() {
	l.say(Deletion, nil, "", "", "RFC 5011 section 5")
	l.Deleted, l.Next = true, time.Time{}
	l.Keys = slices.DeleteFunc(l.Keys, func(k Key) bool { return k.State == holdfast.KeyAddPend })
}

// reset starts pending keys anew whose every voucher is revoked: whoever had
// those keys may have made this one (RFC 5011 section 2.2).
func (l *look) reset() {
	var standing []string
	for _, k := range l.Keys {
		if k.State != holdfast.KeyRevoked && k.State != holdfast.KeyRemoved {
			standing = append(standing, k.name())
		}
	}
	l.Keys = slices.DeleteFunc(l.Keys, func(k Key) bool {
		if k.State != holdfast.KeyAddPend || len(k.By) == 0 || slices.ContainsFunc(k.By, func(by string) bool { return slices.Contains(standing, by) }) {
			return false
		}
		l.say(Reset, &k, k.State, holdfast.KeyStart, "RFC 5011 section 2.2")
		return true
	})
}

// present compares the keys that are known with a validated RRset.
func (l *look) present() {
	l.Keys = slices.DeleteFunc(l.Keys, func(k Key) bool {
		if k.State != holdfast.KeyAddPend || l.seen.find(k.TrustedKey, l.Zone, false) >= 0 {
			return false
		}
		l.say(KeyRem, &k, k.State, holdfast.KeyStart, "RFC 5011 sections 2.2 and 4.1")
		return true
	})
	for i := range l.Keys {
		k := &l.Keys[i]
		there := l.seen.find(k.TrustedKey, l.Zone, false) >= 0
		if there {
			k.Seen++
		}
		switch {
		case k.State == holdfast.KeyAddPend && !l.at.Before(k.Hold):
			// Time alone does not do it: a validated RRset with the key must be
			// seen after the hold-down.
			l.move(k, AddTime, holdfast.KeyValid, "RFC 5011 sections 2.2 and 4.1")
		case k.State == holdfast.KeyValid && !there:
			l.move(k, KeyRem, holdfast.KeyMissing, "RFC 5011 section 4.1")
		case k.State == holdfast.KeyMissing && there:
			l.move(k, KeyPres, holdfast.KeyValid, "RFC 5011 section 4.1")
		}
	}
}

func (l *look) move(k *Key, kind EventKind, to holdfast.KeyState, clause string) {
	l.say(kind, k, k.State, to, clause)
	k.State, k.Since, k.Hold, k.By, k.Seen = to, l.at, time.Time{}, nil, 0
}

// add notes the new secure entry points of a validated RRset.
func (l *look) add(by []int) {
	pending := 0
	for _, k := range l.Keys {
		if k.State == holdfast.KeyAddPend {
			pending++
		}
	}
	var names []string
	for _, i := range by {
		names = append(names, l.Keys[i].name())
	}
	for _, s := range l.seen.Keys {
		if s.Revoked() || !mayBeAnchor(s.DNSKEY) || l.find(s) >= 0 {
			continue
		}
		k := Key{TrustedKey: holdfast.TrustedKey{
			Tag: s.Tag, Algorithm: s.Algorithm, Flags: s.Flags, Public: s.PublicKey, DS: s.DS,
			State: holdfast.KeyAddPend, Since: l.at,
			// The longer of the hold-down and the original TTL of the first RRset
			// with the key (section 2.4.1).
			Hold: l.at.Add(max(l.timers.Add, l.seen.TTL)),
		}, By: names, Seen: 1}
		if pending++; pending > maxPending {
			l.say(Refused, &k, holdfast.KeyStart, holdfast.KeyStart, "RFC 5011 section 2.4.3")
			continue
		}
		l.say(NewKey, &k, holdfast.KeyStart, holdfast.KeyAddPend, "RFC 5011 sections 2.2, 2.4.1 and 4.1")
		l.Keys = append(l.Keys, k)
	}
}

// after is an interval of section 2.3: it follows from the original TTL, and
// from how long the signature has still to live.
func (l *look) after(interval func(t holdfast.Timers, ttl, life time.Duration) time.Duration) time.Duration {
	ttl, life := l.seen.TTL, l.seen.Expires.Sub(l.at)
	if ttl == 0 {
		ttl = l.timers.TTL
	}
	if l.seen.Expires.IsZero() {
		life = l.timers.Life
	}
	return interval(l.timers, ttl, life)
}
