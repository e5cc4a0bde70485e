package report_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/tell/report"
)

var at = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func stale() holdfast.Audit {
	revoked := time.Date(2027, 1, 11, 0, 0, 0, 0, time.UTC)
	return holdfast.Audit{
		At: at, Worst: holdfast.SeverityCritical, Counts: map[string]int{"critical": 1, "warning": 2},
		Resolvers: []holdfast.Prospect{{
			Installation: holdfast.Installation{Software: holdfast.Unbound, Instance: `view "a"`}, Trusts: []holdfast.TrustedKey{{Tag: 20326}, {Tag: 20326}},
			Writes: holdfast.Writes{Can: holdfast.AnswerNo}, Succeeded: at.Add(-time.Hour),
			Fates:    []holdfast.AnchorFate{{From: at, Standing: holdfast.Bogus}, {From: at.Add(time.Hour), Standing: holdfast.Secure}, {From: at.Add(2 * time.Hour), Standing: holdfast.Bogus}, {From: revoked, Standing: holdfast.Insecure}},
			Findings: []holdfast.AuditFinding{{Code: "AUD-J1", Severity: holdfast.SeverityCritical, Resolver: "Unbound", Text: "SERVFAIL | now"}},
		}},
	}
}

// TestAuditMetrics holds the text to the grammar of Prometheus's exposition
// format, and to the figures.
func TestAuditMetrics(t *testing.T) {
	var out strings.Builder
	if err := report.AuditMetrics(&out, stale()); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	line := regexp.MustCompile(`^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{([a-z_]+="(\\.|[^"\\])*",?)*\})? [0-9]+)$`)
	for text := range strings.Lines(out.String()) {
		if !line.MatchString(strings.TrimSuffix(text, "\n")) {
			t.Errorf("not in the format: %q", text)
		}
		if name := text[:strings.LastIndexByte(text, ' ')]; name[0] != '#' {
			if seen[name] {
				t.Errorf("%s stands twice", name)
			}
			seen[name] = true
		}
	}
	for _, want := range []string{
		`holdfast_anchors_trusted{resolver="Unbound, view \"a\"",tag="20326"} 1`,
		`holdfast_anchors_writable{resolver="Unbound, view \"a\""} 0`,
		`holdfast_anchors_fails_timestamp_seconds{resolver="Unbound, view \"a\"",how="insecure"} 1799625600`, // date -d 2027-01-11Z +%s
		`holdfast_anchors_findings{severity="critical"} 1`,
	} {
		if strings.Count(out.String(), want+"\n") != 1 {
			t.Errorf("want once: %s in\n%s", want, out.String())
		}
	}
}

// TestAuditStatus: one line, its bar, its code.
func TestAuditStatus(t *testing.T) {
	for name, c := range map[string]struct {
		audit holdfast.Audit
		code  int
		want  string
	}{
		"critical": {stale(), 2, "ANCHORS CRITICAL: Unbound: AUD-J1 SERVFAIL / now | 'Unbound, view \"a\" fails in'=0s warning=2 error=0 critical=1\n"},
		"nothing":  {holdfast.Audit{At: at, Counts: map[string]int{}}, 3, "ANCHORS UNKNOWN: no resolver and no root key was found | warning=0 error=0 critical=0\n"},
		"well":     {holdfast.Audit{At: at, Counts: map[string]int{}, Resolvers: make([]holdfast.Prospect, 2)}, 0, "ANCHORS OK: 2 resolvers, nothing to mend | warning=0 error=0 critical=0\n"},
		"warning": {holdfast.Audit{At: at, Worst: holdfast.SeverityWarning, Counts: map[string]int{"warning": 1}, Findings: []holdfast.AuditFinding{
			{Code: "AUD-H1", Severity: holdfast.SeverityWarning, Text: "old"}}}, 1, "ANCHORS WARNING: AUD-H1 old | warning=1 error=0 critical=0\n"},
	} {
		var out strings.Builder
		code, err := report.AuditStatus(&out, c.audit)
		if err != nil || code != c.code || out.String() != c.want {
			t.Errorf("%s: %d %v\n%q\nwant\n%q", name, code, err, out.String(), c.want)
		}
	}
}
