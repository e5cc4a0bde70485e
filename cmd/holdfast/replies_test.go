package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast/internal/app"
)

const repliesLab = `clock 2026-08-01T12:00:00Z
root
  ns a.root-servers.net. 198.41.0.4 2001:503:ba3e::2:30
  ns b.root-servers.net. 170.247.170.2 2801:1b8:10::b
zone example.
  ns ns1.example. 192.0.2.1 2001:db8::1
  ns ns2.example. 192.0.2.2 2001:db8::2
  ns ns3.example. 192.0.2.3
`

// kinds are the faults of docs/formats/lab.md: how each is ordered there.
func kinds(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "formats", "lab.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| fault | what the server does |")
	var out []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(table, -1) {
		out = append(out, row[1])
	}
	if len(out) < 30 {
		t.Fatalf("only %d kinds of fault are documented", len(out))
	}
	return out
}

// ordered fills in a kind's arguments as they stand in the table.
func ordered(kind, server string) string {
	words := strings.NewReplacer("DURATION", "300ms", "PERCENT", "60", "CLASSES", "SOA,NS,DNSKEY,DENIAL", "OCTETS", "1400", "TEXT", "one", "NAME", "agent.test.", "... at INSTANT", "example. at -1h").Replace(kind)
	if strings.HasPrefix(kind, "stale") {
		words = "stale 20d"
	}
	if !strings.Contains(words, "example.") {
		words += " example."
	}
	return "fault " + server + " " + words + "\n"
}

// verdict is what a caller may rely on in the JSON of a check.
type verdict struct {
	Zone     *string    `json:"zone"`
	At       *time.Time `json:"at"`
	Status   string     `json:"status"`
	Servers  []struct{ Name, Address, Status string }
	Findings []struct {
		Code, Name, Severity, Text, Reference string
		Evidence                              []int
	}
}

// Whatever servers answer, be it garbage or nothing, check comes to a verdict:
// it never fails to work, and every finding says what, how bad and by what rule.
func TestCheckUnderEveryFault(t *testing.T) {
	config := filepath.Join(t.TempDir(), "holdfast.toml")
	writeFile(t, config, "[ask]\nudp_wait = \"150ms\"\ntcp_wait = \"250ms\"\nrate = -1\n[walk]\nbudget = \"10s\"\n")
	for _, kind := range kinds(t) {
		if kind == "disagree" {
			continue // of validators, of which this lab has none: watch-validator.txtar
		}
		for _, server := range []string{"ns2.example.", "*"} {
			t.Run(strings.Fields(kind)[0]+" "+server, func(t *testing.T) {
				t.Parallel()
				checkUnder(t, config, ordered(kind, server), server != "*")
			})
		}
	}
}

func checkUnder(t *testing.T, config, fault string, one bool) {
	t.Helper()
	var out, log bytes.Buffer
	world := worldOf(t, labOf(t, repliesLab+fault, 1), &log)
	world.Stdout = &out
	exit := run(t.Context(), []string{"check", "example", "--json", "--config", config}, world)
	if exit == app.Unworked {
		t.Fatalf("exit %d: %s", exit, &log)
	}
	var v verdict
	if err := json.Unmarshal(out.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	if v.Zone == nil || *v.Zone != "example." || v.At == nil || v.Status == "" || len(v.Servers) < 5 { // false glue makes more of them
		t.Errorf("zone %v, at %v, status %q, %d servers", v.Zone, v.At, v.Status, len(v.Servers))
	}
	if one && v.Status == "unreachable" {
		t.Errorf("one server of three misbehaves and the zone is %s", v.Status)
	}
	for _, f := range v.Findings {
		if f.Code == "" || f.Name == "" || f.Severity == "" || f.Text == "" || f.Reference == "" {
			t.Errorf("a finding lacks something: %+v", f)
		}
	}
}
