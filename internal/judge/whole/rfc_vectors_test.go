package whole

import (
	"os"
	"path/filepath"
	"testing"
)

// TestZonesOfRFC8976 verifies the larger zones of RFC 8976: appendix A.4,
// uri.arpa of October 2018 with its signatures of the time, and A.5,
// root-servers.net, which is not signed.
func TestZonesOfRFC8976(t *testing.T) {
	for file, want := range map[string]struct {
		at         string
		signatures int
	}{"rfc8976-a4.zone": {"2018-10-15T00:00:00Z", 14}, "rfc8976-a5.zone": {"2018-10-15T00:00:00Z", 0}} {
		text, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		r, err := Verify(parse(t, ".", string(text)), Options{At: instant(t, want.at)})
		if err != nil {
			t.Fatal(err)
		}
		if r.Digest != DigestVerified || r.Signatures != want.signatures || r.Verified != want.signatures {
			t.Errorf("%s: digest %s, %d of %d signatures; %v", file, r.Digest, r.Verified, r.Signatures, r.Findings)
		}
	}
}
