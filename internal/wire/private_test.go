package wire

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestReadKeysOfBIND reads pairs that dnssec-keygen 9.18 made, one of each
// algorithm, and has them sign: what the private part signs verifies under
// the public one.
func TestReadKeysOfBIND(t *testing.T) {
	files, err := filepath.Glob("testdata/private/*.private")
	if err != nil || len(files) != 8 {
		t.Fatalf("want a pair of each of 8 algorithms, have %d (%v)", len(files), err)
	}
	for _, file := range files {
		private, public := readPair(t, file)
		key, err := ReadKey(public, private)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		signs(t, key)
		// What we write says the same, line for line, but for BIND's dates.
		text, err := key.Private()
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(private) {
			if !strings.HasPrefix(line, "Created") && !strings.HasPrefix(line, "Publish") && !strings.HasPrefix(line, "Activate") && !strings.Contains(text, line) {
				t.Errorf("%s: our text lacks the line %q", file, line)
			}
		}
	}
}

func readPair(t *testing.T, file string) (private string, public DNSKEY) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	keyText, err := os.ReadFile(strings.TrimSuffix(file, "private") + "key")
	if err != nil {
		t.Fatal(err)
	}
	err = ReadZone(strings.NewReader("$TTL 60\n"+string(keyText)), ".", file, func(r Record) error {
		public, err = r.DNSKEY()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text), public
}

func signs(t *testing.T, key *Key) {
	t.Helper()
	record, err := ParseRecord("www.example.test. 60 IN TXT \"signed\"")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_790_000_000, 0)
	made, err := key.Sign([]Record{record}, "example.test.", now, now.Add(time.Hour), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := made.RRSIG()
	if err != nil {
		t.Fatal(err)
	}
	if err := Verify(sig, key.DNSKEY, []Record{record}); err != nil {
		t.Errorf("algorithm %d: %v", key.DNSKEY.Algorithm, err)
	}
}

func TestReadKeyRefuses(t *testing.T) {
	one, _ := filepath.Glob("testdata/private/*+013+*.private")
	private, public := readPair(t, one[0])
	rsa, _ := filepath.Glob("testdata/private/*+008+*.private")
	rsaPrivate, rsaPublic := readPair(t, rsa[0])
	other := public
	other.PublicKey = append([]byte{1}, public.PublicKey[1:]...)
	for name, c := range map[string]struct {
		key     DNSKEY
		private string
	}{
		"another public key":   {other, private},
		"another algorithm":    {rsaPublic, private},
		"nothing":              {public, ""},
		"no lines of a key":    {public, "hello\n"},
		"an unknown format":    {public, strings.Replace(private, "v1.3", "v2.0", 1)},
		"damaged base64":       {public, strings.Replace(private, "PrivateKey: ", "PrivateKey: !", 1)},
		"a prime that is none": {rsaPublic, strings.Replace(rsaPrivate, "Prime1: ", "Prime1: ////", 1)},
		"too long":             {public, private + strings.Repeat("\n", maxPrivate)},
	} {
		if _, err := ReadKey(c.key, c.private); err == nil {
			t.Errorf("%s: taken for a key", name)
		}
	}
}

func FuzzReadKey(f *testing.F) {
	files, _ := filepath.Glob("testdata/private/*.private")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(8), string(text))
	}
	f.Fuzz(func(_ *testing.T, algorithm uint8, text string) {
		_, _ = ReadKey(DNSKEY{Flags: 257, Protocol: 3, Algorithm: algorithm}, text) // an error, never a panic
	})
}
