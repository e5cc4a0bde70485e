package anchor_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/anchor"
	"github.com/holdfastdns/holdfast/internal/judge/rootkey"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// before and after the switch to KSK-2024 that was planned for 11 Oct 2026.
var (
	before = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	after  = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
)

// rootAnchor is a key of the real root, held by digest.
func rootAnchor(t testing.TB, tag uint16, state holdfast.KeyState) holdfast.TrustedKey {
	t.Helper()
	k, ok := rootkey.Calendar().Key(tag)
	if !ok {
		t.Fatalf("the calendar has no key %d", tag)
	}
	return holdfast.TrustedKey{Tag: tag, Algorithm: k.Algorithm, DS: k.DS, State: state, Place: "/var/lib/unbound/root.key:9"}
}

// healthy is a machine on which nothing is to mend: an Unbound that follows
// both keys, writes its state, and asked an hour ago.
func healthy(t testing.TB) holdfast.Machine {
	asked := before.Add(-time.Hour)
	folder := holdfast.Entry{Path: "/var/lib/unbound", Exists: true, Mode: 0o755, UID: 110, GID: 110, Owned: true}
	file := holdfast.Entry{Path: "/var/lib/unbound/root.key", Exists: true, Mode: 0o644, UID: 110, GID: 110, Owned: true}
	line := holdfast.Setting{Name: "auto-trust-anchor-file", Value: "/var/lib/unbound/root.key", Place: "/etc/unbound/unbound.conf:3"}
	return holdfast.Machine{
		Path: "/", Kind: holdfast.MachineRoot, Live: true,
		Resolvers: []holdfast.Installation{{
			Software: holdfast.Unbound, Program: "/usr/sbin/unbound", Configs: []string{"/etc/unbound/unbound.conf"},
			Account: holdfast.Account{User: "unbound", UID: 110, Groups: []int{110}, Known: true}, Validates: holdfast.ValidationOn, Reason: line,
			Anchorings: []holdfast.Anchoring{{
				Upkeep: holdfast.UpkeepFollow, Statement: line, File: "/var/lib/unbound/root.key",
				Point: holdfast.TrustPoint{
					Zone: holdfast.Root, Asked: asked, Succeeded: asked, Next: asked.Add(24 * time.Hour),
					Keys: []holdfast.TrustedKey{rootAnchor(t, 20326, holdfast.KeyValid), rootAnchor(t, 38696, holdfast.KeyValid)},
				},
				Access: &holdfast.Access{File: file, Folder: folder},
			}},
		}},
		Recovery: []holdfast.Recovery{{
			Name: "unbound-anchor", Path: "/usr/sbin/unbound-anchor", CAs: []string{"ICANN Root CA", "ICANN Root CA v2"},
			Built:    []holdfast.TrustedKey{rootAnchor(t, 20326, holdfast.KeyValid), rootAnchor(t, 38696, holdfast.KeyValid)},
			Settings: []holdfast.Setting{{Name: "ROOT_TRUST_ANCHOR_UPDATE", Value: "true"}}, Expires: after,
		}},
		Carriers: []holdfast.Carrier{{Path: "/usr/share/dns/root.ds", Carried: []holdfast.Carried{{Tag: 20326, Form: holdfast.CarriesHex}, {Tag: 38696, Form: holdfast.CarriesHex}}}},
	}
}

func resolver(m *holdfast.Machine) *holdfast.Installation { return &m.Resolvers[0] }
func way(m *holdfast.Machine) *holdfast.Anchoring         { return &m.Resolvers[0].Anchorings[0] }
func set(m *holdfast.Machine, name, value string) {
	resolver(m).Settings = append(resolver(m).Settings, holdfast.Setting{Name: name, Value: value, Place: "/etc/unbound/unbound.conf:7"})
}

// only leaves the machine one key.
func only(t testing.TB, m *holdfast.Machine, tag uint16) {
	way(m).Point.Keys = []holdfast.TrustedKey{rootAnchor(t, tag, holdfast.KeyValid)}
}

// auditCases damage a healthy machine in one way each, so that a rule fires.
func auditCases(t *testing.T) map[string]func(*holdfast.Machine) time.Time {
	on := func(at time.Time, change func(m *holdfast.Machine)) func(*holdfast.Machine) time.Time {
		return func(m *holdfast.Machine) time.Time { change(m); return at }
	}
	carrier := func(tags ...uint16) holdfast.Carrier {
		c := holdfast.Carrier{Path: "/opt/router/firmware.bin", Program: true}
		for _, tag := range tags {
			c.Carried = append(c.Carried, holdfast.Carried{Tag: tag, Form: holdfast.CarriesDigest})
		}
		return c
	}
	return map[string]func(*holdfast.Machine) time.Time{
		"AUD-A1": on(before, func(m *holdfast.Machine) { way(m).Point.Keys = nil }),
		"AUD-A2": on(before, func(m *holdfast.Machine) {
			only(t, m, 20326)
			way(m).Seeds = []holdfast.TrustedKey{rootAnchor(t, 38696, holdfast.KeyValid)}
		}),
		"AUD-A3": on(before, func(m *holdfast.Machine) { way(m).Trouble = "root.key:3: state \"9\": want 0 to 5" }),
		"AUD-A4": on(before, func(m *holdfast.Machine) { resolver(m).Validates = holdfast.ValidationOff }),
		"AUD-A5": on(before, func(m *holdfast.Machine) { set(m, "journal", "/var/cache/bind/managed-keys.bind.jnl") }),
		"AUD-A6": on(before, func(m *holdfast.Machine) { m.Resolvers, m.Samples = nil, sentinels(t, "A", "A", "F") }),
		"AUD-B1": on(before, func(m *holdfast.Machine) { way(m).Upkeep = holdfast.UpkeepStatic }),
		"AUD-B2": on(before, func(m *holdfast.Machine) {
			r := resolver(m)
			r.Software, r.Anchorings, r.Reason = holdfast.BIND, nil, holdfast.Setting{Name: "dnssec-validation", Value: "yes", Place: "/etc/bind/named.conf:4"}
		}),
		"AUD-B3": on(before, func(m *holdfast.Machine) { way(m).Upkeep = holdfast.UpkeepPackage }),
		"AUD-B4": on(before, func(m *holdfast.Machine) { way(m).Upkeep = holdfast.UpkeepBuiltIn }),
		"AUD-B5": on(before, func(m *holdfast.Machine) { way(m).Statement.Name = "trusted-keys-file" }),
		"AUD-B6": on(before, func(m *holdfast.Machine) {
			other := *way(m)
			other.Upkeep = holdfast.UpkeepStatic
			resolver(m).Anchorings = append(resolver(m).Anchorings, other)
		}),
		"AUD-C1": on(before, func(m *holdfast.Machine) { way(m).Access.Folder.UID = 0 }),
		"AUD-C2": on(before, func(m *holdfast.Machine) {
			way(m).Access.Denied = []holdfast.Setting{{Name: "ProtectSystem", Value: "strict", Place: "/etc/systemd/system/unbound.service:5"}}
		}),
		"AUD-C3": on(before, func(m *holdfast.Machine) { way(m).Absent, way(m).Point.Keys = true, nil }),
		"AUD-C4": on(before, func(m *holdfast.Machine) {
			way(m).Access.Volatile = holdfast.Setting{Name: "volume", Value: "none", Place: "config.json"}
		}),
		"AUD-C5": on(before, func(m *holdfast.Machine) { way(m).Point.Succeeded = before.Add(-16 * 24 * time.Hour) }),
		"AUD-C6": on(before, func(m *holdfast.Machine) { set(m, "outside-chroot", "/var/lib/unbound/root.key") }),
		"AUD-D1": on(time.Date(2026, 9, 20, 0, 0, 0, 0, time.UTC), func(m *holdfast.Machine) {
			only(t, m, 20326)
			pending := rootAnchor(t, 38696, holdfast.KeyAddPend)
			pending.Since = time.Date(2026, 9, 19, 0, 0, 0, 0, time.UTC)
			way(m).Point.Keys = append(way(m).Point.Keys, pending)
		}),
		// Switched on after 11 Sep 2026 with the old key alone, it can never make it.
		"AUD-D2": on(time.Date(2026, 9, 12, 0, 0, 0, 0, time.UTC), func(m *holdfast.Machine) { only(t, m, 20326) }),
		"AUD-D3": on(before, func(m *holdfast.Machine) { only(t, m, 20326) }),
		"AUD-E1": on(before, func(m *holdfast.Machine) {
			way(m).Point.Keys = append(way(m).Point.Keys, rootAnchor(t, 19036, holdfast.KeyValid))
		}),
		"AUD-E2": on(before, func(m *holdfast.Machine) {
			way(m).Point.Keys = append(way(m).Point.Keys, holdfast.TrustedKey{Tag: 4711, Algorithm: 13, State: holdfast.KeyValid, Place: "root.key:12"})
		}),
		"AUD-E3": on(before, func(m *holdfast.Machine) { way(m).Point.Keys[0].Until = before.Add(-time.Hour) }),
		"AUD-F1": on(before, func(m *holdfast.Machine) {
			ds := *way(m).Point.Keys[1].DS
			ds.Digest = slices.Clone(ds.Digest)
			ds.Digest[31] ^= 1
			way(m).Point.Keys[1].DS = &ds
		}),
		"AUD-F2": on(before, func(m *holdfast.Machine) { way(m).Point.Keys = append(way(m).Point.Keys, way(m).Point.Keys[0]) }),
		"AUD-F3": on(before, func(m *holdfast.Machine) {
			resolver(m).Software, way(m).Upkeep = holdfast.Resolved, holdfast.UpkeepStatic
			way(m).Point.Keys[0].Public, way(m).Point.Keys[0].Flags = publicOf(t, 20326), 257
		}),
		"AUD-F4": on(before, func(m *holdfast.Machine) {
			way(m).Point.Keys[0].Public, way(m).Point.Keys[0].Flags = publicOf(t, 20326), 256
		}),
		"AUD-G1": on(before, func(m *holdfast.Machine) { way(m).Point.Asked = before.Add(2 * time.Hour) }),
		"AUD-G2": on(before, func(m *holdfast.Machine) { set(m, "val-override-date", "20260101000000") }),
		"AUD-G3": on(before, func(m *holdfast.Machine) { set(m, "do-tcp", "no") }),
		"AUD-G4": on(before, func(m *holdfast.Machine) { set(m, "forwarder", "192.0.2.53") }),
		"AUD-H1": on(before, func(m *holdfast.Machine) { m.Recovery[0].Built = m.Recovery[0].Built[:1] }),
		"AUD-H2": on(before, func(m *holdfast.Machine) { m.Recovery[0].CAs = m.Recovery[0].CAs[:1] }),
		"AUD-H3": on(before, func(m *holdfast.Machine) { m.Recovery[0].Settings[0].Value = "false" }),
		"AUD-H4": on(before, func(m *holdfast.Machine) {
			m.Recovery[0].Settings = []holdfast.Setting{{Name: "elements", Value: "4", Place: "trust_anchors.lua:90"}}
		}),
		"AUD-H5": on(before, func(m *holdfast.Machine) { m.Recovery[0].Expires = before.Add(-time.Hour) }),
		"AUD-I1": on(before, func(m *holdfast.Machine) { m.Carriers = append(m.Carriers, carrier(20326)) }),
		"AUD-I2": on(before, func(m *holdfast.Machine) { m.Carriers = append(m.Carriers, carrier(19036)) }),
		"AUD-I3": on(before, func(m *holdfast.Machine) {
			m.Carriers = append(m.Carriers, holdfast.Carrier{Path: "/src/anchors.c", Carried: []holdfast.Carried{{Tag: 38696, Form: holdfast.CarriesWrong, Line: 4}}})
		}),
		"AUD-J1": on(after, func(m *holdfast.Machine) { only(t, m, 20326) }),
		"AUD-J2": on(before, func(m *holdfast.Machine) { way(m).Upkeep = holdfast.UpkeepStatic; only(t, m, 20326) }),
		"AUD-J3": on(after, func(m *holdfast.Machine) { only(t, m, 20326) }),
		"AUD-K1": on(before, func(m *holdfast.Machine) { m.Unread = []holdfast.Unread{{Path: "/root", Why: "permission denied"}} }),
	}
}

func publicOf(t testing.TB, tag uint16) []byte {
	k, _ := rootkey.Calendar().Key(tag)
	if k.Public == nil {
		t.Fatalf("the calendar has no public key of %d", tag)
	}
	return k.Public
}

func codes(a holdfast.Audit) []string {
	var out []string
	for _, f := range a.Findings {
		out = append(out, f.Code)
	}
	for _, p := range a.Resolvers {
		for _, f := range p.Findings {
			out = append(out, f.Code)
		}
	}
	slices.Sort(out)
	return out
}

// TestAuditRules holds every rule to a machine on which it fires, and all of
// them to one on which none does.
func TestAuditRules(t *testing.T) {
	calendar := rootkey.Calendar()
	if found := codes(anchor.Examine(healthy(t), calendar, before)); found != nil {
		t.Errorf("a healthy machine: %v", found)
	}
	cases := auditCases(t)
	for _, rule := range anchor.AuditRules() {
		damage, ok := cases[rule.Code]
		if !ok {
			t.Errorf("%s has no case", rule.Code)
			continue
		}
		delete(cases, rule.Code)
		m := healthy(t)
		at := damage(&m)
		audit := anchor.Examine(m, calendar, at)
		if !slices.Contains(codes(audit), rule.Code) {
			t.Errorf("%s %s stays silent; found %v, fates %+v", rule.Code, rule.Name, codes(audit), audit.Resolvers)
		}
		for _, p := range audit.Resolvers {
			for _, f := range p.Findings {
				if f.Text == "" || f.Reference == "" || f.Name == "" || len(f.Evidence) == 0 {
					t.Errorf("%s is not whole: %+v", f.Code, f)
				}
			}
		}
		if rule.Summary == "" || rule.Reference == "" {
			t.Errorf("%s lacks summary or clause", rule.Code)
		}
	}
	for code := range cases {
		t.Errorf("a case for %s, which is no rule", code)
	}
}

// TestStaleUnbound is the finding that matters most (section 5 of RFC 5011): it
// answers SERVFAIL once the other key signs alone, and without validating when
// its own is revoked. BIND was seen to stay at SERVFAIL.
func TestStaleUnbound(t *testing.T) {
	m := healthy(t)
	only(t, &m, 20326)
	p := anchor.Examine(m, rootkey.Calendar(), after).Resolvers[0]
	if f, ok := p.Fails(); !ok || f.Standing != holdfast.Bogus || !f.From.Equal(after) {
		t.Errorf("it fails %+v", f)
	}
	f, ok := p.FailsOpen()
	if !ok || f.From.Format(time.DateOnly) != "2027-01-11" || !f.Date.Planned {
		t.Errorf("it fails open %+v", f)
	}
	resolver(&m).Software = holdfast.BIND
	p = anchor.Examine(m, rootkey.Calendar(), after).Resolvers[0]
	if f, ok := p.FailsOpen(); ok {
		t.Errorf("BIND fails open: %+v", f)
	}
}

// TestGone: an Unbound whose only key was revoked has said so in its state; it
// answers without validating, and that is said first.
func TestGone(t *testing.T) {
	m := healthy(t)
	way(&m).Point.Keys = []holdfast.TrustedKey{rootAnchor(t, 20326, holdfast.KeyRevoked)}
	p := anchor.Examine(m, rootkey.Calendar(), after).Resolvers[0]
	if f, ok := p.FailsOpen(); !ok || !f.From.Equal(after) || p.Findings[0].Code != "AUD-J1" {
		t.Errorf("%+v %+v", p.Fates, p.Findings)
	}
	resolver(&m).Software = holdfast.BIND
	p = anchor.Examine(m, rootkey.Calendar(), after).Resolvers[0]
	if f, ok := p.FailsOpen(); ok || len(p.Fates) == 0 || p.Fates[0].Standing != holdfast.Bogus {
		t.Errorf("BIND: %+v, fails open %+v", p.Fates, f)
	}
}

// TestDay is the arithmetic of the hold-down: what was first seen on 10 Sep 2026
// is trusted by 11 Oct; what was first seen two days later is not.
func TestDay(t *testing.T) {
	for since, fails := range map[string]bool{"2026-09-10": false, "2026-09-12": true} {
		m := healthy(t)
		only(t, &m, 20326)
		pending := rootAnchor(t, 38696, holdfast.KeyAddPend)
		pending.Since, _ = time.Parse(time.DateOnly, since)
		way(&m).Point.Keys = append(way(&m).Point.Keys, pending)
		p := anchor.Examine(m, rootkey.Calendar(), pending.Since.Add(24*time.Hour)).Resolvers[0]
		if f, ok := p.Fails(); ok != fails {
			t.Errorf("seen on %s: fails %v %+v", since, ok, f)
		}
	}
}

// sentinels are the answers of a resolver for the key 38696 and the controls:
// A is an answer, F is SERVFAIL.
func sentinels(t testing.TB, is, not, bogus string) []holdfast.Sample {
	t.Helper()
	server := holdfast.Server{Name: "resolver."}
	sample := func(probe holdfast.Probe, key, what string) holdfast.Sample {
		e := holdfast.Exchange{Server: server, Outcome: holdfast.Answered, Question: holdfast.Question{Name: "example.", Type: 1}}
		e.Reply = reply(t, what)
		return holdfast.Sample{Probe: probe, Key: key, Exchange: e}
	}
	return []holdfast.Sample{
		sample(holdfast.ProbeSigned, "", "A"), sample(holdfast.ProbeBogus, "", bogus), sample(holdfast.ProbeBare, "", "A"),
		sample(holdfast.ProbeIs, "38696", is), sample(holdfast.ProbeNot, "38696", not),
	}
}

// TestAskedResolver judges resolvers by what they answered.
func TestAskedResolver(t *testing.T) {
	for name, c := range map[string]struct {
		is, not, bogus string
		validates      holdfast.Validation
		trusts         int
	}{
		"Vnew": {"A", "F", "F", holdfast.ValidationOn, 1},
		"Vold": {"F", "A", "F", holdfast.ValidationOn, 0},
		"Vind": {"A", "A", "F", holdfast.ValidationOn, 0},
		"nonV": {"A", "A", "A", holdfast.ValidationOff, 0},
	} {
		m := holdfast.Machine{Kind: holdfast.MachineResolver, Samples: sentinels(t, c.is, c.not, c.bogus)}
		p := anchor.Examine(m, rootkey.Calendar(), after).Resolvers[0]
		if p.Validates != c.validates || len(p.Trusts) != c.trusts {
			t.Errorf("%s: validates %s, trusts %v", name, p.Validates, p.Trusts)
		}
	}
}

// TestBrokenResolver: all that is signed fails, and with CD it does not.
func TestBrokenResolver(t *testing.T) {
	samples := sentinels(t, "F", "F", "F")
	samples[0].Exchange.Reply = reply(t, "F")
	a := anchor.Examine(holdfast.Machine{Kind: holdfast.MachineResolver, Samples: samples}, rootkey.Calendar(), after)
	if a.Worst != holdfast.SeverityCritical || !slices.Contains(codes(a), "AUD-J1") {
		t.Errorf("%+v", a.Resolvers)
	}
}

// TestManyUnread: a machine of which much cannot be read does not bury what was
// found.
func TestManyUnread(t *testing.T) {
	m := healthy(t)
	for range 300 {
		m.Unread = append(m.Unread, holdfast.Unread{Path: "/root/x", Why: "permission denied"})
	}
	if a := anchor.Examine(m, rootkey.Calendar(), before); len(a.Findings) != 11 || !strings.HasPrefix(a.Findings[10].Text, "290 more") {
		t.Errorf("%d findings", len(a.Findings))
	}
}

// TestPackageAlone: what another package brings is not missed in one, and a file
// that we may not read is no fault of the resolver's.
func TestPackageAlone(t *testing.T) {
	m := healthy(t)
	m.Kind, way(&m).Absent, way(&m).Point.Keys = holdfast.MachinePackage, true, nil
	if a := anchor.Examine(m, rootkey.Calendar(), before); a.Worst != holdfast.SeverityNotice {
		t.Errorf("%v, worst %s", codes(a), a.Worst)
	}
	m = healthy(t)
	way(&m).Point.Keys, way(&m).Trouble = nil, "open root.key: permission denied"
	a := anchor.Examine(m, rootkey.Calendar(), before)
	if f := a.Resolvers[0].Findings; len(f) != 1 || f[0].Code != "AUD-A3" || f[0].Severity != holdfast.SeverityWarning {
		t.Errorf("%+v", f)
	}
}

// reply is a resolver's: an authentic answer, or SERVFAIL.
func reply(t testing.TB, what string) []byte {
	t.Helper()
	m := wire.Message{Response: true, Question: []holdfast.Question{{Name: "example.", Type: uint16(wire.TypeA)}}}
	if what == "F" {
		m.Rcode = wire.ServFail
	} else {
		record, err := wire.ParseRecord("example. 60 IN A 192.0.2.1")
		if err != nil {
			t.Fatal(err)
		}
		m.AuthenticatedData, m.Answer = true, []wire.Record{record}
	}
	packed, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

// TestAuditPage holds docs/audit.md to the rules: a section for each, with its
// summary and the clause that it rests on, and none for what is no rule.
func TestAuditPage(t *testing.T) {
	page, err := os.ReadFile("../../../docs/audit.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for part := range strings.SplitSeq(string(page), "\n### ") {
		head, body, _ := strings.Cut(part, "\n")
		sections[head] = body
	}
	for _, r := range anchor.AuditRules() {
		head := r.Code + " " + r.Name
		body, ok := sections[head]
		if !ok || !strings.Contains(body, r.Summary) || !strings.Contains(body, r.Reference) || !strings.Contains(body, "**To mend:**") {
			t.Errorf("docs/audit.md: no whole section %q", head)
		}
		delete(sections, head)
	}
	for head := range sections {
		if strings.HasPrefix(head, "AUD-") {
			t.Errorf("docs/audit.md: %q is no rule", head)
		}
	}
}
