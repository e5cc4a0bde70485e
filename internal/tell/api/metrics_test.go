package api

import (
	"bufio"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast/internal/record"
)

// samples reads the text format: a sample's name with labels, and its value.
func samples(t *testing.T, h http.Handler) map[string]string {
	t.Helper()
	w := ask(h, "GET", "/metrics", "", "")
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	out := map[string]string{}
	for lines := bufio.NewScanner(w.Body); lines.Scan(); {
		if line := lines.Text(); !strings.HasPrefix(line, "#") {
			at := strings.LastIndex(line, " ")
			out[line[:at]] = line[at+1:]
		}
	}
	return out
}

func TestMetrics(t *testing.T) {
	h, clock := handler(t, nil)
	got := samples(t, h)
	for name, want := range map[string]string{
		`holdfast_zones{status="bogus"}`:                           "1",
		`holdfast_zones{status="unmeasured"}`:                      "1",
		`holdfast_zones{status="unreachable"}`:                     "0",
		`holdfast_zone_status{status="bogus",zone="ab"}`:           "1",
		`holdfast_zone_findings{severity="critical",zone="ab"}`:    "1",
		`holdfast_zone_seconds_to_failure{zone="ab"}`:              "-3600",
		`holdfast_zone_seconds_to_failure{zone="xn--p1ai"}`:        "360000",
		`holdfast_sweep_age_seconds{depth="core"}`:                 "120",
		`holdfast_sweep_duration_seconds{depth="core"}`:            "60",
		`holdfast_sweep_questions{depth="core"}`:                   "60",
		`holdfast_sweep_outcomes{depth="core",outcome="timeout"}`:  "1",
		`holdfast_sweep_outcomes{depth="core",outcome="answered"}`: "59",
		`holdfast_sweep_withheld{depth="core"}`:                    "0",
		`holdfast_incidents_open{severity="critical"}`:             "1",
		`holdfast_incidents_open{severity="warning"}`:              "0",
		`holdfast_notices{state="held"}`:                           "2",
		`holdfast_notices{state="queued"}`:                         "0",
		`holdfast_roster_serial`:                                   "4.026073102e+09",
		`holdfast_record_up`:                                       "1",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	for name := range got {
		if strings.Contains(name, `zone="shop"`) && !strings.Contains(name, unmeasured) {
			t.Errorf("a zone that was never measured has %s", name)
		}
	}
	clock.now = noon.Add(time.Hour)
	if got := samples(t, h)[`holdfast_zone_seconds_to_failure{zone="ab"}`]; got != "-7200" {
		t.Errorf("an hour later the seconds to failure are %s", got)
	}
}

func TestTwoHandlersShareNoMetrics(t *testing.T) {
	rec, clock := watched(t)
	first, second := New(Config{Version: "1"}, rec, clock), New(Config{Version: "2"}, rec, clock)
	if samples(t, first)["holdfast_record_up"] != "1" || samples(t, second)["holdfast_record_up"] != "1" {
		t.Error("two handlers in one process disturb one another")
	}
}

func TestHealthAndReadiness(t *testing.T) {
	h, clock := handler(t, nil)
	status := func(path string) int { return ask(h, "GET", path, "", "").Code }
	if status("/healthz") != http.StatusOK || status("/readyz") != http.StatusOK {
		t.Errorf("healthz %d, readyz %d", status("/healthz"), status("/readyz"))
	}
	clock.now = noon.Add(20 * time.Minute)
	if w := ask(h, "GET", "/readyz", "", ""); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "the last sweep ended 22m0s ago") {
		t.Errorf("a stale watch is ready: %d %s", w.Code, w.Body)
	}
	if status("/healthz") != http.StatusOK {
		t.Error("a stale watch is not alive")
	}
	rec, err := record.Create(t.Context(), filepath.Join(t.TempDir(), "empty.db"))
	must(t, err)
	defer func() { must(t, rec.Close()) }()
	empty := New(Config{}, rec, clock)
	if w := ask(empty, "GET", "/readyz", "", ""); w.Code != http.StatusServiceUnavailable {
		t.Errorf("an empty watch is ready: %d", w.Code)
	}
	if got := samples(t, empty)["holdfast_record_up"]; got != "1" {
		t.Errorf("the record of an empty watch: up is %q", got)
	}
	if list := ask(empty, "GET", "/api/v1/status", "", "").Body.String(); !strings.Contains(list, `"zones":[]`) {
		t.Errorf("an empty list is not []: %s", list)
	}
	if w := ask(empty, "GET", "/api/v1/roster", "", ""); w.Code != http.StatusNotFound {
		t.Errorf("no roster: %d", w.Code)
	}
}
