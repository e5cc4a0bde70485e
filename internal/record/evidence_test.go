package record

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

// stored is a measurement as it comes back: instants cut to the millisecond,
// times rounded to 0.1 ms.
func stored(m holdfast.Measurement) holdfast.Measurement {
	m.Started, m.Finished = m.Started.Truncate(time.Millisecond), m.Finished.Truncate(time.Millisecond)
	exchanges := m.Exchanges
	m.Exchanges = make([]holdfast.Exchange, len(exchanges))
	for i, e := range exchanges {
		e.Sent = e.Sent.Truncate(time.Millisecond)
		if e.RTT > 0 {
			e.RTT = max(e.RTT.Round(100*time.Microsecond), 100*time.Microsecond)
		}
		m.Exchanges[i] = e
	}
	return m
}

func same(t *testing.T, got, want holdfast.Measurement) {
	t.Helper()
	for i := range want.Exchanges {
		if i < len(got.Exchanges) && !reflect.DeepEqual(got.Exchanges[i], want.Exchanges[i]) {
			t.Fatalf("exchange %d:\n got %+v\nwant %+v", i, got.Exchanges[i], want.Exchanges[i])
		}
	}
	if !reflect.DeepEqual(got, want) {
		got.Exchanges, want.Exchanges = nil, nil
		t.Fatalf("\n got %+v\nwant %+v", got, want)
	}
}

func TestMeasurementComesBackAsItWas(t *testing.T) {
	r, w := create(t), newWorld(1, 3)
	z := w.zones[1]
	full := w.full(z, "m1", "s1", morning.Add(1234567*time.Nanosecond))
	noError(t, r.Measured(t.Context(), full))
	got, err := r.Measurement(t.Context(), "m1")
	noError(t, err)
	same(t, got, stored(full))

	core := w.core(z, "m2", "s2", "m1", morning.Add(5*time.Minute))
	noError(t, r.Measured(t.Context(), core))
	got, err = r.Measurement(t.Context(), "m2")
	noError(t, err)
	same(t, got, holdfast.Compose(stored(core), stored(full)))
	if len(got.Exchanges) != len(full.Exchanges) {
		t.Errorf("a core look at the same servers, composed, has %d exchanges, its base %d", len(got.Exchanges), len(full.Exchanges))
	}
}

// Every oddity that a server or the network can make must come back.
func TestOddExchangesComeBack(t *testing.T) {
	w := newWorld(2, 1)
	z := w.zones[0]
	ordinary := w.exchange(z, z, holdfast.PurposeSOA, z.servers[0], holdfast.Question{Name: z.subject.Zone, Type: 6}, morning)
	odd := func(change func(e *holdfast.Exchange)) holdfast.Exchange {
		e := ordinary
		e.Query, e.Reply = append([]byte(nil), e.Query...), append([]byte(nil), e.Reply...)
		change(&e)
		return e
	}
	exchanges := map[string]holdfast.Exchange{
		"ordinary":              ordinary,
		"another id in reply":   odd(func(e *holdfast.Exchange) { e.Reply[0] ^= 0xff }),
		"reply of one octet":    odd(func(e *holdfast.Exchange) { e.Reply, e.Outcome = []byte{7}, holdfast.Malformed }),
		"reply of eleven":       odd(func(e *holdfast.Exchange) { e.Reply = e.Reply[:11] }),
		"reply of twelve":       odd(func(e *holdfast.Exchange) { e.Reply = e.Reply[:12] }),
		"empty reply":           odd(func(e *holdfast.Exchange) { e.Reply = []byte{} }),
		"cut in the OPT":        odd(func(e *holdfast.Exchange) { e.Reply = e.Reply[:len(e.Reply)-3] }),
		"octets behind the OPT": odd(func(e *holdfast.Exchange) { e.Reply = append(e.Reply, 1, 2, 3) }),
		"no reply":              odd(func(e *holdfast.Exchange) { e.Reply, e.RTT, e.Outcome, e.Tries = nil, 0, holdfast.Timeout, 3 }),
		"not asked": odd(func(e *holdfast.Exchange) {
			*e = holdfast.Exchange{Zone: e.Zone, Purpose: e.Purpose, Server: e.Server, Question: e.Question, Outcome: holdfast.NotAsked}
		}),
		"wrong source": odd(func(e *holdfast.Exchange) {
			e.From, e.Outcome, e.Tries = netip.MustParseAddr("2001:db8::1%eth0"), holdfast.WrongSource, 5
		}),
		"refused": odd(func(e *holdfast.Exchange) {
			e.Reply, e.RTT, e.Outcome, e.Detail = nil, 0, holdfast.Refused, "connect: connection refused"
		}),
		"truncated":            odd(func(e *holdfast.Exchange) { e.Truncated, e.Transport, e.Tries = true, holdfast.TCP, 2 }),
		"question in capitals": odd(func(e *holdfast.Exchange) { e.Query[13] ^= 0x20 }),
		"query of five octets": odd(func(e *holdfast.Exchange) { e.Query = e.Query[:5] }),
		"query of twelve":      odd(func(e *holdfast.Exchange) { e.Query = e.Query[:12] }),
		"reply without query":  odd(func(e *holdfast.Exchange) { e.Query = nil }),
		"long ago":             odd(func(e *holdfast.Exchange) { e.Sent = e.Sent.Add(-48 * time.Hour) }),
		"never sent":           odd(func(e *holdfast.Exchange) { e.Sent = time.Time{} }),
		"a tiny time":          odd(func(e *holdfast.Exchange) { e.RTT = 3 * time.Microsecond }),
		"a name with escapes":  odd(func(e *holdfast.Exchange) { e.Question.Name = `a\.b\007\\.zone0.` }),
		"a name that is none":  odd(func(e *holdfast.Exchange) { e.Question.Name = `..` }),
		"probe elsewhere":      odd(func(e *holdfast.Exchange) { e.Purpose, e.Question.Name = holdfast.PurposeNXDomain, "x.example." }),
		"probe of the root":    odd(func(e *holdfast.Exchange) { e.Purpose, e.Question.Name = holdfast.PurposeNXDomain, "." }),
		"probe with a dot":     odd(func(e *holdfast.Exchange) { e.Purpose, e.Question.Name = holdfast.PurposeNXDomain, `a\.zone0.` }),
		"no server name":       odd(func(e *holdfast.Exchange) { e.Server = holdfast.Server{} }),
		"a mapped address":     odd(func(e *holdfast.Exchange) { e.Server.Address = netip.MustParseAddr("::ffff:192.0.2.1") }),
	}
	r := create(t)
	all := w.measurement(z, holdfast.Full, "all", "", morning)
	all.Cut = true
	for name, e := range exchanges {
		t.Run(name, func(t *testing.T) {
			m := w.measurement(z, holdfast.Full, "m "+name, "", morning)
			m.Exchanges = []holdfast.Exchange{e}
			noError(t, r.Measured(t.Context(), m))
			got, err := r.Measurement(t.Context(), m.ID)
			noError(t, err)
			same(t, got, stored(m))
		})
		// In map order: the plan's order is another one.
		all.Exchanges = append(all.Exchanges, e, e)
	}
	noError(t, r.Measured(t.Context(), all))
	got, err := r.Measurement(t.Context(), "all")
	noError(t, err)
	same(t, got, stored(all))
}

func TestEmptyMeasurement(t *testing.T) {
	r := create(t)
	m := holdfast.Measurement{ID: "m", Subject: holdfast.Subject{Zone: "."}, Depth: holdfast.Full, Started: morning, Finished: morning, Exchanges: []holdfast.Exchange{}}
	noError(t, r.Measured(t.Context(), m))
	got, err := r.Measurement(t.Context(), "m")
	noError(t, err)
	same(t, got, m)
}

func TestMeasuredRefuses(t *testing.T) {
	r, w := create(t), newWorld(3, 1)
	m := w.core(w.zones[0], "m", "s", "", morning)
	for name, change := range map[string]func(m *holdfast.Measurement){
		"no id":         func(m *holdfast.Measurement) { m.ID = "" },
		"no zone":       func(m *holdfast.Measurement) { m.Subject.Zone = "" },
		"huge reply":    func(m *holdfast.Measurement) { m.Exchanges = []holdfast.Exchange{{Reply: make([]byte, 65536)}} },
		"far too many":  func(m *holdfast.Measurement) { m.Exchanges = make([]holdfast.Exchange, maxExchanges+1) },
		"another's id ": func(m *holdfast.Measurement) { m.ID = "taken" },
	} {
		taken := w.core(w.zones[0], "taken", "s", "", morning.Add(time.Second))
		noError(t, errors.Join(r.Measured(t.Context(), taken), r.Measured(t.Context(), taken))) // the same twice is fine, once and for all
		bad := m
		change(&bad)
		if err := r.Measured(t.Context(), bad); err == nil {
			t.Errorf("%s: no error", name)
		}
		w = newWorld(3, 1) // so that "taken" is the same each time
		w.core(w.zones[0], "m", "s", "", morning)
	}
}

func TestUnknownBaseKeepsTheEvidence(t *testing.T) {
	r, w := create(t), newWorld(4, 1)
	core := w.core(w.zones[0], "core", "", "gone", morning)
	noError(t, r.Measured(t.Context(), core))
	got, err := r.Measurement(t.Context(), "core")
	noError(t, err)
	same(t, got, stored(core))
	if got.Base != "gone" {
		t.Errorf("base %q, want the one that was named", got.Base)
	}
}

func TestLatestAndLists(t *testing.T) {
	r, w := create(t), newWorld(5, 2)
	a, b := w.zones[0], w.zones[1]
	noError(t, r.Measured(t.Context(), w.full(a, "a1", "s1", morning)))
	noError(t, r.Measured(t.Context(), w.core(a, "a3", "s2", "a1", morning.Add(10*time.Minute))))
	noError(t, r.Measured(t.Context(), w.core(a, "a2", "s2", "a1", morning.Add(5*time.Minute)))) // late
	noError(t, r.Measured(t.Context(), w.full(b, "b1", "s1", morning.Add(time.Minute))))
	latest, err := r.LatestMeasurement(t.Context(), "zone0.", holdfast.Core)
	noError(t, err)
	if latest.ID != "a3" || len(latest.Exchanges) <= 2*len(a.servers) {
		t.Errorf("latest core is %s with %d exchanges, want a3, composed", latest.ID, len(latest.Exchanges))
	}
	for _, c := range []struct {
		since, until time.Time
		zone         holdfast.Name
		want         string
	}{
		{want: "a1 b1 a2 a3 "},
		{zone: "zone0.", want: "a1 a2 a3 "},
		{zone: "none.", want: ""},
		{since: morning.Add(time.Minute), want: "b1 a2 a3 "},
		{since: morning.Add(time.Minute), until: morning.Add(10 * time.Minute), want: "b1 a2 "},
	} {
		got := ""
		for m, err := range r.Measurements(t.Context(), c.since, c.until, c.zone) {
			noError(t, err)
			got += m.ID + " "
		}
		if got != c.want {
			t.Errorf("measurements %v..%v %s: %q, want %q", c.since, c.until, c.zone, got, c.want)
		}
	}
	if _, err := r.LatestMeasurement(t.Context(), "zone1.", holdfast.Core); !errors.Is(err, ErrNotFound) {
		t.Errorf("latest core of a zone without one: %v", err)
	}
	if _, err := r.Measurement(t.Context(), "x"); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown measurement: %v", err)
	}
}

func TestUnjudgedAreThoseNotFound(t *testing.T) {
	r, w := create(t), newWorld(6, 1)
	z := w.zones[0]
	noError(t, r.Measured(t.Context(), w.full(z, "m000", "s", morning)))
	for i := 1; i < pageLength+10; i++ {
		noError(t, r.Measured(t.Context(), w.core(z, fmt.Sprintf("m%03d", i), "s", "m000", morning.Add(time.Duration(i)*time.Minute))))
	}
	noError(t, r.Found(t.Context(), z.subject, w.verdict(z, "m001", morning.Add(time.Minute)), holdfast.Past{}))
	count := 0
	for m, err := range r.Unjudged(t.Context()) {
		noError(t, err)
		if m.ID == "m001" {
			t.Error("a judged measurement is among the unjudged")
		}
		count++
		noError(t, r.Found(t.Context(), z.subject, w.verdict(z, m.ID, m.Started), holdfast.Past{}))
	}
	if want := pageLength + 9; count != want {
		t.Errorf("%d unjudged, want %d", count, want)
	}
	for m := range r.Unjudged(t.Context()) {
		t.Errorf("%s is still unjudged", m.ID)
	}
}

// What was withheld is not judged after a restart either: the silence of that
// hour was ours.
func TestWithheldAreNotUnjudged(t *testing.T) {
	r, w := create(t), newWorld(6, 1)
	for _, id := range []string{"m000", "20260801T060000.000000Z-0123456789ab"} {
		noError(t, r.Measured(t.Context(), w.full(w.zones[0], id, "s", morning)))
		noError(t, r.Withhold(t.Context(), id))
	}
	for m := range r.Unjudged(t.Context()) {
		t.Errorf("%s was withheld and is to be judged", m.ID)
	}
}
