package zonefile

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func records(t testing.TB, texts ...string) []wire.Record {
	t.Helper()
	var out []wire.Record
	for _, text := range texts {
		r, err := wire.ParseRecord(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

const (
	soa7 = "example. 3600 IN SOA ns1.example. host.example. 7 1 2 3 4"
	soa8 = "example. 3600 IN SOA ns1.example. host.example. 8 1 2 3 4"
	ns1  = "example. 3600 IN NS ns1.example."
	glue = "ns1.example. 3600 IN A 192.0.2.1"
)

// server answers one transfer in memory: it reads the question and sends the
// messages that script makes of it, then closes.
func server(t testing.TB, script func(query *wire.Message) [][]byte) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if network != "tcp" || address != "192.0.2.53:53" {
			t.Errorf("dialled %s %s", network, address)
		}
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			var prefix [2]byte
			if _, err := io.ReadFull(far, prefix[:]); err != nil {
				return
			}
			packet := make([]byte, binary.BigEndian.Uint16(prefix[:]))
			if _, err := io.ReadFull(far, packet); err != nil {
				return
			}
			query, err := wire.Parse(packet)
			if err != nil {
				t.Errorf("our question: %v", err)
				return
			}
			for _, message := range script(query) {
				if _, err := far.Write(message); err != nil {
					return
				}
			}
		}()
		return near, nil
	}
}

// framed packs a reply with its length before it.
func framed(t testing.TB, query *wire.Message, change func(*wire.Message), answer ...wire.Record) []byte {
	t.Helper()
	m := &wire.Message{ID: query.ID, Response: true, Authoritative: true, Question: query.Question, Answer: answer}
	if change != nil {
		change(m)
	}
	packet, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)
}

func transferOf(t testing.TB, limits Limits, script func(*wire.Message) [][]byte) (Summary, []wire.Record, error) {
	var got []wire.Record
	summary, err := Transfer(context.Background(), server(t, script), "192.0.2.53:53", "example.", limits, func(r wire.Record) error {
		got = append(got, r)
		return nil
	})
	return summary, got, err
}

func TestTransfer(t *testing.T) {
	noQuestion := func(m *wire.Message) { m.Question = nil }
	for name, script := range map[string]func(*wire.Message) [][]byte{
		"one message": func(q *wire.Message) [][]byte {
			return [][]byte{framed(t, q, nil, records(t, soa7, ns1, glue, soa7)...)}
		},
		"a record a message": func(q *wire.Message) [][]byte {
			return [][]byte{framed(t, q, nil, records(t, soa7)...), framed(t, q, noQuestion, records(t, ns1)...),
				framed(t, q, nil, records(t, glue)...), framed(t, q, noQuestion, records(t, soa7)...)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			summary, got, err := transferOf(t, Limits{}, func(q *wire.Message) [][]byte {
				if len(q.Question) != 1 || q.Question[0] != (holdfast.Question{Name: "example.", Type: 252}) || q.RecursionDesired {
					t.Errorf("we asked %+v", q)
				}
				return script(q)
			})
			if err != nil || len(got) != 3 || summary.SOA.Serial != 7 || !summary.Closed || got[2].Name != "ns1.example." {
				t.Errorf("got %+v, %v, %v", summary, got, err)
			}
		})
	}
}

func TestTransferSaysWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*wire.Message)
		answer []string
		limits Limits
		is     error
		says   string
	}{
		"refused":         {change: func(m *wire.Message) { m.Rcode = wire.Refused }, is: ErrRefused, says: "REFUSED"},
		"not authority":   {change: func(m *wire.Message) { m.Rcode = wire.NotAuth }, is: ErrRefused, says: "NOTAUTH"},
		"no answer":       {is: ErrRefused, says: "holds no records"},
		"wrong id":        {change: func(m *wire.Message) { m.ID++ }, answer: []string{soa7, soa7}, says: "no reply to our question"},
		"a question back": {change: func(m *wire.Message) { m.Response = false }, answer: []string{soa7}, says: "no reply"},
		"other question":  {change: func(m *wire.Message) { m.Question[0].Name = "test." }, answer: []string{soa7}, says: "another question"},
		"first without question": {change: func(m *wire.Message) { m.Question = nil }, answer: []string{soa7, soa7},
			says: "another question"},
		"truncated flag":   {change: func(m *wire.Message) { m.Truncated = true }, answer: []string{soa7}, says: "TC"},
		"no SOA first":     {answer: []string{ns1, soa7}, says: "not with the zone's SOA"},
		"SOA of another":   {answer: []string{"test. 60 IN SOA a. b. 1 2 3 4 5"}, says: "not with the zone's SOA"},
		"outside the zone": {answer: []string{soa7, "ns.test. 60 IN A 192.0.2.1", soa7}, says: "outside the zone"},
		"two serials":      {answer: []string{soa7, ns1, soa8}, says: "two different SOA"},
		"more behind":      {answer: []string{soa7, ns1, soa7, glue}, says: "behind the closing SOA"},
		"closed early":     {answer: []string{soa7, ns1}, is: ErrTruncated},
		"too many bytes":   {answer: []string{soa7, ns1, soa7}, limits: Limits{MaxBytes: 20}, is: ErrTooLarge},
		"too many records": {answer: []string{soa7, ns1, glue, soa7}, limits: Limits{MaxRecords: 2}, is: ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := transferOf(t, c.limits, func(q *wire.Message) [][]byte {
				return [][]byte{framed(t, q, func(m *wire.Message) {
					m.Question = append([]holdfast.Question(nil), m.Question...)
					if c.change != nil {
						c.change(m)
					}
				}, records(t, c.answer...)...)}
			})
			if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("got %v, want %v, %q", err, c.is, c.says)
			}
			if !strings.Contains(err.Error(), "example. from 192.0.2.53:53") {
				t.Errorf("%v does not name zone and server", err)
			}
		})
	}
}

func TestTransferBoundsMessages(t *testing.T) {
	_, _, err := transferOf(t, Limits{MaxMessages: 3}, func(q *wire.Message) [][]byte {
		out := [][]byte{framed(t, q, nil, records(t, soa7)...)}
		for range 10 {
			out = append(out, framed(t, q, nil, records(t, ns1)...))
		}
		return out
	})
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

func TestTransferCutInAMessage(t *testing.T) {
	_, _, err := transferOf(t, Limits{}, func(q *wire.Message) [][]byte {
		message := framed(t, q, nil, records(t, soa7, ns1, soa7)...)
		return [][]byte{message[:len(message)-5]}
	})
	if !errors.Is(err, ErrTruncated) {
		t.Errorf("got %v", err)
	}
}

// silent accepts a question and never answers.
func silent(ctx context.Context, network, address string) (net.Conn, error) {
	near, far := net.Pipe()
	go func() { _, _ = io.Copy(io.Discard, far) }()
	return near, nil
}

func TestTransferGivesUpOnSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, err := Transfer(t.Context(), silent, "192.0.2.53:53", "example.", Limits{Idle: holdfast.Duration(5 * time.Second)}, nil)
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != 5*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

func TestTransferEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := Transfer(ctx, silent, "192.0.2.53:53", "example.", Limits{}, nil)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		_, err = Transfer(t.Context(), silent, "192.0.2.53:53", "example.", Limits{Timeout: holdfast.Duration(time.Second)}, nil)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestTransferPassesOnYieldsError(t *testing.T) {
	stop := errors.New("enough")
	script := func(q *wire.Message) [][]byte { return [][]byte{framed(t, q, nil, records(t, soa7, ns1, soa7)...)} }
	_, err := Transfer(context.Background(), server(t, script), "192.0.2.53:53", "example.", Limits{}, func(wire.Record) error { return stop })
	if err != stop {
		t.Errorf("got %v", err)
	}
}

func TestAxfrFetch(t *testing.T) {
	script := func(q *wire.Message) [][]byte {
		return [][]byte{framed(t, q, nil, records(t, soa7, ns1, glue, soa7)...)}
	}
	zone, err := Axfr{Zone: "example.", Server: "192.0.2.53:53", Dial: server(t, script), Clock: noon}.Fetch(context.Background())
	if err != nil || len(zone.Records) != 3 || zone.SOA.Serial != 7 || zone.From != "AXFR from 192.0.2.53:53" || !zone.Fetched.Equal(noon.at) {
		t.Errorf("got %+v, %v", zone, err)
	}
}

// stream is a connection of which only the reading half matters.
type stream struct {
	net.Conn
	io.Reader
}

func (s stream) Read(p []byte) (int, error)      { return s.Reader.Read(p) }
func (s stream) SetReadDeadline(time.Time) error { return nil }

func FuzzTransfer(f *testing.F) {
	query := &wire.Message{ID: 1, Question: []holdfast.Question{{Name: "example.", Type: 252}}}
	f.Add(framed(f, query, nil, records(f, soa7, ns1, glue, soa7)...))
	f.Add(append(framed(f, query, nil, records(f, soa7)...), framed(f, query, nil, records(f, ns1, soa7)...)...))
	f.Add([]byte{0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, bytes []byte) {
		limits := Limits{MaxRecords: 1000, MaxMessages: 100}.withDefaults()
		a := &assembly{limits: limits, transfer: true, yield: func(r wire.Record) error {
			if !r.Name.IsSubdomainOf("example.") {
				t.Errorf("%s came through", r.Name)
			}
			return nil
		}}
		r := &replies{conn: stream{Reader: strings.NewReader(string(bytes))}, query: query, limits: limits, left: 1 << 20}
		if err := r.read(a); err == nil && !a.summary.Closed {
			t.Error("it ended without its closing SOA")
		}
	})
}
