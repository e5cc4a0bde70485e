package whole

import (
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func parse(t testing.TB, origin holdfast.Name, text string) []wire.Record {
	t.Helper()
	var out []wire.Record
	if err := wire.ReadZone(strings.NewReader(text), origin, "test", func(r wire.Record) error {
		out = append(out, r)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// The zones of RFC 8976 appendices A.1 to A.3.
const (
	rfc8976Simple = `
example.      86400  IN  SOA     ns1 admin 2018031900 1800 900 604800 86400
              86400  IN  NS      ns1
              86400  IN  NS      ns2
              86400  IN  ZONEMD  2018031900 1 1 (
                                 c68090d90a7aed71 6bc459f9340e3d7c
                                 1370d4d24b7e2fc3 a1ddc0b9a87153b9
                                 a9713b3c9ae5cc27 777f98b8e730044c )
ns1           3600   IN  A       203.0.113.63
ns2           3600   IN  AAAA    2001:db8::63
`
	rfc8976Complex = `
example.      86400  IN  SOA     ns1 admin 2018031900 1800 900 604800 86400
              86400  IN  NS      ns1
              86400  IN  NS      ns2
              86400  IN  ZONEMD  2018031900 1 1 (
                                 a3b69bad980a3504 e1cffcb0fd6397f9
                                 3848071c93151f55 2ae2f6b1711d4bd2
                                 d8b39808226d7b9d b71e34b72077f8fe )
ns1           3600   IN  A       203.0.113.63
NS2           3600   IN  AAAA    2001:db8::63
occluded.sub  7200   IN  TXT     "I'm occluded but must be digested"
sub           7200   IN  NS      ns1
duplicate     300    IN  TXT     "I must be digested just once"
duplicate     300    IN  TXT     "I must be digested just once"
foo.test.     555    IN  TXT     "out-of-zone data must be excluded"
UPPERCASE     3600   IN  TXT     "canonicalize uppercase owner names"
*             777    IN  PTR     dont-forget-about-wildcards
mail          3600   IN  MX      20 MAIL1
mail          3600   IN  MX      10 Mail2.Example.
sortme        3600   IN  AAAA    2001:db8::5:61
sortme        3600   IN  AAAA    2001:db8::3:62
sortme        3600   IN  AAAA    2001:db8::4:63
sortme        3600   IN  AAAA    2001:db8::1:65
sortme        3600   IN  AAAA    2001:db8::2:64
non-apex      900    IN  ZONEMD  2018031900 1 1 (
                                 616c6c6f77656420 6275742069676e6f
                                 7265642e20616c6c 6f77656420627574
                                 2069676e6f726564 2e20616c6c6f7765 )
`
	rfc8976Multiple = `
example.      86400  IN  SOA     ns1 admin 2018031900 1800 900 604800 86400
example.      86400  IN  NS      ns1.example.
example.      86400  IN  NS      ns2.example.
example.      86400  IN  ZONEMD  2018031900 1 1 (
                                 62e6cf51b02e54b9 b5f967d547ce4313
                                 6792901f9f88e637 493daaf401c92c27
                                 9dd10f0edb1c56f8 080211f8480ee306 )
example.      86400  IN  ZONEMD  2018031900 1 2 (
                                 08cfa1115c7b948c 4163a901270395ea
                                 226a930cd2cbcf2f a9a5e6eb85f37c8a
                                 4e114d884e66f176 eab121cb02db7d65
                                 2e0cc4827e7a3204 f166b47e5613fd27 )
example.      86400  IN  ZONEMD  2018031900 1 240 (
                                 e2d523f654b9422a 96c5a8f44607bbee )
example.      86400  IN  ZONEMD  2018031900 241 1 (
                                 e1846540e33a9e41 89792d18d5d131f6
                                 05fc283e )
ns1.example.  3600   IN  A       203.0.113.63
ns2.example.  86400  IN  TXT     "This example has multiple digests"
NS2.EXAMPLE.  3600   IN  AAAA    2001:db8::63
`
)

func digestState(t *testing.T, text string, options Options) Report {
	t.Helper()
	options.At = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	r, err := Verify(parse(t, "example.", text), options)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestDigestsOfRFC8976(t *testing.T) {
	for name, text := range map[string]string{"A.1": rfc8976Simple, "A.2": rfc8976Complex, "A.3": rfc8976Multiple} {
		if r := digestState(t, text, Options{}); r.Digest != DigestVerified {
			t.Errorf("%s: %s, %v", name, r.Digest, r.Findings)
		}
	}
	// Each of the two of A.3 by itself.
	for _, drop := range []string{"ZONEMD  2018031900 1 1", "ZONEMD  2018031900 1 2"} {
		text := strings.Replace(rfc8976Multiple, drop, strings.Replace(drop, " 1 ", " 77 ", 1), 1)
		if r := digestState(t, text, Options{}); r.Digest != DigestVerified {
			t.Errorf("without %s: %s, %v", drop, r.Digest, r.Findings)
		}
	}
}

func TestDigestThatDoesNotHold(t *testing.T) {
	const own = "ZONEMD  2018031900 1 1"
	for name, c := range map[string]struct {
		text    string
		options Options
		state   DigestState
		code    string
	}{
		"changed":          {strings.Replace(rfc8976Simple, "203.0.113.63", "203.0.113.64", 1), Options{}, DigestMismatch, "INT-02"},
		"a TTL changed":    {strings.Replace(rfc8976Simple, "ns1           3600", "ns1           3601", 1), Options{}, DigestMismatch, "INT-02"},
		"a record gone":    {strings.Replace(rfc8976Simple, "ns2           3600   IN  AAAA    2001:db8::63\n", "", 1), Options{}, DigestMismatch, "INT-02"},
		"of another zone":  {strings.Replace(rfc8976Simple, own, "ZONEMD  2018031899 1 1", 1), Options{}, DigestMismatch, "INT-02"},
		"unknown hash":     {strings.Replace(rfc8976Simple, own, "ZONEMD  2018031900 1 7", 1), Options{}, DigestUnsupported, "INT-09"},
		"unknown scheme":   {strings.Replace(rfc8976Simple, own, "ZONEMD  2018031900 7 1", 1), Options{}, DigestUnsupported, "INT-09"},
		"too short":        {strings.Replace(rfc8976Simple, "777f98b8e730044c", "", 1), Options{}, DigestUnsupported, "INT-09"},
		"twice":            {rfc8976Simple + "example. 86400 IN ZONEMD 2018031900 1 1 " + strings.Repeat("00", 48) + "\n", Options{}, DigestUnsupported, "INT-09"},
		"none":             {"example. 60 IN SOA a. b. 1 2 3 4 5\n", Options{}, DigestAbsent, ""},
		"none, but needed": {"example. 60 IN SOA a. b. 1 2 3 4 5\n", Options{RequireZONEMD: true}, DigestAbsent, "INT-09"},
	} {
		t.Run(name, func(t *testing.T) {
			r := digestState(t, c.text, c.options)
			found := ""
			for _, f := range r.Findings {
				if f.RRset == "ZONEMD" {
					found = f.Code
				}
			}
			if r.Digest != c.state || found != c.code {
				t.Errorf("got %s, %q, want %s, %q", r.Digest, found, c.state, c.code)
			}
			if (c.state == DigestMismatch || c.options.RequireZONEMD) && r.Good() {
				t.Error("and the zone is called good")
			}
		})
	}
}
