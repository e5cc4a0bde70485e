package zone

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func TestNotAnswering(t *testing.T) {
	healthy(t).each("", drop, ns2).
		expect("CON-01", expect{warning, ns2, "does not answer over UDP"})
	if got := healthy(t).each("", drop, ns2).findings("CON-01"); got[0].EDE != 22 {
		t.Errorf("EDE %d, want 22, no reachable authority", got[0].EDE)
	}
	healthy(t).each("", func(e *entry) { drop(e); e.Outcome = holdfast.Refused }, ns2).
		expect("CON-01", expect{warning, ns2, "does not answer over UDP: its host says that the port is closed"})
	healthy(t).each("", func(e *entry) { e.message.Rcode = wire.Refused; e.message.Answer = nil }, ns2).
		expect("CON-01", expect{warning, ns2, "answers the question for SOA with REFUSED"})
	healthy(t).each("", func(e *entry) { e.message.Authoritative = false }, ns2).
		expect("CON-01", expect{warning, ns2, "answers the question for SOA without authority (no AA flag)"})
	healthy(t).each(holdfast.PurposeNS, func(e *entry) { e.message.Answer = nil }, ns2).
		expect("CON-01", expect{warning, ns2, "answers the question for NS without the record"})
}

func TestHowManyDoNotAnswer(t *testing.T) {
	if got := healthy(t).each("", drop, ns1v6, ns2, ns2v6).findings("CON-01"); len(got) != 3 || got[0].Severity != grave {
		t.Errorf("three of four: %+v", got)
	}
	all := healthy(t)
	for _, e := range all.entries {
		if e.Zone == child && e.Purpose != holdfast.PurposeAddress {
			drop(e)
		}
	}
	all.expect("CON-01", expect{critical, zoneItself, "no name server of the zone answers for it as it must"})
	if v := all.verdict(); v.Suppressed["CON-02"] != "CON-01" || v.Suppressed["DEL-03"] != "CON-01" {
		t.Errorf("suppressed: %v", v.Suppressed)
	}
}

// One answer of many shows that the server is there.
func TestPacketLossIsNoFault(t *testing.T) {
	w := healthy(t)
	for _, purpose := range []holdfast.Purpose{holdfast.PurposeSOA, holdfast.PurposeNS, holdfast.PurposeDNSKEY, holdfast.PurposeCDS} {
		w.each(purpose, drop, ns2)
	}
	w.expect("CON-01")
	// A reply that was cut short over UDP is a reply, though TCP failed after it.
	cut := healthy(t).each("", func(e *entry) { drop(e); e.Truncated = true }, ns2)
	cut.expect("CON-01")
	// An answer that came over TCP, since UDP was silent, is none over UDP.
	healthy(t).each("", func(e *entry) { e.Transport = holdfast.TCP }, ns2).
		expect("CON-01", expect{warning, ns2, "answers over TCP and not over UDP"})
	// Questions that were never sent say nothing.
	healthy(t).each("", func(e *entry) { drop(e); e.Outcome, e.Sent = holdfast.NotAsked, time.Time{} }, ns2).expect("CON-01")
}

// What a server answered an hour ago does not make it present now.
func TestOldAnswersDoNotCount(t *testing.T) {
	w := healthy(t)
	for _, e := range w.entries {
		if e.Purpose != holdfast.PurposeSOA && e.Purpose != holdfast.PurposeDNSKEY {
			e.Sent = noon.Add(-55 * time.Minute)
		} else if e.Server == ns2 {
			drop(e)
		}
	}
	w.expect("CON-01", expect{warning, ns2, "does not answer over UDP"})
	w.expect("CON-02") // TCP was not asked in the last look
}

func TestTCPNotAnswering(t *testing.T) {
	healthy(t).each(holdfast.PurposeSOATCP, drop, ns2).
		expect("CON-02", expect{warning, ns2, "answers over UDP and not over TCP"})
	healthy(t).each(holdfast.PurposeSOATCP, func(e *entry) { drop(e); e.Outcome = holdfast.Refused }, ns2).
		expect("CON-02", expect{warning, ns2, "answers over UDP and refuses connections over TCP"})
	healthy(t).each(holdfast.PurposeSOATCP, rcode(wire.ServFail), ns2).
		expect("CON-02", expect{warning, ns2, "answers over UDP, and over TCP it answers the question for SOA with SERVFAIL"})
	healthy(t).each(holdfast.PurposeSOATCP, drop).
		expect("CON-02", expect{grave, zoneItself, "no name server of the zone answers over TCP as it does over UDP"})
	// A server that is silent altogether is another check's.
	healthy(t).each("", drop, ns2).expect("CON-02")
	// A large answer that came over TCP shows that TCP works.
	healthy(t).each(holdfast.PurposeSOATCP, drop, ns2).
		each(holdfast.PurposeDNSKEY, func(e *entry) { e.Transport, e.Truncated = holdfast.TCP, true }, ns2).expect("CON-02")
}

func TestWrongSource(t *testing.T) {
	astray := func(from string) func(*entry) {
		return func(e *entry) { e.Outcome, e.From = holdfast.WrongSource, netip.MustParseAddr(from) }
	}
	healthy(t).each(holdfast.PurposeSOA, astray("192.0.2.77"), ns1).expect("CON-05",
		expect{grave, ns1, "replies to questions put to this address come from another: 192.0.2.77"})
	healthy(t).each(holdfast.PurposeSOA, astray("::ffff:192.0.2.1"), ns1).expect("CON-05")
}

func (w *world) soa(serial, signed string, servers ...holdfast.Server) *world {
	texts := []string{strings.Replace(soaText, "2026080107", serial, 1)}
	if signed != "" {
		texts = append(texts, strings.Replace(sigText, "20260801000000", signed, 1))
	}
	w.each(holdfast.PurposeSOA, w.answer(texts...), servers...)
	return w.each(holdfast.PurposeSOATCP, w.answer(texts...), servers...)
}

func TestSerialsDiffer(t *testing.T) {
	behind := func(serial, signed string, want holdfast.Severity) {
		t.Helper()
		healthy(t).soa(serial, signed, ns2).expect("CST-01",
			expect{want, ns2, "has serial " + serial + ", others have 2026080107"})
	}
	behind("2026080100", "20260801060000", notice)
	behind("2026073100", "20260731060000", warning)
	behind("2026072900", "20260729060000", grave)
	// One version behind a zone that changed within the refresh time.
	healthy(t).soa("2026080108", "20260801110000", ns1, ns1v6, ns2v6).soa("2026080107", "20260725000000", ns2).
		expect("CST-01", expect{notice, ns2, "has serial 2026080107, others have 2026080108"})
	// An unsigned zone: the serial may tell its day.
	healthy(t).soa("2026072501", "", ns2).
		expect("CST-01", expect{grave, ns2, "has serial 2026072501, others have 2026080107"})
	healthy(t).soa("17", "", ns2).
		expect("CST-01", expect{notice, ns2, "has serial 17, others have 2026080107"})
	// Serial number arithmetic: 5 follows 4294967290.
	healthy(t).soa("5", "20260801110000", ns1, ns1v6, ns2v6).soa("4294967290", "20260801060000", ns2).
		expect("CST-01", expect{notice, ns2, "has serial 4294967290, others have 5"})
}

// A newer serial seen much later than the older one is no lag.
func TestSerialsOfDifferentLooks(t *testing.T) {
	w := healthy(t).soa("2026072900", "20260729060000", ns2)
	w.each("", func(e *entry) { e.Sent = noon.Add(-40 * time.Minute) }, ns2)
	w.expect("CST-01")
	// Seen much earlier it is one.
	w.each("", func(e *entry) { e.Sent = noon.Add(-80 * time.Minute) }, ns1, ns1v6, ns2v6)
	if got := w.findings("CST-01"); len(got) != 1 || got[0].Server != ns2 {
		t.Errorf("a lag behind a serial that was seen before: %+v", got)
	}
}

func TestServersDisagree(t *testing.T) {
	extra := append([]string{"example. 3600 IN NS ns3.example."}, nsTexts...)
	w := healthy(t)
	w.each(holdfast.PurposeNS, w.answer(extra...), ns2).
		expect("CST-03", expect{grave, ns2, "gives other NS records than most servers under the same serial 2026080107"})
	w.soa("2026080106", "20260801060000", ns2)
	for _, purpose := range []holdfast.Purpose{holdfast.PurposeCDS, holdfast.PurposeCDNSKEY} {
		w.each(purpose, drop, ns2)
	}
	w.expect("CST-03", expect{notice, ns2,
		"gives other NS records than most servers (its serial is 2026080106, theirs 2026080107)"})

	cds := healthy(t)
	cds.each(holdfast.PurposeCDS, cds.answer("example. 3600 IN CDS 0 0 0 00"), ns1v6).
		expect("CST-03", expect{warning, ns1v6, "gives other CDS records than most servers under the same serial 2026080107"})

	tie := healthy(t)
	got := tie.each(holdfast.PurposeNSEC3PARAM, tie.answer("example. 0 IN NSEC3PARAM 1 0 5 AB"), ns2, ns2v6).findings("CST-03")
	if len(got) != 2 || !strings.Contains(got[0].Text, "than ns1.example. (192.0.2.1) under the same serial") || got[0].RRset != holdfast.ClassNSEC3PARAM {
		t.Errorf("two against two: %+v", got)
	}
	// TTLs and order are no difference.
	ttl := healthy(t)
	ttl.each(holdfast.PurposeNS, ttl.answer("example. 60 IN NS ns2.example.", "example. 60 IN NS ns1.example."), ns2).expect("CST-03")
	// Nor is an answer of an earlier look.
	old := healthy(t)
	old.each(holdfast.PurposeDNSKEY, old.answer(strings.Replace(keyText, "257", "256", 1)), ns2)
	old.each("", func(e *entry) { e.Sent = noon.Add(-30 * time.Minute) }, ns2).expect("CST-03")
}

func (w *world) unsigned(servers ...holdfast.Server) *world {
	w.each(holdfast.PurposeDNSKEY, func(e *entry) {
		e.message = &wire.Message{Authoritative: true, Authority: w.records(soaText)}
	}, servers...)
	w.each(holdfast.PurposeNSEC3PARAM, func(e *entry) {
		e.message = &wire.Message{Authoritative: true, Authority: w.records(soaText)}
	}, servers...)
	return w.soa("2026080107", "", servers...)
}

func TestSignedAndUnsigned(t *testing.T) {
	w := healthy(t).unsigned(ns2)
	w.expect("CST-04", expect{critical, ns2, "serves the zone unsigned, others serve it signed"})
	w.expect("CST-03") // CST-04 says it
	w.each(holdfast.PurposeDS, func(e *entry) { e.message.Answer = nil })
	w.expect("CST-04", expect{warning, ns2, "serves the zone unsigned, others serve it signed"})
	healthy(t).unsigned(own...).expect("CST-04")
	healthy(t).each(holdfast.PurposeDNSKEY, drop, ns2).expect("CST-04")
}

// Codes are permanent, and each check says what it is.
func TestChecksAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Checks() {
		if seen[c.Code] || c.Name == "" || c.Reference == "" || c.Summary == "" || c.Judge == nil {
			t.Errorf("check %q: %+v", c.Code, c)
		}
		seen[c.Code] = true
	}
}

// FuzzChecks judges arbitrary replies: none may make a check panic.
func FuzzChecks(f *testing.F) {
	base := healthy(f).measurement()
	for i := range base.Exchanges {
		f.Add(uint8(i), base.Exchanges[i].Reply, uint8(0))
	}
	f.Add(uint8(3), []byte("\x00\x00\x84\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x00\x00\x02\x00\x01"), uint8(6))
	outcomes := []holdfast.Outcome{holdfast.Answered, holdfast.Timeout, holdfast.Unreachable, holdfast.Refused,
		holdfast.Malformed, holdfast.TruncatedTwice, holdfast.WrongSource, holdfast.NotAsked, ""}
	f.Fuzz(func(t *testing.T, at uint8, reply []byte, outcome uint8) {
		m := base
		m.Exchanges = append([]holdfast.Exchange(nil), base.Exchanges...)
		for i := range m.Exchanges {
			if e := &m.Exchanges[i]; i == int(at)%len(m.Exchanges) || e.Purpose == m.Exchanges[int(at)%len(m.Exchanges)].Purpose {
				e.Reply, e.Outcome = reply, outcomes[int(outcome)%len(outcomes)]
				if e.Outcome == holdfast.WrongSource {
					e.Server = holdfast.Server{}
				}
			}
		}
		for _, finding := range (judge.Catalogue{Checks: Checks()}).Judge(m, noon).Findings {
			if finding.Code == judge.CodeBroken {
				t.Errorf("%s", finding.Text)
			}
		}
	})
}
