package anchor

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/rootkey"
)

func on(day string) time.Time {
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		panic(err)
	}
	return at
}

// TestReadKeySignal holds names to RFC 8145 section 5.1; 4f66 and 9728 are 20326
// and 38696 in hexadecimal.
func TestReadKeySignal(t *testing.T) {
	for name, want := range map[holdfast.Name]string{
		"_ta-4f66.":              ". [20326] true",
		"_ta-4f66-9728.":         ". [20326 38696] true",
		"_ta-9728-4f66-4f66.":    ". [20326 38696] true",
		"_Ta-4F66.example.com.":  "example.com. [20326] true",
		"_ta-4f6.":               " [] false",
		"_ta-4f66-.":             " [] false",
		"_ta-+f66.":              " [] false",
		"_ta-.":                  " [] false",
		"_tb-4f66.":              " [] false",
		"ta-4f66.":               " [] false",
		"www._ta-4f66.":          " [] false",
		holdfast.Root:            " [] false",
		"_ta-00001-0002.":        " [] false",
		"_ta-0001-0002-zzzz.":    " [] false",
		"_ta-0001\\.4f66.":       " [] false",
		"_ta-0000-ffff.example.": "example. [0 65535] true",
		"_ta-0001-0002-0003-0004-0005-0006-0007-0008-0009-000a-000b-000c-000d.": " [] false",
	} {
		zone, tags, ok := holdfast.ReadKeySignal(name)
		if got := fmt.Sprint(string(zone), " ", tags, " ", ok); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// TestRolesOf: the parts of the root's keys in its rollovers. What is only
// planned for January 2027 makes no key ancient.
func TestRolesOf(t *testing.T) {
	for day, want := range map[string]string{
		"2017-09-27": "{[20326] [19036] []}",
		"2018-10-12": "{[20326] [19036] []}",
		"2019-02-01": "{[20326] [] [19036]}",
		"2024-12-31": "{[20326] [] [19036]}",
		"2025-02-01": "{[38696] [20326] [19036]}",
		"2027-02-01": "{[38696] [20326] [19036]}",
	} {
		if got := fmt.Sprint(RolesOf(rootkey.Calendar(), on(day))); got != want {
			t.Errorf("%s: %s, want %s", day, got, want)
		}
	}
}

func TestClassOf(t *testing.T) {
	roles := holdfast.SignalRoles{New: []uint16{38696}, Old: []uint16{20326}, Ancient: []uint16{19036}}
	for _, c := range []struct {
		tags []uint16
		want holdfast.SignalClass
	}{
		{[]uint16{38696}, holdfast.SignalNew},
		{[]uint16{19036, 38696}, holdfast.SignalNew},
		{[]uint16{20326, 38696}, holdfast.SignalBoth},
		{[]uint16{20326}, holdfast.SignalOld},
		{[]uint16{19036, 20326}, holdfast.SignalOld},
		{[]uint16{19036}, holdfast.SignalAncient},
		{[]uint16{1}, holdfast.SignalOther},
		{nil, holdfast.SignalOther},
	} {
		if got := ClassOf(c.tags, roles); got != c.want {
			t.Errorf("%v: %s, want %s", c.tags, got, c.want)
		}
	}
}

// days is a source's signals, a set of tags for each day in a row.
func days(t *Tally, source, from string, sets ...[]uint16) {
	for i, tags := range sets {
		for hour := range len(tags) * 3 {
			t.Add(holdfast.KeySignal{At: on(from).AddDate(0, 0, i).Add(time.Duration(hour) * time.Hour), Source: netip.MustParseAddr(source), Zone: ".", Tags: tags})
		}
	}
}

// TestSumSignals follows five sources through a rollover as each may see it.
func TestSumSignals(t *testing.T) {
	old, both, renewed := []uint16{20326}, []uint16{20326, 38696}, []uint16{38696}
	tally := NewTally(".", 1000)
	days(tally, "192.0.2.1", "2026-11-01", old, both, renewed) // follows
	days(tally, "192.0.2.2", "2026-11-01", old, nil, old)      // does not
	days(tally, "2001:db8::3", "2026-11-01", both, old, old)   // an image without a volume
	days(tally, "192.0.2.4", "2026-11-01", old, old)           // and behind the same address
	days(tally, "192.0.2.4", "2026-11-01", both, both)         // another one
	days(tally, "192.0.2.5", "2026-11-03", []uint16{19036})    // from 2010
	days(tally, "192.0.2.6", "2026-11-03", nil)                // says nothing
	tally.Add(holdfast.KeySignal{At: on("2026-11-02"), Source: netip.MustParseAddr("192.0.2.7"), Zone: ".", Tags: old})
	tally.Add(holdfast.KeySignal{At: on("2026-11-02"), Source: netip.MustParseAddr("192.0.2.8"), Zone: "example.", Tags: old})
	sum := SumSignals(".", tally.Tallies(), func(day time.Time) holdfast.SignalRoles { return RolesOf(rootkey.Calendar(), day) })

	want := map[string]string{
		"192.0.2.1":   "new only [] 3 spans",
		"192.0.2.2":   "old only [] 1 spans",
		"192.0.2.4":   "both [several] 1 spans",
		"192.0.2.5":   "ancient [] 1 spans",
		"192.0.2.7":   "old only [once] 1 spans",
		"2001:db8::3": "old only [back] 2 spans",
	}
	for _, s := range sum.Sources {
		if got := fmt.Sprintf("%s %v %d spans", s.Class, s.Noise, len(s.Spans)); got != want[s.Address.String()] {
			t.Errorf("%s: %s, want %s", s.Address, got, want[s.Address.String()])
		}
		delete(want, s.Address.String())
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
	var stale []string
	for _, s := range sum.Stale {
		stale = append(stale, s.Address.String())
	}
	if !slices.Equal(stale, []string{"2001:db8::3", "192.0.2.2", "192.0.2.5", "192.0.2.7"}) {
		t.Errorf("stale, those that signal most first: %v", stale)
	}
	if got := fmt.Sprintf("%s to %s: %d in %d days", sum.From.Format(time.DateOnly), sum.Until.Format(time.DateOnly), sum.Count, len(sum.Days)); got != "2026-11-01 to 2026-11-03: 52 in 3 days" {
		t.Errorf("in all %s", got)
	}
	day := sum.Days[1]
	if day.Sources != 4 || day.Classes[holdfast.SignalOld] != 2 || day.Classes[holdfast.SignalBoth] != 2 || day.Tags[20326] != 4 || day.Tags[38696] != 2 {
		t.Errorf("second day: %+v", day)
	}
}

// TestTallyIsBounded: what there is no room for is counted, and what is known
// goes on.
func TestTallyIsBounded(t *testing.T) {
	tally := NewTally(".", 2)
	for _, source := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.1"} {
		tally.Add(holdfast.KeySignal{At: on("2026-11-01"), Source: netip.MustParseAddr(source), Zone: ".", Tags: []uint16{1}})
	}
	if all := tally.Tallies(); len(all) != 2 || all[0].Count != 2 || tally.Lost() != 1 {
		t.Errorf("%v, %d lost", all, tally.Lost())
	}
	for i := range maxSets + 1 {
		tally.Add(holdfast.KeySignal{At: on("2026-11-01"), Source: netip.MustParseAddr("192.0.2.1"), Zone: ".", Tags: []uint16{uint16(i), 7}})
	}
	if len(tally.tags) != maxSets || tally.Lost() < maxSets {
		t.Errorf("%d sets, %d lost", len(tally.tags), tally.Lost())
	}
}
