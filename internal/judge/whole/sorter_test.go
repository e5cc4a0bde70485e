package whole

import (
	"bytes"
	"crypto/rand"
	"slices"
	"testing"
)

// TestSorter: what comes out is what went in, in order, whatever the batches.
func TestSorter(t *testing.T) {
	var want [][]byte
	for i := range 3000 {
		item := make([]byte, 1+i%40)
		if _, err := rand.Read(item); err != nil {
			t.Fatal(err)
		}
		want = append(want, append([]byte("shared"), item...))
	}
	want = append(want, bytes.Repeat([]byte("long"), 20000), []byte("a"), []byte("a"))
	for _, size := range []int{1, 700, 20000, 1 << 20} {
		for _, open := range []func() (Scratch, error){nil, scratch(t)} {
			s := newSorter(open, size)
			for _, item := range want {
				if err := s.add(item); err != nil {
					t.Fatal(err)
				}
			}
			merged, err := s.merged()
			if err != nil {
				t.Fatal(err)
			}
			slices.SortFunc(want, bytes.Compare)
			for i := 0; ; i++ {
				got, err := merged.next()
				if err != nil {
					t.Fatal(err)
				}
				if got == nil {
					if i != len(want) {
						t.Errorf("batches of %d: %d items of %d", size, i, len(want))
					}
					break
				}
				if !bytes.Equal(got, want[i]) {
					t.Fatalf("batches of %d: item %d is %q, want %q", size, i, got, want[i])
				}
			}
			s.close()
		}
	}
}

// FuzzRun: a scratch file that is not what was written ends in an error, never
// in a panic or without end.
func FuzzRun(f *testing.F) {
	b := &batch{}
	for _, text := range []string{"abc", "abd", "abde", "b"} {
		b.add([]byte(text))
	}
	var out bytes.Buffer
	if _, err := writeRun(&out, b); err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes())
	f.Add([]byte{0, 0})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1})
	f.Fuzz(func(t *testing.T, text []byte) {
		r := newFileRun(bytes.NewReader(text), 0, int64(len(text)))
		for range len(text) + 1 {
			item, err := r.next()
			if err != nil || item == nil {
				return
			}
			if _, _, err := splitEntry(item); err != nil {
				continue
			}
		}
		t.Error("more items than octets")
	})
}
