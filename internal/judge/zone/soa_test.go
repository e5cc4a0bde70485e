package zone

import (
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// withSOA is the healthy world with another SOA everywhere.
func withSOA(t *testing.T, data string) *world {
	w := healthy(t)
	change := w.answer("example. 3600 IN SOA "+data, sigText)
	return w.each(holdfast.PurposeSOA, func(e *entry) {
		if e.Zone == child {
			change(e)
		}
	}).each(holdfast.PurposeSOATCP, change)
}

func TestTimers(t *testing.T) {
	const names = "ns1.example. hostmaster.nic.example. 7 "
	for _, c := range []struct{ timers, code, text string }{
		{"14399 3600 1209600 300", "ZON-01", "the SOA's refresh of 14399 seconds is less than 4 hours"},
		{"14400 3599 1209600 300", "ZON-02", "the SOA's retry of 3599 seconds is less than an hour"},
		{"14400 14400 1209600 300", "ZON-02", "the SOA's retry of 14400 seconds is not less than its refresh of 14400"},
		{"14400 3600 1209599 300", "ZON-03", "the SOA's expire of 1209599 seconds is less than two weeks"},
		{"14400 3600 1209600 299", "ZON-04", "the SOA's minimum of 299 seconds is less than 5 minutes"},
		{"14400 3600 1209600 86401", "ZON-04", "the SOA's minimum of 86401 seconds is more than a day"},
	} {
		w := withSOA(t, names+c.timers)
		w.expect(c.code, expect{notice, zoneItself, c.text})
		for _, other := range []string{"ZON-01", "ZON-02", "ZON-03", "ZON-04"} {
			if other != c.code {
				w.expect(other)
			}
		}
	}
	// The bounds themselves are good.
	for _, timers := range []string{"14400 3600 1209600 300", "86400 7200 3600000 86400"} {
		for _, code := range []string{"ZON-01", "ZON-02", "ZON-03", "ZON-04"} {
			withSOA(t, names+timers).expect(code)
		}
	}
	if got := withSOA(t, names+"14400 3600 18000 300").findings("ZON-03"); len(got) != 1 || got[0].Severity != warning {
		t.Errorf("a copy that does not outlive one missed transfer: %+v", got)
	}
	// 32-bit sums must not wrap round to something small.
	withSOA(t, names+"4294967295 4294967294 4294967295 300").expect("ZON-03", expect{warning, zoneItself,
		"the SOA's expire of 4294967295 seconds is not longer than refresh and retry together: a secondary that fails once to reach its primary drops the zone"})
}

// The newest version speaks; what a server that is behind has is its old word.
func TestTimersAreTheNewestVersions(t *testing.T) {
	w := healthy(t)
	old := w.answer("example. 3600 IN SOA ns1.example. hostmaster.nic.example. 2026080106 60 60 60 60", sigText)
	w.each(holdfast.PurposeSOA, old, ns2).each(holdfast.PurposeSOATCP, old, ns2)
	for _, code := range []string{"ZON-01", "ZON-02", "ZON-03", "ZON-04"} {
		w.expect(code)
	}
}

func TestSeveralSOA(t *testing.T) {
	w := healthy(t)
	two := w.answer(soaText, strings.Replace(soaText, "2026080107", "2026080108", 1), sigText)
	w.each(holdfast.PurposeSOA, two, ns2)
	w.expect("ZON-05", expect{grave, ns2, "gives 2 SOA records where there must be one"})
	w.each(holdfast.PurposeSOA, two, own...)
	w.expect("ZON-05", expect{grave, zoneItself, "every server gives more than one SOA record for the zone"})
	// The same record twice is one (RFC 2181 section 5.5).
	twice := healthy(t)
	twice.each(holdfast.PurposeSOA, twice.answer(soaText, soaText, sigText), ns2).expect("ZON-05")
}

func TestPrimary(t *testing.T) {
	const rest = " hostmaster.nic.example. 7 14400 3600 1209600 300"
	asked := func(name string, change func(*entry)) *world {
		w := withSOA(t, name+rest)
		for _, qtype := range []wire.Type{wire.TypeA, wire.TypeAAAA} {
			e := w.add("other.", holdfast.PurposeMName, rootA, holdfast.Name(name), qtype, &wire.Message{Authoritative: true})
			change(e)
		}
		return w
	}
	asked("hidden.other.", func(e *entry) { e.message.Rcode = wire.NXDomain }).
		expect("ZON-06", expect{notice, zoneItself, "the SOA's MNAME hidden.other. does not exist"})
	asked("hidden.other.", func(*entry) {}).
		expect("ZON-06", expect{notice, zoneItself, "the SOA's MNAME hidden.other. has no address"})
	w := asked("hidden.other.", func(*entry) {})
	w.each(holdfast.PurposeMName, w.answer("hidden.other. 60 IN CNAME x.other.")).
		expect("ZON-06", expect{notice, zoneItself, "the SOA's MNAME hidden.other. is an alias"})
	w = asked("hidden.other.", func(*entry) {})
	w.each(holdfast.PurposeMName, func(e *entry) {
		if wire.Type(e.Question.Type) == wire.TypeA {
			w.answer("hidden.other. 60 IN A 192.0.2.9")(e)
		}
	}).expect("ZON-06")
	withSOA(t, "example."+rest).expect("ZON-06", expect{notice, zoneItself, "the SOA's MNAME example. is the name of the zone itself, not of its primary server"})
	withSOA(t, "."+rest).expect("ZON-06", expect{notice, zoneItself, "the SOA's MNAME . is not a legal host name"})
	withSOA(t, "unasked.other."+rest).expect("ZON-06")
	asked("hidden.other.", drop).expect("ZON-06") // silence is no proof
}

func TestMailbox(t *testing.T) {
	soa := func(rname string) string { return "ns1.example. " + rname + " 7 14400 3600 1209600 300" }
	for rname, text := range map[string]string{
		".":                             "the SOA's RNAME is no mail address: it has no domain",
		"hostmaster.":                   "the SOA's RNAME is no mail address: it has no domain",
		`hostmaster\@nic.example.`:      "the SOA's RNAME is written with an @; its first dot stands for that",
		"hostmaster.example.":           "the SOA's RNAME is an address at the top-level domain example. itself, which most mail programs refuse",
		"hostmaster.no_such.example.":   "the SOA's RNAME is no mail address: no_such.example. is not a legal domain of one",
		`first\.last.mail_x.nic.museum`: "the SOA's RNAME is no mail address: mail_x.nic.museum. is not a legal domain of one",
	} {
		withSOA(t, soa(rname)).expect("ZON-07", expect{notice, zoneItself, text})
	}
	withSOA(t, soa(`first\.last.nic.example.`)).expect("ZON-07")
}

func TestMailDomain(t *testing.T) {
	const domain = "nic.example."
	ask := func(w *world, name string, qtype wire.Type, rcode int, answers ...string) {
		w.add(child, holdfast.PurposeMail, ns1, holdfast.Name(name), qtype,
			&wire.Message{Authoritative: true, Rcode: rcode, Answer: w.records(answers...)})
	}
	gone := healthy(t)
	ask(gone, domain, wire.TypeMX, wire.NXDomain)
	gone.expect("ZON-07", expect{notice, zoneItself, "the SOA's RNAME is an address at nic.example., and that domain does not exist"})

	null := healthy(t)
	ask(null, domain, wire.TypeMX, wire.NoError, "nic.example. 60 IN MX 0 .")
	null.expect("ZON-07", expect{notice, zoneItself, "the SOA's RNAME is an address at nic.example., and that domain takes no mail (null MX)"})

	bare := healthy(t)
	ask(bare, domain, wire.TypeMX, wire.NoError)
	bare.expect("ZON-07") // its addresses were not asked for
	ask(bare, domain, wire.TypeA, wire.NoError)
	ask(bare, domain, wire.TypeAAAA, wire.NoError)
	bare.expect("ZON-07", expect{notice, zoneItself, "the SOA's RNAME is an address at nic.example., and that domain has neither a mail host nor an address"})

	// An address alone takes mail too (RFC 5321 section 5.1).
	implicit := healthy(t)
	ask(implicit, domain, wire.TypeMX, wire.NoError)
	ask(implicit, domain, wire.TypeA, wire.NoError, "nic.example. 60 IN A 192.0.2.25")
	ask(implicit, domain, wire.TypeAAAA, wire.NoError)
	implicit.expect("ZON-07")

	hostless := healthy(t)
	ask(hostless, domain, wire.TypeMX, wire.NoError, "nic.example. 60 IN MX 10 mail.nic.example.")
	ask(hostless, "mail.nic.example.", wire.TypeA, wire.NXDomain)
	hostless.expect("ZON-07", expect{notice, zoneItself, "the SOA's RNAME is an address at nic.example., and none of that domain's mail hosts has an address"})

	third := healthy(t)
	ask(third, domain, wire.TypeMX, wire.NoError, "nic.example. 60 IN MX 10 mail.nic.example.", "nic.example. 60 IN MX 20 unasked.example.")
	ask(third, "mail.nic.example.", wire.TypeA, wire.NXDomain)
	third.expect("ZON-07")
}

func TestApexMail(t *testing.T) {
	ask := func(w *world, qtype wire.Type, answers ...string) *world {
		w.add(child, holdfast.PurposeApex, ns1, child, qtype, &wire.Message{Authoritative: true, Answer: w.records(answers...)})
		return w
	}
	ask(healthy(t), wire.TypeMX, "example. 60 IN MX 10 mail.nic.example.").
		expect("ZON-08", expect{notice, zoneItself, "mail to addresses at the top-level domain itself is taken by mail.nic.example."})
	ask(healthy(t), wire.TypeMX, "example. 60 IN MX 0 .").expect("ZON-08")
	ask(healthy(t), wire.TypeMX).expect("ZON-08")
	ask(healthy(t), wire.TypeTXT, `example. 60 IN TXT "v=spf1 mx -all"`).
		expect("ZON-08", expect{notice, zoneItself, `an SPF record says that mail is sent from addresses at the top-level domain itself; one that sends none says "v=spf1 -all"`})
	ask(healthy(t), wire.TypeTXT, `example. 60 IN TXT "v=spf1 -all"`, `example. 60 IN TXT "v=spf10 mx"`).expect("ZON-08")
	below := ask(healthy(t), wire.TypeMX, "example. 60 IN MX 10 mail.nic.example.").measurement()
	below.Subject.Zone = "nic.example."
	if got := (judge.Catalogue{Checks: []judge.Check{apexMail()}}).Judge(below, noon).Findings; len(got) != 0 {
		t.Errorf("a zone below a top-level domain: %+v", got)
	}
}

func TestApexAddress(t *testing.T) {
	w := healthy(t)
	for _, s := range own {
		w.add(child, holdfast.PurposeApex, s, child, wire.TypeAAAA, &wire.Message{Authoritative: true, Authority: w.records(soaText)})
	}
	w.expect("ZON-09")
	w.add(child, holdfast.PurposeApex, ns1, child, wire.TypeA,
		&wire.Message{Authoritative: true, Answer: w.records("example. 60 IN A 192.0.2.80", "example. 60 IN A 192.0.2.79")})
	w.expect("ZON-09", expect{grave, zoneItself, "the name of the top-level domain itself has the address 192.0.2.79 and 192.0.2.80"})
	w.each(holdfast.PurposeApex, func(e *entry) { e.message.Authoritative = false })
	w.expect("ZON-09") // a cache's word
}

// TestTTLs hands the check a chain: what signatures there are is the
// validator's to say.
func TestTTLs(t *testing.T) {
	set := func(class holdfast.Class, ttl uint32, life time.Duration) *judge.Set {
		return &judge.Set{Server: ns1, Class: class, RRset: &judge.RRset{TTL: ttl}, Signatures: []judge.Signature{{
			Inception: noon.Add(-life / 2), Expiration: noon.Add(life - life/2),
		}}}
	}
	judged := func(sets ...*judge.Set) []holdfast.Finding {
		chain := &judge.Chain{Servers: []judge.ServerChain{{Server: ns1, Sets: sets}, {Server: ns2, Sets: sets}}}
		check := ttlAgainstSignatures()
		return judge.Catalogue{Checks: []judge.Check{check}, Validate: func(*judge.Case) *judge.Chain { return chain }}.
			Judge(healthy(t).measurement(), noon).Findings
	}
	const week = 7 * 24 * time.Hour
	for _, c := range []struct {
		set  *judge.Set
		text string
	}{
		{set(holdfast.ClassNS, 86400, week), ""},
		{set(holdfast.ClassSOA, 60, week), ""},
		{set(holdfast.ClassNSEC3PARAM, 0, week), ""},
		{set(holdfast.ClassNS, 300, week), ""},
		{set(holdfast.ClassDNSKEY, 299, week), "the TTL of DNSKEY, 299 seconds, is less than 5 minutes: a chain of trust may be gone from a cache before it is complete"},
		{set(holdfast.ClassNS, 604800, week), "the TTL of NS, 604800 seconds, is not shorter than the whole life of its signatures"},
		{&judge.Set{Class: holdfast.ClassNS, RRset: &judge.RRset{TTL: 604800}, Best: -1}, ""},
	} {
		got := judged(c.set)
		switch {
		case c.text == "" && len(got) != 0:
			t.Errorf("%s %d: %q", c.set.Class, c.set.RRset.TTL, got[0].Text)
		case c.text != "" && (len(got) != 1 || got[0].Text != c.text || got[0].Severity != notice || got[0].Server != zoneItself):
			t.Errorf("%s %d: %+v", c.set.Class, c.set.RRset.TTL, got)
		}
	}
}

func TestOriginalTTL(t *testing.T) {
	const sig = "example. 3600 IN RRSIG NS 13 1 3600 20260815000000 20260801000000 4711 example. AAAA"
	high := []string{"example. 7200 IN NS ns1.example.", "example. 7200 IN NS ns2.example.", sig}
	w := healthy(t)
	w.each(holdfast.PurposeNS, w.answer(high...), ns2).
		expect("ZON-11", expect{grave, ns2, "gives NS records with a TTL of 7200 seconds, and their signature was made for 3600"})
	lower := healthy(t)
	lower.each(holdfast.PurposeNS, lower.answer("example. 60 IN NS ns1.example.", "example. 60 IN NS ns2.example.", sig), ns2).expect("ZON-11")
	// Two signers, two originals: either may be right.
	several := healthy(t)
	several.each(holdfast.PurposeNS, several.answer(append(high, strings.Replace(sig, " 1 3600", " 1 7200", 1))...), ns2).expect("ZON-11")
	unsigned := healthy(t)
	unsigned.each(holdfast.PurposeNS, unsigned.answer(high[:2]...), ns2).expect("ZON-11")
}
