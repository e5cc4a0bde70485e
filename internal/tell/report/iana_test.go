package report

import (
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

func TestIANA(t *testing.T) {
	v := holdfast.Verdict{Zone: "example.", At: time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC), Status: holdfast.Bogus,
		Findings: []holdfast.Finding{
			{Code: "SIG-01", Severity: holdfast.SeverityCritical},
			{Code: "CST-01", Severity: holdfast.SeverityWarning},
			{Code: "ZON-01", Severity: holdfast.SeverityError},
		},
		Suppressed: map[string]string{"CHN-05": "CHN-06"},
	}
	r := IANA(v)
	if len(r.Requirements) != 15 || r.Met {
		t.Fatalf("%d requirements, met: %v", len(r.Requirements), r.Met)
	}
	for number, want := range map[int]Result{
		1: Met, 8: Remarks, 14: NotTested, 15: NotMet, 12: Met,
	} {
		if got := r.Requirements[number-1]; got.Result != want || got.Number != number {
			t.Errorf("%d %s: %s (%s); want %s", got.Number, got.Title, got.Result, got.Why, want)
		}
	}
	if n := len(r.Requirements[14].Findings); n != 1 {
		t.Errorf("validation rests on %d findings", n)
	}

	insecure := IANA(holdfast.Verdict{Zone: "example.", Status: holdfast.Insecure})
	if !insecure.Met || insecure.Requirements[12].Result != NoMatter || insecure.Requirements[0].Result != Met {
		t.Errorf("an unsigned zone: %+v", insecure.Requirements[12])
	}
	silent := IANA(holdfast.Verdict{Zone: "example.", Status: holdfast.Unreached, Findings: []holdfast.Finding{{Code: "CON-01", Severity: holdfast.SeverityCritical}}})
	if silent.Met || silent.Requirements[2].Result != NotMet || silent.Requirements[10].Result != NotTested || silent.Requirements[0].Result != Met {
		t.Errorf("a silent zone: %+v", silent.Requirements)
	}
}
