package app

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/whole"
	"github.com/holdfastdns/holdfast/internal/lab"
)

// TestVerifyRealRoots verifies IANA's root zones of three years at instants of
// their time, under the dated trust anchors that IANA publishes: the key that
// signs is 19036 in 2018 and 20326 after it (RFC 9718, and the README of the
// data).
func TestVerifyRealRoots(t *testing.T) {
	const data = "../../../shared/data/"
	if _, err := os.Stat(data); err != nil {
		t.Skipf("no real zones here: %v", err)
	}
	for _, c := range []struct {
		file, at string
		exit     Exit
		want     string
	}{
		{"root.zone.2018080200.signed.xz", "2018-08-02T12:00:00Z", Healthy, ". serial 2018080200 is secure"},
		{"root.zone.2019010300.signed.xz", "2019-01-03T12:00:00Z", Healthy, ". serial 2019010300 is secure"},
		{"root.zone.2026073102.signed.xz", "2026-08-01T12:00:00Z", Healthy, "2792: 2792 good"},
		{"root.zone.2026073102.signed.xz", "2026-09-01T12:00:00Z", Broken, ". serial 2026073102 is bogus"},
		{"root.zone.2018080200.signed.xz", "2019-02-01T12:00:00Z", Broken, ". serial 2018080200 is bogus"},
	} {
		var out, complaint bytes.Buffer
		w := World{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &complaint, Clock: systemClock{}}
		exit, err := Verify(context.Background(), w, VerifyOptions{
			From: data + "root-zone/" + c.file, At: c.at, TrustAnchor: data + "trust-anchors/root-anchors.xml"})
		if err != nil || exit != c.exit || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s at %s: exit %d, %v; want %d and %q in\n%s", c.file, c.at, exit, err, c.exit, c.want, out.String())
		}
	}
}

// TestVerifyBigZone: the lab's big zones are in order, by every kind of denial,
// and each is found broken where one octet of it is changed.
func TestVerifyBigZone(t *testing.T) {
	at := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	for _, denial := range []string{"nsec", "nsec3", "opt-out"} {
		var zone bytes.Buffer
		anchor, err := lab.Big{Zone: "example.", Delegations: 5000, Denial: denial, At: at, Workers: 2}.Write(t.Context(), &zone)
		if err != nil {
			t.Fatal(err)
		}
		verify := func(text string) whole.Report {
			t.Helper()
			file, err := os.CreateTemp(t.TempDir(), "anchor")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := file.WriteString(anchor.String() + "\n"); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			w := World{Stdin: strings.NewReader(text), Stdout: &out, Stderr: io.Discard, Clock: systemClock{}}
			if _, err := Verify(t.Context(), w, VerifyOptions{From: "-", At: at.Format(time.RFC3339), TrustAnchor: file.Name(), JSON: true}); err != nil {
				t.Fatal(err)
			}
			var r whole.Report
			if err := json.Unmarshal(out.Bytes(), &r); err != nil {
				t.Fatal(err)
			}
			return r
		}
		if r := verify(zone.String()); r.Status != holdfast.Secure || len(r.Findings) != 0 || r.Delegations != 5000 || r.Secured != 500 || r.Verified != r.Signatures || r.OptOut != (denial == "opt-out") {
			t.Errorf("%s: %+v", denial, r)
		}
		// d000000003 is secured; its DS becomes another.
		broken := strings.Replace(zone.String(), "DS\t3 13 2 00", "DS\t3 13 2 01", 1)
		if r := verify(broken); r.Status != holdfast.Bogus || r.BogusRRsets != 1 || r.Invalid != 1 {
			t.Errorf("%s, with a DS changed: %+v", denial, r)
		}
	}
}
