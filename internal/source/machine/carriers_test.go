package machine

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/rootkey"
)

func searchText(t testing.TB, text string) holdfast.Carrier {
	t.Helper()
	n := needles()
	c, length, err := n.search(strings.NewReader(text), make([]byte, 0, window+overlap))
	if err != nil || length != int64(len(text)) {
		t.Fatalf("read %d of %d: %v", length, len(text), err)
	}
	return c
}

// TestForms: each way in which programs and texts carry a key is found, with
// its line; what only looks like one is not.
func TestForms(t *testing.T) {
	k, _ := rootkey.Calendar().Key(38696)
	digest := strings.ToUpper(hex.EncodeToString(k.DS.Digest))
	key := base64.StdEncoding.EncodeToString(k.Public)
	array := ""
	for _, b := range k.DS.Digest {
		array += fmt.Sprintf("0x%02x, ", b)
	}
	for name, c := range map[string]struct {
		text string
		form holdfast.CarrierForm // empty: nothing is found
		line int
	}{
		"a DS record":           {"\n. IN DS 38696 8 2 " + digest + "\n", holdfast.CarriesHex, 2},
		"in lower case":         {strings.ToLower(digest), holdfast.CarriesHex, 1},
		"broken up by spaces":   {digest[:56] + " " + digest[56:], holdfast.CarriesHex, 1},
		"broken up over lines":  {"\"" + digest[:32] + "\"\n  \"" + digest[32:] + "\"", holdfast.CarriesHex, 1},
		"as octets":             {"\x00\x01" + string(k.DS.Digest) + "\x00", holdfast.CarriesDigest, 0},
		"as source":             {"static const uint8_t digest[] = {\n  " + array + "\n};", holdfast.CarriesSource, 2},
		"a DNSKEY":              {". IN DNSKEY 257 3 8 " + key, holdfast.CarriesBase64, 1},
		"a DNSKEY in a program": {"\x7fELF\x00\"" + key[:60] + "\\n\"\n\"" + key[60:] + "\"", holdfast.CarriesBase64, 0},
		"a key's octets":        {"\x00" + string(k.Public) + "\x00", holdfast.CarriesModulus, 0},
		"another digest":        {". IN DS 38696 8 2 " + strings.Replace(digest, "683D", "683E", 1), holdfast.CarriesWrong, 1},
		"a digest cut short":    {digest[:40] + " and so on", "", 0},
		"an example":            {". IN DS 38696 8 2 683D2D0ACB8C9B71...", "", 0},
		"nothing":               {"38696 is a number", "", 0},
	} {
		got := searchText(t, c.text)
		if c.form == "" {
			if len(got.Carried) > 0 {
				t.Errorf("%s: found %+v", name, got.Carried)
			}
			continue
		}
		i := slices.IndexFunc(got.Carried, func(f holdfast.Carried) bool { return f.Tag == 38696 && f.Form == c.form })
		if i < 0 || got.Carried[i].Line != c.line {
			t.Errorf("%s: found %+v, want %s in line %d", name, got.Carried, c.form, c.line)
		}
	}
}

// TestAnywhere: a key is found wherever it lies, on the borders of windows too,
// and nothing else is.
func TestAnywhere(t *testing.T) {
	k, _ := rootkey.Calendar().Key(20326)
	random := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, 3*window)
	for i := range text {
		text[i] = byte(random.Uint32())
	}
	if c := searchText(t, string(text)); len(c.Carried) != 0 {
		t.Fatalf("found in noise: %+v", c.Carried)
	}
	places := []int{0, 1, len(text) - 32}
	for at := window - overlap - 40; at < window+40; at += 97 {
		places = append(places, at)
	}
	for range 20 {
		places = append(places, random.IntN(len(text)-32))
	}
	n, buffer := needles(), make([]byte, 0, window+overlap)
	for _, at := range places {
		there := bytes.Clone(text[at : at+32])
		copy(text[at:], k.DS.Digest)
		c, _, err := n.search(bytes.NewReader(text), buffer)
		if err != nil || len(c.Carried) != 1 || c.Carried[0].Offset != int64(at) {
			t.Errorf("at %d: %+v %v", at, c.Carried, err)
		}
		copy(text[at:], there)
	}
}

// TestGrid holds the search to a plain one: whatever the offset in its stride.
func TestGrid(t *testing.T) {
	n := needles()
	for i, needle := range n.all {
		if len(needle.start) < grip {
			t.Errorf("needle %d has %d octets; fewer than %d are not found everywhere", i, len(needle.start), grip)
		}
		for pad := range stride {
			text := slices.Concat(bytes.Repeat([]byte{'.'}, pad), needle.start)
			found := false
			n.grid.find(text, n.all, func(other, at int) {
				found = found || at == pad && bytes.Equal(n.all[other].start, needle.start)
			})
			if !found {
				t.Errorf("needle %d (%s %d) is not found at offset %d", i, needle.form, needle.tag, pad)
			}
		}
	}
}

func FuzzSearch(f *testing.F) {
	k, _ := rootkey.Calendar().Key(20326)
	f.Add([]byte(ds20326 + ds38696))
	f.Add(k.DS.Digest)
	f.Add([]byte("0xe0, 0x6d, 0x44, 0xb8, 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8E"))
	n, buffer := needles(), make([]byte, 0, window+overlap)
	f.Fuzz(func(t *testing.T, text []byte) {
		c, length, err := n.search(bytes.NewReader(text), buffer)
		if err != nil || length != int64(len(text)) {
			t.Fatalf("read %d of %d: %v", length, len(text), err)
		}
		for _, k := range c.Carried {
			if k.Offset < 0 || k.Offset >= int64(len(text)) {
				t.Errorf("found beyond the text: %+v", k)
			}
		}
	})
}

func BenchmarkSearch(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, 64<<20)
	for i := range text {
		text[i] = byte(random.Uint32())
	}
	n, buffer := needles(), make([]byte, 0, window+overlap)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, _, err := n.search(bytes.NewReader(text), buffer); err != nil {
			b.Fatal(err)
		}
	}
}
