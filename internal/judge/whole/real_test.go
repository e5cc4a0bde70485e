package whole

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// The root's trust anchors, as IANA published them (root-anchors.xml).
const (
	anchor19036 = ". 0 IN DS 19036 8 2 49AAC11D7B6F6446702E54A1607371607A1A41855200FD2CE1CDDE32F24E8FB5"
	anchor20326 = ". 0 IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"
)

// realZone reads a zone of the shared data.
func realZone(t testing.TB, name string) []wire.Record {
	t.Helper()
	path := filepath.Join("..", "..", "..", "..", "shared", "data", "root-zone", name)
	text, err := exec.Command("xz", "-dc", path).Output()
	if err != nil {
		t.Skipf("no real zone %s: %v", name, err)
	}
	var records []wire.Record
	if err := wire.ReadZone(bytes.NewReader(text), ".", name, func(r wire.Record) error {
		records = append(records, r)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return records
}

func anchors(t testing.TB, texts ...string) []wire.Record {
	t.Helper()
	var out []wire.Record
	for _, text := range texts {
		r, err := wire.ParseRecord(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

func instant(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestRealZones: figures of 2026 from the shared data's README; those of the
// others counted with awk.
func TestRealZones(t *testing.T) {
	for name, want := range map[string]struct {
		at         string
		anchor     string
		serial     uint32
		signatures int
		cuts       int
		secured    int
		digest     DigestState
		failsAt    string
	}{
		"root.zone.2026073102.signed.xz": {"2026-08-01T12:00:00Z", anchor20326, 2026073102, 2792, 1438, 1349, DigestVerified, "2026-08-13T20:00:00Z"},
		"root.zone.2018080200.signed.xz": {"2018-08-03T12:00:00Z", anchor19036, 2018080200, 0, 0, 0, DigestAbsent, "2018-08-15T05:00:00Z"},
		"root.zone.2019010300.signed.xz": {"2019-01-04T12:00:00Z", anchor20326, 2019010300, 0, 0, 0, DigestAbsent, "2019-01-16T05:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			records := realZone(t, name)
			r, err := Verify(records, Options{At: instant(t, want.at), Anchors: anchors(t, want.anchor), Workers: 2})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%+v", r)
			if r.Status != holdfast.Secure || len(r.Findings) != 0 || r.Verified != r.Signatures || !r.Anchored || r.Denial != "NSEC" {
				t.Errorf("%s (%s), %d of %d signatures, findings %v", r.Status, r.Reason, r.Verified, r.Signatures, r.Findings)
			}
			if r.Digest != want.digest || r.Serial != want.serial || r.Records != len(records) || !r.FailsAt.Equal(instant(t, want.failsAt)) {
				t.Errorf("digest %s, serial %d, %d records, fails at %s", r.Digest, r.Serial, r.Records, r.FailsAt)
			}
			if want.signatures > 0 && (r.Signatures != want.signatures || r.Delegations != want.cuts || r.Secured != want.secured) {
				t.Errorf("%d signatures, %d cuts, %d secured", r.Signatures, r.Delegations, r.Secured)
			}
		})
	}
}

func BenchmarkVerifyRoot(b *testing.B) {
	records := realZone(b, "root.zone.2026073102.signed.xz")
	options := Options{At: instant(b, "2026-08-01T12:00:00Z"), Anchors: anchors(b, anchor20326), Workers: runtime.NumCPU()}
	b.ReportAllocs()
	for b.Loop() {
		if r, err := Verify(records, options); err != nil || !r.Good() {
			b.Fatal(r.Findings, err)
		}
	}
}
