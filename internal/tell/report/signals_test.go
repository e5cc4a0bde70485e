package report

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

// TestSignalsPage: each day is stacked to a hundred per cent, the stale sources
// are named with what is to be doubted of them, and what strangers send is
// escaped.
func TestSignalsPage(t *testing.T) {
	first := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	s := holdfast.Signals{
		Zone: "<b>.example.", From: first, Until: first.AddDate(0, 0, 39), Count: 99,
		Roles:   holdfast.SignalRoles{New: []uint16{38696}, Old: []uint16{20326}},
		Classes: map[holdfast.SignalClass]int{holdfast.SignalBoth: 3, holdfast.SignalOld: 1},
		Stale: []holdfast.SignalSource{{
			Address: netip.MustParseAddr("192.0.2.1"), Class: holdfast.SignalOld, First: first, Last: first, Count: 7,
			Spans: []holdfast.SignalSpan{{Tags: []uint16{20326}}}, Noise: []holdfast.SignalNoise{holdfast.NoiseBack},
		}},
	}
	for i := range 40 {
		s.Days = append(s.Days, holdfast.SignalDay{Day: first.AddDate(0, 0, i), Sources: 4, Classes: map[holdfast.SignalClass]int{holdfast.SignalBoth: 3, holdfast.SignalOld: 1}})
	}
	var out bytes.Buffer
	if err := SignalsPage(&out, s); err != nil {
		t.Fatal(err)
	}
	page := out.String()
	for _, want := range []string{
		"&lt;b&gt;.example", "<b>38696</b>", "75.0 %", "192.0.2.1", "went back to the old key",
		`height="165.00"><title>2026-11-01: both, 3 of 4 sources`, `height="55.00"><title>2026-12-10: old only, 1 of 4 sources`,
		"2026-11-01</text>", "2026-12-10</text>",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if n := strings.Count(page, "<rect"); n != 80 {
		t.Errorf("%d bars, want two for each of 40 days", n)
	}
	if n := strings.Count(page, "text-anchor=\"middle\"") + strings.Count(page, "text-anchor=\"end\""); n > 8+5 {
		t.Errorf("%d words in the picture", n)
	}
}

// TestSignalsPart: the public sees shares, and no address.
func TestSignalsPart(t *testing.T) {
	s := holdfast.Signals{
		Zone: holdfast.Root, Classes: map[holdfast.SignalClass]int{holdfast.SignalOld: 1},
		Stale: []holdfast.SignalSource{{Address: netip.MustParseAddr("192.0.2.1"), Class: holdfast.SignalOld}},
	}
	for _, addresses := range []bool{true, false} {
		var out bytes.Buffer
		if err := SignalsPart(&out, s, addresses); err != nil {
			t.Fatal(err)
		}
		if page := out.String(); strings.Contains(page, "192.0.2.1") != addresses || strings.Contains(page, "<html") || strings.Contains(page, "<style") {
			t.Errorf("addresses %v:\n%s", addresses, page)
		}
	}
}

func TestSignalsPageEmpty(t *testing.T) {
	var out bytes.Buffer
	if err := SignalsPage(&out, holdfast.Signals{Zone: holdfast.Root}); err != nil || !strings.Contains(out.String(), "the root") || strings.Contains(out.String(), "<svg viewBox") {
		t.Errorf("%v", fmt.Sprint(err, out.Len()))
	}
	for _, bad := range []string{"NaN", "Inf"} {
		if strings.Contains(out.String(), bad) {
			t.Errorf("the page has %s", bad)
		}
	}
}
