package rehearsal

import (
	"bytes"
	"compress/gzip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// saidSample is one whose reply has an id and a TTL of its own.
func saidSample(t testing.TB, after time.Duration, id uint16, ttl uint32, rcode int) holdfast.Sample {
	t.Helper()
	m := wire.Message{ID: id, Response: true, Rcode: rcode, Question: []holdfast.Question{{Name: "www.lab.", Type: 1}}}
	if rcode == wire.NoError {
		m.Answer = []wire.Record{wire.NewAddress("www.lab.", ttl, dataAddress)}
	}
	reply, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return holdfast.Sample{After: after, Actor: "unbound", Probe: holdfast.ProbeSigned, Exchange: holdfast.Exchange{Outcome: holdfast.Answered, Reply: reply}}
}

// recordOnly is a stage that records only.
func recordOnly(t testing.TB, out *bytes.Buffer) *stage {
	t.Helper()
	play, err := Embedded("plain")
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{rec: newRecorder(out, "/tmp/somewhere"), set: Set{Play: play}}
	s.rec.put(line{Rehearsal: &holdfast.Rehearsal{Format: Format, Play: play}})
	return s
}

func (s *stage) sampled(samples ...holdfast.Sample) {
	for _, sample := range samples {
		s.rec.putOnce("x", s.says(sample), sample.After, line{Sample: &sample})
	}
}

// TestSameAnswersAreOneSample: but for id and TTL, and never over a step.
func TestSameAnswersAreOneSample(t *testing.T) {
	var out bytes.Buffer
	s := recordOnly(t, &out)
	sec := time.Second
	s.sampled(saidSample(t, 0, 1, 4, wire.NoError), saidSample(t, 1*sec, 2, 3, wire.NoError), saidSample(t, 2*sec, 3, 2, wire.NoError),
		saidSample(t, 3*sec, 4, 1, wire.ServFail), saidSample(t, 7*sec, 5, 1, wire.ServFail),
		saidSample(t, 8*sec, 6, 1, wire.ServFail)) // S1 begins at 8 s
	r, err := Read(&out, "test")
	if err != nil {
		t.Fatal(err)
	}
	type seen struct {
		after, last time.Duration
		times       int
	}
	var got []seen
	for _, s := range r.Samples {
		got = append(got, seen{s.After, s.Last, s.Times})
	}
	want := []seen{{0, 2 * sec, 3}, {3 * sec, 7 * sec, 2}, {8 * sec, 0, 0}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	var kept bytes.Buffer
	if err := Write(&kept, r); err != nil {
		t.Fatal(err)
	}
	if again, err := Read(&kept, "kept"); err != nil || !reflect.DeepEqual(again, r) {
		t.Errorf("written and read again: %v\n%+v\nwant\n%+v", err, again, r)
	}
}

// TestWhatDiffersIsKept: each of these is another answer.
func TestWhatDiffersIsKept(t *testing.T) {
	base := wire.Message{Response: true, Question: []holdfast.Question{{Name: "www.lab.", Type: 1}}, Answer: []wire.Record{wire.NewAddress("www.lab.", 1, dataAddress)}}
	pack := func(change func(*wire.Message)) string {
		m := base
		change(&m)
		reply, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		return essence(holdfast.Exchange{Outcome: holdfast.Answered, Reply: reply})
	}
	same := pack(func(m *wire.Message) { m.ID = 7 })
	for name, change := range map[string]func(*wire.Message){
		"AD":     func(m *wire.Message) { m.AuthenticatedData = true },
		"rcode":  func(m *wire.Message) { m.Rcode = wire.ServFail },
		"answer": func(m *wire.Message) { m.Answer = []wire.Record{wire.NewAddress("www.lab.", 1, rootAddress)} },
		"EDE":    func(m *wire.Message) { m.EDNS = &wire.EDNS{UDPSize: 1232, EDE: []wire.ExtendedError{{Code: 9}}} },
	} {
		if pack(change) == same {
			t.Errorf("another %s is no news", name)
		}
	}
	if essence(holdfast.Exchange{Outcome: holdfast.Timeout}) == essence(holdfast.Exchange{Outcome: holdfast.Refused}) {
		t.Error("another outcome is no news")
	}
}

// TestFolderIsNotEvidence: where it was performed is nobody's business.
func TestFolderIsNotEvidence(t *testing.T) {
	var out bytes.Buffer
	s := recordOnly(t, &out)
	s.rec.put(line{Acted: &holdfast.Acted{Said: "cannot read /tmp/somewhere/unbound/run"}})
	if text := out.String(); strings.Contains(text, "somewhere") || !strings.Contains(text, "/play/unbound/run") {
		t.Error(text)
	}
}

// TestBrokenEvidence: what a crash leaves is read; what nobody wrote is an error
// that names the line.
func TestBrokenEvidence(t *testing.T) {
	var out bytes.Buffer
	s := recordOnly(t, &out)
	s.sampled(saidSample(t, 0, 1, 4, wire.NoError), saidSample(t, time.Second, 1, 4, wire.ServFail))
	whole := out.String()
	if r, err := Read(strings.NewReader(whole[:len(whole)-20]), "torn"); err != nil || len(r.Samples) != 1 {
		t.Errorf("the last line torn: %d samples, %v", len(r.Samples), err)
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte(whole)); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	if r, err := Read(bytes.NewReader(zipped.Bytes()), "zipped"); err != nil || len(r.Samples) != 2 {
		t.Errorf("compressed: %d samples, %v", len(r.Samples), err)
	}
	head, _, _ := strings.Cut(whole, "\n")
	for name, c := range map[string]struct{ text, want string }{
		"empty":        {"", "it is empty"},
		"no JSON":      {"play plain\n", "x:1: "},
		"other format": {`{"rehearsal":{"format":"holdfast-rehearsal/9"}}` + "\n", "x:1: its format"},
		"no head":      {`{"finished":"2026-11-21T00:00:00Z"}` + "\n", "x:1: want a line"},
		"two heads":    {head + "\n" + head + "\n", "x:2: want a line"},
		"torn inside":  {head + "\n{\"sam\n{}\n", "x:3: "},
		"again what":   {head + "\n" + `{"again":{"line":7}}` + "\n", "x:2: it says again"},
	} {
		if _, err := Read(strings.NewReader(c.text), "x"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	var out bytes.Buffer
	s := recordOnly(f, &out)
	s.sampled(saidSample(f, 0, 1, 4, wire.NoError), saidSample(f, time.Second, 2, 4, wire.NoError))
	f.Add(out.Bytes())
	f.Add([]byte(`{"rehearsal":{"format":"holdfast-rehearsal/1"}}` + "\n" + `{"signal":{}}` + "\n" + `{"again":{"line":1}}`))
	f.Add([]byte{0x1f, 0x8b, 8, 0})
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Read(bytes.NewReader(text), "fuzz")
		if err != nil {
			return
		}
		if err := Write(&bytes.Buffer{}, r); err != nil {
			t.Errorf("what was read cannot be written: %v", err)
		}
	})
}
