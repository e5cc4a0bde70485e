package anchor

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// State is a trust point as the oracle follows it.
type State struct {
	Zone holdfast.Name `json:"zone"`
	Keys []Key         `json:"keys"`
	// Deleted says that every anchor of the point was revoked: it is as if it had
	// never been configured (RFC 5011 section 5).
	Deleted bool `json:"deleted,omitempty"`
	// Asked is when the RRset was last looked at, Succeeded when it last
	// validated, Next when it is to be asked for again at the latest.
	Asked     time.Time `json:"asked,omitzero"`
	Succeeded time.Time `json:"succeeded,omitzero"`
	Next      time.Time `json:"next,omitzero"`
}

// Key is one key of a trust point as the oracle follows it.
type Key struct {
	holdfast.TrustedKey
	// By names the keys that validated the RRset in which a pending key was first
	// seen: if all of them are revoked before its time, it starts anew (RFC 5011
	// section 2.2). Empty where a file told us of the key.
	By []string `json:"by,omitempty"`
	// Seen counts the validated RRsets that had the key since it came to its
	// state.
	Seen int `json:"seen,omitempty"`
}

// name tells keys apart for By: by what they are, not by the tag.
func (k Key) name() string {
	switch {
	case len(k.Public) > 0:
		sum := sha256.Sum256(append([]byte{k.Algorithm}, k.Public...))
		return hex.EncodeToString(sum[:8])
	case k.DS != nil:
		return hex.EncodeToString(k.DS.Digest)
	}
	return fmt.Sprintf("%d/%d", k.Tag, k.Algorithm)
}

// Start is the state of a trust point as a validator holds it: what is in a
// state file or a configuration. A pending key of which the file does not say
// when its hold-down ends ends it by the timers.
func Start(point holdfast.TrustPoint, timers holdfast.Timers) State {
	s := State{Zone: point.Zone, Asked: point.Asked, Succeeded: point.Succeeded, Next: point.Next}
	for _, k := range point.Keys {
		if k.State == "" {
			k.State = holdfast.KeyValid
		}
		if k.State == holdfast.KeyStart {
			continue
		}
		if k.Hold.IsZero() && !k.Since.IsZero() {
			switch k.State {
			case holdfast.KeyAddPend:
				k.Hold = k.Since.Add(max(timers.Add, timers.TTL))
			case holdfast.KeyRevoked:
				k.Hold = k.Since.Add(timers.Remove)
			}
		}
		s.Keys = append(s.Keys, Key{TrustedKey: k})
	}
	return s
}

// Point is the state as a validator would hold it.
func (s State) Point() holdfast.TrustPoint {
	p := holdfast.TrustPoint{Zone: s.Zone, Asked: s.Asked, Succeeded: s.Succeeded, Next: s.Next}
	for _, k := range s.Keys {
		p.Keys = append(p.Keys, k.TrustedKey)
	}
	return p
}

// Trusted are the keys that validate: Valid and Missing ones (RFC 5011 section 4.2).
func (s State) Trusted() []Key {
	var out []Key
	for _, k := range s.Keys {
		if k.State.Trusted() {
			out = append(out, k)
		}
	}
	return out
}

// Of is the state of a key: Start where it is not known.
func (s State) Of(key SeenKey) holdfast.KeyState {
	if i := s.find(key); i >= 0 {
		return s.Keys[i].State
	}
	return holdfast.KeyStart
}

func (s State) find(key SeenKey) int {
	return slices.IndexFunc(s.Keys, func(k Key) bool { return key.is(k.TrustedKey, s.Zone) })
}

// clone keeps the function pure: the caller's keys stay as they are.
func (s State) clone() State {
	s.Keys = slices.Clone(s.Keys)
	return s
}

// Standing says what a validator makes of signed data when it holds a state and
// the zone shows an RRset: Secure where a trusted key is in the RRset and signs
// it (RFC 4035 section 5), Insecure where there is no trust point (RFC 5011
// section 5), Bogus otherwise.
func (s State) Standing(seen Seen) holdfast.Status {
	if s.Deleted || len(s.Keys) == 0 {
		return holdfast.Insecure
	}
	if len(s.validators(seen)) > 0 {
		return holdfast.Secure
	}
	return holdfast.Bogus
}

// validators are the trusted keys that are in the RRset, without REVOKE, and
// sign it. A key that is not in it cannot (RFC 4035 section 5.3.1).
func (s State) validators(seen Seen) []int {
	var out []int
	for i, k := range s.Keys {
		if !k.State.Trusted() {
			continue
		}
		if j := seen.find(k.TrustedKey, s.Zone, false); j >= 0 && seen.Keys[j].Signs {
			out = append(out, i)
		}
	}
	return out
}

// find is where a held key stands in an RRset, with REVOKE or without; -1 where
// it does not. Of two that match, one that signs is preferred.
func (s Seen) find(held holdfast.TrustedKey, zone holdfast.Name, revoked bool) int {
	found := -1
	for i, k := range s.Keys {
		if k.Revoked() != revoked || k.Flags&wire.FlagZone == 0 || !k.is(held, zone) {
			continue
		}
		if found < 0 || k.Signs {
			found = i
		}
	}
	return found
}
