package server

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// noon is the instant at which the tests judge.
var noon = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

const zone holdfast.Name = "example."

var (
	ns1  = at("ns1.example.", "192.0.2.1")
	ns2  = at("ns2.example.", "192.0.2.2")
	ns2b = at("ns2.example.", "2001:db8::2")
	own  = []holdfast.Server{ns1, ns2, ns2b}
)

func at(name, address string) holdfast.Server {
	return holdfast.Server{Name: holdfast.Name(name), Address: netip.MustParseAddr(address)}
}

// question is what the walk asks for a purpose.
type question struct {
	name  holdfast.Name
	t     wire.Type
	shape wire.Shape
}

var asking = map[holdfast.Purpose]question{
	holdfast.PurposeSOA:         {zone, wire.TypeSOA, wire.Shape{}},
	holdfast.PurposeNS:          {zone, wire.TypeNS, wire.Shape{}},
	holdfast.PurposeDNSKEY:      {zone, wire.TypeDNSKEY, wire.Shape{}},
	holdfast.PurposeNXDomain:    {"nobody.example.", wire.TypeA, wire.Shape{}},
	holdfast.PurposeNXDeep:      {"a.b.nobody.example.", wire.TypeA, wire.Shape{}},
	holdfast.PurposeNoData:      {zone, 65399, wire.Shape{}},
	holdfast.PurposeApex:        {zone, wire.TypeAAAA, wire.Shape{}},
	holdfast.PurposeManners:     {zone, wire.TypeSOA, wire.Shape{MixedCase: true, Flags: unknownFlag, Options: []wire.Option{{Code: unknownOption, Data: []byte("?")}}}},
	holdfast.PurposeCase:        {zone, wire.TypeSOA, wire.Shape{MixedCase: true}},
	holdfast.PurposeEDNSOption:  {zone, wire.TypeSOA, wire.Shape{Options: []wire.Option{{Code: unknownOption, Data: []byte("?")}}}},
	holdfast.PurposeEDNSFlag:    {zone, wire.TypeSOA, wire.Shape{Flags: unknownFlag}},
	holdfast.PurposeEDNSVersion: {zone, wire.TypeSOA, wire.Shape{Version: 1}},
	holdfast.PurposeANY:         {zone, wire.TypeANY, wire.Shape{Payload: 4096}},
	holdfast.PurposeQDCount:     {zone, wire.TypeSOA, wire.Shape{Second: wire.TypeNS}},
	holdfast.PurposeAXFR:        {zone, wire.TypeAXFR, wire.Shape{}},
	holdfast.PurposeForeign:     {"holdfast-probe.invalid.", wire.TypeA, wire.Shape{Recursion: true, Options: []wire.Option{{Code: wire.OptionCookie, Data: []byte("holdfast")}}}},
	holdfast.PurposeVersion:     {"version.bind.", wire.TypeTXT, wire.Shape{Class: wire.ClassCH}},
	holdfast.PurposeIdentity:    {"id.server.", wire.TypeTXT, wire.Shape{Class: wire.ClassCH}},
	holdfast.PurposeTLS:         {"holdfast-probe.invalid.", wire.TypeA, wire.Shape{Recursion: true}},
	holdfast.PurposeAddress:     {"www.example.", wire.TypeA, wire.Shape{}},
}

// entry is an exchange before it is packed. The message's question and flags
// are filled in; options go into its OPT record.
type entry struct {
	holdfast.Exchange
	message *wire.Message // nil: no reply
	shape   wire.Shape
	flags   uint16        // of EDNS, in the reply
	options []wire.Option // likewise
	fold    bool          // the reply spells the question in lower case
	pad     int           // octets that make the reply so long
}

type world struct {
	t       testing.TB
	entries []*entry
	kind    holdfast.Kind
}

const soaText = "example. 3600 IN SOA ns1.example. hostmaster.example. 2026080107 7200 3600 1209600 300"

func record(t testing.TB, text string) wire.Record {
	t.Helper()
	r, err := wire.ParseRecord(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func records(t testing.TB, texts ...string) []wire.Record {
	t.Helper()
	var out []wire.Record
	for _, text := range texts {
		out = append(out, record(t, text))
	}
	return out
}

func (w *world) add(purpose holdfast.Purpose, s holdfast.Server, message *wire.Message) *entry {
	q := asking[purpose]
	e := &entry{message: message, shape: q.shape, Exchange: holdfast.Exchange{
		Zone: zone, Purpose: purpose, Server: s, Question: holdfast.Question{Name: q.name, Type: uint16(q.t)},
		Transport: holdfast.UDP, Sent: noon.Add(-time.Minute), RTT: 20 * time.Millisecond, Tries: 1, Outcome: holdfast.Answered,
	}}
	if purpose == holdfast.PurposeAXFR {
		e.Transport = holdfast.TCP
	}
	if message != nil && message.EDNS == nil {
		message.EDNS = &wire.EDNS{UDPSize: 1232, DO: true, NSID: []byte("one")}
	}
	w.entries = append(w.entries, e)
	return e
}

// well is a world in which every server behaves as it should.
func well(t testing.TB) *world {
	t.Helper()
	w := &world{t: t}
	answer := func(texts ...string) *wire.Message {
		return &wire.Message{Authoritative: true, Answer: records(t, texts...)}
	}
	denial := func(rcode int) *wire.Message {
		return &wire.Message{Authoritative: true, Rcode: rcode, Authority: records(t, soaText)}
	}
	for _, s := range own {
		w.add(holdfast.PurposeSOA, s, answer(soaText))
		w.add(holdfast.PurposeNS, s, answer("example. 3600 IN NS ns1.example.", "example. 3600 IN NS ns2.example."))
		w.add(holdfast.PurposeDNSKEY, s, denial(wire.NoError))
		w.add(holdfast.PurposeNXDomain, s, denial(wire.NXDomain))
		w.add(holdfast.PurposeNXDeep, s, denial(wire.NXDomain))
		w.add(holdfast.PurposeNoData, s, denial(wire.NoError))
		w.add(holdfast.PurposeApex, s, denial(wire.NoError))
		w.add(holdfast.PurposeManners, s, answer(soaText))
		w.add(holdfast.PurposeEDNSVersion, s, &wire.Message{Rcode: wire.BadVers})
		w.add(holdfast.PurposeANY, s, answer(soaText))
		w.add(holdfast.PurposeQDCount, s, &wire.Message{Rcode: wire.FormErr})
		for _, purpose := range []holdfast.Purpose{holdfast.PurposeAXFR, holdfast.PurposeForeign, holdfast.PurposeVersion, holdfast.PurposeIdentity} {
			w.add(purpose, s, &wire.Message{Rcode: wire.Refused})
		}
	}
	return w
}

// each changes the entries of these servers (any, if none) and this purpose.
func (w *world) each(purpose holdfast.Purpose, change func(*entry), servers ...holdfast.Server) *world {
	w.t.Helper()
	n := 0
	for _, e := range w.entries {
		if (purpose == "" || e.Purpose == purpose) && (len(servers) == 0 || slices.Contains(servers, e.Server)) {
			change(e)
			n++
		}
	}
	if n == 0 {
		w.t.Fatalf("no entry for %q at %v", purpose, servers)
	}
	return w
}

func drop(e *entry) { e.Outcome, e.message, e.RTT = holdfast.Timeout, nil, 0 }

func (w *world) say(m wire.Message) func(*entry) {
	return func(e *entry) {
		own := m
		if own.EDNS == nil {
			own.EDNS = &wire.EDNS{UDPSize: 1232, DO: true, NSID: []byte("one")}
		}
		e.message, e.Outcome = &own, holdfast.Answered
	}
}

func (w *world) rcode(code int) func(*entry) { return w.say(wire.Message{Rcode: code}) }

func (w *world) answers(texts ...string) func(*entry) {
	return w.say(wire.Message{Authoritative: true, Answer: records(w.t, texts...)})
}

func put16(out []byte, v int) []byte { return append(out, byte(v>>8), byte(v)) }

// packed is the reply on the wire. The OPT record is the last of it, so that
// flags and options can be put into it by hand.
func (e *entry) packed(t testing.TB) []byte {
	t.Helper()
	e.message.Response = true
	e.message.Question = []holdfast.Question{e.Question}
	packet, err := e.message.Pack()
	if err != nil {
		t.Fatal(err)
	}
	packet[2] |= e.Query[2] & 1 // RD
	end := 12 + len(wire.Spelling(packet))
	if !e.fold {
		copy(packet[12:end], wire.Spelling(e.Query))
	}
	copy(packet[end+2:], put16(nil, max(1, int(e.shape.Class))))
	if e.message.EDNS == nil {
		return packet
	}
	length := 0
	if e.message.EDNS.NSID != nil {
		length = 4 + len(e.message.EDNS.NSID)
	}
	opt := len(packet) - length - 4
	copy(packet[opt:], put16(nil, int(e.flags)|0x8000))
	options := e.options
	if e.pad > len(packet) {
		options = append(slices.Clone(options), wire.Option{Code: 12, Data: make([]byte, e.pad-len(packet)-4)})
	}
	for _, o := range options {
		packet = append(put16(put16(packet, int(o.Code)), len(o.Data)), o.Data...)
		length += 4 + len(o.Data)
	}
	copy(packet[opt+2:], put16(nil, length))
	return packet
}

func (w *world) measurement() holdfast.Measurement {
	w.t.Helper()
	m := holdfast.Measurement{ID: "test", Subject: holdfast.Subject{Zone: zone, Kind: w.kind}, Depth: holdfast.Full, Started: noon.Add(-time.Minute), Finished: noon}
	for _, e := range w.entries {
		query, err := e.shape.Query(e.Question)
		if err != nil {
			w.t.Fatal(err)
		}
		e.Query = query
		exchange := e.Exchange
		if e.message != nil {
			exchange.Reply = e.packed(w.t)
		}
		m.Exchanges = append(m.Exchanges, exchange)
	}
	return m
}

// findings are those of one check, alone.
func (w *world) findings(code string) []holdfast.Finding {
	w.t.Helper()
	for _, check := range Checks() {
		if check.Code == code {
			check.Unless = nil
			v := judge.Catalogue{Checks: []judge.Check{check}}.Judge(w.measurement(), noon)
			return v.Findings
		}
	}
	w.t.Fatalf("no check %s", code)
	return nil
}

// expect is a finding as a test wants it; a zero server is the zone itself.
type expect struct {
	severity holdfast.Severity
	server   holdfast.Server
	text     string
}

const (
	info    = holdfast.SeverityInfo
	notice  = holdfast.SeverityNotice
	warning = holdfast.SeverityWarning
	grave   = holdfast.SeverityError
)

var whole holdfast.Server

func (w *world) expect(code string, want ...expect) {
	w.t.Helper()
	var seen []expect
	for _, f := range w.findings(code) {
		seen = append(seen, expect{f.Severity, f.Server, f.Text})
		if f.Code != code || len(f.Evidence) == 0 {
			w.t.Errorf("%s: finding %s %q rests on %v", code, f.Code, f.Text, f.Evidence)
		}
	}
	if !slices.Equal(seen, want) {
		w.t.Errorf("%s:\n got %+v\nwant %+v", code, seen, want)
	}
}
