package dnssec_test

import (
	"crypto/rand"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/judge/dnssec"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// now is the instant at which the world is judged unless a test says another.
var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const (
	day  = 24 * time.Hour
	zone = holdfast.Name("example.")
	lost = holdfast.Name("holdfast-0badcafe.example.") // the name that does not exist
)

// life is a span of validity about now.
type life struct{ before, after time.Duration }

// edition is one server's copy of a zone, signed when it answers, so that
// each RRset class can be given its own faults.
type edition struct {
	zone     holdfast.Name
	keys     []*wire.Key // published
	ksks     []*wire.Key // sign the DNSKEY RRset
	zsks     []*wire.Key // sign the rest
	life     life
	lives    map[holdfast.Class]life // where a class has its own
	broken   map[holdfast.Class]bool // signatures damaged
	unsigned map[holdfast.Class]bool // signatures left out
	serial   uint32
	expire   uint32
	names    map[holdfast.Name][]wire.Record // besides the apex
	params   *wire.NSEC3PARAM                // nil: NSEC
	optOut   bool
	cds      bool
	bare     bool // an unsigned copy
	edit     func(holdfast.Purpose, *wire.Message)
	silent   map[holdfast.Purpose]holdfast.Outcome
	shallow  bool                              // proofs cover the name asked for in place of the next closer one
	bitmap   func([]wire.Type) []wire.Type     // what the apex's NSEC or NSEC3 lists
	relink   func([]wire.Record) []wire.Record // the chain, before it is signed
}

func classOf(t wire.Type) holdfast.Class {
	if t == wire.TypeNSEC || t == wire.TypeNSEC3 {
		return holdfast.ClassDenial
	}
	return holdfast.Class(t.String())
}

// signed is the RRset with its signatures.
func (e *edition) signed(t testing.TB, set ...wire.Record) []wire.Record {
	t.Helper()
	if e.bare || len(set) == 0 || (set[0].Type == wire.TypeNS && set[0].Name != e.zone) {
		return set
	}
	class := classOf(set[0].Type)
	if e.unsigned[class] {
		return set
	}
	keys := e.zsks
	if set[0].Type == wire.TypeDNSKEY {
		keys = e.ksks
	}
	span, ok := e.lives[class]
	if !ok {
		span = e.life
	}
	out := slices.Clone(set)
	for _, key := range keys {
		sig, err := key.Sign(set, e.zone, now.Add(-span.before), now.Add(span.after), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if e.broken[class] {
			sig.Data[len(sig.Data)-1] ^= 1
		}
		out = append(out, sig)
	}
	return out
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (e *edition) soa(t testing.TB) wire.Record {
	return must[wire.Record](t)(wire.NewSOA(e.zone, 3600, wire.SOA{
		MName: "ns1.example.", RName: "hostmaster.example.", Serial: e.serial, Refresh: 14400, Retry: 3600, Expire: e.expire, NegativeMinTTL: 900,
	}))
}

func (e *edition) ns(t testing.TB) []wire.Record {
	return []wire.Record{
		must[wire.Record](t)(wire.NewTarget(e.zone, wire.TypeNS, 3600, "ns1.example.")),
		must[wire.Record](t)(wire.NewTarget(e.zone, wire.TypeNS, 3600, "ns2.example.")),
	}
}

func (e *edition) dnskeys() []wire.Record {
	var out []wire.Record
	for _, k := range e.keys {
		out = append(out, wire.NewDNSKEY(e.zone, 3600, k.DNSKEY))
	}
	return out
}

// apex are the records at the apex by type.
func (e *edition) apex(t testing.TB) map[wire.Type][]wire.Record {
	out := map[wire.Type][]wire.Record{wire.TypeSOA: {e.soa(t)}, wire.TypeNS: e.ns(t)}
	if e.bare {
		return out
	}
	out[wire.TypeDNSKEY] = e.dnskeys()
	if e.params != nil {
		out[wire.TypeNSEC3PARAM] = []wire.Record{wire.NewNSEC3PARAM(e.zone, 0, *e.params)}
	}
	if e.cds {
		ds, err := e.ksks[0].DNSKEY.Digest(e.zone, 2)
		if err != nil {
			t.Fatal(err)
		}
		cds := wire.NewDS(e.zone, 3600, ds)
		cds.Type = wire.TypeCDS
		key := wire.NewDNSKEY(e.zone, 3600, e.ksks[0].DNSKEY)
		key.Type = wire.TypeCDNSKEY
		out[wire.TypeCDS], out[wire.TypeCDNSKEY] = []wire.Record{cds}, []wire.Record{key}
	}
	return out
}

// types are the types at a name, those that signing adds included.
func (e *edition) types(t testing.TB, name holdfast.Name) []wire.Type {
	var out []wire.Type
	if name == e.zone {
		for typ := range e.apex(t) {
			out = append(out, typ)
		}
		if out = append(out, wire.TypeRRSIG); e.bitmap != nil {
			out = e.bitmap(out)
		}
		return out
	}
	for _, r := range e.names[name] {
		out = append(out, r.Type)
		if r.Type != wire.TypeNS {
			out = append(out, wire.TypeRRSIG)
		}
	}
	return out
}

// chain are the zone's NSEC or NSEC3 records, unsigned, in order.
func (e *edition) chain(t testing.TB) []wire.Record {
	names := []holdfast.Name{e.zone}
	for name := range e.names {
		names = append(names, name)
	}
	if e.params == nil {
		return e.linked(e.plain(t, names))
	}
	for name := range e.names { // empty non-terminals have NSEC3 records
		for above := name.Parent(); above != e.zone; above = above.Parent() {
			if !slices.Contains(names, above) {
				names = append(names, above)
			}
		}
	}
	return e.linked(e.hashed(t, names))
}

func (e *edition) linked(chain []wire.Record) []wire.Record {
	if e.relink != nil {
		return e.relink(chain)
	}
	return chain
}

func (e *edition) plain(t testing.TB, names []holdfast.Name) []wire.Record {
	slices.SortFunc(names, wire.CompareNames)
	var out []wire.Record
	for i, name := range names {
		out = append(out, must[wire.Record](t)(wire.NewNSEC(name, 900, wire.NSEC{
			Next: names[(i+1)%len(names)], Types: append(e.types(t, name), wire.TypeNSEC, wire.TypeRRSIG),
		})))
	}
	return out
}

func (e *edition) hashed(t testing.TB, names []holdfast.Name) []wire.Record {
	type entry struct {
		hash  []byte
		types []wire.Type
	}
	var entries []entry
	for _, name := range names {
		types := e.types(t, name)
		if e.optOut && len(types) == 1 && types[0] == wire.TypeNS {
			continue // an unsigned delegation is left out of the chain
		}
		entries = append(entries, entry{must[[]byte](t)(wire.HashName(name, e.params.Iterations, e.params.Salt)), types})
	}
	slices.SortFunc(entries, func(a, b entry) int { return slices.Compare(a.hash, b.hash) })
	var out []wire.Record
	for i, n := range entries {
		owner := holdfast.Name(wire.HashLabel(n.hash) + "." + string(e.zone))
		if e.zone == holdfast.Root {
			owner = holdfast.Name(wire.HashLabel(n.hash) + ".")
		}
		out = append(out, wire.NewNSEC3(owner, 900, wire.NSEC3{
			Hash: 1, OptOut: e.optOut, Iterations: e.params.Iterations, Salt: e.params.Salt,
			Next: entries[(i+1)%len(entries)].hash, Types: n.types,
		}))
	}
	return out
}

// proof picks from the chain the records that match or cover the names, in
// the plainest way there is: by going through all of them.
func (e *edition) proof(t testing.TB, names ...holdfast.Name) []wire.Record {
	var out []wire.Record
	chain := e.chain(t)
	for _, name := range names {
		for i, r := range chain {
			next := chain[(i+1)%len(chain)]
			var fits bool
			if e.params == nil {
				after, before := wire.CompareNames(r.Name, name) <= 0, wire.CompareNames(name, next.Name) < 0
				fits = after && (before || i == len(chain)-1)
			} else {
				hash := wire.HashLabel(must[[]byte](t)(wire.HashName(name, e.params.Iterations, e.params.Salt)))
				own, its := string(r.Name)[:32], string(next.Name)[:32]
				fits = own <= hash && hash < its || i == len(chain)-1 && (own <= hash || hash < its)
			}
			if fits && !slices.ContainsFunc(out, func(have wire.Record) bool { return have.Name == r.Name }) {
				out = append(out, r)
			}
		}
	}
	return out
}

// answer is the reply to a question, as an authoritative server gives it.
func (e *edition) answer(t testing.TB, q holdfast.Question, p holdfast.Purpose) *wire.Message {
	m := &wire.Message{ID: 7, Response: true, Authoritative: true, Question: []holdfast.Question{q}, EDNS: &wire.EDNS{UDPSize: 1232, DO: true}}
	typ := wire.Type(q.Type)
	set := e.apex(t)[typ]
	if q.Name != e.zone {
		set = nil
		for _, r := range e.names[q.Name] {
			if r.Type == typ {
				set = append(set, r)
			}
		}
	}
	known := q.Name == e.zone || len(e.names[q.Name]) > 0
	switch {
	case len(set) > 0:
		m.Answer = e.signed(t, set...)
	case e.bare:
		m.Authority = []wire.Record{e.soa(t)}
		if !known {
			m.Rcode = wire.NXDomain
		}
	default:
		m.Authority = e.signed(t, e.soa(t))
		prove := []holdfast.Name{q.Name}
		if !known {
			m.Rcode = wire.NXDomain
			closer := q.Name
			for !e.shallow && closer.Parent() != e.zone {
				closer = closer.Parent()
			}
			prove = []holdfast.Name{closer, "*." + e.zone}
			if e.params != nil {
				prove = append(prove, e.zone)
			}
		} else if e.params != nil && e.optOut && typ == wire.TypeDS {
			prove = []holdfast.Name{q.Name, e.zone}
		}
		for _, r := range e.proof(t, prove...) {
			m.Authority = append(m.Authority, e.signed(t, r)...)
		}
	}
	if e.edit != nil {
		e.edit(p, m)
	}
	return m
}

// world is a root and a top-level domain on two servers each.
type world struct {
	root    *edition
	child   []*edition
	servers []holdfast.Server
	ds      []wire.Record // in the root
	trust   []wire.Record
}

var parents = []holdfast.Server{
	{Name: "a.root.", Address: netip.MustParseAddr("198.51.100.1")},
	{Name: "b.root.", Address: netip.MustParseAddr("198.51.100.2")},
}

// keyring of the tests: keys are dear to make and no secret.
var keyring = struct {
	sync.Mutex
	keys map[[3]int]*wire.Key
}{keys: make(map[[3]int]*wire.Key)}

// key is the nth key of an algorithm with the flags given, the same all through
// the tests.
func key(t testing.TB, algorithm uint8, flags uint16, n int) *wire.Key {
	t.Helper()
	keyring.Lock()
	defer keyring.Unlock()
	id := [3]int{int(algorithm), int(flags), n}
	if keyring.keys[id] == nil {
		k, err := wire.GenerateKey(algorithm, flags, 0, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keyring.keys[id] = k
	}
	return keyring.keys[id]
}

const (
	kskFlags = wire.FlagZone | wire.FlagSEP
	zskFlags = wire.FlagZone
)

func newEdition(t testing.TB, name holdfast.Name, algorithm uint8, n int) *edition {
	ksk, zsk := key(t, algorithm, kskFlags, n), key(t, algorithm, zskFlags, n)
	return &edition{
		zone: name, keys: []*wire.Key{ksk, zsk}, ksks: []*wire.Key{ksk}, zsks: []*wire.Key{zsk},
		life: life{before: day, after: 20 * day}, serial: 2026112100, expire: 604800, names: map[holdfast.Name][]wire.Record{},
	}
}

// newWorld is one in which nothing is wrong.
func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{root: newEdition(t, holdfast.Root, wire.ED25519, 0)}
	for i, addr := range []string{"192.0.2.1", "192.0.2.2"} {
		e := newEdition(t, zone, wire.ECDSAP256SHA256, 1)
		e.params = &wire.NSEC3PARAM{Hash: 1}
		e.names["signed.example."] = []wire.Record{
			must[wire.Record](t)(wire.NewTarget("signed.example.", wire.TypeNS, 3600, "ns.signed.example.")),
			wire.NewDS("signed.example.", 3600, holdfast.DS{KeyTag: 1, Algorithm: 13, DigestType: 2, Digest: make([]byte, 32)}),
		}
		e.names["plain.example."] = []wire.Record{must[wire.Record](t)(wire.NewTarget("plain.example.", wire.TypeNS, 3600, "ns.plain.example."))}
		w.child = append(w.child, e)
		name := holdfast.Name([]string{"ns1.example.", "ns2.example."}[i])
		w.servers = append(w.servers, holdfast.Server{Name: name, Address: netip.MustParseAddr(addr)})
	}
	w.ds = []wire.Record{ds(t, zone, w.child[0].ksks[0], 2)}
	w.trust = []wire.Record{ds(t, holdfast.Root, w.root.ksks[0], 2)}
	return w
}

func ds(t testing.TB, name holdfast.Name, k *wire.Key, digestType uint8) wire.Record {
	return wire.NewDS(name, 86400, must[holdfast.DS](t)(k.DNSKEY.Digest(name, digestType)))
}

// each does the same to every copy of the zone.
func (w *world) each(do func(*edition)) {
	for _, e := range w.child {
		do(e)
	}
}

var questions = []struct {
	purpose   holdfast.Purpose
	name      holdfast.Name
	t         wire.Type
	transport holdfast.Transport
}{
	{holdfast.PurposeSOA, zone, wire.TypeSOA, holdfast.UDP},
	{holdfast.PurposeSOATCP, zone, wire.TypeSOA, holdfast.TCP},
	{holdfast.PurposeNS, zone, wire.TypeNS, holdfast.UDP},
	{holdfast.PurposeDNSKEY, zone, wire.TypeDNSKEY, holdfast.UDP},
	{holdfast.PurposeNSEC3PARAM, zone, wire.TypeNSEC3PARAM, holdfast.UDP},
	{holdfast.PurposeCDS, zone, wire.TypeCDS, holdfast.UDP},
	{holdfast.PurposeCDNSKEY, zone, wire.TypeCDNSKEY, holdfast.UDP},
	{holdfast.PurposeNXDomain, lost, wire.TypeA, holdfast.UDP},
	{holdfast.PurposeNoData, zone, wire.Type(65399), holdfast.UDP},
}

// measured is what a walk of the world brings home.
func (w *world) measured(t testing.TB) holdfast.Measurement {
	t.Helper()
	m := holdfast.Measurement{ID: "m1", Subject: holdfast.Subject{Zone: zone}, Depth: holdfast.Full, Started: now, Finished: now}
	add := func(e *edition, in holdfast.Name, p holdfast.Purpose, s holdfast.Server, name holdfast.Name, typ wire.Type, tr holdfast.Transport) {
		q := holdfast.Question{Name: name, Type: uint16(typ)}
		x := holdfast.Exchange{Zone: in, Purpose: p, Server: s, Question: q, Transport: tr, Sent: now, RTT: time.Millisecond, Tries: 1, Outcome: holdfast.Answered}
		if outcome, ok := e.silent[p]; ok {
			x.Outcome = outcome
		} else {
			packet, err := e.answer(t, q, p).Pack()
			if err != nil {
				t.Fatal(err)
			}
			packet[0], packet[1] = byte(len(m.Exchanges)>>8), byte(len(m.Exchanges))
			x.Reply = packet
		}
		m.Exchanges = append(m.Exchanges, x)
	}
	ns := must[wire.Record](t)(wire.NewTarget(zone, wire.TypeNS, 3600, "ns1.example."))
	w.root.names[zone] = append([]wire.Record{ns}, w.ds...)
	for _, s := range parents {
		add(w.root, holdfast.Root, holdfast.PurposeDNSKEY, s, holdfast.Root, wire.TypeDNSKEY, holdfast.UDP)
		add(w.root, holdfast.Root, holdfast.PurposeDS, s, zone, wire.TypeDS, holdfast.UDP)
	}
	for i, s := range w.servers {
		for _, q := range questions {
			add(w.child[i], zone, q.purpose, s, q.name, q.t, q.transport)
		}
	}
	return m
}

// also asks a server of the zone one thing more.
func (w *world) also(t testing.TB, m *holdfast.Measurement, i int, p holdfast.Purpose, name holdfast.Name, typ wire.Type) {
	t.Helper()
	q := holdfast.Question{Name: name, Type: uint16(typ)}
	packet, err := w.child[i].answer(t, q, p).Pack()
	if err != nil {
		t.Fatal(err)
	}
	packet[0], packet[1] = 9, byte(len(m.Exchanges))
	m.Exchanges = append(m.Exchanges, holdfast.Exchange{Zone: zone, Purpose: p, Server: w.servers[i], Question: q,
		Transport: holdfast.UDP, Sent: now, Tries: 1, Outcome: holdfast.Answered, Reply: packet})
}

func catalogue(trust []wire.Record, cache *dnssec.Cache) judge.Catalogue {
	return judge.Catalogue{Version: "test", Checks: dnssec.Checks(), Validate: dnssec.NewValidator(trust, cache).Validate}
}

// judged is the verdict on the world at an instant.
func (w *world) judged(t testing.TB, at time.Time) holdfast.Verdict {
	t.Helper()
	return catalogue(w.trust, nil).Judge(w.measured(t), at)
}

// want is what a finding must at least say.
type want struct {
	code     string
	severity holdfast.Severity
	server   int // 1 or 2; 0 for the zone
	rrset    holdfast.Class
}

// expect holds the findings of warning and above to a list, in any order, and
// nothing else; those below must not matter.
func expect(t *testing.T, v holdfast.Verdict, wants ...want) {
	t.Helper()
	var got []want
	for _, f := range v.Findings {
		if f.Severity >= holdfast.SeverityWarning {
			server := 0
			if f.Server != (holdfast.Server{}) {
				server = int(f.Server.Address.As4()[3])
			}
			got = append(got, want{f.Code, f.Severity, server, f.RRset})
		}
	}
	for _, g := range got {
		if !slices.Contains(wants, g) {
			t.Errorf("unexpected finding %v", g)
		}
	}
	for _, want := range wants {
		if !slices.Contains(got, want) {
			t.Errorf("missing finding %v", want)
		}
	}
	if t.Failed() {
		for _, f := range v.Findings {
			t.Logf("%s %s %s %s %s: %s", f.Code, f.Severity, f.Server.Name, f.RRset, f.Until.Format(time.RFC3339), f.Text)
		}
		t.Logf("status %s ede %d: %s; fails %s by %s", v.Status, v.EDE, v.Reason, v.FailsAt, v.FailsBy)
	}
}

func finding(v holdfast.Verdict, code string) (holdfast.Finding, bool) {
	for _, f := range v.Findings {
		if f.Code == code {
			return f, true
		}
	}
	return holdfast.Finding{}, false
}
