package dnssec_test

import (
	"slices"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/past"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// probed is the world's measurement with questions about names below.
func (w *world) probed(t *testing.T) holdfast.Measurement {
	t.Helper()
	m := w.measured(t)
	for i := range w.child {
		w.also(t, &m, i, holdfast.PurposeNXDeep, "a.b."+lost, wire.TypeA)
		w.also(t, &m, i, holdfast.PurposeSample, "signed.example.", wire.TypeDS)
		w.also(t, &m, i, holdfast.PurposeSample, "plain.example.", wire.TypeDS)
		w.also(t, &m, i, holdfast.PurposeSample, "nothing.example.", wire.TypeDS)
		w.also(t, &m, i, holdfast.PurposeApex, zone, wire.TypeMX)
	}
	return m
}

func TestBelow(t *testing.T) {
	at := holdfast.Name("signed.example.")
	nsec := func(e *edition) { e.params = nil }
	tests := []struct {
		name  string
		edit  func(*edition)
		wants []want
	}{
		{"sound, NSEC3", func(*edition) {}, nil},
		{"sound, opt-out", func(e *edition) { e.optOut = true }, nil},
		{"sound, NSEC", nsec, nil},
		{"DS signatures broken", func(e *edition) { e.broken = map[holdfast.Class]bool{holdfast.ClassDS: true} },
			[]want{{"SIG-12", holdfast.SeverityError, 0, ""}}},
		{"DS signatures missing", func(e *edition) { e.unsigned = map[holdfast.Class]bool{holdfast.ClassDS: true} },
			[]want{{"SIG-12", holdfast.SeverityError, 0, ""}}},
		{"DS signatures expired", func(e *edition) { e.lives = map[holdfast.Class]life{holdfast.ClassDS: {20 * day, -time.Hour}} },
			[]want{{"SIG-12", holdfast.SeverityError, 0, ""}}},
		{"DS signatures dying", func(e *edition) { e.lives = map[holdfast.Class]life{holdfast.ClassDS: {20 * day, 5 * day}} },
			[]want{{"SIG-12", holdfast.SeverityWarning, 0, ""}}},
		{"DS signatures renewed later than others, but in time", func(e *edition) { e.lives = map[holdfast.Class]life{holdfast.ClassDS: {8 * day, 12 * day}} }, nil},
		{"everything dying: SIG-02 speaks alone", func(e *edition) { e.life = life{20 * day, 5 * day} }, []want{
			{"SIG-02", holdfast.SeverityWarning, 0, "SOA"}, {"SIG-02", holdfast.SeverityWarning, 0, "NS"}, {"SIG-02", holdfast.SeverityWarning, 0, "DNSKEY"},
			{"SIG-02", holdfast.SeverityWarning, 0, "DENIAL"}, {"SIG-02", holdfast.SeverityWarning, 0, "NSEC3PARAM"}}},
		{"denial broken: NEG-03 speaks alone", func(e *edition) { e.broken = map[holdfast.Class]bool{holdfast.ClassDenial: true} },
			[]want{{"NEG-03", holdfast.SeverityCritical, 0, "DENIAL"}}},
		{"deep proofs shallow", func(e *edition) { e.shallow = true }, []want{{"NEG-14", holdfast.SeverityError, 0, "DENIAL"}}},
		{"a DS that its proof lists", func(e *edition) {
			e.edit = func(p holdfast.Purpose, m *wire.Message) {
				if p == holdfast.PurposeSample && m.Question[0].Name == at {
					*m = *e.answer(t, holdfast.Question{Name: at, Type: uint16(wire.TypeTXT)}, "")
					m.Question[0].Type = uint16(wire.TypeDS)
				}
			}
		}, []want{{"NEG-14", holdfast.SeverityError, 0, "DENIAL"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.each(test.edit)
			v := catalogue(w.trust, nil).Judge(w.probed(t), now)
			expect(t, v, test.wants...)
		})
	}
}

// TestAnswersOfAChildZone: a server that has the child zone too may answer for
// its DS from there; that is no word about this zone.
func TestAnswersOfAChildZone(t *testing.T) {
	w := newWorld(t)
	child := newEdition(t, "signed.example.", wire.ECDSAP256SHA256, 3)
	m := w.measured(t)
	q := holdfast.Question{Name: "signed.example.", Type: uint16(wire.TypeDS)}
	packet, err := child.answer(t, q, "").Pack()
	if err != nil {
		t.Fatal(err)
	}
	m.Exchanges = append(m.Exchanges, holdfast.Exchange{Zone: zone, Purpose: holdfast.PurposeSample, Server: w.servers[0], Question: q, Sent: now, Outcome: holdfast.Answered, Reply: packet})
	expect(t, catalogue(w.trust, nil).Judge(m, now))
}

// relinked has the record before the last of the chain lead where the last
// does: it spans over it.
func relinked(t *testing.T) func([]wire.Record) []wire.Record {
	return func(chain []wire.Record) []wire.Record {
		chain = slices.Clone(chain)
		i := len(chain) - 2
		if n, err := chain[i].NSEC3(); err == nil {
			last := must[wire.NSEC3](t)(chain[i+1].NSEC3())
			n.Next = last.Next
			chain[i] = wire.NewNSEC3(chain[i].Name, 900, n)
			return chain
		}
		n := must[wire.NSEC](t)(chain[i].NSEC())
		n.Next = must[wire.NSEC](t)(chain[i+1].NSEC()).Next
		chain[i] = must[wire.Record](t)(wire.NewNSEC(chain[i].Name, 900, n))
		return chain
	}
}

func TestProofsAgainstEachOther(t *testing.T) {
	without := func(lost wire.Type) func(*edition) {
		return func(e *edition) {
			e.bitmap = func(types []wire.Type) []wire.Type {
				return slices.DeleteFunc(types, func(t wire.Type) bool { return t == lost })
			}
		}
	}
	tests := []struct {
		name  string
		edit  func(*edition)
		wants []want
	}{
		{"NSEC3 spans over another", func(e *edition) { e.relink = relinked(t) }, []want{{"NEG-10", holdfast.SeverityError, 0, "DENIAL"}}},
		{"NSEC spans over another", func(e *edition) { e.params, e.relink = nil, relinked(t) }, []want{{"NEG-10", holdfast.SeverityError, 0, "DENIAL"}}},
		{"the last NSEC leads to the second", func(e *edition) {
			e.params = nil
			e.relink = func(chain []wire.Record) []wire.Record {
				last := must[wire.NSEC](t)(chain[len(chain)-1].NSEC())
				last.Next = chain[1].Name
				return append(slices.Clone(chain[:len(chain)-1]), must[wire.Record](t)(wire.NewNSEC(chain[len(chain)-1].Name, 900, last)))
			}
		}, []want{{"NEG-10", holdfast.SeverityError, 0, "DENIAL"}}},
		{"DNSKEY is not listed", without(wire.TypeDNSKEY), []want{{"NEG-11", holdfast.SeverityError, 0, "DENIAL"}}},
		{"RRSIG is not listed", without(wire.TypeRRSIG), []want{{"NEG-11", holdfast.SeverityError, 0, "DENIAL"}}},
		{"MX is listed and is not there", func(e *edition) {
			e.bitmap = func(types []wire.Type) []wire.Type { return append(types, wire.TypeMX) }
			// The answer for MX itself is proven by a list without it.
			e.edit = func(p holdfast.Purpose, m *wire.Message) {
				if p == holdfast.PurposeApex {
					own := *e
					own.bitmap, own.edit = nil, nil
					*m = *own.answer(t, m.Question[0], p)
				}
			}
		}, []want{{"NEG-11", holdfast.SeverityWarning, 0, "DENIAL"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.each(test.edit)
			m := w.probed(t)
			for i := range w.child { // ask until every span was seen
				for _, name := range []holdfast.Name{"b.example.", "q.example.", "r.example.", "t.example.", "zz.example."} {
					w.also(t, &m, i, holdfast.PurposeSample, name, wire.TypeDS)
				}
			}
			v := catalogue(w.trust, nil).Judge(m, now)
			expect(t, v, test.wants...)
		})
	}
}

// TestVersionsAreNotMixed: two answers of different serials may contradict
// each other.
func TestVersionsAreNotMixed(t *testing.T) {
	w := newWorld(t)
	m := w.measured(t)
	w.each(func(e *edition) {
		e.serial++
		delete(e.names, "plain.example.")
	})
	for i := range w.child {
		w.also(t, &m, i, holdfast.PurposeSample, "plain.example.", wire.TypeDS)
		for _, name := range []holdfast.Name{"b.example.", "q.example.", "r.example.", "t.example."} {
			w.also(t, &m, i, holdfast.PurposeSample, name, wire.TypeDS)
		}
	}
	expect(t, catalogue(w.trust, nil).Judge(m, now))
}

// TestCompactDenial: RFC 9824 is recognised and nothing else is said of it.
func TestCompactDenial(t *testing.T) {
	w := newWorld(t)
	w.each(func(e *edition) {
		e.params = nil
		e.edit = func(_ holdfast.Purpose, m *wire.Message) {
			if len(m.Answer) > 0 {
				return
			}
			m.Rcode = wire.NoError
			q := m.Question[0]
			types := []wire.Type{wire.TypeRRSIG, wire.TypeNSEC, 128}
			if q.Name == zone {
				types = append(e.types(t, zone), wire.TypeNSEC)
			} else if q.Name == "plain.example." {
				types = []wire.Type{wire.TypeNS, wire.TypeRRSIG, wire.TypeNSEC}
			}
			made := must[wire.Record](t)(wire.NewNSEC(q.Name, 900, wire.NSEC{Next: `\000.` + q.Name, Types: types}))
			m.Authority = append(e.signed(t, e.soa(t)), e.signed(t, made)...)
		}
	})
	v := catalogue(w.trust, nil).Judge(w.probed(t), now)
	expect(t, v)
	says(t, v, "NEG-12", "by compact denial")
	says(t, newWorld(t).judged(t, now), "NEG-12", "")
}

func TestOptOutIsNoted(t *testing.T) {
	w := newWorld(t)
	says(t, w.judged(t, now), "NEG-13", "")
	w.each(func(e *edition) { e.optOut = true })
	says(t, w.judged(t, now), "NEG-13", "opt-out")
}

// TestIntermittent: a server that fails, holds and fails again.
func TestIntermittent(t *testing.T) {
	w := newWorld(t)
	c := catalogue(w.trust, nil)
	c.Remember = past.Fold
	var known holdfast.Past
	var v holdfast.Verdict
	for i, broken := range []bool{false, true, true, false, true} {
		w.child[1].broken = map[holdfast.Class]bool{holdfast.ClassSOA: broken, holdfast.ClassNS: broken}
		w.child[1].serial++
		w.child[0].serial++
		m := w.measured(t)
		for j := range m.Exchanges {
			m.Exchanges[j].Sent = now.Add(time.Duration(i) * 5 * time.Minute)
		}
		at := now.Add(time.Duration(i)*5*time.Minute + time.Second)
		if v, known = c.Follow(m, known, at); i < 4 {
			says(t, v, "SIG-11", "")
		}
	}
	says(t, v, "SIG-11", "on ns2.example. (192.0.2.2)")
	for _, s := range known.Signing {
		if s.Class == holdfast.ClassNS && (len(s.Trials) != 4 || s.Trials[0].Bad != 1) {
			t.Errorf("trials %+v", s.Trials)
		}
	}
	// Within one look: UDP and TCP reach different nodes.
	w = newWorld(t)
	w.child[0].edit = func(p holdfast.Purpose, m *wire.Message) {
		if p == holdfast.PurposeSOATCP {
			m.Answer[1].Data[len(m.Answer[1].Data)-1] ^= 1
		}
	}
	says(t, w.judged(t, now), "SIG-11", "on ns1.example. (192.0.2.1)")
}

func TestValidatorsDisagree(t *testing.T) {
	tests := []struct {
		name   string
		broken bool // the zone
		reply  func(*wire.Message)
		text   string
	}{
		{"it agrees", false, func(m *wire.Message) { m.AuthenticatedData = true }, ""},
		{"it says bogus", false, servfail(7), "says bogus (EDE 7)"},
		{"it does not say why", false, func(m *wire.Message) { m.Rcode, m.Answer = wire.ServFail, nil }, ""},
		{"it cannot reach us", false, servfail(22), ""},
		{"it does not validate", false, func(*wire.Message) {}, "without the AD flag"},
		{"it speaks from memory", false, func(m *wire.Message) {
			for i := range m.Answer {
				m.Answer[i].TTL -= 7
			}
		}, ""},
		{"both say bogus", true, servfail(6), ""},
		{"it says secure, we do not", true, func(m *wire.Message) { m.AuthenticatedData = true }, "says secure"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			m := w.measured(t)
			w.child[0].edit = func(_ holdfast.Purpose, m *wire.Message) { test.reply(m) }
			w.also(t, &m, 0, holdfast.PurposeValidator, zone, wire.TypeSOA)
			m.Exchanges[len(m.Exchanges)-1].Server = holdfast.Server{Address: w.servers[0].Address}
			if test.broken {
				w.each(func(e *edition) { e.edit, e.broken = nil, map[holdfast.Class]bool{holdfast.ClassNS: true} })
				probe := m.Exchanges[len(m.Exchanges)-1]
				m = w.measured(t)
				m.Exchanges = append(m.Exchanges, probe)
			}
			says(t, catalogue(w.trust, nil).Judge(m, now), "CHN-08", test.text)
		})
	}
}

func servfail(code uint16) func(*wire.Message) {
	return func(m *wire.Message) {
		m.Rcode, m.Answer = wire.ServFail, nil
		m.EDNS.EDE = []wire.ExtendedError{{Code: code}}
	}
}

// TestMultiSigner: RFC 8901 model 2: each provider publishes both zone-signing
// keys and signs with its own, under DS records for both key-signing keys.
func TestMultiSigner(t *testing.T) {
	w := newWorld(t)
	a, b := newEdition(t, zone, wire.ECDSAP256SHA256, 1), newEdition(t, zone, wire.ECDSAP256SHA256, 2)
	for i, e := range w.child {
		own, other := []*edition{a, b}[i], []*edition{b, a}[i]
		e.ksks, e.zsks = own.ksks, own.zsks
		e.keys = append(slices.Clone(own.keys), other.zsks...)
	}
	w.ds = []wire.Record{ds(t, zone, a.ksks[0], 2), ds(t, zone, b.ksks[0], 2)}
	v := catalogue(w.trust, nil).Judge(w.probed(t), now)
	expect(t, v)
	if v.Status != holdfast.Secure {
		t.Errorf("%s: %s", v.Status, v.Reason)
	}
	// Without cross-publication each answer set still validates by itself.
	for i, e := range w.child {
		e.keys = slices.Clone([]*edition{a, b}[i].keys)
	}
	expect(t, catalogue(w.trust, nil).Judge(w.probed(t), now))
}
