package anchor

import (
	"cmp"
	"slices"

	"time"

	"github.com/holdfastdns/holdfast"
)

// AuditFormat names the form of an audit.
const AuditFormat = "holdfast-audit/1"

// auditing is one audit under way.
type auditing struct {
	machine  holdfast.Machine
	calendar holdfast.Calendar
	at       time.Time
	signers  []holdfast.RootKey // that sign the root's keys at the instant
	coming   []holdfast.RootKey // that are published, and do not sign yet
	gone     []holdfast.RootKey // that are revoked, or removed after that
	out      holdfast.Audit
}

// Examine audits a machine at an instant. It answers the same for the same
// machine, calendar and instant, for ever.
func Examine(m holdfast.Machine, calendar holdfast.Calendar, at time.Time) holdfast.Audit {
	a := &auditing{machine: m, calendar: calendar, at: at, out: holdfast.Audit{
		Format: AuditFormat, Path: m.Path, Kind: m.Kind, At: at, Calendar: calendar.Taken, Resolvers: []holdfast.Prospect{}, Findings: []holdfast.AuditFinding{},
		Carriers: m.Carriers, Recovery: m.Recovery, Unread: m.Unread, Counts: map[string]int{},
	}}
	a.consult()
	var prospects []holdfast.Prospect
	for _, i := range m.Resolvers {
		prospects = append(prospects, a.prospect(i))
	}
	if len(m.Samples) > 0 {
		prospects = append(prospects, a.asked(m.Samples))
	}
	for _, p := range prospects {
		for _, r := range AuditRules() {
			if r.resolver != nil {
				p.Findings = append(p.Findings, r.stamp(r.resolver(a, p), p.Name())...)
			}
		}
		a.count(p.Findings)
		a.out.Resolvers = append(a.out.Resolvers, p)
	}
	for _, r := range AuditRules() {
		if r.machine != nil {
			a.out.Findings = append(a.out.Findings, r.stamp(r.machine(a), "")...)
		}
	}
	a.count(a.out.Findings)
	return a.out
}

// count puts the worst first.
func (a *auditing) count(findings []holdfast.AuditFinding) {
	slices.SortStableFunc(findings, func(x, y holdfast.AuditFinding) int {
		return cmp.Or(cmp.Compare(y.Severity, x.Severity), cmp.Compare(x.Code, y.Code))
	})
	for _, f := range findings {
		a.out.Counts[f.Severity.String()]++
		a.out.Worst = max(a.out.Worst, f.Severity)
	}
}

// consult takes from the calendar what the rules ask of it.
func (a *auditing) consult() {
	for _, k := range a.calendar.Keys {
		passed := map[holdfast.RootStep]bool{}
		for _, d := range k.Dates {
			if passed[d.Step] = !d.At.After(a.at); passed[d.Step] && d.Planned {
				a.out.Assumed = append(a.out.Assumed, holdfast.Assumed{Key: k.Tag, RootDate: d})
			}
		}
		switch {
		case passed[holdfast.RootRevoked] || passed[holdfast.RootRemoved]:
			a.gone = append(a.gone, k)
		case passed[holdfast.RootRetired] || passed[holdfast.RootAbandoned]:
		case passed[holdfast.RootSigns]:
			a.signers = append(a.signers, k)
		case passed[holdfast.RootPublished]:
			a.coming = append(a.coming, k)
		}
	}
}

// needed are the keys that a validator must trust to live on as the calendar
// goes: those that sign, or will, and that are not to retire.
func (a *auditing) needed() []holdfast.RootKey {
	var out []holdfast.RootKey
	for _, k := range slices.Concat(a.signers, a.coming) {
		if _, leaves := k.Date(holdfast.RootRetired); !leaves {
			out = append(out, k)
		}
	}
	return out
}

// prospect says what a resolver trusts, how that is kept up, and how it fares.
func (a *auditing) prospect(i holdfast.Installation) holdfast.Prospect {
	p := holdfast.Prospect{Installation: i, Trusts: []holdfast.TrustedKey{}, Findings: []holdfast.AuditFinding{}}
	point := holdfast.TrustPoint{Zone: holdfast.Root}
	for n, way := range i.Anchorings {
		if n == 0 || way.Upkeep == holdfast.UpkeepFollow {
			p.Upkeep = way.Upkeep
		}
		point.Keys = append(point.Keys, held(way)...)
		if way.Point.Succeeded.After(point.Succeeded) {
			point.Asked, point.Succeeded, point.Next = way.Point.Asked, way.Point.Succeeded, way.Point.Next
		}
	}
	for _, k := range point.Keys {
		switch {
		case k.State.Trusted():
			p.Trusts = append(p.Trusts, k)
		case k.State == holdfast.KeyAddPend:
			p.Waits = append(p.Waits, k)
		}
	}
	p.Writes, p.Succeeded = writesOf(i), point.Succeeded
	if i.Validates == holdfast.ValidationOff || len(point.Keys) == 0 {
		return p
	}
	how := Updating{Follows: p.Upkeep == holdfast.UpkeepFollow, Keeps: p.Writes.Can != holdfast.AnswerNo, Profile: ProfileOf(i.Software.Title())}
	if how.Follows && !how.Profile.FailsClosed && allRevoked(point.Keys) {
		// It is past the end of what Survive begins with: there is no trust point.
		p.Fates = []holdfast.AnchorFate{{
			From: a.at, Standing: holdfast.Insecure, Trusted: []uint16{}, Clause: "RFC 5011 section 5",
			Why: "every key that it trusted is revoked: its trust point is deleted, and it answers without validating",
		}}
		return p
	}
	for _, f := range Survive(point, how, a.calendar, a.at) {
		p.Fates = append(p.Fates, holdfast.AnchorFate(f))
	}
	return p
}

// allRevoked says whether there are keys, and none is left to trust or to wait
// for.
func allRevoked(keys []holdfast.TrustedKey) bool {
	return len(keys) > 0 && !slices.ContainsFunc(keys, func(k holdfast.TrustedKey) bool {
		return k.State != holdfast.KeyRevoked && k.State != holdfast.KeyRemoved
	})
}

// held are the keys of one way to trust: what its state says, or what it begins
// with where it has none yet. Of a file that was not understood nothing is known.
func held(way holdfast.Anchoring) []holdfast.TrustedKey {
	if len(way.Point.Keys) == 0 && way.Trouble == "" {
		return way.Seeds
	}
	return way.Point.Keys
}

// withTag finds a key of a set.
func withTag(keys []holdfast.TrustedKey, tag uint16) (key holdfast.TrustedKey, ok bool) {
	for _, k := range keys {
		if k.Tag == tag {
			return k, true
		}
	}
	return key, false
}
