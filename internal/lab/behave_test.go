package lab

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// rawQuery is a question built by hand, as no library would let one.
type rawQuery struct {
	name    string // presentation form, spelled as it is to be sent
	qtype   wire.Type
	class   uint16 // 0: IN
	rd      bool
	count   uint16 // QDCOUNT; 0: 1
	noEDNS  bool
	version byte
	z       uint16
	size    uint16 // 0: 1232
	options []byte
}

func option(code uint16, data string) []byte {
	return append(appendOption(nil, code, len(data)), data...)
}

func (q rawQuery) pack(t testing.TB) []byte {
	t.Helper()
	out := []byte{0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	if q.rd {
		out[2] = 1
	}
	if q.count > 0 {
		binary.BigEndian.PutUint16(out[4:], q.count)
	}
	name, err := wire.PackName(holdfast.Name(q.name))
	if err != nil {
		t.Fatal(err)
	}
	class := uint16(1)
	if q.class != 0 {
		class = q.class
	}
	for range max(1, q.count) {
		out = append(out, name...)
		out = binary.BigEndian.AppendUint16(out, uint16(q.qtype))
		out = binary.BigEndian.AppendUint16(out, class)
	}
	if !q.noEDNS {
		out[11] = 1
		size := uint16(1232)
		if q.size != 0 {
			size = q.size
		}
		out = append(out, 0, 0, 41, byte(size>>8), byte(size), 0, q.version, byte(q.z>>8), byte(q.z))
		out = append(binary.BigEndian.AppendUint16(out, uint16(len(q.options))), q.options...)
	}
	return out
}

// rawReply is a reply read by hand.
type rawReply struct {
	fate    fate
	packet  []byte
	message *wire.Message
	flags   uint16 // of EDNS, without DO
	options map[uint16][]byte
}

func (q rawQuery) ask(t testing.TB, in *Internet, server string, tcp bool) rawReply {
	t.Helper()
	r := in.respond(nil, netip.MustParseAddr(server), q.pack(t), tcp)
	out := rawReply{fate: r.fate, packet: r.packet, options: map[uint16][]byte{}}
	if r.fate != delivered {
		return out
	}
	var err error
	if out.message, err = wire.Parse(r.packet); err != nil {
		t.Fatalf("%s %s: %v: %x", q.name, q.qtype, err, r.packet)
	}
	if out.message.EDNS == nil {
		return out
	}
	// The OPT record is the last one, and its data ends the packet.
	at := bytes.LastIndex(r.packet, []byte{0, 0, 41})
	out.flags = binary.BigEndian.Uint16(r.packet[at+7:]) &^ 0x8000
	for rest := r.packet[at+11:]; len(rest) >= 4; {
		n := binary.BigEndian.Uint16(rest[2:])
		out.options[binary.BigEndian.Uint16(rest)] = rest[4 : 4+n]
		rest = rest[4+n:]
	}
	return out
}

// expect is nil where got is what the fault makes of it.
func expect(what string, ok bool) error {
	if ok {
		return nil
	}
	return fmt.Errorf("it does not show: %s", what)
}

type behaviour = struct {
	order string
	check func(*testing.T, *Internet) error
}

// rcodeOf shows a fault by the response code of one question.
func rcodeOf(order string, q rawQuery, rcode int) behaviour {
	return behaviour{order, func(t *testing.T, in *Internet) error {
		r := q.ask(t, in, nsecA, false)
		return expect(fmt.Sprint(r.message), r.message != nil && r.message.Rcode == rcode)
	}}
}

func silent(order string, q rawQuery) behaviour {
	return behaviour{order, func(t *testing.T, in *Internet) error {
		return expect("a reply", q.ask(t, in, nsecA, false).fate == lost)
	}}
}

func shown(order string, q rawQuery, ok func(rawReply) bool) behaviour {
	return behaviour{order, func(t *testing.T, in *Internet) error {
		r := q.ask(t, in, nsecA, false)
		return expect(fmt.Sprintf("%x", r.packet), r.fate == delivered && ok(r))
	}}
}

var (
	soaQuestion = rawQuery{name: "nsec.test.", qtype: wire.TypeSOA}
	strange     = rawQuery{name: "nsec.test.", qtype: wire.TypeSOA, options: option(65001, "hello")}
	unknownType = rawQuery{name: "nsec.test.", qtype: 65280}
	aClient     = rawQuery{name: "nsec.test.", qtype: wire.TypeSOA, options: option(optionCookie, "8 octets")}
)

func chaos(name string) rawQuery { return rawQuery{name: name, qtype: typeTXT, class: classCH} }

// behaviours show the faults of servers.
var behaviours = map[Kind]behaviour{
	Recursive: shown("* recursive *", rawQuery{name: "www.nsec3.test.", qtype: wire.TypeA, rd: true}, func(r rawReply) bool {
		return r.message.RecursionAvailable && !r.message.Authoritative && count(r.message.Answer, wire.TypeA) == 1
	}),
	BadVersWrong:    rcodeOf("* edns-badvers-wrong *", rawQuery{name: "nsec.test.", qtype: wire.TypeSOA, version: 1}, wire.NoError),
	OptionFormErr:   rcodeOf("* edns-option-formerr *", strange, wire.FormErr),
	OptionDrop:      silent("* edns-option-drop *", strange),
	OptionEcho:      shown("* edns-option-echo *", strange, func(r rawReply) bool { return string(r.options[65001]) == "hello" }),
	FlagsEcho:       shown("* edns-flags-echo *", rawQuery{name: "nsec.test.", qtype: wire.TypeSOA, z: 0x8180}, func(r rawReply) bool { return r.flags == 0x180 }),
	EDNSIgnore:      shown("* edns-ignore *", soaQuestion, func(r rawReply) bool { return r.message.EDNS == nil && len(r.message.Answer) > 0 }),
	EDNSSize:        shown("* edns-size 4096 *", soaQuestion, func(r rawReply) bool { return r.message.EDNS.UDPSize == 4096 }),
	BigUDPLost:      silent("* big-udp-lost 60 *", soaQuestion),
	CaseFold:        shown("* case-fold *", rawQuery{name: "nSeC.tEST.", qtype: wire.TypeSOA}, func(r rawReply) bool { return bytes.Contains(r.packet[12:24], []byte("nsec\x04test")) }),
	CaseBlind:       rcodeOf("* case-blind *", rawQuery{name: "nSeC.tEST.", qtype: wire.TypeSOA}, wire.NXDomain),
	UnknownNotImp:   rcodeOf("* unknown-type-notimp *", unknownType, wire.NotImp),
	UnknownServFail: rcodeOf("* unknown-type-servfail *", unknownType, wire.ServFail),
	UnknownDrop:     silent("* unknown-type-drop *", unknownType),
	AAAANXDomain:    rcodeOf("* aaaa-nxdomain *", rawQuery{name: "ns2.nsec.test.", qtype: wire.TypeAAAA}, wire.NXDomain),
	CookieBad: shown("* cookie-bad *", aClient, func(r rawReply) bool {
		return len(r.options[optionCookie]) == 24 && !strings.HasPrefix(string(r.options[optionCookie]), "8 octets")
	}),
	Upward: shown("* upward *", rawQuery{name: "elsewhere.", qtype: wire.TypeA}, func(r rawReply) bool {
		return r.message.Rcode == wire.NoError && len(r.message.Authority) == 2 && r.message.Authority[0].Name == holdfast.Root && !r.message.Authoritative
	}),
	FlagsFormErr:   rcodeOf("* edns-flags-formerr *", rawQuery{name: "nsec.test.", qtype: wire.TypeSOA, z: 0x80}, wire.FormErr),
	VersionFormErr: rcodeOf("* edns-version-formerr *", rawQuery{name: "nsec.test.", qtype: wire.TypeSOA, version: 1}, wire.FormErr),
	Oversize: {"* oversize *", func(t *testing.T, in *Internet) error {
		r := rawQuery{name: "both.test.", qtype: wire.TypeDNSKEY, z: 0x8000, size: 512}.ask(t, in, testA, false)
		return expect("TC", !r.message.Truncated && len(r.packet) > 512)
	}},
	CookieShort: shown("* cookie-short *", aClient, func(r rawReply) bool {
		return len(r.options[optionCookie]) == 12 && strings.HasPrefix(string(r.options[optionCookie]), "8 octets")
	}),
	OverTLS: {"* dot *", func(t *testing.T, in *Internet) error {
		conn, err := in.DialContext(t.Context(), "tcp", nsecA+":853")
		if err != nil {
			return err
		}
		secure := tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
		defer secure.Close()
		if _, err := secure.Write(appendFramed(nil, soaQuestion.pack(t))); err != nil {
			t.Fatal(err)
		}
		reply, err := readFramed(secure)
		if err != nil {
			t.Fatal(err)
		}
		m, err := wire.Parse(reply)
		return expect(fmt.Sprint(err), err == nil && m.Authoritative && count(m.Answer, wire.TypeSOA) == 1)
	}},
	NoCookies:     shown("* no-cookies *", aClient, func(r rawReply) bool { return r.options[optionCookie] == nil }),
	NoNSID:        shown("* no-nsid *", rawQuery{name: "nsec.test.", qtype: wire.TypeSOA, options: option(optionNSID, "")}, func(r rawReply) bool { return r.options[optionNSID] == nil }),
	NoZoneVersion: shown("* no-zoneversion *", rawQuery{name: "nsec.test.", qtype: wire.TypeSOA, options: option(optionZoneVersion, "")}, func(r rawReply) bool { return r.options[optionZoneVersion] == nil }),
	AXFROpen: {"* axfr-open nsec.test.", func(t *testing.T, in *Internet) error {
		framed, _ := in.respondTCP(netip.MustParseAddr(nsecA), rawQuery{name: "nsec.test.", qtype: wire.TypeAXFR}.pack(t))
		m, err := wire.Parse(framed[2:min(len(framed), 2+int(binary.BigEndian.Uint16(framed)))])
		return expect(fmt.Sprint(err), err == nil && m.Rcode == wire.NoError && len(m.Answer) > 10)
	}},
	Version: shown(`* version "NSD 4.2.0 (old)" *`, chaos("version.bind."), func(r rawReply) bool {
		return bytes.Contains(r.packet, []byte("\x0fNSD 4.2.0 (old)")) && r.message.Rcode == 0
	}),
	HostName:       shown("* hostname ams1 *", chaos("id.server."), func(r rawReply) bool { return bytes.Contains(r.packet, []byte("\x04ams1")) }),
	AnyFull:        shown("* any-full *", rawQuery{name: "www.nsec.test.", qtype: wire.TypeANY}, func(r rawReply) bool { return len(r.message.Answer) == 2 }),
	QuestionsBlind: rcodeOf("* qdcount-blind *", rawQuery{name: "nsec.test.", qtype: wire.TypeSOA, count: 2, noEDNS: true}, wire.NoError),
	ReportChannel: shown("* report-channel agent.example. *", soaQuestion, func(r rawReply) bool {
		return string(r.options[optionReportChannel]) == "\x05agent\x07example\x00"
	}),
}

// TestHealthyServer: what RFC 6891, 7873, 9018, 9567, 9619 and 9660 want of it.
func TestHealthyServer(t *testing.T) {
	in, _ := small(t)
	if r := (rawQuery{name: "nsec.test.", qtype: wire.TypeSOA, count: 2}).ask(t, in, nsecA, false); r.message.Rcode != wire.FormErr {
		t.Errorf("two questions: %+v", r.message)
	}
	if r := (rawQuery{name: "elsewhere.", qtype: wire.TypeA, rd: true}).ask(t, in, nsecA, false); r.message.Rcode != wire.Refused || r.message.RecursionAvailable {
		t.Errorf("a foreign name: %+v", r.message)
	}
	if r := (rawQuery{name: "nsec.test.", qtype: wire.TypeSOA, z: 0x7fff, options: option(65001, "hello")}).ask(t, in, nsecA, false); r.flags != 0 || len(r.options) != 0 || r.message.Rcode != 0 {
		t.Errorf("unknown flags and options: %+v", r)
	}
	if r := unknownType.ask(t, in, nsecA, false); r.message.Rcode != wire.NoError || count(r.message.Authority, wire.TypeSOA) != 1 {
		t.Errorf("an unknown type: %+v", r.message)
	}
	cookie := aClient.ask(t, in, nsecA, false).options[optionCookie]
	if len(cookie) != 24 || string(cookie[:8]) != "8 octets" || cookie[8] != 1 || !bytes.Equal(cookie[9:12], make([]byte, 3)) ||
		int64(binary.BigEndian.Uint32(cookie[12:])) != start.Unix() {
		t.Errorf("cookie %x (RFC 9018 section 4)", cookie)
	}
	if r := (rawQuery{name: "nsec.test.", qtype: wire.TypeSOA, options: option(optionCookie, "9 octets!")}).ask(t, in, nsecA, false); r.message.Rcode != wire.FormErr {
		t.Errorf("a cookie of 9 octets (RFC 7873 section 5.2.2): %+v", r.message)
	}
	version := rawQuery{name: "www.nsec.test.", qtype: wire.TypeA, options: option(optionZoneVersion, "")}.ask(t, in, nsecA, false).options[optionZoneVersion]
	if len(version) != 6 || version[0] != 2 || version[1] != 0 || binary.BigEndian.Uint32(version[2:]) != serialOf(t, in, nsecA, "nsec.test.") {
		t.Errorf("ZONEVERSION %x (RFC 9660 section 2)", version)
	}
	if r := chaos("version.bind.").ask(t, in, nsecA, false); r.message.Rcode != wire.Refused {
		t.Errorf("version.bind: %+v", r.message)
	}
	framed, _ := in.respondTCP(netip.MustParseAddr(nsecA), rawQuery{name: "nsec.test.", qtype: wire.TypeAXFR}.pack(t))
	if m, err := wire.Parse(framed[2:]); err != nil || m.Rcode != wire.Refused {
		t.Errorf("AXFR by a stranger: %v %+v", err, m)
	}
}

// TestKdigReadsServers: what a stranger reads out of the options.
func TestKdigReadsServers(t *testing.T) {
	kdig := need(t, "kdig")
	dig := need(t, "dig")
	if !inNamespace(t) {
		return
	}
	in := serveHere(t, readPlan(t, "small.lab"))
	for _, c := range []struct {
		order string
		tool  string
		args  []string
		want  string
	}{
		{"", dig, []string{"+cookie=0123456789abcdef", "nsec.test", "SOA"}, "(good)"},
		{"* cookie-bad *", dig, []string{"+cookie=0123456789abcdef", "nsec.test", "SOA"}, "(bad)"},
		{"", kdig, []string{"+nsid", "nsec.test", "SOA"}, `"ns1.nsec.test."`},
		{"* hostname ams1 *", kdig, []string{"+nsid", "nsec.test", "SOA"}, `"ams1"`},
		{`* version "BIND 9.11.4" *`, kdig, []string{"CH", "TXT", "version.bind"}, `"BIND 9.11.4"`},
		{"", dig, []string{"+edns=1", "+noednsneg", "nsec.test", "SOA"}, "status: BADVERS"},
		{"* recursive *", dig, []string{"www.nsec3.test", "A"}, "192.0.2.80"},
		{"", dig, []string{"+ednsopt=65001:00", "nsec.test", "SOA"}, "status: NOERROR"},
		{"* edns-option-formerr *", dig, []string{"+ednsopt=65001:00", "+nobadcookie", "nsec.test", "SOA"}, "FORMERR"},
		{"* edns-flags-echo *", dig, []string{"+ednsflags=0x40", "nsec.test", "SOA"}, "MBZ: 0x0040"},
		{"* axfr-open nsec.test.", dig, []string{"nsec.test", "AXFR"}, "deep.in.the.wood.nsec.test."},
		{"", dig, []string{"nsec.test", "AXFR"}, "Transfer failed"},
		{"* big-udp-lost 100 *", dig, []string{"+tries=1", "+time=1", "+dnssec", "nsec.test", "DNSKEY"}, "timed out"},
	} {
		id := 0
		if c.order != "" {
			f, err := ParseFault(c.order, in.Start())
			if err != nil {
				t.Fatal(err)
			}
			if id, err = in.Order(f); err != nil {
				t.Fatal(err)
			}
		}
		out, _ := exec.Command(c.tool, append([]string{"@" + nsecA}, c.args...)...).CombinedOutput()
		if !strings.Contains(string(out), c.want) {
			t.Errorf("%q, %v: want %q:\n%s", c.order, c.args, c.want, out)
		}
		in.Repair(id)
	}
}
