package anchor_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// stage makes rehearsals by hand: what the root serves is signed here, and what
// the resolvers show is written down by the test.
type stage struct {
	t    *testing.T
	keys map[string]*wire.Key
	r    holdfast.Rehearsal
}

var curtain = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// fast are the timers of the lab: a hold-down of ten seconds, a TTL of four.
func fast() holdfast.Timers {
	return holdfast.Timers{Add: 10 * time.Second, Remove: 10 * time.Second, TTL: 4 * time.Second, Life: time.Hour, Query: time.Second, Retry: time.Second}
}

func newKey(t *testing.T, ksk bool) *wire.Key {
	t.Helper()
	flags := uint16(wire.FlagZone)
	if ksk {
		flags |= wire.FlagSEP
	}
	k, err := wire.GenerateKey(wire.ECDSAP256SHA256, flags, 0, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// newStage has the keys old and new, of which old is what everybody begins with.
func newStage(t *testing.T, length time.Duration, steps ...holdfast.PlayStep) *stage {
	s := &stage{t: t, keys: map[string]*wire.Key{"old": newKey(t, true), "new": newKey(t, true), "zsk": newKey(t, false)}}
	s.r = holdfast.Rehearsal{
		Format: "holdfast-rehearsal/1", Started: curtain, Finished: curtain.Add(length), Clock: "accelerated", Tags: map[string]uint16{}, Public: map[string]string{},
		Play: holdfast.Play{Name: "test", Timers: fast(), Steps: steps, Length: length, Keys: []holdfast.PlayKey{
			{Name: "old", KSK: true, Algorithm: 13, Anchor: true}, {Name: "new", KSK: true, Algorithm: 13}, {Name: "zsk", Algorithm: 13}}},
	}
	for name, k := range s.keys {
		s.r.Tags[name] = k.Tag
		s.r.Public[name] = wire.NewDNSKEY(holdfast.Root, 4, k.DNSKEY).String()
	}
	for _, step := range steps {
		s.r.Served = append(s.r.Served, holdfast.Sample{After: step.At, Probe: holdfast.ProbeKeys, Exchange: s.exchange(s.set(step), 0, true)})
	}
	return s
}

func step(at int, name string, publish, sign, revoke []string) holdfast.PlayStep {
	return holdfast.PlayStep{At: time.Duration(at) * time.Second, Name: name, Publish: publish, Sign: sign, Revoke: revoke, Data: []string{"zsk"}}
}

// set is the signed DNSKEY RRset of a step.
func (s *stage) set(step holdfast.PlayStep) []wire.Record {
	return signedSet(s.t, s.keys, step, s.r.Started)
}

func signedSet(t *testing.T, keys map[string]*wire.Key, step holdfast.PlayStep, at time.Time) []wire.Record {
	t.Helper()
	ring := map[string]*wire.Key{}
	var records []wire.Record
	for _, name := range step.Publish {
		k := *keys[name]
		for _, revoked := range step.Revoke {
			if revoked == name {
				k.DNSKEY.Flags |= wire.FlagRevoke
				k.Tag = k.DNSKEY.KeyTag()
			}
		}
		ring[name] = &k
		records = append(records, wire.NewDNSKEY(holdfast.Root, 4, k.DNSKEY))
	}
	set := records
	for _, name := range step.Sign {
		k := ring[name]
		if k == nil {
			k = keys[name]
		}
		sig, err := k.Sign(set, holdfast.Root, at.Add(-time.Hour), at.Add(time.Hour), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, sig)
	}
	return records
}

func (s *stage) exchange(answer []wire.Record, rcode int, ad bool) holdfast.Exchange {
	s.t.Helper()
	m := &wire.Message{ID: 1, Response: true, Rcode: rcode, AuthenticatedData: ad, Question: []holdfast.Question{{Name: holdfast.Root, Type: uint16(wire.TypeDNSKEY)}}, Answer: answer}
	packet, err := m.Pack()
	if err != nil {
		s.t.Fatal(err)
	}
	return holdfast.Exchange{Outcome: holdfast.Answered, Reply: packet}
}

func (s *stage) actor(name string, follows bool) {
	s.r.Actors = append(s.r.Actors, holdfast.Actor{Name: name, Software: name, Version: "1", Follows: follows})
}

// shows writes down what a probe of a resolver got, second by second; the last
// value lasts until the end.
func (s *stage) shows(actor string, probe holdfast.Probe, key string, from int, values ...string) {
	s.t.Helper()
	a, err := wire.ParseRecord("www.lab. 4 IN A 192.0.2.1")
	if err != nil {
		s.t.Fatal(err)
	}
	for second := from; second < int(s.r.Play.Length.Seconds()); second++ {
		value := values[min(second-from, len(values)-1)]
		e := holdfast.Exchange{Outcome: holdfast.Timeout}
		switch value {
		case "AD", "answer":
			e = s.exchange([]wire.Record{a}, wire.NoError, value == "AD")
		case "SERVFAIL":
			e = s.exchange(nil, wire.ServFail, false)
		}
		s.r.Samples = append(s.r.Samples, holdfast.Sample{After: time.Duration(second) * time.Second, Actor: actor, Probe: probe, Key: key, Exchange: e})
	}
}

// span is a value that lasts some seconds.
func span(seconds int, value string) []string {
	out := make([]string, seconds)
	for i := range out {
		out[i] = value
	}
	return out
}

func spans(parts ...[]string) []string {
	var out []string
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// holds writes down what a resolver's state file says from a second on.
func (s *stage) holds(actor string, at int, states map[string]holdfast.KeyState) {
	point := holdfast.TrustPoint{Zone: holdfast.Root}
	for name, state := range states {
		k := s.keys[name].DNSKEY
		point.Keys = append(point.Keys, holdfast.TrustedKey{Tag: k.KeyTag(), Algorithm: k.Algorithm, Flags: k.Flags, Public: k.PublicKey, State: state})
	}
	s.r.States = append(s.r.States, holdfast.StateSample{After: time.Duration(at) * time.Second, Actor: actor, Name: "root.key", Point: &point})
}
