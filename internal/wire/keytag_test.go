package wire

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

// TestKeysOfEveryTag: for many tags and moduli a key is found, of that tag by
// the sum of RFC 4034 appendix B, and it signs. For about every third modulus no
// exponent will do.
func TestKeysOfEveryTag(t *testing.T) {
	set := []Record{NewRecord("example.", TypeTXT, 60, []byte{1, 'x'})}
	begin := time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)
	for tag := uint16(1); tag < 40; tag++ {
		key, err := GenerateKeyOfTag(RSASHA256, FlagZone|FlagSEP, 1024, tag, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		data := append([]byte{1, 1, 3, 8}, key.DNSKEY.PublicKey...)
		sum := 0
		for i, b := range data {
			sum += int(b) << (8 * (1 - i%2))
		}
		if got := uint16(sum + sum>>16); got != tag || key.Tag != tag {
			t.Errorf("the key of tag %d has %d", tag, got)
		}
		record, err := key.Sign(set, holdfast.Name("example."), begin, begin.Add(time.Hour), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		sig, err := record.RRSIG()
		if err != nil {
			t.Fatal(err)
		}
		if err := Verify(sig, key.DNSKEY, set); err != nil {
			t.Errorf("tag %d: %v", tag, err)
		}
	}
}
