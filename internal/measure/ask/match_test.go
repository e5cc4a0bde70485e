package ask

import (
	"testing"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func packed(t testing.TB, name holdfast.Name, id uint16) []byte {
	t.Helper()
	query, err := wire.NewQuery(id, holdfast.Question{Name: name, Type: uint16(wire.TypeSOA)}).Pack()
	if err != nil {
		t.Fatal(err)
	}
	return query
}

func TestAsksAlike(t *testing.T) {
	query := packed(t, "example.", 0x1234)
	good := answer(query)
	if !asksAlike(query, good) {
		t.Fatal("a good reply does not match")
	}
	upper := append([]byte(nil), good...)
	for i := 13; i < 20; i++ {
		upper[i] -= 'a' - 'A'
	}
	if !asksAlike(query, upper) {
		t.Error("names are compared with regard to case (RFC 4343 section 3)")
	}
	for name, change := range map[string]func([]byte) []byte{
		"id":               func(b []byte) []byte { b[0]++; return b },
		"QR":               func(b []byte) []byte { b[2] &^= 0x80; return b },
		"opcode":           func(b []byte) []byte { b[2] |= 0x08; return b },
		"no question":      func(b []byte) []byte { b[5] = 0; return b },
		"two questions":    func(b []byte) []byte { b[5] = 2; return b },
		"type in case":     func(b []byte) []byte { b[questionEnd(b)-3] ^= 0x20; return b },
		"class":            func(b []byte) []byte { b[questionEnd(b)-1] = 3; return b },
		"cut in header":    func(b []byte) []byte { return b[:11] },
		"cut in question":  func(b []byte) []byte { return b[:20] },
		"empty":            func([]byte) []byte { return nil },
		"compressed qname": func(b []byte) []byte { b[12], b[13] = 0xC0, 0x0C; return b },
	} {
		if asksAlike(query, change(append([]byte(nil), good...))) {
			t.Errorf("%s: matches", name)
		}
	}
}

// FuzzAsksAlike holds the cheap comparison to the parsed one: what it accepts
// and can be parsed is a reply to the question, as wire sees it.
func FuzzAsksAlike(f *testing.F) {
	query := packed(f, "a.example.", 77)
	f.Add(answer(query))
	f.Add(query)
	f.Add([]byte{0, 77, 0x80})
	f.Add(append([]byte{0, 77, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0}, 0xC0, 0x0C, 0, 6, 0, 1))
	asked, err := wire.Parse(query)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, reply []byte) {
		alike := asksAlike(query, reply)
		m, err := wire.Parse(reply)
		if err != nil {
			return
		}
		if alike && !m.Matches(asked) {
			t.Errorf("accepted %x, which is %+v", reply, m)
		}
	})
}

// FuzzExamine: whatever comes, the try ends well or goes on.
func FuzzExamine(f *testing.F) {
	query := packed(f, "a.example.", 77)
	f.Add(answer(query))
	f.Add([]byte{0, 77, 0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, reply []byte) {
		k := &talk{query: query}
		r := try{outcome: holdfast.Timeout}
		if done := k.examine(reply, 1, &r); done != (r.outcome == holdfast.Answered) {
			t.Errorf("done %v with outcome %s", done, r.outcome)
		}
		if r.outcome != holdfast.Timeout && r.reply == nil && reply != nil {
			t.Error("the reply was not kept")
		}
	})
}
