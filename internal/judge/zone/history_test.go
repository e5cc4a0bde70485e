package zone

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/judge/past"
)

// history is a zone that is looked at again and again.
type history struct {
	t    *testing.T
	past holdfast.Past
	at   time.Time
	last holdfast.Verdict
}

func newHistory(t *testing.T) *history { return &history{t: t, at: noon} }

// look takes a look at the world after some time, by the checks of this room.
func (h *history) look(after time.Duration, w *world) *history {
	h.t.Helper()
	h.at = h.at.Add(after)
	m := w.measurement()
	for i := range m.Exchanges {
		m.Exchanges[i].Sent = m.Exchanges[i].Sent.Add(h.at.Sub(noon))
	}
	h.last, h.past = judge.Catalogue{Checks: Checks(), Remember: past.Fold}.Follow(m, h.past, h.at)
	for _, f := range h.last.Findings {
		if f.Code == judge.CodeBroken {
			h.t.Error(f.Text)
		}
	}
	return h
}

func (h *history) expect(code string, want ...expect) *history {
	h.t.Helper()
	var seen []expect
	for _, f := range h.last.Findings {
		if f.Code == code {
			seen = append(seen, expect{f.Severity, f.Server, f.Text})
		}
	}
	if !reflect.DeepEqual(seen, want) {
		h.t.Errorf("%s at %s:\n got %+v\nwant %+v", code, h.at, seen, want)
	}
	return h
}

// serials is the healthy world with these serials, ns1's and ns2's.
func serials(t *testing.T, first, second uint32) *world {
	w := healthy(t)
	give := func(serial uint32, servers ...holdfast.Server) {
		text := strings.Replace(soaText, "2026080107", fmt.Sprint(serial), 1)
		for _, e := range w.entries {
			if e.Zone != child || e.Server != servers[0] && e.Server != servers[1] || e.message == nil {
				continue
			}
			if e.Purpose == holdfast.PurposeSOA || e.Purpose == holdfast.PurposeSOATCP {
				w.answer(text, sigText)(e)
			} else if len(e.message.Authority) > 0 {
				e.message.Authority = w.records(text)
			}
		}
	}
	give(first, ns1, ns1v6)
	give(second, ns2, ns2v6)
	return w
}

const stamp = "2026-08-01 12:00:00 UTC"

func TestSerialBack(t *testing.T) {
	const text = "the serial of the zone went back: it was 20 until " + stamp + ", and a secondary that has that takes nothing older"
	h := newHistory(t).look(0, serials(t, 20, 20)).expect("CST-06")
	h.look(time.Hour, serials(t, 19, 19)).expect("CST-06", expect{grave, zoneItself, text})
	// It goes on, and says the same, until the peak is passed.
	h.look(time.Hour, serials(t, 19, 19)).expect("CST-06", expect{grave, zoneItself, text})
	h.look(time.Hour, serials(t, 19, 18)).expect("CST-06", expect{grave, zoneItself, text})
	h.look(time.Hour, serials(t, 21, 21)).expect("CST-06")
	h.look(time.Hour, serials(t, 21, 21)).expect("CST-06")
	// Forward by less than half the circle is forward (RFC 1982 section 3.2).
	h.look(time.Hour, serials(t, 21+1<<31-1, 21+1<<31-1)).expect("CST-06")
	h.look(time.Hour, serials(t, 5, 5)).expect("CST-06") // the second step of a reset (section 7)
}

// What one server does while another has the newest version is CST-01's: an
// older instance of an anycast address, or a copy that was put back.
func TestOneServersSerialBack(t *testing.T) {
	h := newHistory(t).look(0, serials(t, 20, 20))
	h.look(time.Hour, serials(t, 20, 19)).expect("CST-06")
	if got := h.last.Findings; !strings.Contains(fmt.Sprint(got), "has serial 19, others have 20") {
		t.Errorf("CST-01 does not say it: %v", got)
	}
	h.look(time.Hour, serials(t, 20, 20)).expect("CST-06")
	// The one with the newest falls silent: what the others have is no step back.
	h = newHistory(t).look(0, serials(t, 20, 19))
	h.look(time.Hour, serials(t, 20, 19).each("", drop, ns1, ns1v6)).expect("CST-06")
}

// Secondaries that held the peak have dropped it after the SOA's expire time.
func TestPeakIsForgotten(t *testing.T) {
	h := newHistory(t).look(0, serials(t, 20, 20)).look(time.Hour, serials(t, 10, 10))
	if len(h.last.Findings) == 0 {
		t.Fatal("silent")
	}
	h.look(14*24*time.Hour, serials(t, 10, 10)).expect("CST-06")
}

func TestSameSerial(t *testing.T) {
	other := func(servers ...holdfast.Server) *world {
		w := serials(t, 20, 20)
		return w.each(holdfast.PurposeNS, w.answer("example. 3600 IN NS ns1.example.", "example. 3600 IN NS ns2.example.", "example. 3600 IN NS ns3.example."), servers...)
	}
	h := newHistory(t).look(0, serials(t, 20, 20))
	said := expect{warning, ns2, "gives other NS records or another SOA since 2026-08-01 13:00:00 UTC than before, under the same serial 20"}
	h.look(time.Hour, other(ns2)).expect("CST-06", said)
	h.look(time.Hour, other(ns2)).expect("CST-06", said)
	h.look(time.Hour, other(own...)).expect("CST-06", expect{warning, zoneItself,
		"the zone's NS records or its SOA changed while its serial stayed: a secondary that has the serial does not take the change"})
	w := other(own...)
	for _, e := range w.entries { // the same under the next serial
		if e.message != nil && e.Zone == child {
			for i, r := range e.message.Answer {
				if r.Type.String() == "SOA" {
					e.message.Answer[i] = record(t, strings.Replace(soaText, "2026080107", "21", 1))
				}
			}
			if len(e.message.Authority) > 0 {
				e.message.Authority = w.records(strings.Replace(soaText, "2026080107", "21", 1))
			}
		}
	}
	h.look(time.Hour, w).expect("CST-06")
	h.look(time.Hour, w).expect("CST-06")
}

// A zone that is published while it is looked at has no serial to go by.
func TestSameSerialWhileItChanges(t *testing.T) {
	first := serials(t, 20, 20)
	first.each(holdfast.PurposeSOATCP, first.answer(strings.Replace(soaText, "2026080107", "19", 1)), own...)
	first.each(holdfast.PurposeNS, first.answer("example. 3600 IN NS ns1.example."), own...)
	newHistory(t).look(0, first).look(time.Hour, serials(t, 20, 20)).expect("CST-06")
}

// Signers that sign while they answer change signatures, keys and parameters
// under a serial that stays for months.
func TestOnlineSignersMayChangeTheirRecords(t *testing.T) {
	h := newHistory(t)
	for n := range 4 {
		w := healthy(t)
		sig := strings.Replace(sigText, "20260815000000", fmt.Sprintf("2026081%d000000", 5+n), 1)
		w.each(holdfast.PurposeSOATCP, w.answer(soaText, sig))
		if n%2 == 1 {
			w.each(holdfast.PurposeDNSKEY, w.answer(keyText, strings.Replace(keyText, "257 3", "256 3", 1)))
		}
		h.look(time.Hour, w).expect("CST-06")
	}
}

func TestCopyExpiring(t *testing.T) {
	const day = 24 * time.Hour
	h := newHistory(t).look(0, serials(t, 20, 20)).look(time.Hour, serials(t, 21, 20)).expect("CST-07")
	text := "has taken no newer version of the zone since 2026-08-01 13:00:00 UTC: its copy is to expire by 2026-08-15 13:00:00 UTC, and it stops answering then"
	h.look(7*day, serials(t, 28, 20)).expect("CST-07")
	h.look(time.Minute, serials(t, 28, 20)).expect("CST-07", expect{warning, ns2, text}, expect{warning, ns2v6, text})
	h.look(4*day, serials(t, 32, 20)).expect("CST-07", expect{grave, ns2, text}, expect{grave, ns2v6, text})
	for _, f := range h.last.Findings {
		if f.Code == "CST-07" && !f.Until.Equal(noon.Add(time.Hour+14*day)) {
			t.Errorf("until %s", f.Until)
		}
	}
	// It follows again: whatever it lacks, it has reached its primary.
	h.look(time.Hour, serials(t, 33, 32)).expect("CST-07")
	h.look(time.Hour, serials(t, 33, 33)).expect("CST-07")
	if p := h.past.Servers[2]; !p.Behind.IsZero() || p.Server != ns2 {
		t.Errorf("%+v", p)
	}
}

func TestSlope(t *testing.T) {
	old := func(t *testing.T, first, second uint32, signed string) *world {
		w := serials(t, first, second)
		for _, e := range w.entries {
			if e.message != nil && (e.Server == ns2 || e.Server == ns2v6) && e.Zone == child && e.Purpose == holdfast.PurposeSOA {
				e.message.Answer[1] = record(t, strings.Replace(sigText, "20260801000000", signed, 1))
			}
		}
		return w
	}
	// Four days behind when first seen: nothing is known of its way.
	h := newHistory(t).look(0, old(t, 20, 10, "20260728000000"))
	h.expect("CST-01", expect{grave, ns2, "has serial 10, others have 20"}, expect{grave, ns2v6, "has serial 10, others have 20"})
	still := "has serial 10, others have 20; it has taken none since " + stamp + " or before"
	h.look(time.Hour, old(t, 20, 10, "20260728000000")).expect("CST-01", expect{grave, ns2, still}, expect{grave, ns2v6, still})
	late := "has serial 11, others have 20; it follows, but late"
	h.look(time.Hour, old(t, 20, 11, "20260728060000")).expect("CST-01", expect{warning, ns2, late}, expect{warning, ns2v6, late})
	h.look(time.Hour, old(t, 20, 11, "20260728060000")).expect("CST-01", expect{warning, ns2, late}, expect{warning, ns2v6, late})
	stuck := "has serial 11, others have 20; it has taken none since 2026-08-01 14:00:00 UTC or before"
	h.look(25*time.Hour, old(t, 20, 11, "20260728060000")).expect("CST-01", expect{grave, ns2, stuck}, expect{grave, ns2v6, stuck})
}

// lossy makes a server lose the first try of every nth question.
func lossy(w *world, nth int, servers ...holdfast.Server) *world {
	n := 0
	for _, e := range w.entries {
		for _, s := range servers {
			if e.Server == s && e.Zone == child && e.Purpose.Plain() {
				if n++; n%nth == 0 {
					e.Tries = 2
				}
			}
		}
	}
	return w
}

func TestLoss(t *testing.T) {
	h := newHistory(t)
	for range 3 {
		h.look(5*time.Minute, lossy(healthy(t), 2, ns2)).expect("CON-03")
	}
	some := expect{notice, ns2, "loses a tenth or more of the questions put to it, in some of the last looks"}
	for range 4 {
		h.look(5*time.Minute, lossy(healthy(t), 2, ns2)).expect("CON-03", some)
	}
	most := expect{warning, ns2, "loses a tenth or more of the questions put to it, in most of the last looks"}
	for range 5 {
		h.look(5*time.Minute, lossy(healthy(t), 2, ns2)).expect("CON-03", most)
	}
	for range 4 {
		h.look(5*time.Minute, healthy(t)).expect("CON-03", most)
	}
	for range 8 {
		h.look(5*time.Minute, healthy(t))
	}
	h.expect("CON-03")
	if p := h.past.Servers[2]; p.Server != ns2 || p.Lossy != 0 {
		t.Errorf("%+v", p)
	}
}

// Loss that others share is on our side of the network.
func TestLossThatIsOurs(t *testing.T) {
	h := newHistory(t)
	for range 12 {
		w := lossy(lossy(healthy(t), 2, ns2), 2, ns1)
		for i, e := range w.entries {
			if e.Zone == holdfast.Root && i%2 == 0 {
				e.Tries = 2
			}
		}
		h.look(5*time.Minute, w).expect("CON-03")
	}
}

// A whole month of core looks at one packet in a hundred lost, each way of
// losing it: nobody is blamed.
func TestOneInAHundred(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	base := healthy(t)
	var h = newHistory(t)
	for range 30 * 24 {
		for _, e := range base.entries {
			e.Tries = 1
			for random.IntN(100) == 0 {
				e.Tries++
			}
		}
		h.look(time.Hour, base)
		for _, f := range h.last.Findings {
			if f.Severity >= warning {
				t.Fatalf("%s %s", f.Code, f.Text)
			}
		}
	}
}

func TestComesAndGoes(t *testing.T) {
	dark := func() *world {
		return healthy(t).each("", func(e *entry) {
			if e.Zone == child {
				drop(e)
			}
		}, ns2)
	}
	h := newHistory(t)
	h.look(5*time.Minute, healthy(t)).look(5*time.Minute, dark()).look(5*time.Minute, healthy(t)).expect("CON-03")
	h.look(5*time.Minute, dark()).look(5*time.Minute, healthy(t)).
		expect("CON-03", expect{notice, ns2, "was silent more than once in the last looks, and answered in between"})
	h.look(5*time.Minute, dark()).look(5*time.Minute, healthy(t)).
		expect("CON-03", expect{warning, ns2, "comes and goes: in the last looks it was silent again and again, and answered in between"})
	// One that is down all the time is CON-01's.
	down := newHistory(t)
	for range 14 {
		down.look(5*time.Minute, dark()).expect("CON-03")
	}
}

func TestDelegationChanged(t *testing.T) {
	with := func(d *holdfast.Delegation) *world {
		w := healthy(t)
		w.subject.Delegation = d
		return w
	}
	first := &holdfast.Delegation{NS: []holdfast.Name{"ns1.example.", "ns2.example."},
		Glue: map[holdfast.Name][]netip.Addr{"ns1.example.": {ns1.Address}}, DS: []holdfast.DS{{KeyTag: 4711, Algorithm: 13, DigestType: 2, Digest: []byte{0xAA, 0xBB, 0xCC, 0xDD, 0xEE}}}}
	second := &holdfast.Delegation{NS: []holdfast.Name{"ns1.example.", "ns3.example."},
		Glue: map[holdfast.Name][]netip.Addr{"ns1.example.": {ns2.Address}}}
	h := newHistory(t).look(0, with(first)).expect("DEL-10").look(time.Hour, with(first)).expect("DEL-10")
	changed := expect{notice, zoneItself, "the delegation changed, seen at 2026-08-01 14:00:00 UTC: new are NS ns3.example. and glue ns1.example. 203.0.113.2; " +
		"gone are DS 4711 13 2 aabbccdd, NS ns2.example. and glue ns1.example. 192.0.2.1"}
	h.look(time.Hour, with(second)).expect("DEL-10", changed).look(time.Hour, with(second)).expect("DEL-10", changed)
	h.look(time.Hour, with(nil)).expect("DEL-10", changed) // nobody's word says nothing
	h.look(25*time.Hour, with(second)).expect("DEL-10")
	// One server of the parent may lag: only the roster counts.
	lagging := with(second)
	lagging.each(holdfast.PurposeReferral, func(e *entry) { e.message.Authority = lagging.records(nsTexts[0]) }, rootB)
	h.look(time.Hour, lagging).expect("DEL-10")
	byHand := *first
	byHand.ByHand = true
	h.look(time.Hour, with(&byHand)).expect("DEL-10")
}

// A look at a zone where nothing changed and nothing is wrong leaves its past
// as it was.
func TestQuietLooksTeachNothing(t *testing.T) {
	h := newHistory(t).look(0, healthy(t))
	before := h.past
	h.look(5*time.Minute, healthy(t))
	if !reflect.DeepEqual(before.Servers, h.past.Servers) || !reflect.DeepEqual(before.Delegation, h.past.Delegation) {
		t.Errorf("before %+v\nafter %+v", before.Servers, h.past.Servers)
	}
}
