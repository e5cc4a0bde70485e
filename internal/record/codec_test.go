package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

// To change the dictionary is to lose every database: see dictionary.
func TestTheDictionaryStays(t *testing.T) {
	sum := sha256.Sum256(dictionary())
	if got, want := hex.EncodeToString(sum[:]), "2c2a3c040c3cf846a37877af1b047aba4512dd1ea26ef9aece00089164578f3f"; got != want {
		t.Errorf("the dictionary is %s, and was %s", got, want)
	}
}

func TestSqueeze(t *testing.T) {
	w := newWorld(61, 1)
	for name, b := range map[string][]byte{
		"empty": {}, "one": {1}, "text": bytes.Repeat([]byte("signature "), 1000), "noise": w.noise(3000),
	} {
		small := squeeze(b)
		if len(small) > len(b)+1 {
			t.Errorf("%s: %d octets became %d", name, len(b), len(small))
		}
		if got, err := expand(small); err != nil || !bytes.Equal(got, b) {
			t.Errorf("%s did not come back: %v", name, err)
		}
	}
	bomb := squeeze(make([]byte, maxBlob+1))
	for name, b := range map[string][]byte{"nothing": nil, "form": {7, 1}, "no zstd": {blobZstd, 1, 2, 3}, "bomb": bomb} {
		if _, err := expand(b); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Replies of two servers that differ in id and NSID alone are one message.
func TestNormalForm(t *testing.T) {
	w := newWorld(62, 1)
	z := w.zones[0]
	q := holdfast.Question{Name: z.subject.Zone, Type: typeSOA}
	a, b := w.answer(z, 1, holdfast.PurposeSOA, q, "ns1.example"), w.answer(z, 0xffff, holdfast.PurposeSOA, q, "ns2.example")
	formA, idA, nsidA := normal(a)
	formB, idB, nsidB := normal(b)
	if !bytes.Equal(formA, formB) || idA != 1 || idB != 0xffff || string(nsidA) != "ns1.example" || string(nsidB) != "ns2.example" {
		t.Errorf("%x %d %q\n%x %d %q", formA, idA, nsidA, formB, idB, nsidB)
	}
	for _, c := range []struct {
		id   uint16
		nsid []byte
		want []byte
	}{{idA, nsidA, a}, {idB, nsidB, b}} {
		if got, err := restore(formA, c.id, c.nsid); err != nil || !bytes.Equal(got, c.want) {
			t.Errorf("%x, %v, want %x", got, err, c.want)
		}
	}
	// A longer NSID changes the lengths before it: another message, still exact.
	c := w.answer(z, 2, holdfast.PurposeSOA, q, "ns10.example")
	form, id, nsid := normal(c)
	if got, err := restore(form, id, nsid); err != nil || !bytes.Equal(got, c) {
		t.Errorf("%x, %v", got, err)
	}
}

// Neither a server's cookie, which changes with the time (RFC 9018 section 4),
// nor what stands between it and the NSID makes another message.
func TestNormalLeavesCookiesOut(t *testing.T) {
	reply := func(options string) []byte {
		out := append([]byte{0, 9, 0x81, 5, 0, 0, 0, 0, 0, 0, 0, 1}, 0, 0, typeOPT, 4, 0xd0, 0, 0, 0, 0, 0, byte(len(options)))
		return append(out, options...)
	}
	for _, c := range [][2]string{
		{"\x00\x0a\x00\x10holdfast00000001", "\x00\x0a\x00\x10holdfast00000002"},
		{"\x00\x03\x00\x02n1\x00\x0f\x00\x02\x00\x14\x00\x0a\x00\x10holdfast00000001", "\x00\x03\x00\x02n2\x00\x0f\x00\x02\x00\x14\x00\x0a\x00\x10holdfast00000002"},
		{"\x00\x0a\x00\x10holdfast00000001\x00\x03\x00\x02n1", "\x00\x0a\x00\x10holdfast00000002\x00\x03\x00\x02n1"},
	} {
		var forms [2][]byte
		for i, options := range c {
			form, id, own := normal(reply(options))
			if got, err := restore(form, id, own); err != nil || !bytes.Equal(got, reply(options)) {
				t.Errorf("%q: got %q, %v", options, got, err)
			}
			forms[i] = form
		}
		if !bytes.Equal(forms[0], forms[1]) {
			t.Errorf("%q and %q: %q, %q", c[0], c[1], forms[0], forms[1])
		}
	}
}

// The wire form of names, from RFC 1035 section 3.1 and its section 5.1.
func TestPackName(t *testing.T) {
	long := strings.Repeat("a", 63) + "."
	for name, want := range map[string]string{
		".": "\x00", "example.": "\x07example\x00", "a.b.": "\x01a\x01b\x00", `a\.b.`: "\x03a.b\x00", `\000\255.`: "\x02\x00\xff\x00", `\\.`: "\x01\\\x00",
		strings.Repeat(long, 3) + strings.Repeat("a", 61) + ".": strings.Repeat("\x3f"+long[:63], 3) + "\x3d" + long[:61] + "\x00",
	} {
		if got := packName(name); string(got) != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"", "a", "..", ".a.", "a..b.", "a" + long, strings.Repeat(long, 4), `\256.`, `a\`} {
		if got := packName(name); got != nil {
			t.Errorf("%q was packed as %q", name, got)
		}
	}
}

func TestIDs(t *testing.T) {
	for id, length := range map[string]int{
		"20260801T060000.000001Z-0123456789ab": 15, "20260801T060000.000001Z-0123456789AB": 37, "20260801T060000.000001Z-0123456789a": 36,
		"20260801T060000.000001Z_0123456789ab": 37, "20260899T060000.000001Z-0123456789ab": 37, "": 1, "m1": 3, "19000101T000000.000000Z-000000000000": 15,
	} {
		packed := packID(id)
		if len(packed) != length {
			t.Errorf("%q takes %d octets, want %d", id, len(packed), length)
		}
		if got, err := unpackID(packed); err != nil || got != id {
			t.Errorf("%q came back as %q, %v", id, got, err)
		}
	}
	early, late := packID("20260801T060000.000001Z-ffffffffffff"), packID("20260801T060000.000002Z-000000000000")
	if bytes.Compare(early, late) >= 0 {
		t.Error("packed ids do not sort by time")
	}
	for _, bad := range [][]byte{nil, {}, {2, 1}, {idTime, 1, 2}} {
		if _, err := unpackID(bad); err == nil {
			t.Errorf("%x: no error", bad)
		}
	}
}

func TestRuns(t *testing.T) {
	for _, keys := range [][]int64{nil, {1}, {1, 2, 3}, {7, 8, 9, 20, 21, 400}, {1 << 40}} {
		got, err := decodeRuns(encodeRuns(keys))
		if err != nil || !slices.Equal(got, keys) {
			t.Errorf("%v came back as %v, %v", keys, got, err)
		}
	}
	if size := len(encodeRuns([]int64{5000, 5001, 5002, 5003, 5004, 5005})); size > 3 {
		t.Errorf("six servers in a row take %d octets", size)
	}
}

// seeds are the encoded parts of a real measurement.
func seeds(t testing.TB) (p, o, l []byte, m holdfast.Measurement, messages [][]byte) {
	w := newWorld(63, 1)
	m = w.full(w.zones[0], "m", "s", morning)
	e, err := prepare(m)
	noError(t, err)
	for k := range e.outcome {
		if e.outcome[k].form != nil {
			messages = append(messages, e.outcome[k].form)
			e.outcome[k].reply = int64(len(messages))
		}
	}
	return e.plan, e.outcome.encode(func(end ending) int64 { return end.reply }), e.look, m, messages
}

func FuzzDecodePlan(f *testing.F) {
	p, _, _, _, _ := seeds(f)
	f.Add(p)
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := decodePlan(data)
		if err != nil {
			return
		}
		again, err := p.encode()
		if err != nil {
			t.Skip() // a subject that JSON reads and does not write
		}
		p2, err := decodePlan(again)
		if err != nil || !reflect.DeepEqual(p, p2) {
			t.Errorf("%+v\nbecame %+v: %v", p, p2, err)
		}
	})
}

func FuzzDecodeOutcome(f *testing.F) {
	_, o, _, _, _ := seeds(f)
	f.Add(o)
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := decodeOutcome(data)
		if err != nil {
			return
		}
		o2, err := decodeOutcome(o.encode(func(end ending) int64 { return end.reply }))
		if err != nil || len(o2) != len(o) {
			t.Errorf("%+v\nbecame %+v: %v", o, o2, err)
		}
	})
}

func FuzzDecodeLook(f *testing.F) {
	rawPlan, rawOutcome, l, _, _ := seeds(f)
	p, err := decodePlan(rawPlan)
	noError(f, err)
	o, err := decodeOutcome(rawOutcome)
	noError(f, err)
	f.Add(l)
	f.Fuzz(func(t *testing.T, data []byte) {
		if got, err := decodeLook(data, morning, p, o); err == nil && len(got.times) != len(o) {
			t.Errorf("%d times of %d exchanges", len(got.times), len(o))
		}
		_, _ = lookFinished(data, morning)
	})
}

func FuzzDecodePack(f *testing.F) {
	_, _, _, _, messages := seeds(f)
	f.Add(encodePack(messages[:10]))
	f.Add(encodePack(messages[:1]))
	f.Fuzz(func(t *testing.T, data []byte) {
		forms, err := decodePack(data)
		if err != nil {
			return
		}
		for _, form := range forms {
			_, _ = restore(form, 1, []byte("nsid"))
		}
	})
}

// FuzzNormal: whatever a server sends comes back octet for octet.
func FuzzNormal(f *testing.F) {
	_, _, _, m, _ := seeds(f)
	for _, e := range m.Exchanges[:20] {
		f.Add(e.Reply)
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		form, id, nsid := normal(message)
		if got, err := restore(form, id, nsid); err != nil || !bytes.Equal(got, message) {
			t.Errorf("%x\nbecame %x: %v", message, got, err)
		}
	})
}

// FuzzQuery: whatever was asked comes back octet for octet.
func FuzzQuery(f *testing.F) {
	q := holdfast.Question{Name: "zone0.", Type: 6}
	f.Add(query(7, q), string(q.Name), q.Type)
	f.Add([]byte{1}, ".", uint16(2))
	f.Fuzz(func(t *testing.T, message []byte, name string, rrtype uint16) {
		q := holdfast.Question{Name: holdfast.Name(name), Type: rrtype}
		id := uint16(max(0, messageID(message)))
		if got, err := queryOf(queryShell(message, q), id, q); err != nil || !bytes.Equal(got, message) {
			t.Errorf("%x\nbecame %x: %v", message, got, err)
		}
	})
}

// FuzzRow: a measurement whose stored parts are all damaged is an error.
func FuzzRow(f *testing.F) {
	p, o, l, _, _ := seeds(f)
	f.Add(squeeze(p), squeeze(o), l, []byte{0, 'm'})
	f.Fuzz(func(t *testing.T, p, o, l, id []byte) {
		row := lookRow{id: id, started: morning.UnixMilli(), plan: p, outcome: o, data: l}
		m, err := row.assemble(func(n int64) ([]byte, error) { return []byte{byte(n), 1, 2, 3}, nil })
		if err == nil {
			_ = fmt.Sprint(m.Started.Format(time.RFC3339))
		}
	})
}

func FuzzDecodeRuns(f *testing.F) {
	f.Add(encodeRuns([]int64{1, 2, 3, 9}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if keys, err := decodeRuns(data); err == nil && len(keys) > maxExchanges {
			t.Errorf("%d servers", len(keys))
		}
	})
}
