package resolvers

import (
	"strings"
	"testing"

	"github.com/holdfastdns/holdfast/internal/wire"
)

// TestAnchorsByDigest: the root's key of 2017 is written as the DS that IANA
// publishes of it, or whole.
func TestAnchorsByDigest(t *testing.T) {
	const key = ". 172800 IN DNSKEY 257 3 8 AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/4RgWOq7HrxRixHlFlExOLAJr5emLvN7SWXgnLh4+B5xQlNVz8Og8kvArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBxWezF0jLHwVN8efS3rCj/EWgvIWgb9tarpVUDK/b58Da+sqqls3eNbuv7pr+eoZG+SrDK6nWeL3c6H5Apxz7LjVc1uTIdsIXxuOLYA4/ilBmSVIzuDWfdRUfhHdY6+cn8HFRm+2hM8AnXGXws9555KrUB5qihylGa8subX2Nn6UwNR1AkUTV74bU="
	const digest = "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"
	r, err := wire.ParseRecord(key)
	if err != nil {
		t.Fatal(err)
	}
	s := Setting{Anchors: []wire.Record{r}, ByDigest: true}
	if got, want := s.keys(), ". 3600 IN DS 20326 8 2 "+digest+"\n"; got != want {
		t.Errorf("keys %q, want %q", got, want)
	}
	if got, want := s.initial(), "  . initial-ds 20326 8 2 \""+digest+"\";\n"; got != want {
		t.Errorf("initial %q, want %q", got, want)
	}
	s.ByDigest = false
	if got := s.keys(); got != key+"\n" {
		t.Errorf("keys %q", got)
	}
	if got := s.initial(); !strings.HasPrefix(got, "  . initial-key 257 3 8 \"AwEAAaz/") {
		t.Errorf("initial %q", got)
	}
}
