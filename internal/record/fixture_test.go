package record

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

// The instant at which the tests begin.
var morning = time.Date(2026, 8, 1, 6, 0, 0, 0, time.UTC)

func create(t testing.TB) *Record {
	t.Helper()
	r, err := Create(t.Context(), filepath.Join(t.TempDir(), "record.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world makes measurements that look like those of real zones: RSA or ECDSA
// signatures that do not compress, NSIDs that differ from server to server,
// root servers shared by all zones.
type world struct {
	random *rand.Rand
	zones  []*testZone
	root   *testZone
	loss   int // in a hundred questions, how many get no answer
}

type testZone struct {
	subject holdfast.Subject
	servers []holdfast.Server
	serial  uint32
	// signature is the length of an RRSIG's signature: 64 for ECDSA P-256,
	// 128 and 256 for RSA.
	signature int
	// busy zones get a new serial, and new signatures over SOA, each look.
	busy bool
	// instance is the operator's part of the NSID.
	instance string
	soaSig   []byte
	keySig   []byte
	keys     []byte
	nsSig    []byte
	dsSig    []byte
}

func newWorld(seed uint64, zones int) *world {
	w := &world{random: rand.New(rand.NewPCG(seed, 7)), loss: 1}
	w.root = w.zone(".", 13, 256, false)
	for i := range zones {
		signature := 64
		if i%4 != 0 {
			signature = 128
		}
		w.zones = append(w.zones, w.zone(fmt.Sprintf("zone%d.", i), 4+i%3, signature, i%5 < 2))
	}
	return w
}

func (w *world) noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(w.random.Uint32())
	}
	return b
}

func (w *world) zone(name string, names, signature int, busy bool) *testZone {
	z := &testZone{serial: 2026080100, signature: signature, busy: busy, instance: fmt.Sprintf("%x", w.noise(3))}
	z.subject = holdfast.Subject{Zone: holdfast.Name(name), Unicode: holdfast.UName(holdfast.Name(name).Short()), Kind: holdfast.KindGeneric,
		Delegation: &holdfast.Delegation{Glue: map[holdfast.Name][]netip.Addr{}, DS: []holdfast.DS{{KeyTag: 4711, Algorithm: 8, DigestType: 2, Digest: w.noise(32)}}}}
	suffix := "." + name
	if name == "." {
		suffix = ".root-servers.net."
	}
	for i := range names {
		ns := holdfast.Name(fmt.Sprintf("%c.nic%s", 'a'+i, suffix))
		var v4 [4]byte
		copy(v4[:], append([]byte{192}, w.noise(3)...))
		var v6 [16]byte
		copy(v6[:], append([]byte{0x20, 1, 0xd, 0xb8}, w.noise(12)...))
		addresses := []netip.Addr{netip.AddrFrom4(v4), netip.AddrFrom16(v6)}
		z.subject.Delegation.NS = append(z.subject.Delegation.NS, ns)
		z.subject.Delegation.Glue[ns] = addresses
		for _, address := range addresses {
			z.servers = append(z.servers, holdfast.Server{Name: ns, Address: address})
		}
	}
	z.keys, z.keySig, z.nsSig, z.dsSig = w.noise(3*signature), w.noise(signature), w.noise(signature), w.noise(256)
	w.sign(z)
	return z
}

func (w *world) sign(z *testZone) {
	z.serial++
	z.soaSig = w.noise(z.signature)
}

// message builds a reply by hand: the record room may not know a DNS library.
type message struct{ data []byte }

func reply(id uint16, q holdfast.Question, answers, authority int) *message {
	m := &message{binary.BigEndian.AppendUint16(nil, id)}
	for _, v := range []int{0x8400, 1, answers, authority, 1} {
		m.data = binary.BigEndian.AppendUint16(m.data, uint16(v))
	}
	m.data = append(m.data, packQuestion(q)...)
	return m
}

func (m *message) record(name []byte, rrtype uint16, data []byte) *message {
	m.data = append(m.data, name...)
	m.data = binary.BigEndian.AppendUint16(m.data, rrtype)
	m.data = append(m.data, 0, 1, 0, 0, 0x0e, 0x10)
	m.data = binary.BigEndian.AppendUint16(m.data, uint16(len(data)))
	m.data = append(m.data, data...)
	return m
}

// opt ends the message with an OPT record that holds an NSID (RFC 5001).
func (m *message) opt(nsid string) []byte {
	option := binary.BigEndian.AppendUint16([]byte{0, 3}, uint16(len(nsid)))
	m.data = append(m.data, 0, 0, 41, 4, 0xd0, 0, 0, 0x80, 0)
	m.data = binary.BigEndian.AppendUint16(m.data, uint16(len(option)+len(nsid)))
	m.data = append(m.data, option...)
	return append(m.data, nsid...)
}

func (z *testZone) rrsig(covered uint16, signature []byte) []byte {
	data := binary.BigEndian.AppendUint16(nil, covered)
	data = append(data, 8, 1, 0, 0, 0x0e, 0x10)
	signed := uint32(1785000000)
	if covered == typeSOA {
		signed += z.serial
	}
	data = binary.BigEndian.AppendUint32(data, signed+1209600)
	data = binary.BigEndian.AppendUint32(data, signed)
	data = append(data, 0x12, 0x67)
	data = append(data, packName(string(z.subject.Zone))...)
	return append(data, signature...)
}

func (z *testZone) soa() []byte {
	data := packName("a.nic" + z.suffix())
	data = append(data, packName("hostmaster.nic"+z.suffix())...)
	data = binary.BigEndian.AppendUint32(data, z.serial)
	for _, v := range []uint32{1800, 900, 604800, 86400} {
		data = binary.BigEndian.AppendUint32(data, v)
	}
	return data
}

func (z *testZone) suffix() string {
	if z.subject.Zone == holdfast.Root {
		return "."
	}
	return "." + string(z.subject.Zone)
}

var pointer = []byte{0xc0, 0x0c}

const (
	typeNS     = 2
	typeSOA    = 6
	typeDS     = 43
	typeRRSIG  = 46
	typeNSEC3  = 50
	typeDNSKEY = 48
)

// answer is what the servers of z say to a question.
func (w *world) answer(z *testZone, id uint16, p holdfast.Purpose, q holdfast.Question, nsid string) []byte {
	switch p {
	case holdfast.PurposeDNSKEY:
		m := reply(id, q, 3, 0)
		for _, key := range [][]byte{z.keys[:z.signature], z.keys[z.signature:]} {
			m.record(pointer, typeDNSKEY, append([]byte{1, 1, 3, 8}, key...))
		}
		return m.record(pointer, typeRRSIG, z.rrsig(typeDNSKEY, z.keySig)).opt(nsid)
	case holdfast.PurposeReferral:
		m := reply(id, q, 0, len(z.subject.Delegation.NS))
		for ns := range z.servers {
			m.record(pointer, typeNS, packName(string(z.servers[ns].Name)))
		}
		return m.opt(nsid)
	case holdfast.PurposeDS:
		return reply(id, q, 2, 0).record(pointer, typeDS, z.subject.Delegation.DS[0].Digest).record(pointer, typeRRSIG, w.root.rrsig(typeDS, z.dsSig)).opt(nsid)
	case holdfast.PurposeNS, holdfast.PurposeAddress, holdfast.PurposeCDS, holdfast.PurposeCDNSKEY, holdfast.PurposeNSEC3PARAM:
		m := reply(id, q, len(z.servers)/2+1, 0)
		for i := 0; i < len(z.servers); i += 2 {
			m.record(pointer, q.Type, packName(string(z.servers[i].Name)))
		}
		return m.record(pointer, typeRRSIG, z.rrsig(q.Type, z.nsSig)).opt(nsid)
	case holdfast.PurposeNXDomain, holdfast.PurposeNoData:
		m := reply(id, q, 0, 6)
		m.record(pointer, typeSOA, z.soa()).record(pointer, typeRRSIG, z.rrsig(typeSOA, z.soaSig))
		for i := range 2 {
			// The hash of the name picks one of many NSEC3 records, each with
			// its own signature: so it does here, by the name.
			random := rand.New(rand.NewPCG(uint64(len(q.Name))*uint64(q.Name[len(q.Name)/3])+uint64(q.Name[9%len(q.Name)]), uint64(i)))
			noise := make([]byte, z.signature+42)
			for k := range noise {
				noise[k] = byte(random.Uint32())
			}
			m.record(append([]byte{32}, noise[:34]...)[:35], typeNSEC3, noise[:42]).record(pointer, typeRRSIG, z.rrsig(typeNSEC3, noise[42:]))
		}
		return m.opt(nsid)
	}
	return reply(id, q, 2, 0).record(pointer, typeSOA, z.soa()).record(pointer, typeRRSIG, z.rrsig(typeSOA, z.soaSig)).opt(nsid)
}

// query is what asks: EDNS with DO and an empty NSID.
func query(id uint16, q holdfast.Question) []byte {
	m := &message{binary.BigEndian.AppendUint16(nil, id)}
	for _, v := range []uint16{0, 1, 0, 0, 1} {
		m.data = binary.BigEndian.AppendUint16(m.data, v)
	}
	m.data = append(m.data, packQuestion(q)...)
	return m.opt("")
}

// exchange asks one server.
func (w *world) exchange(asked *testZone, about *testZone, p holdfast.Purpose, s holdfast.Server, q holdfast.Question, at time.Time) holdfast.Exchange {
	id := uint16(w.random.Uint32())
	transport := holdfast.UDP
	if p == holdfast.PurposeSOATCP {
		transport = holdfast.TCP
	}
	e := holdfast.Exchange{Zone: asked.subject.Zone, Purpose: p, Server: s, Question: q, Transport: transport,
		Sent: at.Add(time.Duration(w.random.IntN(2000)) * time.Millisecond), Query: query(id, q), Tries: 1}
	if w.random.IntN(100) < w.loss {
		e.Outcome, e.Tries = holdfast.Timeout, 3
		return e
	}
	base := 5 + int(s.Address.As16()[15])
	e.Outcome = holdfast.Answered
	e.RTT = time.Duration(base*10+w.random.IntN(50)) * 100 * time.Microsecond
	e.Reply = w.answer(about, id, p, q, fmt.Sprintf("%s.%s.ns", s.Name[:1], asked.instance))
	return e
}

// core and full measure a zone: SOA and DNSKEY of each server, and all.
func (w *world) core(z *testZone, id, sweep, base string, at time.Time) holdfast.Measurement {
	m := w.measurement(z, holdfast.Core, id, sweep, at)
	m.Base = base
	for _, s := range z.servers {
		for _, p := range []holdfast.Purpose{holdfast.PurposeSOA, holdfast.PurposeDNSKEY} {
			m.Exchanges = append(m.Exchanges, w.exchange(z, z, p, s, holdfast.Question{Name: z.subject.Zone, Type: typesAsked[p]}, at))
		}
	}
	return m
}

var typesAsked = map[holdfast.Purpose]uint16{
	holdfast.PurposeSOA: 6, holdfast.PurposeSOATCP: 6, holdfast.PurposeNS: 2, holdfast.PurposeDNSKEY: 48, holdfast.PurposeNSEC3PARAM: 51,
	holdfast.PurposeCDS: 59, holdfast.PurposeCDNSKEY: 60, holdfast.PurposeNXDomain: 6, holdfast.PurposeNoData: 65399,
	holdfast.PurposeReferral: 2, holdfast.PurposeDS: 43,
}

func (w *world) full(z *testZone, id, sweep string, at time.Time) holdfast.Measurement {
	m := w.measurement(z, holdfast.Full, id, sweep, at)
	for _, s := range w.root.servers {
		for _, p := range []holdfast.Purpose{holdfast.PurposeReferral, holdfast.PurposeDS} {
			m.Exchanges = append(m.Exchanges, w.exchange(w.root, z, p, s, holdfast.Question{Name: z.subject.Zone, Type: typesAsked[p]}, at))
		}
	}
	for _, s := range z.servers {
		for _, p := range []holdfast.Purpose{holdfast.PurposeSOA, holdfast.PurposeSOATCP, holdfast.PurposeNS, holdfast.PurposeDNSKEY,
			holdfast.PurposeNSEC3PARAM, holdfast.PurposeCDS, holdfast.PurposeCDNSKEY, holdfast.PurposeNXDomain, holdfast.PurposeNoData} {
			q := holdfast.Question{Name: z.subject.Zone, Type: typesAsked[p]}
			if p == holdfast.PurposeNXDomain {
				label := hashOf([]byte(sweep))
				q.Name = holdfast.Name(fmt.Sprintf("holdfast-%x%s", label[:4], z.suffix()))
			}
			m.Exchanges = append(m.Exchanges, w.exchange(z, z, p, s, q, at))
		}
	}
	return m
}

func (w *world) measurement(z *testZone, depth holdfast.Depth, id, sweep string, at time.Time) holdfast.Measurement {
	return holdfast.Measurement{ID: id, Sweep: sweep, Subject: z.subject, Depth: depth, Vantage: "vie1.example", Started: at, Finished: at.Add(2345 * time.Millisecond)}
}

// verdict is a plausible one on a zone: a window a server and class.
func (w *world) verdict(z *testZone, measurement string, at time.Time) holdfast.Verdict {
	v := holdfast.Verdict{Zone: z.subject.Zone, Measurement: measurement, Depth: holdfast.Core, At: at, Catalogue: "1", Status: holdfast.Secure, Algorithms: []uint8{8},
		FailsAt: at.Add(9 * 24 * time.Hour), FailsBy: holdfast.ClassSOA, Findings: []holdfast.Finding{}}
	for _, s := range z.servers {
		v.Servers = append(v.Servers, holdfast.ServerVerdict{Server: s, Status: holdfast.Secure, Serial: z.serial, Known: true, RTT: 12 * time.Millisecond})
		for _, class := range []holdfast.Class{holdfast.ClassSOA, holdfast.ClassNS, holdfast.ClassDNSKEY, holdfast.ClassDenial, holdfast.ClassNSEC3PARAM} {
			inception := morning.Add(-24 * time.Hour)
			if class == holdfast.ClassSOA {
				inception = inception.Add(time.Duration(z.serial-2026080100) * time.Minute)
			}
			v.Windows = append(v.Windows, holdfast.Window{Server: s, Class: class, Inception: inception, Expiration: inception.Add(14 * 24 * time.Hour),
				KeyTag: 4711, Algorithm: 8, Signer: z.subject.Zone, TTL: 3600})
		}
	}
	return v
}

func finding(z *testZone, code string, severity holdfast.Severity) holdfast.Finding {
	return holdfast.Finding{Code: code, Name: "a-name", Severity: severity, Zone: z.subject.Zone, Server: z.servers[0],
		RRset: holdfast.ClassSOA, Text: "the signature is about to expire", Reference: "RFC 4035 section 5.3.1", Evidence: []int{0, 2}}
}
