package alert

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
)

// troubles says which trouble a code belongs to. The longest prefix that fits
// decides; a code that none fits belongs to the chain, where whatever makes
// validators fail and has no better place is at home.
var troubles = []struct {
	prefix  string
	trouble holdfast.Trouble
}{
	{"SIG-01", holdfast.TroubleExpiry},
	{"SIG-02", holdfast.TroubleExpiry},
	{"SIG-03", holdfast.TroubleExpiry},
	{"SIG-04", holdfast.TroubleExpiry},
	{"SIG-13", holdfast.TroubleExpiry},
	{"SIG-", holdfast.TroubleChain},
	{"CHN-", holdfast.TroubleChain},
	{"ALG-", holdfast.TroubleChain},
	{"ROL-", holdfast.TroubleChain},
	{"NEG-", holdfast.TroubleDenial},
	{"DEL-", holdfast.TroubleDelegation},
	{"DEL-03", holdfast.TroubleReachability}, // too few servers answer by a family: what made them silent is one trouble
	{"CON-", holdfast.TroubleReachability},
	{"NSB-", holdfast.TroubleReachability},
	{"NET-", holdfast.TroubleReachability},
	{"CST-", holdfast.TroubleConsistency},
	{"ZON-", holdfast.TroubleConsistency},
	{"INT-", holdfast.TroubleChain},
	{"SYN-", holdfast.TroubleDelegation},
	{"REG-", holdfast.TroubleDelegation},
	{"SELF-", holdfast.TroubleSelf},
}

// order of the troubles in which a verdict is gone through, so that the same
// verdict always leaves the same trace.
var order = []holdfast.Trouble{
	holdfast.TroubleExpiry, holdfast.TroubleChain, holdfast.TroubleDenial, holdfast.TroubleDelegation,
	holdfast.TroubleReachability, holdfast.TroubleConsistency, holdfast.TroubleSelf,
}

// TroubleOf is the trouble that findings of a code amount to.
func TroubleOf(code string) holdfast.Trouble {
	best, length := holdfast.TroubleChain, 0
	for _, t := range troubles {
		if len(t.prefix) > length && strings.HasPrefix(code, t.prefix) {
			best, length = t.trouble, len(t.prefix)
		}
	}
	return best
}

// What is kept of a look: enough for a mail and for a page, bounded because
// the far side decides how many findings there are.
const (
	findingsPerZone     = 16
	findingsPerIncident = 256
)

// look is what one measurement of a zone says of one trouble.
type look struct {
	subject     holdfast.Subject
	trouble     holdfast.Trouble
	measurement string
	sweep       string
	at          time.Time
	severity    holdfast.Severity
	failsAt     time.Time
	findings    []holdfast.IncidentFinding // worst first, soonest first
	servers     []holdfast.Server
	// certain says that one look is enough.
	certain bool
}

// looksOf sorts the findings of a verdict that people are told of, those of
// warning and above, by trouble. Lower ones live on the page.
func looksOf(subject holdfast.Subject, v holdfast.Verdict, sweep string) map[holdfast.Trouble]*look {
	expired := slices.ContainsFunc(v.Findings, func(f holdfast.Finding) bool { return f.Code == codeExpired })
	brokenOtherwise := slices.ContainsFunc(v.Findings, func(f holdfast.Finding) bool {
		return f.Code != codeVerdict && f.Severity >= holdfast.SeverityError && TroubleOf(f.Code) == holdfast.TroubleChain
	})
	looks := make(map[holdfast.Trouble]*look)
	for _, f := range v.Findings {
		if f.Severity < holdfast.SeverityWarning {
			continue
		}
		trouble := TroubleOf(f.Code)
		if f.Code == codeVerdict && expired && !brokenOtherwise {
			// That the zone is bogus is the sum of the signatures that have
			// expired, not a second trouble.
			trouble = holdfast.TroubleExpiry
		}
		l := looks[trouble]
		if l == nil {
			l = &look{subject: subject, trouble: trouble, measurement: v.Measurement, sweep: sweep, at: v.At}
			looks[trouble] = l
		}
		l.add(f, v)
	}
	for _, l := range looks {
		l.finish(v)
	}
	return looks
}

const (
	codeExpired = "SIG-01" // a signature has expired
	codeVerdict = "CHN-01" // the sum of the validation
)

func (l *look) add(f holdfast.Finding, v holdfast.Verdict) {
	l.severity = max(l.severity, f.Severity)
	l.findings = append(l.findings, holdfast.IncidentFinding{Finding: cleanFinding(f), Measurement: v.Measurement})
	if l.trouble == holdfast.TroubleExpiry {
		l.failsAt = earliest(l.failsAt, f.Until)
	}
	if f.Server != (holdfast.Server{}) {
		l.servers = append(l.servers, f.Server)
		return
	}
	// Said of the zone, it is so at each of its servers.
	for _, s := range v.Servers {
		l.servers = append(l.servers, s.Server)
	}
}

func (l *look) finish(v holdfast.Verdict) {
	slices.SortStableFunc(l.findings, worstFinding)
	l.certain = l.trouble == holdfast.TroubleExpiry && expiredEverywhere(v)
	l.findings = l.findings[:min(len(l.findings), findingsPerZone)]
	slices.SortFunc(l.servers, compareServers)
	l.servers = slices.Compact(l.servers)
}

// expiredEverywhere says whether signatures are past their last day at every
// server of the zone: no second look would say otherwise.
func expiredEverywhere(v holdfast.Verdict) bool {
	at := make(map[holdfast.Server]bool)
	for _, f := range v.Findings {
		if f.Code != codeExpired || f.Severity < holdfast.SeverityCritical {
			continue
		}
		if f.Server == (holdfast.Server{}) {
			return true
		}
		at[f.Server] = true
	}
	return len(at) > 0 && !slices.ContainsFunc(v.Servers, func(s holdfast.ServerVerdict) bool { return !at[s.Server] })
}

// addresses of the servers that the trouble is on, sorted.
func (l *look) addresses() []netip.Addr { return addressesOf(l.servers) }

func addressesOf(servers []holdfast.Server) []netip.Addr {
	var out []netip.Addr
	for _, s := range servers {
		if s.Address.IsValid() {
			out = append(out, s.Address)
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}

// expiryApart is how far apart the deaths of signatures may lie that are one
// trouble: a batch is signed in one go, and two that are due on different days
// merely share a house.
const expiryApart = 6 * time.Hour

// shares says whether a zone's trouble is that of an incident, because it is
// at the same addresses: all that fail for the one fail for the other. Zones
// that fail at some addresses in common and at others alone are apart.
func shares(i *holdfast.Incident, l *look) bool {
	if i.Trouble != l.trouble {
		return false
	}
	switch l.trouble {
	case holdfast.TroubleSelf:
		// A check that fails, fails for all; but a network that is down is not
		// a check that fails.
		return len(i.Findings) > 0 && i.Findings[0].Code == l.findings[0].Code
	case holdfast.TroubleExpiry:
		if i.FailsAt.Sub(l.failsAt).Abs() > expiryApart {
			return false
		}
	case holdfast.TroubleReachability, holdfast.TroubleConsistency:
	default:
		return false // keys and delegations are a zone's own
	}
	addresses := l.addresses()
	return len(addresses) > 0 && len(i.Shared) > 0 && (within(addresses, i.Shared) || within(i.Shared, addresses))
}

// within says whether every element of a is in b.
func within(a, b []netip.Addr) bool {
	return !slices.ContainsFunc(a, func(x netip.Addr) bool { return !slices.Contains(b, x) })
}

// silent says that a look without findings of a trouble is no good news of it:
// the check was not run, the zone could not be judged, or a server that the
// trouble was on did not answer.
func silent(i *holdfast.Incident, zone holdfast.Name, v holdfast.Verdict) bool {
	if v.Status == holdfast.Indeterminate || v.Status == holdfast.Unreached {
		return true
	}
	if i.Trouble == holdfast.TroubleReachability {
		return false // servers that answer are its good news
	}
	for _, f := range i.Findings {
		if f.Zone != zone {
			continue
		}
		if _, suppressed := v.Suppressed[f.Code]; suppressed {
			return true
		}
		at := slices.IndexFunc(v.Servers, func(s holdfast.ServerVerdict) bool { return s.Server == f.Server })
		if at >= 0 && v.Servers[at].Status == holdfast.Unreached {
			return true
		}
	}
	return false
}

func worstFinding(a, b holdfast.IncidentFinding) int {
	if c := cmp.Or(cmp.Compare(b.Severity, a.Severity), compareUntil(a.Until, b.Until), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Zone, b.Zone)); c != 0 {
		return c
	}
	return cmp.Or(compareServers(a.Server, b.Server), cmp.Compare(a.RRset, b.RRset))
}

// compareUntil puts the sooner instant first, and those without one last.
func compareUntil(a, b time.Time) int {
	switch {
	case a.IsZero() && b.IsZero():
		return 0
	case a.IsZero():
		return 1
	case b.IsZero():
		return -1
	}
	return a.Compare(b)
}

func compareServers(a, b holdfast.Server) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), a.Address.Compare(b.Address))
}

// earliest is the earlier of two instants, of which zero means none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
