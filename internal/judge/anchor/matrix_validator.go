package anchor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
)

// validator is a member on its way through the play.
type validator struct {
	*world
	member
	state State
	next  time.Duration // when it looks again
	off   time.Duration // by how much its clock is wrong
	down  bool          // switched off
	began time.Duration // when it was started last; zero: before the play
	open  string
}

// switchedOff is why nothing is due of a resolver that was stopped.
const switchedOff = "it is switched off"

// act is what was done to the resolver.
func (v *validator) act(act holdfast.PlayAct, at time.Duration) {
	if restarts(act.Do) || act.Do == holdfast.ActReset {
		v.began = at
	}
	if restarts(act.Do) {
		v.down, v.next = false, at
		if v.forgets {
			v.state.Keys = slices.DeleteFunc(slices.Clone(v.state.Keys), func(k Key) bool { return k.State == holdfast.KeyAddPend })
		}
	}
	switch act.Do {
	case holdfast.ActStop:
		v.down = true
	case holdfast.ActReset:
		v.state, v.down, v.next, v.open = v.begin(), false, at, ""
	case holdfast.ActClock:
		off, err := readOffset(act.With)
		if err != nil {
			v.open = "the clock of the resolver was changed in a way that is not known here: " + act.With
			return
		}
		if v.off = off; v.remembers {
			v.off = max(off, 0)
		}
	case holdfast.ActTamper:
		v.tamper(act.With)
	case holdfast.ActBootstrap:
		v.bootstrap(act, at)
	}
}

// bootstrap is what a file of trust anchors brings. One whose signature does not
// hold changes nothing.
func (v *validator) bootstrap(act holdfast.PlayAct, at time.Duration) {
	if !unsigned(act) {
		v.open = "anchors were fetched anew by other means than RFC 5011"
		return
	}
	if !v.takes {
		return
	}
	point := holdfast.TrustPoint{Zone: holdfast.Root}
	for _, k := range v.at(at, 0).Keys {
		if mayBeAnchor(k.DNSKEY) && !k.Revoked() {
			point.Keys = append(point.Keys, holdfast.TrustedKey{Tag: k.Tag, Algorithm: k.Algorithm, Flags: k.Flags, Public: k.PublicKey, State: holdfast.KeyValid})
		}
	}
	v.state, v.next = Start(point, v.Play.Timers), at
}

// tamper is what was done to the state file. What cannot be written is lost
// with the next restart; RFC 5011 says nothing of state that is damaged.
func (v *validator) tamper(how string) {
	switch how {
	case "writable", "room":
	case "read-only", "full":
		if v.follows {
			v.open = "its state could not be written: RFC 5011 does not say what a validator does then"
		}
	default:
		if v.follows {
			v.open = "its state file was damaged (" + how + "): RFC 5011 does not say what a validator makes of it"
		}
	}
}

// readOffset reads "+40d", "-2m", "+0s".
func readOffset(text string) (time.Duration, error) {
	sign := time.Duration(1)
	if rest, ok := strings.CutPrefix(text, "-"); ok {
		sign, text = -1, rest
	}
	var d holdfast.Duration
	if err := d.UnmarshalText([]byte(strings.TrimPrefix(text, "+"))); err != nil {
		return 0, fmt.Errorf("read offset of a clock: %w", err)
	}
	return sign * d.Of(), nil
}

// moment is how the validator stands at an instant, after it has looked where
// it was to look.
func (v *validator) moment(at time.Duration) moment {
	if v.down {
		return moment{open: switchedOff, states: v.states()}
	}
	seen := v.at(at, v.off)
	if v.follows && at >= v.next {
		v.state, _ = Observe(v.state, seen, v.instant(at+v.off), v.Play.Timers)
		if v.purges {
			v.state.Keys = slices.DeleteFunc(v.state.Keys, func(k Key) bool { return k.State == holdfast.KeyRemoved })
		}
		if v.phase >= 0 {
			v.next += v.refresh
			if v.next <= at || v.next > at+v.refresh {
				v.next = at + v.refresh
			}
			// The first look is at the beginning, or after a restart; the phases
			// part after it.
			if at < v.step {
				v.next = v.refresh * time.Duration(v.phase) / phases
			}
		}
	}
	open := v.open
	if open == "" && v.began > 0 && at < v.began+v.refresh+2*v.lead {
		open = "it has just been started"
	}
	m := moment{standing: v.state.Standing(seen), states: v.states(), open: open, liberty: v.liberty}
	m.clause = ground(v.state, seen, m.standing)
	for _, k := range v.state.Trusted() {
		m.trusted = append(m.trusted, k.Tag)
	}
	return m
}

func (v *validator) states() map[string]holdfast.KeyState {
	out := map[string]holdfast.KeyState{}
	for name, key := range v.keys {
		if mayBeAnchor(key.DNSKEY) {
			out[name] = v.state.Of(key)
		}
	}
	return out
}

// ground is the clause that a standing rests on.
func ground(state State, seen Seen, standing holdfast.Status) string {
	switch {
	case state.Deleted:
		return "RFC 5011 section 5"
	case standing == holdfast.Secure:
		return "RFC 4035 section 5"
	}
	for _, k := range state.Keys {
		if k.State == holdfast.KeyAddPend {
			if i := seen.find(k.TrustedKey, state.Zone, false); i >= 0 && seen.Keys[i].Signs {
				return "RFC 5011 section 2.2" // it signs, and must not be trusted yet
			}
		}
		if k.State == holdfast.KeyRevoked || k.State == holdfast.KeyRemoved {
			if i := seen.find(k.TrustedKey, state.Zone, false); i >= 0 && seen.Keys[i].Signs {
				return "RFC 5011 section 2.1" // it signs, and was revoked for ever
			}
		}
	}
	return "RFC 4035 section 5"
}
