package zone

import (
	"strings"
	"testing"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// moved is the healthy world with ns2 on another address, at the parent, in
// the zone and in fact.
func moved(t *testing.T, address string) *world {
	w := healthy(t)
	to := server("ns2.example.", address)
	for _, e := range w.entries {
		if e.Server == ns2 {
			e.Server = to
		}
		if e.message == nil {
			continue
		}
		for _, section := range [][]wire.Record{e.message.Answer, e.message.Additional} {
			for i, r := range section {
				if r.Name == ns2.Name && r.Type == wire.TypeA {
					section[i] = record(t, "ns2.example. 3600 IN A "+address)
				}
			}
		}
	}
	return w
}

func TestSpecialAddress(t *testing.T) {
	for address, block := range map[string]string{
		"10.1.2.3":       "10.0.0.0/8 (Private-Use)",
		"127.0.0.53":     "127.0.0.0/8 (Loopback)",
		"100.64.0.1":     "100.64.0.0/10 (Shared Address Space)",
		"192.168.255.1":  "192.168.0.0/16 (Private-Use)",
		"240.0.0.1":      "240.0.0.0/4 (Reserved)",
		"169.254.169.25": "169.254.0.0/16 (Link Local)",
	} {
		moved(t, address).expect("NET-01", expect{grave, server("ns2.example.", address),
			"has an address of a block for special purposes, " + block + ", that the world cannot reach"})
	}
	for _, address := range []string{"198.41.0.4", "192.31.196.1", "203.0.113.2"} {
		moved(t, address).expect("NET-01")
	}
}

// Documentation's addresses are wrong on the Internet, where none can answer;
// where one does with authority, this is a laboratory.
func TestDocumentationAddresses(t *testing.T) {
	w := healthy(t)
	for _, e := range w.entries {
		if e.message != nil {
			e.message.Authoritative = false
		}
	}
	got := w.findings("NET-01")
	if len(got) != len(own) || got[0].Text != "has an address of a block for special purposes, 192.0.2.0/24 (Documentation (TEST-NET-1)), that the world cannot reach" {
		t.Errorf("%+v", got)
	}
	// Glue alone is enough, and what cannot be asked says nothing for itself.
	glue := healthy(t)
	for _, e := range glue.entries {
		if e.Zone == child {
			drop(e)
		}
		e.Server.Address = map[bool]holdfast.Server{true: server("a.", "198.41.0.4"), false: e.Server}[e.Zone == holdfast.Root].Address
	}
	if got := glue.findings("NET-01"); len(got) != len(own) {
		t.Errorf("%+v", got)
	}
}

func TestOnePrefix(t *testing.T) {
	const cut = ": what cuts that off cuts off the zone (prefixes stand in for routes, which are not looked at)"
	healthy(t).expect("NET-03")
	moved(t, "192.0.2.77").expect("NET-03") // by IPv6 they lie apart
	w := moved(t, "192.0.2.77")
	for _, e := range w.entries {
		if e.Server == ns2v6 {
			e.Server.Address = server("", "2001:db8:0:ffff::2").Address
		}
		if e.message == nil {
			continue
		}
		for _, section := range [][]wire.Record{e.message.Answer, e.message.Additional} {
			for i, r := range section {
				if r.Name == ns2.Name && r.Type == wire.TypeAAAA {
					section[i] = record(t, "ns2.example. 3600 IN AAAA 2001:db8:0:ffff::2")
				}
			}
		}
	}
	w.expect("NET-03", expect{notice, zoneItself, "all name servers of the zone lie in 192.0.2.0/24 and 2001:db8::/48" + cut})
}

func TestNamesIllegal(t *testing.T) {
	withSOA(t, "ns_1.example. hostmaster.nic.example. 7 14400 3600 1209600 300").
		expect("SYN-01", expect{notice, zoneItself, `names that are not legal: MNAME ns_1.example.: "ns_1" has characters other than letters, digits and hyphens`})
	withSOA(t, "ns1.example. hostmaster.xn--a.example. 7 14400 3600 1209600 300").
		expect("SYN-01", expect{notice, zoneItself, `names that are not legal: the domain of RNAME xn--a.example.: "xn--a" begins with xn-- and is no A-label of IDNA2008`})
	withSOA(t, `ns1.example. first\.last.xn--p1ai. 7 14400 3600 1209600 300`).expect("SYN-01")
	w := healthy(t)
	w.each(holdfast.PurposeNS, func(e *entry) {
		e.message.Answer = w.records("example. 3600 IN NS ns1.example.", "example. 3600 IN NS ab--cd.example.")
	}).expect("SYN-01", expect{notice, zoneItself,
		`names that are not legal: name server ab--cd.example.: "ab--cd" has hyphens in its third and fourth place, which are kept for A-labels`})
	mail := healthy(t)
	for _, s := range []holdfast.Server{ns1, ns2} {
		mail.add(child, holdfast.PurposeApex, s, child, wire.TypeMX, &wire.Message{Authoritative: true, Answer: mail.records("example. 60 IN MX 1 m_x.example.", "example. 60 IN MX 0 .")})
	}
	mail.expect("SYN-01", expect{notice, zoneItself, `names that are not legal: mail host m_x.example.: "m_x" has characters other than letters, digits and hyphens`})
}

func TestSOADiffers(t *testing.T) {
	other := strings.Replace(soaText, "14400 3600", "14400 7200", 1)
	w := healthy(t)
	w.each(holdfast.PurposeSOA, w.answer(other, sigText), ns2).
		expect("CST-02", expect{notice, ns2, "gives an SOA of the same serial with another retry (7200) than most servers"})
	half := healthy(t)
	half.each(holdfast.PurposeSOA, half.answer(strings.Replace(other, "hostmaster.nic", "someone.nic", 1), sigText), ns2, ns2v6)
	got := half.findings("CST-02")
	if len(got) != 2 || strings.Contains(got[0].Text, "someone") || !strings.HasPrefix(got[0].Text, "gives an SOA of the same serial with another RNAME and another retry (") {
		t.Errorf("%+v", got)
	}
	// Another serial is another version, which may well differ.
	newer := healthy(t)
	newer.each(holdfast.PurposeSOA, newer.answer(strings.Replace(other, "2026080107", "2026080108", 1), sigText), ns2).expect("CST-02")
	cased := healthy(t)
	cased.each(holdfast.PurposeSOA, cased.answer(strings.Replace(soaText, "ns1.example.", "NS1.Example.", 1), sigText), ns2).expect("CST-02")
}

func TestApexDataDiffers(t *testing.T) {
	ask := func(w *world, s holdfast.Server, answers ...string) {
		m := &wire.Message{Authoritative: true, Answer: w.records(answers...)}
		if len(answers) == 0 {
			m.Authority = w.records(soaText)
		}
		w.add(child, holdfast.PurposeApex, s, child, wire.TypeTXT, m)
	}
	w := healthy(t)
	for _, s := range []holdfast.Server{ns1, ns1v6, ns2} {
		ask(w, s, `example. 60 IN TXT "one"`)
	}
	w.expect("CST-03")
	ask(w, ns2v6)
	w.expect("CST-03", expect{warning, ns2v6, "gives other TXT records than most servers under the same serial 2026080107"})
}

const zonemdText = "example. 3600 IN ZONEMD 2026080107 1 1 C68090D90A7AED716BC459F9340E3D7C1370D4D24B7E2FC3A1DDC0B9A87153B9A9713B3C9AE5CC27777F98B8E730044C"

func TestZONEMD(t *testing.T) {
	const sig = "example. 3600 IN RRSIG ZONEMD 13 1 3600 20260815000000 20260801000000 4711 example. AAAA"
	give := func(w *world, s holdfast.Server, answers ...string) {
		w.add(child, holdfast.PurposeApex, s, child, wire.TypeZONEMD, &wire.Message{Authoritative: true, Answer: w.records(answers...)})
	}
	all := func(answers ...string) *world {
		w := healthy(t)
		for _, s := range own {
			give(w, s, answers...)
		}
		return w
	}
	all(zonemdText, sig).expect("INT-02")
	all(zonemdText).expect("INT-02", expect{warning, zoneItself, "the zone gives ZONEMD records without a signature: nobody can trust the digest"})
	stale := strings.Replace(zonemdText, "2026080107", "2026080106", 1)
	all(stale, sig).expect("INT-02", expect{warning, zoneItself, "the zone gives a ZONEMD record whose serial is not the SOA's: the digest is of another version of the zone"})
	all(zonemdText, zonemdText[:len(zonemdText)-2]+"4D", sig).
		expect("INT-02", expect{warning, zoneItself, "the zone gives two ZONEMD records of scheme 1 and hash 1: neither can be used"})
	all(strings.Replace(zonemdText, " 1 1 ", " 1 241 ", 1), sig).
		expect("INT-02", expect{notice, zoneItself, "the zone gives ZONEMD records of no scheme and hash that RFC 8976 defines"})
	all(zonemdText, strings.Replace(zonemdText, " 1 1 ", " 241 241 ", 1), sig).expect("INT-02") // one that is known is enough
	one := all(zonemdText, sig)
	one.entries[len(one.entries)-1].message.Answer = one.records(stale, sig)
	one.expect("INT-02", expect{warning, ns2v6, "gives a ZONEMD record whose serial is not the SOA's: the digest is of another version of the zone"})
	// The zone changed while it was looked at.
	one.each(holdfast.PurposeSOATCP, one.answer(strings.Replace(soaText, "2026080107", "2026080108", 1)), ns2v6).expect("INT-02")
	unsigned := all(zonemdText).unsigned(own...)
	unsigned.expect("INT-02")
}

func TestAliases(t *testing.T) {
	w := healthy(t)
	w.each(holdfast.PurposeCDS, w.answer("example. 60 IN CNAME www.example."), ns2).
		expect("INT-03", expect{grave, ns2, "answers that the zone's own name is an alias, beside its SOA and NS records"})
	w.each(holdfast.PurposeCDS, w.answer("example. 60 IN CNAME www.example."), own...).
		expect("INT-03", expect{grave, zoneItself, "the zone has an alias beside other data of the same name"})
	below := healthy(t)
	lost := holdfast.Name("lost.example.")
	e := below.add(child, holdfast.PurposeNXDomain, ns1, lost, wire.TypeA, &wire.Message{Authoritative: true,
		Answer: below.records("lost.example. 60 IN CNAME x.example.", "x.example. 60 IN A 192.0.2.1")})
	below.expect("INT-03")
	e.message.Answer = below.records("lost.example. 60 IN CNAME x.example.", "lost.example. 60 IN A 192.0.2.1")
	below.expect("INT-03", expect{grave, ns1, "gives an alias and A records for lost.example."})
	e.message.Answer = below.records("lost.example. 60 IN CNAME x.example.", "lost.example. 60 IN CNAME y.example.")
	below.expect("INT-03", expect{grave, ns1, "gives 2 aliases for lost.example., where one is allowed"})
}
