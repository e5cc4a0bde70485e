package lab

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

const validatorAt = "192.0.2.53"

// asksValidator puts a question with RD and DO to the validator of small.lab.
func asksValidator(t *testing.T, in *Internet, name, qtype string) rawReply {
	t.Helper()
	typ, err := wire.ParseType(qtype)
	if err != nil {
		t.Fatal(err)
	}
	return rawQuery{name: name, qtype: typ, rd: true, z: 0x8000}.ask(t, in, validatorAt, true)
}

// TestValidatorIsAsUnbound: on healthy zones it says what Unbound does.
func TestValidatorIsAsUnbound(t *testing.T) {
	in, _ := small(t)
	for _, q := range soundQuestions() {
		m := asksValidator(t, in, q.name, q.qtype).message
		if wire.RcodeName(m.Rcode) != q.rcode || !m.RecursionAvailable || m.Authoritative {
			t.Errorf("%s %s: %+v", q.name, q.qtype, m)
		}
		if !m.AuthenticatedData && !mayBeInsecure(q.name, q.qtype, q.rcode) {
			t.Errorf("%s %s: not AD", q.name, q.qtype)
		}
	}
	for _, name := range []string{"island.test.", "plain.test.", "no.optout.test."} {
		if m := asksValidator(t, in, name, "SOA").message; m.Rcode == wire.ServFail || m.AuthenticatedData {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

// TestValidatorSeesFaults: under faults of every server it says what Unbound
// does, but for proofs, which it does not read.
func TestValidatorSeesFaults(t *testing.T) {
	in, _ := small(t)
	for _, fault := range faultsSeen {
		if strings.Contains(fault.order, "wrong-proof") || strings.Contains(fault.order, "wrong-types") {
			continue
		}
		f, err := ParseFault(fault.order, start)
		if err != nil {
			t.Fatal(err)
		}
		id, err := in.Order(f)
		if err != nil {
			t.Fatal(err)
		}
		m := asksValidator(t, in, fault.name, fault.qtype).message
		if wire.RcodeName(m.Rcode) != fault.status || m.AuthenticatedData != (fault.flags != "") {
			t.Errorf("%s: %s %s: %s, AD %v; want %s%s", fault.order, fault.name, fault.qtype, wire.RcodeName(m.Rcode), m.AuthenticatedData, fault.status, fault.flags)
		}
		in.Repair(id)
	}
}

// TestValidatorSaysWhy: the extended errors of RFC 8914 section 4.
func TestValidatorSaysWhy(t *testing.T) {
	in, _ := small(t)
	for order, ede := range map[string]uint16{
		"* break SOA nsec.test.": 6, "* expire SOA nsec.test.": 7, "* not-yet SOA nsec.test.": 8, "* ds-mismatch nsec.test.": 9,
		"* strip SOA nsec.test.": 10, "* refuse nsec.test.": 22, "* disagree test.": 6,
	} {
		f, err := ParseFault(order, start)
		if err != nil {
			t.Fatal(err)
		}
		id, err := in.Order(f)
		if err != nil {
			t.Fatal(err)
		}
		r := asksValidator(t, in, "nsec.test.", "SOA")
		if got := r.options[optionExtendedError]; r.message.Rcode != wire.ServFail || len(got) != 2 || binary.BigEndian.Uint16(got) != ede {
			t.Errorf("%s: %s, extended error %v, want %d", order, wire.RcodeName(r.message.Rcode), got, ede)
		}
		in.Repair(id)
	}
}

// TestValidatorManners: what RFC 4035 section 3.2 and RFC 6840 section 5 want of
// a validating resolver.
func TestValidatorManners(t *testing.T) {
	in, _ := small(t)
	secure := asksValidator(t, in, "nsec.test.", "SOA").message
	sigs := signatures(secure.Answer, wire.TypeSOA)
	if len(sigs) != 1 || secure.Answer[0].TTL != sigs[0].OriginalTTL {
		t.Errorf("the TTL is not the original: %+v", secure.Answer)
	}
	if m := (rawQuery{name: "nsec.test.", qtype: wire.TypeSOA, rd: true}).ask(t, in, validatorAt, false).message; m.AuthenticatedData || len(m.Answer) != 1 {
		t.Errorf("without DO: %+v", m)
	}
	if m := (rawQuery{name: "nsec.test.", qtype: wire.TypeSOA}).ask(t, in, validatorAt, false).message; m.Rcode != wire.Refused {
		t.Errorf("without RD: %+v", m)
	}
	question := rawQuery{name: "nsec.test.", qtype: wire.TypeAXFR, rd: true}.pack(t)
	if framed, r := in.respondTCP(validators(in)[0].addr, question); r.fate != delivered || framed[2+3]&15 != wire.Refused {
		t.Errorf("a transfer: %x", framed)
	}
	chain := asksValidator(t, in, "alias.nsec.test.", "A").message
	if count(chain.Answer, wire.TypeCNAME) != 1 || count(chain.Answer, wire.TypeA) != 1 {
		t.Errorf("an alias: %+v", chain.Answer)
	}
	if _, err := in.Order(Fault{Server: "*", Kind: Break, Zone: "nsec.test.", Classes: []holdfast.Class{"SOA"}}); err != nil {
		t.Fatal(err)
	}
	packet := rawQuery{name: "nsec.test.", qtype: wire.TypeSOA, rd: true, z: 0x8000}.pack(t)
	packet[3] |= 0x10 // CD
	r := in.respond(nil, validators(in)[0].addr, packet, true)
	if m, err := wire.Parse(r.packet); err != nil || m.Rcode != wire.NoError || m.AuthenticatedData || !m.CheckingDisabled {
		t.Errorf("with CD: %+v, %v", m, err)
	}
}

func validators(in *Internet) []*server {
	var out []*server
	for _, addr := range in.Addresses() {
		if s := in.servers[addr]; s.validator {
			out = append(out, s)
		}
	}
	return out
}

// TestValidatorFaults: which faults can strike a validator, and which a server.
func TestValidatorFaults(t *testing.T) {
	in, _ := small(t)
	for order, good := range map[string]bool{
		"192.0.2.53 disagree nsec.test.": true, "* disagree *": true, "192.0.2.53 timeout *": true, "192.0.2.53 refuse nsec.test.": true,
		"192.0.2.53 strip SOA nsec.test.": false, "192.0.2.11 disagree nsec.test.": false, "ns1.nsec.test. disagree nsec.test.": false,
	} {
		f, err := ParseFault(order, start)
		if err != nil {
			t.Fatal(err)
		}
		if id, err := in.Order(f); (err == nil) != good {
			t.Errorf("%s: %v", order, err)
		} else if good {
			in.Repair(id)
		}
	}
	for _, text := range []string{"zone x.\nns n.x. 192.0.2.1\nvalidator 192.0.2.1", "validator 192.0.2.53 192.0.2.53"} {
		if _, err := New(mustParse(t, text), nil); err == nil {
			t.Errorf("built: %q", text)
		}
	}
	plan := mustParse(t, "zone x.\nns n.x. 192.0.2.1\nfault * disagree x.")
	if _, err := New(plan, nil); err == nil {
		t.Error("a fault of validators in a lab without")
	}
	order, err := ParseFault("192.0.2.53 timeout *", start)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.Order(order); err != nil {
		t.Fatal(err)
	}
	if s := askUDP(t, in, validatorAt, "nsec.test.", wire.TypeSOA); s.err == nil {
		t.Error("it answers in spite of the fault")
	}
	if !slices.Contains(in.Addresses(), validators(in)[0].addr) {
		t.Error("its address is not among the lab's")
	}
}
