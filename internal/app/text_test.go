package app

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

// TestVerdictAtAGlance holds the form of the terminal: what one check says of
// several servers stands under one head, a zone that fails on some servers only
// says on how many, and what was not run is told with its cause, not its codes.
func TestVerdictAtAGlance(t *testing.T) {
	at := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	server := func(n byte) holdfast.Server {
		return holdfast.Server{Name: "ns.example.", Address: netip.AddrFrom4([4]byte{192, 0, 2, n})}
	}
	find := func(code string, severity holdfast.Severity, n byte, text string) holdfast.Finding {
		f := holdfast.Finding{Code: code, Name: "a-name", Severity: severity, Zone: "example.", Text: text, Reference: "RFC 1 section 2"}
		if n > 0 {
			f.Server = server(n)
		}
		return f
	}
	v := holdfast.Verdict{
		Zone: "example.", At: at, Status: holdfast.Secure, FailsAt: at.Add(26 * time.Hour), FailsBy: holdfast.ClassNS,
		Servers: []holdfast.ServerVerdict{
			{Server: server(1), Status: holdfast.Secure, FailsAt: at.Add(26 * time.Hour), FailsBy: holdfast.ClassNS, Serial: 7, Known: true},
			{Server: server(2), Status: holdfast.Secure, FailsAt: at.Add(90 * time.Hour), FailsBy: holdfast.ClassSOA, Serial: 7, Known: true},
			{Server: server(3), Status: holdfast.Unreached},
		},
		Findings: []holdfast.Finding{
			find("SIG-02", holdfast.SeverityError, 1, "dies"), find("SIG-02", holdfast.SeverityWarning, 1, "dies later"), find("SIG-02", holdfast.SeverityWarning, 2, "dies later"),
			find("INT-05", holdfast.SeverityInfo, 0, "of a whole zone"),
		},
		Suppressed: map[string]string{"SIG-03": "SIG-01", "SIG-04": "SIG-01", "NEG-01": "CHN-01"},
	}
	const want = `example. is secure at 2026-08-01 12:00 UTC
fails 2026-08-02 14:00 UTC (in 1 d 2 h), when the signatures over NS die on 1 of 3 servers

SERVER       ADDRESS    STATUS       SERIAL  SIGNATURES DIE
ns.example.  192.0.2.1  secure       7       2026-08-02 14:00 UTC (in 1 d 2 h), NS
ns.example.  192.0.2.2  secure       7       2026-08-05 06:00 UTC (in 3 d 18 h), SOA
ns.example.  192.0.2.3  unreachable  -       -

error     SIG-02 a-name
          ns.example. (192.0.2.1): dies
          RFC 1 section 2; docs/checks/SIG-02.md
warning   SIG-02 a-name
          ns.example. (192.0.2.1): dies later
          ns.example. (192.0.2.2): dies later
          RFC 1 section 2; docs/checks/SIG-02.md
info      INT-05 a-name
          of a whole zone
          RFC 1 section 2; docs/formats/verify.md

3 checks were not run, made meaningless by CHN-01, SIG-01; --json names them
`
	var out strings.Builder
	if err := writeVerdict(&out, v, false); err != nil {
		t.Fatal(err)
	}
	if out.String() != want {
		t.Errorf("it reads\n%s\nwant\n%s", out.String(), want)
	}
	// All servers that can fail do so together: then no number is said.
	v.Servers[1].FailsAt, v.Findings, v.Suppressed = v.FailsAt, nil, map[string]string{"SIG-03": "SIG-01"}
	out.Reset()
	if err := writeVerdict(&out, v, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"over NS die\n", "\nNo findings.\n", "1 check was not run, made meaningless by SIG-01"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it lacks %q:\n%s", want, out.String())
		}
	}
}

func TestForecastSaysNothingOfNone(t *testing.T) {
	at := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	var out strings.Builder
	f := holdfast.Forecast{At: at, Zones: 4, Oldest: at, Unknown: []holdfast.Name{"a."}}
	if err := writeForecast(World{Stdout: &out}, f, at, false); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.Contains(got, "some of their servers") || !strings.Contains(got, "Of 1 zone nothing can be said") || !strings.Contains(got, "0 of 4 zones bogus\n") {
		t.Errorf("it reads\n%s", got)
	}
}
