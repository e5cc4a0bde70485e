package zone

import (
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

const (
	notice   = holdfast.SeverityNotice
	warning  = holdfast.SeverityWarning
	grave    = holdfast.SeverityError
	critical = holdfast.SeverityCritical
)

var zoneItself holdfast.Server

func TestNoParentGivesAReferral(t *testing.T) {
	w := healthy(t).each(holdfast.PurposeReferral, rcode(wire.NXDomain))
	w.expect("DEL-01", expect{critical, zoneItself, "no server of the parent that answers gives a referral: the zone cannot be found"})
	if v := w.verdict(); v.Suppressed["DEL-04"] != "DEL-01" {
		t.Errorf("suppressed: %v", v.Suppressed)
	}
}

func TestOneParentGivesNoReferral(t *testing.T) {
	healthy(t).each(holdfast.PurposeReferral, rcode(wire.Refused), rootB).
		expect("DEL-01", expect{notice, rootB, "gives no referral to the zone: it answers REFUSED"})
	healthy(t).each(holdfast.PurposeReferral, rcode(wire.NXDomain), rootB).
		expect("DEL-01", expect{grave, rootB, "gives no referral to the zone: it says that there is no such delegation"})
	healthy(t).each(holdfast.PurposeReferral, rcode(wire.ServFail)).
		expect("DEL-01", expect{critical, zoneItself, "no server of the parent that answers gives a referral: the zone cannot be found"})
	healthy(t).each(holdfast.PurposeReferral, drop, rootB).expect("DEL-01")
	healthy(t).each(holdfast.PurposeReferral, drop).expect("DEL-01")
}

func TestParentsDisagree(t *testing.T) {
	const who = "gives another delegation than most servers of the parent: "
	names := healthy(t)
	names.each(holdfast.PurposeReferral, func(e *entry) {
		e.message.Authority = names.records(nsTexts[0], "example. 3600 IN NS ns3.example.")
	}, rootB).expect("DEL-01", expect{grave, rootB, who + "name servers with ns3.example. in place of ns2.example."})

	glue := healthy(t)
	glue.each(holdfast.PurposeReferral, func(e *entry) {
		e.message.Additional = glue.records("ns1.example. 3600 IN A 192.0.2.99")
	}, rootB).expect("DEL-01", expect{grave, rootB, who + "glue for ns1.example. with 192.0.2.99 in place of 192.0.2.1"})

	ds := healthy(t)
	ds.each(holdfast.PurposeDS, ds.answer(strings.Replace(dsText, "4711", "4712", 1)), rootB).
		expect("DEL-01", expect{grave, rootB, who + "other DS records"})
}

// A root server that still has the zone of an hour ago is behind, not wrong.
func TestParentIsBehind(t *testing.T) {
	behind := func(signed string) *world {
		w := healthy(t)
		w.each(holdfast.PurposeReferral, func(e *entry) { e.message.Authority = w.records(nsTexts[0]) }, rootB)
		return w.each(holdfast.PurposeSOA, w.answer(
			strings.Replace(rootSOA, "2026080100", "2026073101", 1), strings.Replace(rootSig, "20260801050000", signed, 1)), rootB)
	}
	const text = "gives another delegation than most servers of the parent: " +
		"name servers without ns2.example. (it has serial 2026073101 of the parent zone, others have 2026080100)"
	behind("20260731170000").expect("DEL-01", expect{notice, rootB, text})
	behind("20260729170000").expect("DEL-01", expect{grave, rootB, strings.Split(text, " (it")[0]})
}

// The few that have the newest serial are right, and the many are behind.
func TestMostParentsAreBehind(t *testing.T) {
	w := healthy(t)
	w.each(holdfast.PurposeReferral, func(e *entry) { e.message.Authority = w.records(nsTexts[0]) }, rootA, rootA6)
	w.each(holdfast.PurposeSOA, w.answer(strings.Replace(rootSOA, "2026080100", "2026073101", 1), rootSig), rootA, rootA6)
	for _, f := range w.findings("DEL-01") {
		if f.Severity != notice || f.Server == rootB {
			t.Errorf("%s: %s", f.Severity, f.Text)
		}
	}
	if n := len(w.findings("DEL-01")); n != 2 {
		t.Errorf("%d findings, want 2", n)
	}
	w.expect("DEL-04")
}

// A parent server that is also the child's answers from the child's zone.
func TestParentServesTheChild(t *testing.T) {
	w := healthy(t)
	w.each(holdfast.PurposeReferral, w.answer("example. 3600 IN NS ns1.example.", "example. 3600 IN NS ns9.example."), rootB).
		expect("DEL-01")
}

func TestTooFewNameServers(t *testing.T) {
	one := healthy(t)
	one.each(holdfast.PurposeReferral, func(e *entry) { e.message.Authority = one.records(nsTexts[0]) })
	one.each(holdfast.PurposeNS, one.answer(nsTexts[0])).
		expect("DEL-02", expect{grave, zoneItself, "the zone has one name server only: ns1.example."})

	same := healthy(t)
	same.each(holdfast.PurposeAddress, func(e *entry) {
		e.message.Answer = nil
		if e.Question.Type == uint16(wire.TypeA) {
			e.message.Answer = same.records(string(e.Question.Name) + " 3600 IN A 192.0.2.1")
		}
	}).expect("DEL-02", expect{grave, zoneItself, "all name servers of the zone are one: ns1.example. and ns2.example. lead to 192.0.2.1"})

	half := healthy(t)
	half.each(holdfast.PurposeAddress, func(e *entry) {
		if e.Question.Type == uint16(wire.TypeA) {
			e.message.Answer = half.records(string(e.Question.Name) + " 3600 IN A 192.0.2.1")
		}
	}).expect("DEL-02", expect{warning, zoneItself, "several names of name servers lead to the same address: 192.0.2.1"})
}

func TestUnreachableByFamily(t *testing.T) {
	healthy(t).each("", drop, ns1v6, ns2v6).
		expect("DEL-03", expect{warning, zoneItself, "no name server of the zone answers by IPv6"})
	healthy(t).each("", drop, ns2v6).
		expect("DEL-03", expect{notice, zoneItself, "only one name server of the zone answers by IPv6"})
	healthy(t).each("", drop, ns2).
		expect("DEL-03", expect{warning, zoneItself, "only one name server of the zone answers by IPv4"})
	w := healthy(t)
	for _, e := range w.entries {
		if e.Zone == child && (e.Server == ns1 || e.Server == ns2) && e.Purpose != holdfast.PurposeAddress {
			drop(e)
		}
	}
	w.expect("DEL-03", expect{grave, zoneItself, "no name server of the zone answers by IPv4"})
}

// Where the root is silent over IPv6 as well, the path is ours to mend.
func TestOurOwnIPv6(t *testing.T) {
	w := healthy(t).each("", drop, ns1v6, ns2v6, rootA6)
	w.expect("DEL-03")
	w.expect("CON-01")
	w.expect("CON-02")
}

// A core look asks the zone's servers only. If one family is wholly silent in
// it and the other is not, we do not know whose trouble it is.
func TestOurOwnIPv6InACoreLook(t *testing.T) {
	core := func(mute ...holdfast.Server) *world {
		w := healthy(t).each("", drop, mute...)
		for _, e := range w.entries {
			if e.Zone != child || e.Purpose != holdfast.PurposeSOA && e.Purpose != holdfast.PurposeDNSKEY {
				e.Sent = noon.Add(-50 * time.Minute)
				if e.message == nil { // it was answered then
					e.Outcome, e.message = holdfast.Answered, &wire.Message{Authoritative: true, Answer: w.records(soaText)}
				}
			}
		}
		return w
	}
	core(ns1v6, ns2v6).expect("CON-01")
	if got := core(own...).findings("CON-01"); len(got) != 1 || got[0].Severity != critical {
		t.Errorf("all servers silent in a core look: %+v", got)
	}
	core(ns1v6).expect("CON-01", expect{warning, ns1v6, "does not answer over UDP"})
}

func TestDelegationDiffers(t *testing.T) {
	w := healthy(t)
	w.each(holdfast.PurposeNS, w.answer(nsTexts[0], "example. 3600 IN NS ns3.example.")).
		expect("DEL-04", expect{warning, zoneItself,
			"the parent and the zone publish different name servers: only the parent has ns2.example.; only the zone has ns3.example."})
	// The order and the case of names are no difference.
	w = healthy(t)
	w.each(holdfast.PurposeNS, w.answer("EXAMPLE. 60 IN NS NS2.example.", "example. 60 IN NS ns1.EXAMPLE.")).expect("DEL-04")
	// Without a parent's word, the delegation given by hand counts.
	w = healthy(t).each(holdfast.PurposeReferral, drop)
	w.subject.Delegation = &holdfast.Delegation{NS: []holdfast.Name{"ns1.example."}}
	w.expect("DEL-04", expect{warning, zoneItself,
		"the parent and the zone publish different name servers: only the zone has ns2.example."})
}

func TestGlueDiffers(t *testing.T) {
	w := healthy(t)
	w.each(holdfast.PurposeAddress, func(e *entry) {
		if e.Question.Name == "ns1.example." && e.Question.Type == uint16(wire.TypeA) {
			e.message.Answer = w.records("ns1.example. 3600 IN A 192.0.2.7")
		}
	})
	w.expect("DEL-05",
		expect{grave, ns1, "the parent has glue with this address, and the zone of the name does not publish it"},
		expect{grave, server("ns1.example.", "192.0.2.7"), "the zone of the name publishes this address, and the parent has no glue for it"})
	// An address of which nobody authoritative spoke is not compared.
	healthy(t).each(holdfast.PurposeAddress, drop).expect("DEL-05")
	healthy(t).each(holdfast.PurposeAddress, func(e *entry) { e.message = &wire.Message{Rcode: wire.ServFail} }).expect("DEL-05")
}

// A name outside the zone needs no glue.
func TestNoGlueForNamesElsewhere(t *testing.T) {
	w := healthy(t)
	elsewhere := []string{"example. 3600 IN NS ns.other.", "example. 3600 IN NS ns1.example."}
	w.each(holdfast.PurposeReferral, func(e *entry) { e.message.Authority = w.records(elsewhere...) })
	w.add("other.", holdfast.PurposeAddress, server("ns.nic.other.", "203.0.113.1"), "ns.other.", wire.TypeA,
		&wire.Message{Authoritative: true, Answer: w.records("ns.other. 3600 IN A 203.0.113.5")})
	w.expect("DEL-05")
}

func TestNameServerUnusable(t *testing.T) {
	const head = "name servers that cannot be used by their names: "
	alias := healthy(t)
	alias.each(holdfast.PurposeAddress, func(e *entry) {
		if e.Question.Name == "ns1.example." {
			e.message.Answer = alias.records("ns1.example. 60 IN CNAME www.example.", "www.example. 60 IN A 192.0.2.1")
		}
	}).expect("DEL-07", expect{grave, zoneItself, head + "ns1.example. is an alias"})

	gone := func(code int, types ...wire.Type) *world {
		return healthy(t).each(holdfast.PurposeAddress, func(e *entry) {
			if e.Question.Name == "ns2.example." {
				for _, t := range types {
					if e.Question.Type == uint16(t) {
						e.message = &wire.Message{Authoritative: true, Rcode: code}
					}
				}
			}
		})
	}
	gone(wire.NXDomain, wire.TypeA, wire.TypeAAAA).expect("DEL-07", expect{grave, zoneItself, head + "ns2.example. does not exist"})
	gone(wire.NoError, wire.TypeA, wire.TypeAAAA).expect("DEL-07", expect{grave, zoneItself, head + "ns2.example. has no address"})
	gone(wire.NoError, wire.TypeAAAA).expect("DEL-07")              // one family is enough
	gone(wire.ServFail, wire.TypeA, wire.TypeAAAA).expect("DEL-07") // a passing trouble is no proof
	healthy(t).each(holdfast.PurposeAddress, drop).expect("DEL-07") // nor is silence
	under := healthy(t)
	under.each(holdfast.PurposeNS, under.answer(append([]string{"example. 60 IN NS ns_3.example."}, nsTexts...)...)).
		expect("DEL-07", expect{warning, zoneItself, head + "ns_3.example. is not a legal host name"})
}

func TestIsHostName(t *testing.T) {
	for name, want := range map[holdfast.Name]bool{
		"a.root-servers.net.": true, "3com.example.": true, "xn--p1ai.": true,
		"-a.example.": false, "a-.example.": false, "a_b.example.": false, ".": false, `a\.b.example.`: false,
	} {
		if isHostName(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}
