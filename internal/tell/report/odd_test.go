package report_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/tell/report"
)

// named is an audit of one resolver that will fail, whose name a configuration
// of strangers gave.
func named(name string) holdfast.Audit {
	a := stale()
	a.Resolvers[0].Instance = name
	a.Resolvers[0].Fates = []holdfast.AnchorFate{{From: at.Add(-time.Hour), Standing: holdfast.Secure}, {From: at.Add(90 * time.Second), Standing: holdfast.Bogus}}
	a.Resolvers[0].Findings[0].Text = "of " + name
	return a
}

// TestHostileNames: the name of a view is whatever somebody wrote. The line of a
// plugin stays one, with one bar, and with labels that have neither an equals
// sign nor a quote within (Nagios Plugins development guidelines, "Performance
// data"); metrics are UTF-8, and of one line each.
func TestHostileNames(t *testing.T) {
	for _, name := range []string{"a=b", "it's", "x|y", "two\nlines", "back\\slash", "\xff\xfe", `quo"te`, strings.Repeat("x", 4000), "\n# TYPE forged gauge\nforged 1"} {
		var out strings.Builder
		if _, err := report.AuditStatus(&out, named(name)); err != nil {
			t.Fatal(err)
		}
		line := out.String()
		if strings.Count(line, "\n") != 1 || strings.Count(line, "|") != 1 {
			t.Errorf("%q: %q", name, line)
		}
		_, perf, _ := strings.Cut(strings.TrimSpace(line), "| ")
		label, rest, ok := strings.Cut(strings.TrimPrefix(perf, "'"), "'=")
		if !ok || strings.ContainsAny(label, "'=") || !strings.HasPrefix(rest, "90s ") {
			t.Errorf("%q: label %q, %q", name, label, rest)
		}
		out.Reset()
		if err := report.AuditMetrics(&out, named(name)); err != nil {
			t.Fatal(err)
		}
		if !utf8.ValidString(out.String()) {
			t.Errorf("%q: not UTF-8", name)
		}
		for text := range strings.Lines(out.String()) {
			if !strings.HasPrefix(text, "# ") && !strings.HasPrefix(text, "holdfast_anchors_") || strings.HasPrefix(text, "# TYPE forged") {
				t.Errorf("%q: a line of its own: %q", name, text)
			}
		}
	}
}
