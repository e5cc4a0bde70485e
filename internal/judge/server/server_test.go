package server

import (
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func TestWellBehavedServersAreSilent(t *testing.T) {
	v := judge.Catalogue{Checks: Checks()}.Judge(well(t).measurement(), noon)
	for _, f := range v.Findings {
		t.Errorf("%s: %s", f.Code, f.Text)
	}
}

// A question that stayed unanswered says nothing, whichever it was: packets
// are lost, and those were sent once.
func TestSilenceSaysNothing(t *testing.T) {
	for purpose := range asking {
		if purpose == holdfast.PurposeCase || purpose == holdfast.PurposeEDNSOption || purpose == holdfast.PurposeEDNSFlag ||
			purpose == holdfast.PurposeTLS || purpose == holdfast.PurposeAddress {
			continue // asked of some only
		}
		for _, servers := range [][]holdfast.Server{{ns1}, own} {
			w := well(t).each(purpose, drop, servers...)
			v := judge.Catalogue{Checks: Checks()}.Judge(w.measurement(), noon)
			for _, f := range v.Findings {
				t.Errorf("%s unanswered: %s %s", purpose, f.Code, f.Text)
			}
		}
	}
}

// A reply that was cut short is no answer to judge by.
func TestTruncatedRepliesSayNothing(t *testing.T) {
	w := well(t)
	for _, purpose := range []holdfast.Purpose{holdfast.PurposeManners, holdfast.PurposeANY, holdfast.PurposeQDCount, holdfast.PurposeForeign, holdfast.PurposeApex} {
		w.each(purpose, w.say(wire.Message{Truncated: true}))
	}
	v := judge.Catalogue{Checks: Checks()}.Judge(w.measurement(), noon)
	for _, f := range v.Findings {
		t.Errorf("%s: %s", f.Code, f.Text)
	}
}

func TestOpenRecursion(t *testing.T) {
	const text = "offers recursion to strangers (RA) and answers about a name that is not its own"
	root := records(t, ". 86400 IN SOA a.root.test. nstld.root.test. 2026080100 1800 900 604800 86400")
	local := records(t, "invalid. 10800 IN SOA localhost. nobody.invalid. 1 3600 1200 604800 10800")
	for _, c := range []struct {
		name  string
		reply wire.Message
		open  bool
	}{
		{"denies, from its cache", wire.Message{RecursionAvailable: true, Rcode: wire.NXDomain, Authority: root}, true},
		{"denies, without an SOA", wire.Message{RecursionAvailable: true, Rcode: wire.NXDomain}, true},
		{"answers", wire.Message{RecursionAvailable: true, Answer: records(t, "holdfast-probe.invalid. 60 IN A 192.0.2.80")}, true},
		{"denies with its own copy of a special name, as resolvers do", wire.Message{RecursionAvailable: true, Authoritative: true, Rcode: wire.NXDomain, Authority: local}, true},
		{"serves the root", wire.Message{Authoritative: true, Rcode: wire.NXDomain, Authority: root}, false},
		{"serves the root and sets RA", wire.Message{RecursionAvailable: true, Authoritative: true, Rcode: wire.NXDomain, Authority: root}, false},
		{"sets RA and turns away", wire.Message{RecursionAvailable: true, Rcode: wire.Refused}, false},
		{"sets RA and fails", wire.Message{RecursionAvailable: true, Rcode: wire.ServFail}, false},
		{"sets RA and refers upwards", wire.Message{RecursionAvailable: true, Authority: records(t, ". 518400 IN NS a.root.test.")}, false},
		{"answers without RA", wire.Message{Answer: records(t, "holdfast-probe.invalid. 60 IN A 192.0.2.80")}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := well(t)
			w.each(holdfast.PurposeForeign, w.say(c.reply), ns2)
			if c.open {
				w.expect("NSB-01", expect{grave, ns2, text})
				w.each(holdfast.PurposeForeign, w.say(c.reply)).expect("NSB-01", expect{grave, whole, "every server that answered " + text})
				return
			}
			w.expect("NSB-01")
		})
	}
}

func TestUpwardReferral(t *testing.T) {
	const text = "answers questions about foreign names with a referral to the root"
	up := wire.Message{Authority: records(t, ". 518400 IN NS a.root.test.", ". 518400 IN NS b.root.test.")}
	w := well(t)
	w.each(holdfast.PurposeForeign, w.say(up), ns1).expect("NSB-02", expect{warning, ns1, text})
	w.each(holdfast.PurposeForeign, w.say(up)).expect("NSB-02", expect{warning, whole, "every server that answered " + text})
	// Ways that differ are worth knowing; a lost reply is no way.
	w = well(t)
	w.each(holdfast.PurposeForeign, w.rcode(wire.ServFail), ns1).each(holdfast.PurposeForeign, drop, ns2).
		expect("NSB-02", expect{info, whole, "the servers turn questions about foreign names away in different ways: REFUSED and SERVFAIL"})
	w.each(holdfast.PurposeForeign, w.say(wire.Message{}), ns2).
		expect("NSB-02", expect{info, whole, "the servers turn questions about foreign names away in different ways: NOERROR with nothing in it, REFUSED and SERVFAIL"})
	// One that serves the root, beside those that do not.
	w = well(t)
	w.each(holdfast.PurposeForeign, w.rcode(wire.NXDomain), ns1).expect("NSB-02")
}

func TestEDNS(t *testing.T) {
	w := well(t)
	w.each(holdfast.PurposeEDNSVersion, w.answers(soaText), ns1).each(holdfast.PurposeEDNSVersion, w.rcode(wire.FormErr), ns2).
		expect("NSB-03", expect{warning, ns1, "answers NOERROR to EDNS version 1, where BADVERS is due"},
			expect{warning, ns2, "answers FORMERR to EDNS version 1, where BADVERS is due"})
	w = well(t)
	w.each(holdfast.PurposeManners, func(e *entry) {
		e.flags, e.options = unknownFlag, []wire.Option{{Code: unknownOption, Data: []byte("?")}}
	}, ns2b).expect("NSB-03", expect{warning, ns2b, "sends an EDNS option back that it does not know and sends an EDNS flag back that it does not know"})
	// What was wrong all at once is asked one by one.
	w = well(t)
	w.each(holdfast.PurposeManners, w.rcode(wire.FormErr))
	for _, s := range own {
		w.add(holdfast.PurposeCase, s, &wire.Message{Authoritative: true, Answer: records(t, soaText)})
		w.add(holdfast.PurposeEDNSOption, s, &wire.Message{Rcode: wire.FormErr})
		w.add(holdfast.PurposeEDNSFlag, s, &wire.Message{Authoritative: true, Answer: records(t, soaText)})
	}
	w.expect("NSB-03", expect{warning, whole, "every server that answered answers FORMERR to a question with an EDNS option that it does not know"})
	w.expect("NSB-04")
	w.each(holdfast.PurposeEDNSOption, drop).expect("NSB-03")
	w.each(holdfast.PurposeEDNSFlag, w.rcode(wire.ServFail), ns1).
		expect("NSB-03", expect{warning, ns1, "answers SERVFAIL to a question with an EDNS flag that it does not know"})
	// A server that answers nothing well has no manners to speak of.
	w = well(t)
	w.each("", w.rcode(wire.ServFail)).expect("NSB-03")
	w.expect("NSB-04")
	w.expect("NSB-05")
}

func TestCase(t *testing.T) {
	w := well(t)
	w.each(holdfast.PurposeManners, func(e *entry) { e.fold = true }, ns1).
		expect("NSB-04", expect{warning, ns1, "spells the name in its reply otherwise than in the question"})
	w.each(holdfast.PurposeManners, func(e *entry) { e.fold = true }).
		expect("NSB-04", expect{warning, whole, "every server that answered spells the name in its reply otherwise than in the question"})
	w = well(t)
	w.each(holdfast.PurposeManners, w.rcode(wire.NXDomain), ns2)
	w.expect("NSB-04") // it may be the option that it stumbles over
	w.add(holdfast.PurposeCase, ns2, &wire.Message{Rcode: wire.NXDomain})
	w.expect("NSB-04", expect{grave, ns2, "does not know the zone by its name in capitals: it answers NXDOMAIN"})
}

func TestTypes(t *testing.T) {
	w := well(t)
	w.each(holdfast.PurposeNoData, w.rcode(wire.NotImp), ns1).each(holdfast.PurposeApex, w.rcode(wire.NXDomain), ns1).
		expect("NSB-05", expect{warning, ns1, "answers NOTIMP for TYPE65399 and NXDOMAIN for AAAA, where NOERROR is due"})
	// RFC 4074 section 4.2, at a name server's own name.
	w = well(t)
	w.add(holdfast.PurposeAddress, ns1, &wire.Message{Authoritative: true, Answer: records(t, "www.example. 60 IN A 192.0.2.80")})
	e := w.add(holdfast.PurposeAddress, ns2, &wire.Message{Authoritative: true, Rcode: wire.NXDomain})
	e.Question.Type = uint16(wire.TypeAAAA)
	w.expect("NSB-05", expect{warning, ns2, "answers NXDOMAIN for AAAA where the name has an A record, where NOERROR is due"})
	e.Question.Name = "nowhere.example."
	w.expect("NSB-05")
}

func TestCookies(t *testing.T) {
	cookie := func(data string) func(*entry) {
		return func(e *entry) { e.options = []wire.Option{{Code: wire.OptionCookie, Data: []byte(data)}} }
	}
	const (
		bad    = "sends another client cookie back than it was sent"
		length = "sends a DNS cookie of its own that has not 8 to 32 octets"
	)
	for data, want := range map[string][]expect{
		"holdfast" + "12345678":              nil,
		"holdfast" + strings.Repeat("x", 32): nil,
		"holdfast":                           {{info, ns1, length}},
		"holdfast" + "1234567":               {{info, ns1, length}},
		"holdfast" + strings.Repeat("x", 33): {{info, ns1, length}},
		"HOLDFAST" + "12345678":              {{warning, ns1, bad}},
		"hold":                               {{warning, ns1, bad}},
	} {
		well(t).each(holdfast.PurposeForeign, cookie(data), ns1).expect("NSB-06", want...)
	}
	well(t).each(holdfast.PurposeForeign, cookie("x")).expect("NSB-06", expect{warning, whole, "every server that answered " + bad})
}

func TestTransfer(t *testing.T) {
	const text = "gives the whole zone to strangers (AXFR)"
	w := well(t)
	w.each(holdfast.PurposeAXFR, w.answers(soaText, "example. 60 IN NS ns1.example."), ns1).expect("NSB-07", expect{notice, ns1, text})
	w.kind = holdfast.KindInfra
	w.expect("NSB-07", expect{info, ns1, text})
	w = well(t)
	w.each(holdfast.PurposeAXFR, w.answers(soaText)).expect("NSB-07")
	w.each(holdfast.PurposeAXFR, w.say(wire.Message{Rcode: wire.NotAuth, Answer: records(t, soaText, soaText)})).expect("NSB-07")
}

func TestVersion(t *testing.T) {
	tell := func(text string) func(*entry) {
		return func(e *entry) {
			data := append([]byte{byte(len(text))}, text...)
			r := wire.NewRecord("version.bind.", wire.TypeTXT, 0, data)
			r.Class = wire.ClassCH
			e.message = &wire.Message{Authoritative: true, Answer: []wire.Record{r}}
		}
	}
	well(t).each(holdfast.PurposeVersion, tell("NSD 4.12.0"), ns1).expect("NSB-08", expect{info, ns1, `says that its version is "NSD 4.12.0"`})
	well(t).each(holdfast.PurposeVersion, tell(""), ns1).expect("NSB-08")
	well(t).each(holdfast.PurposeVersion, tell("\x00\x07"), ns1).expect("NSB-08")
	well(t).each(holdfast.PurposeVersion, tell("9.16.23-RH"), ns1).expect("NSB-08", expect{notice, ns1,
		`says that its version is "9.16.23-RH", which has a known weakness (CVE-2024-11187) unless whoever packaged it has mended it`})
	for version, weak := range map[string]bool{
		"9.18.32": true, "9.18.33": false, "9.20.4": true, "9.20.5": false, "9.21.3": true, "9.10.8": false, "9.22.0": false,
		"ISC BIND 9.11.37": true, "PowerDNS 9.18.1": false, "unbound 1.19.1": false, "99999999999999999999.1.1": false, "9.18": false,
	} {
		if got := weaknessOf(version) != ""; got != weak {
			t.Errorf("%q: weak %v", version, got)
		}
	}
	if got := textOf([]wire.Record{wire.NewRecord(".", wire.TypeTXT, 0, []byte{200, 'a', 'b'})}); got != "ab" {
		t.Errorf("a text that ends early is %q", got)
	}
	long := append([]byte{255}, strings.Repeat("v", 255)...)
	if got := textOf([]wire.Record{wire.NewRecord(".", wire.TypeTXT, 0, long)}); len(got) != longestVersion {
		t.Errorf("a long text has %d octets", len(got))
	}
}

func TestQuestions(t *testing.T) {
	const (
		anyText = "answers ANY with all that it has of the name"
		twoText = "answers a message with two questions, where FORMERR is due"
	)
	w := well(t)
	w.each(holdfast.PurposeANY, w.answers(soaText, "example. 60 IN NS ns1.example."), ns1).expect("NSB-09", expect{info, ns1, anyText})
	w.each(holdfast.PurposeQDCount, w.answers(soaText), ns1, ns2).
		expect("NSB-09", expect{info, ns1, anyText + " and " + twoText}, expect{info, ns2, twoText})
	// RFC 8482 section 4.1: one RRset, with its signatures; section 4.2: HINFO.
	w = well(t)
	w.each(holdfast.PurposeANY, w.answers(soaText, "example. 60 IN RRSIG SOA 13 1 3600 20260815000000 20260801000000 4711 example. AAAA"), ns1)
	w.each(holdfast.PurposeANY, w.answers(`example. 60 IN HINFO "RFC8482" ""`), ns2).expect("NSB-09")
	w.each(holdfast.PurposeQDCount, w.rcode(wire.Refused)).expect("NSB-09")
}

func TestAmplification(t *testing.T) {
	w := well(t)
	w.each(holdfast.PurposeANY, func(e *entry) { e.pad = 3280 }, ns2).
		expect("NSB-10", expect{notice, ns2, "answers a question of 40 octets over UDP (ANY) with more than 3200, some 80 times as much"})
	well(t).each(holdfast.PurposeANY, func(e *entry) { e.pad = 1232 }).expect("NSB-10")
	well(t).each(holdfast.PurposeANY, func(e *entry) { e.pad, e.Transport = 3280, holdfast.TCP }).expect("NSB-10")
}

// large makes an answer so long that it may not arrive.
func large(e *entry) { e.pad = 900 }

// overTCP is an answer that was had over TCP after silence over UDP.
func overTCP(e *entry) { e.pad, e.Transport, e.Tries = 900, holdfast.TCP, 3 }

func TestLargeAnswers(t *testing.T) {
	const lost = "does not get its large answers through over UDP: they are had over TCP only"
	w := well(t).each(holdfast.PurposeDNSKEY, overTCP, ns1)
	w.expect("CON-04") // one may be lost packets
	w.each(holdfast.PurposeNXDomain, overTCP, ns1).expect("CON-04", expect{warning, ns1, lost})
	w.each(holdfast.PurposeNXDeep, large, ns1).expect("CON-04") // as large a one came
	w = well(t).each(holdfast.PurposeDNSKEY, overTCP, ns1).each(holdfast.PurposeNXDomain, overTCP, ns1)
	w.each(holdfast.PurposeNS, func(e *entry) { overTCP(e); e.pad = 100 }, ns1).expect("CON-04") // a small one was lost as well
	// Where other zones' large answers came over TCP only as well, it is our path.
	w = well(t).each(holdfast.PurposeDNSKEY, overTCP).each(holdfast.PurposeNXDomain, overTCP)
	w.expect("CON-04", expect{warning, whole, "every server that answered " + lost})
	other := w.add(holdfast.PurposeDNSKEY, at("a.root.test.", "198.51.100.1"), &wire.Message{Authoritative: true})
	other.Zone, other.Question.Name = holdfast.Root, holdfast.Root
	overTCP(other)
	w.expect("CON-04")
	large(other)
	other.Transport, other.Tries = holdfast.UDP, 1
	w.expect("CON-04", expect{warning, whole, "every server that answered " + lost})
}

func TestTruncation(t *testing.T) {
	const text = "cuts large answers short over UDP and does not give them over TCP"
	cut := func(outcome holdfast.Outcome) func(*entry) {
		return func(e *entry) { e.Truncated, e.Outcome = true, outcome }
	}
	well(t).each(holdfast.PurposeDNSKEY, cut(holdfast.Refused), ns1).expect("CON-04", expect{warning, ns1, text})
	well(t).each(holdfast.PurposeDNSKEY, cut(holdfast.TruncatedTwice), ns1).expect("CON-04", expect{warning, ns1, text})
	w := well(t).each(holdfast.PurposeDNSKEY, cut(holdfast.Timeout), ns1)
	w.expect("CON-04") // one connection may fail
	w.each(holdfast.PurposeNXDomain, cut(holdfast.Timeout), ns1).expect("CON-04", expect{warning, ns1, text})
	w.each(holdfast.PurposeNXDeep, func(e *entry) { e.Truncated, e.Transport = true, holdfast.TCP }, ns1).expect("CON-04")
	// Cut short over UDP and had over TCP is as it should be.
	well(t).each(holdfast.PurposeDNSKEY, func(e *entry) { e.Truncated, e.Transport = true, holdfast.TCP }).expect("CON-04")
	well(t).each(holdfast.PurposeDNSKEY, func(e *entry) { e.pad = 1500 }, ns1).
		expect("CON-04", expect{warning, ns1, "sends more over UDP than the 1232 octets that were asked for"})
	// Nothing of EDNS.
	w = well(t).each("", func(e *entry) {
		if e.message != nil {
			e.message.EDNS, e.message.Rcode = nil, e.message.Rcode&15 // there is no BADVERS without
		}
	}, ns2, ns2b)
	without := "answers without EDNS: no signatures come from it, and nothing above 512 octets over UDP"
	w.expect("CON-04", expect{warning, ns2, without}, expect{warning, ns2b, without})
	w.expect("NSB-03")
}

func TestInstances(t *testing.T) {
	const text = "does not say which of its instances has answered (no NSID, no id.server)"
	mute := func(e *entry) { e.message.EDNS.NSID = nil }
	w := well(t).each(holdfast.PurposeSOA, mute, ns1)
	w.expect("CON-06", expect{info, ns1, text})
	w.each(holdfast.PurposeIdentity, drop, ns1).expect("CON-06")
	w = well(t).each(holdfast.PurposeSOA, mute)
	w.expect("CON-06", expect{info, whole, "every server that answered " + text})
	w.each(holdfast.PurposeIdentity, func(e *entry) {
		e.message.Rcode, e.message.Answer = wire.NoError, []wire.Record{wire.NewRecord("id.server.", wire.TypeTXT, 0, []byte("\x03one"))}
	}).expect("CON-06")

	version := func(data ...byte) func(*entry) {
		return func(e *entry) { e.options = []wire.Option{{Code: wire.OptionZoneVersion, Data: data}} }
	}
	// 2026080107 is 0x78C3876B.
	well(t).each(holdfast.PurposeManners, version(1, 0, 0x78, 0xC3, 0x87, 0x6B)).expect("CON-06")
	well(t).each(holdfast.PurposeManners, version(1, 0, 0x78, 0xC3, 0x87, 0x6A), ns2).
		expect("CON-06", expect{info, ns2, "says by ZONEVERSION that it answers from another serial than the SOA beside it has"})
	well(t).each(holdfast.PurposeManners, version(1, 9, 1, 2, 3, 4)).expect("CON-06") // a type of version that we do not know
	well(t).each(holdfast.PurposeManners, version(0, 0, 1, 2, 3, 4)).expect("CON-06") // of another zone
}

func TestEncryption(t *testing.T) {
	w := well(t)
	w.expect("CON-07")
	for _, s := range own {
		w.add(holdfast.PurposeTLS, s, &wire.Message{Rcode: wire.Refused}).Transport = holdfast.TLS
	}
	w.expect("CON-07")
	refuse := func(e *entry) { e.Outcome, e.message = holdfast.Refused, nil }
	w.each(holdfast.PurposeTLS, refuse, ns1).
		expect("CON-07", expect{info, whole, "some servers of the zone take questions over TLS and others did not: ns1.example. (192.0.2.1)"})
	w.each(holdfast.PurposeTLS, func(e *entry) { e.Outcome, e.message = holdfast.NotAsked, nil }, ns1).expect("CON-07")
	w.each(holdfast.PurposeTLS, refuse).expect("CON-07")
}

func TestChecksAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Checks() {
		if seen[c.Code] || c.Name == "" || c.Reference == "" || c.Summary == "" || c.Judge == nil {
			t.Errorf("check %q: %+v", c.Code, c)
		}
		seen[c.Code] = true
	}
	if len(seen) != 13 {
		t.Errorf("%d checks", len(seen))
	}
}

// FuzzChecks judges arbitrary replies: none may make a check panic, or keep it
// busy.
func FuzzChecks(f *testing.F) {
	base := well(f).measurement()
	for i := range base.Exchanges {
		f.Add(uint8(i), base.Exchanges[i].Reply, uint8(0))
	}
	outcomes := []holdfast.Outcome{holdfast.Answered, holdfast.Timeout, holdfast.Refused, holdfast.Malformed, holdfast.TruncatedTwice, holdfast.NotAsked}
	f.Fuzz(func(t *testing.T, at uint8, reply []byte, outcome uint8) {
		m := base
		m.Exchanges = append([]holdfast.Exchange(nil), base.Exchanges...)
		purpose := m.Exchanges[int(at)%len(m.Exchanges)].Purpose
		for i := range m.Exchanges {
			if e := &m.Exchanges[i]; e.Purpose == purpose {
				e.Reply, e.Outcome = reply, outcomes[int(outcome)%len(outcomes)]
			}
		}
		began := time.Now()
		v := judge.Catalogue{Checks: Checks()}.Judge(m, noon)
		for _, finding := range v.Findings {
			if finding.Code == judge.CodeBroken {
				t.Errorf("%s", finding.Text)
			}
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("took %s", took)
		}
	})
}
