package dnssec_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/judge/dnssec"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// TestLegal are states in which nothing is wrong: no finding of warning or
// above, and secure.
func TestLegal(t *testing.T) {
	const p256 = wire.ECDSAP256SHA256
	tests := map[string]func(*world){
		"nsec3":       func(w *world) {},
		"nsec":        func(w *world) { w.each(func(e *edition) { e.params = nil }) },
		"opt-out":     func(w *world) { w.each(func(e *edition) { e.optOut = true }) },
		"cds present": func(w *world) { w.each(func(e *edition) { e.cds = true }) },
		"stand-by DS": func(w *world) { w.ds = append(w.ds, ds(t, zone, key(t, p256, kskFlags, 8), 2)) },
		"double-signature roll-over": func(w *world) {
			w.each(func(e *edition) {
				next := key(t, p256, kskFlags, 7)
				e.keys, e.ksks = append(e.keys, next), append(e.ksks, next)
			})
		},
		"pre-published key":         func(w *world) { w.each(func(e *edition) { e.keys = append(e.keys, key(t, p256, zskFlags, 6)) }) },
		"both signing keys sign":    func(w *world) { w.each(func(e *edition) { e.ksks = append(e.ksks, e.zsks...) }) },
		"withdrawn key still signs": func(w *world) { w.each(func(e *edition) { e.zsks = append(e.zsks, key(t, p256, zskFlags, 6)) }) },
		"conservative algorithm roll": func(w *world) {
			w.each(func(e *edition) { e.zsks = append(e.zsks, key(t, wire.ED25519, zskFlags, 5)) })
		},
		"one key for all":                func(w *world) { w.each(func(e *edition) { e.keys, e.zsks = e.ksks[:1:1], e.ksks }) },
		"SHA-1 beside SHA-256":           func(w *world) { w.ds = append(w.ds, ds(t, zone, w.child[0].ksks[0], 1)) },
		"SHA-384":                        func(w *world) { w.ds = []wire.Record{ds(t, zone, w.child[0].ksks[0], 4)} },
		"unknown algorithm beside known": func(w *world) { w.ds = append(w.ds, unknownDS()) },
		"short validity, signed online":  func(w *world) { w.each(func(e *edition) { e.life = life{12 * time.Hour, 36 * time.Hour} }) },
		"multi-signer, keys apart": func(w *world) {
			other := newEdition(t, zone, p256, 4)
			w.child[1].keys, w.child[1].ksks, w.child[1].zsks = other.keys, other.ksks, other.zsks
			w.ds = append(w.ds, ds(t, zone, other.ksks[0], 2))
		},
		"one server silent": func(w *world) { w.child[1].silent = everythingSilent() },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			change(w)
			v := w.judged(t, now)
			expect(t, v)
			if v.Status != holdfast.Secure {
				t.Errorf("status %s (%s), want secure", v.Status, v.Reason)
			}
		})
	}
}

func unknownDS() wire.Record {
	return wire.NewDS(zone, 86400, holdfast.DS{KeyTag: 4711, Algorithm: 17, DigestType: 2, Digest: make([]byte, 32)})
}

func everythingSilent() map[holdfast.Purpose]holdfast.Outcome {
	out := map[holdfast.Purpose]holdfast.Outcome{}
	for _, q := range questions {
		out[q.purpose] = holdfast.Timeout
	}
	return out
}

func TestAlgorithms(t *testing.T) {
	for _, algorithm := range []uint8{wire.RSASHA1, wire.RSASHA1NSEC3SHA1, wire.RSASHA256, wire.RSASHA512, wire.ECDSAP256SHA256, wire.ECDSAP384SHA384, wire.ED25519, wire.ED448} {
		w := newWorld(t)
		w.each(func(e *edition) {
			own := newEdition(t, zone, algorithm, 1)
			e.keys, e.ksks, e.zsks = own.keys, own.ksks, own.zsks
		})
		w.ds = []wire.Record{ds(t, zone, w.child[0].ksks[0], 2)}
		v := w.judged(t, now)
		expect(t, v)
		if v.Status != holdfast.Secure || !slices.Equal(v.Algorithms, []uint8{algorithm}) {
			t.Errorf("algorithm %d: %s with %v (%s)", algorithm, v.Status, v.Algorithms, v.Reason)
		}
	}
}

// TestStatus are the zone's status and code in states that are not secure.
func TestStatus(t *testing.T) {
	tests := []struct {
		name   string
		change func(*world)
		status holdfast.Status
		ede    int
	}{
		{"no DS", func(w *world) { w.ds = nil }, holdfast.Insecure, 0},
		{"no DS, NSEC3 opt-out at the parent", func(w *world) {
			w.ds, w.root.params, w.root.optOut = nil, &wire.NSEC3PARAM{Hash: 1}, true
		}, holdfast.Insecure, 0},
		{"unknown algorithm", func(w *world) { w.ds = []wire.Record{unknownDS()} }, holdfast.Insecure, 1},
		{"unknown digest", func(w *world) {
			d := ds(t, zone, w.child[0].ksks[0], 2)
			d.Data[3] = 99
			w.ds = []wire.Record{d}
		}, holdfast.Insecure, 2},
		{"SHA-1 right, SHA-256 wrong", func(w *world) {
			bad := ds(t, zone, w.child[0].ksks[0], 2)
			bad.Data[10] ^= 1
			w.ds = []wire.Record{bad, ds(t, zone, w.child[0].ksks[0], 1)}
		}, holdfast.Bogus, 9},
		{"wrong anchor", func(w *world) { w.trust = []wire.Record{ds(t, holdfast.Root, w.child[0].ksks[0], 2)} }, holdfast.Bogus, 9},
		{"no anchor", func(w *world) { w.trust = nil }, holdfast.Indeterminate, 5},
		{"DS signature broken", func(w *world) { w.root.broken = map[holdfast.Class]bool{holdfast.ClassDS: true} }, holdfast.Bogus, 6},
		{"DS expired", func(w *world) { w.root.lives = map[holdfast.Class]life{holdfast.ClassDS: {2 * day, -day}} }, holdfast.Bogus, 7},
		{"DS not yet valid", func(w *world) { w.root.lives = map[holdfast.Class]life{holdfast.ClassDS: {-day, 9 * day}} }, holdfast.Bogus, 8},
		{"DS unsigned", func(w *world) { w.root.unsigned = map[holdfast.Class]bool{holdfast.ClassDS: true} }, holdfast.Bogus, 10},
		{"no DS, proof missing", func(w *world) {
			w.ds = nil
			w.root.edit = func(p holdfast.Purpose, m *wire.Message) {
				if p == holdfast.PurposeDS {
					m.Authority = m.Authority[:2]
				}
			}
		}, holdfast.Bogus, 12},
		{"parent silent for DS", func(w *world) {
			w.root.silent = map[holdfast.Purpose]holdfast.Outcome{holdfast.PurposeDS: holdfast.Timeout}
		}, holdfast.Indeterminate, 23},
		{"root keys not obtained", func(w *world) {
			w.root.silent = map[holdfast.Purpose]holdfast.Outcome{holdfast.PurposeDNSKEY: holdfast.Timeout}
		}, holdfast.Indeterminate, 22},
		{"all silent", func(w *world) { w.each(func(e *edition) { e.silent = everythingSilent() }) }, holdfast.Unreached, 22},
		{"all refuse", func(w *world) {
			w.each(func(e *edition) {
				e.edit = func(_ holdfast.Purpose, m *wire.Message) { m.Rcode, m.Answer, m.Authority = wire.Refused, nil, nil }
			})
		}, holdfast.Unreached, 22},
		{"all lame, with empty answers", func(w *world) {
			w.each(func(e *edition) {
				e.edit = func(_ holdfast.Purpose, m *wire.Message) { m.Authoritative, m.Answer, m.Authority = false, nil, nil }
			})
		}, holdfast.Unreached, 22},
		{"all lame, with referrals upward", func(w *world) {
			w.each(func(e *edition) {
				e.edit = func(_ holdfast.Purpose, m *wire.Message) {
					m.Authoritative, m.Answer = false, nil
					m.Authority = []wire.Record{must[wire.Record](t)(wire.NewTarget(".", wire.TypeNS, 3600, "a.root."))}
				}
			})
		}, holdfast.Unreached, 22},
		{"key without zone flag", func(w *world) {
			w.each(func(e *edition) { e.keys = []*wire.Key{e.zsks[0], key(t, wire.ECDSAP256SHA256, wire.FlagSEP, 3)} })
			w.ds = []wire.Record{ds(t, zone, key(t, wire.ECDSAP256SHA256, wire.FlagSEP, 3), 2)}
		}, holdfast.Bogus, 11},
		{"too many iterations", func(w *world) {
			w.each(func(e *edition) { e.params = &wire.NSEC3PARAM{Hash: 1, Iterations: 51} })
		}, holdfast.Secure, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			test.change(w)
			v := w.judged(t, now)
			if v.Status != test.status || v.EDE != test.ede {
				t.Errorf("status %s with code %d (%s), want %s with %d", v.Status, v.EDE, v.Reason, test.status, test.ede)
			}
			if v.Status != holdfast.Secure && v.Reason == "" {
				t.Error("no reason is given")
			}
		})
	}
}

// TestServers: each server is judged by itself.
func TestServers(t *testing.T) {
	w := newWorld(t)
	w.child[1].broken = map[holdfast.Class]bool{holdfast.ClassNS: true}
	v := w.judged(t, now)
	if len(v.Servers) != 2 || v.Servers[0].Status != holdfast.Secure || v.Servers[1].Status != holdfast.Bogus {
		t.Fatalf("servers %+v", v.Servers)
	}
	if s := v.Servers[1]; s.EDE != 6 || s.Serial != 2026112100 || !s.Known || s.RTT != time.Millisecond {
		t.Errorf("server %+v", s)
	}
}

// TestBorrowedKeys: a server whose DNSKEY answer is lost is judged with the
// keys of another.
func TestBorrowedKeys(t *testing.T) {
	w := newWorld(t)
	w.child[0].silent = map[holdfast.Purpose]holdfast.Outcome{holdfast.PurposeDNSKEY: holdfast.Timeout}
	v := w.judged(t, now)
	expect(t, v)
	if v.Servers[0].Status != holdfast.Secure {
		t.Errorf("server is %s: %s", v.Servers[0].Status, v.Servers[0].Reason)
	}
	w.each(func(e *edition) {
		e.silent = map[holdfast.Purpose]holdfast.Outcome{holdfast.PurposeDNSKEY: holdfast.Timeout}
	})
	if v := w.judged(t, now); v.Status != holdfast.Indeterminate {
		t.Errorf("without any keys the zone is %s", v.Status)
	}
}

// TestTimeToFailure: each class at each server has its own instant, of several
// signatures the one that dies last counts, and the zone's is the earliest,
// the parent's side included.
func TestTimeToFailure(t *testing.T) {
	w := newWorld(t)
	w.child[1].lives = map[holdfast.Class]life{holdfast.ClassNS: {day, 15 * day}}
	v := w.judged(t, now)
	if !v.FailsAt.Equal(now.Add(15*day)) || v.FailsBy != holdfast.ClassNS {
		t.Errorf("zone fails at %s by %s", v.FailsAt, v.FailsBy)
	}
	if s := v.Servers[0]; !s.FailsAt.Equal(now.Add(20 * day)) {
		t.Errorf("the good server fails at %s", s.FailsAt)
	}
	classes := map[holdfast.Class]int{}
	for _, win := range v.Windows {
		classes[win.Class]++
		if win.Signer == "" || win.Algorithm == 0 || !win.Inception.Before(win.Expiration) {
			t.Errorf("window %+v", win)
		}
	}
	for _, class := range []holdfast.Class{holdfast.ClassDS, holdfast.ClassSOA, holdfast.ClassNS, holdfast.ClassDNSKEY, holdfast.ClassDenial, holdfast.ClassNSEC3PARAM} {
		if classes[class] != 2 {
			t.Errorf("%d windows of class %s, want one a server", classes[class], class)
		}
	}

	w.root.lives = map[holdfast.Class]life{holdfast.ClassDS: {day, 9 * day}}
	if v := w.judged(t, now); !v.FailsAt.Equal(now.Add(9*day)) || v.FailsBy != holdfast.ClassDS {
		t.Errorf("with a short DS the zone fails at %s by %s", v.FailsAt, v.FailsBy)
	}
}

func TestLastSignatureCounts(t *testing.T) {
	w := newWorld(t)
	m := w.measured(t)
	w.each(func(e *edition) { e.life = life{before: 13 * day, after: day} })
	old := w.measured(t)
	// Both generations of signatures in one answer: the newer decides.
	for i := range m.Exchanges {
		if m.Exchanges[i].Purpose != holdfast.PurposeSOA {
			continue
		}
		newer, err := wire.Parse(m.Exchanges[i].Reply)
		if err != nil {
			t.Fatal(err)
		}
		older, err := wire.Parse(old.Exchanges[i].Reply)
		if err != nil {
			t.Fatal(err)
		}
		newer.Answer = append(newer.Answer, older.Answer[1])
		if m.Exchanges[i].Reply, err = newer.Pack(); err != nil {
			t.Fatal(err)
		}
	}
	v := catalogue(w.trust, nil).Judge(m, now)
	expect(t, v)
	for _, s := range v.Servers {
		if !s.FailsAt.Equal(now.Add(20 * day)) {
			t.Errorf("%s fails at %s", s.Name, s.FailsAt)
		}
	}
}

// TestWhatIf: the same evidence at another instant.
func TestWhatIf(t *testing.T) {
	w := newWorld(t)
	m := w.measured(t)
	c := catalogue(w.trust, nil)
	if v := c.Judge(m, now.Add(21*day)); v.Status != holdfast.Bogus || v.EDE != 7 {
		t.Errorf("after the signatures: %s with %d", v.Status, v.EDE)
	}
	if v := c.Judge(m, now.Add(-2*day)); v.Status != holdfast.Bogus || v.EDE != 8 {
		t.Errorf("before the signatures: %s with %d", v.Status, v.EDE)
	}
	if v := c.Judge(m, now.Add(20*day)); v.Status != holdfast.Secure {
		t.Errorf("at the very last second: %s %s", v.Status, v.Reason)
	}
}

func TestDelegationByHand(t *testing.T) {
	w := newWorld(t)
	m := w.measured(t)
	m.Exchanges = slices.DeleteFunc(m.Exchanges, func(e holdfast.Exchange) bool { return e.Zone == holdfast.Root })
	data, err := w.ds[0].DS()
	if err != nil {
		t.Fatal(err)
	}
	m.Subject.Delegation = &holdfast.Delegation{DS: []holdfast.DS{data}}
	c := catalogue(w.trust, nil)
	if v := c.Judge(m, now); v.Status != holdfast.Secure {
		t.Errorf("with the DS given: %s %s", v.Status, v.Reason)
	}
	m.Subject.Delegation = &holdfast.Delegation{}
	if v := c.Judge(m, now); v.Status != holdfast.Insecure {
		t.Errorf("with no DS given: %s %s", v.Status, v.Reason)
	}
	c = catalogue([]wire.Record{ds(t, zone, w.child[0].ksks[0], 2)}, nil)
	if v := c.Judge(m, now); v.Status != holdfast.Secure {
		t.Errorf("with an anchor for the zone: %s %s", v.Status, v.Reason)
	}
}

// TestRootZone judges the root itself, by its anchor, given as a key.
func TestRootZone(t *testing.T) {
	root := newEdition(t, holdfast.Root, wire.ED25519, 0)
	server := holdfast.Server{Name: "a.root.", Address: netip.MustParseAddr("198.51.100.1")}
	m := holdfast.Measurement{Subject: holdfast.Subject{Zone: holdfast.Root}}
	for _, q := range []struct {
		p    holdfast.Purpose
		name holdfast.Name
		t    wire.Type
	}{{holdfast.PurposeSOA, ".", wire.TypeSOA}, {holdfast.PurposeNS, ".", wire.TypeNS}, {holdfast.PurposeDNSKEY, ".", wire.TypeDNSKEY}, {holdfast.PurposeNXDomain, "nowhere.", wire.TypeA}} {
		question := holdfast.Question{Name: q.name, Type: uint16(q.t)}
		packet, err := root.answer(t, question, q.p).Pack()
		if err != nil {
			t.Fatal(err)
		}
		m.Exchanges = append(m.Exchanges, holdfast.Exchange{Zone: ".", Purpose: q.p, Server: server, Question: question, Outcome: holdfast.Answered, Reply: packet})
	}
	v := catalogue([]wire.Record{wire.NewDNSKEY(".", 0, root.ksks[0].DNSKEY)}, nil).Judge(m, now)
	expect(t, v)
	if v.Status != holdfast.Secure || v.FailsAt.IsZero() {
		t.Errorf("root is %s (%s), fails at %s", v.Status, v.Reason, v.FailsAt)
	}
}

// TestKeyTrap: colliding tags and heaps of signatures cost a bounded number of
// verifications (CVE-2023-50387).
func TestKeyTrap(t *testing.T) {
	w := newWorld(t)
	w.each(func(e *edition) {
		e.edit = func(p holdfast.Purpose, m *wire.Message) {
			if p == holdfast.PurposeSOA {
				good := m.Answer[1]
				for i := range 200 {
					bad := good
					bad.Data = slices.Clone(good.Data)
					bad.Data[len(bad.Data)-1-i%32] ^= byte(1 + i/32)
					m.Answer = append(m.Answer, bad)
				}
				m.Answer = append(m.Answer[:1], m.Answer[2:]...)
			}
		}
	})
	cache := dnssec.NewCache(10000)
	c := catalogue(w.trust, cache)
	c.Checks = nil
	c.Judge(w.measured(t), now)
	_, runs := cache.Counts()
	w2 := newWorld(t)
	plain := dnssec.NewCache(10000)
	c2 := catalogue(w2.trust, plain)
	c2.Checks = nil
	c2.Judge(w2.measured(t), now)
	_, usual := plain.Counts()
	if bound := usual + uint64(2*dnssec.DefaultPolicy().MaxVerifications); runs > bound {
		t.Errorf("%d verifications, want at most %d", runs, bound)
	}
	v := w.judged(t, now)
	if f, ok := finding(v, "SIG-07"); !ok || f.Severity != holdfast.SeverityCritical {
		t.Errorf("SIG-07 is %+v", f)
	}
}

func TestCacheRemembers(t *testing.T) {
	w := newWorld(t)
	cache := dnssec.NewCache(10000)
	c := catalogue(w.trust, cache)
	m := w.measured(t)
	first := c.Judge(m, now)
	_, runs := cache.Counts()
	again := c.Judge(m, now.Add(time.Hour))
	if _, after := cache.Counts(); after != runs || runs == 0 {
		t.Errorf("%d verifications at first, %d after the second look", runs, after)
	}
	if first.Status != again.Status {
		t.Errorf("%s, then %s", first.Status, again.Status)
	}
	small := dnssec.NewCache(2)
	if v := catalogue(w.trust, small).Judge(m, now); v.Status != holdfast.Secure {
		t.Errorf("with a cache too small: %s", v.Status)
	}
}

func TestCatalogueIsWellFormed(t *testing.T) {
	codes := map[string]bool{}
	for _, c := range dnssec.Checks() {
		if codes[c.Code] {
			t.Errorf("%s is there twice", c.Code)
		}
		codes[c.Code] = true
		if c.Name == "" || c.Reference == "" || c.Summary == "" || c.Judge == nil {
			t.Errorf("%s is not complete", c.Code)
		}
	}
	for _, c := range dnssec.Checks() {
		for _, code := range c.Unless {
			ours := strings.HasPrefix(code, "CHN-") || strings.HasPrefix(code, "SIG-") || strings.HasPrefix(code, "NEG-")
			if ours && !codes[code] {
				t.Errorf("%s yields to %s, which is not there", c.Code, code)
			}
		}
	}
	var _ judge.Catalogue = catalogue(nil, nil)
}

// TestCollidingTags: a key beyond the bound on keys of one tag is not tried,
// and those within it are.
func TestCollidingTags(t *testing.T) {
	for twins, status := range map[int]holdfast.Status{3: holdfast.Secure, 4: holdfast.Bogus} {
		w := newWorld(t)
		w.each(func(e *edition) {
			own := newEdition(t, zone, wire.ED25519, 1)
			e.ksks, e.zsks = own.ksks, own.zsks
			e.keys = []*wire.Key{own.ksks[0]}
			for i := range twins { // the tag is a sum of 16-bit words: their order does not count
				twin := *own.zsks[0]
				twin.DNSKEY.PublicKey = slices.Clone(twin.DNSKEY.PublicKey)
				p := twin.DNSKEY.PublicKey
				p[0], p[1], p[2*i+2], p[2*i+3] = p[2*i+2], p[2*i+3], p[0], p[1]
				if twin.DNSKEY.KeyTag() != own.zsks[0].Tag {
					t.Fatal("the twin has another tag")
				}
				e.keys = append(e.keys, &twin)
			}
			e.keys = append(e.keys, own.zsks[0])
		})
		w.ds = []wire.Record{ds(t, zone, w.child[0].ksks[0], 2)}
		if v := w.judged(t, now); v.Status != status {
			t.Errorf("behind %d keys of the same tag: %s (%s), want %s", twins, v.Status, v.Reason, status)
		}
	}
}
