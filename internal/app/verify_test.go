package app

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
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
