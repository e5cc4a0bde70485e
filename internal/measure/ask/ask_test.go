package ask

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// want is what an exchange must say.
type want struct {
	outcome   holdfast.Outcome
	transport holdfast.Transport
	tries     int
	truncated bool
	reply     bool
	detail    string
}

func (w want) check(t *testing.T, e holdfast.Exchange) {
	t.Helper()
	if e.Outcome != w.outcome || e.Transport != w.transport || e.Tries != w.tries || e.Truncated != w.truncated || (e.Reply != nil) != w.reply {
		t.Errorf("outcome %s over %s after %d tries, truncated %v, %d octets of reply (%s); want %+v",
			e.Outcome, e.Transport, e.Tries, e.Truncated, len(e.Reply), e.Detail, w)
	}
	if !strings.Contains(e.Detail, w.detail) {
		t.Errorf("detail %q; want %q in it", e.Detail, w.detail)
	}
	if e.Zone != "example." || e.Purpose != holdfast.PurposeSOA || e.Server != theQuestion.Server || e.Question != theQuestion.Question {
		t.Errorf("the exchange does not say what was asked of whom: %+v", e)
	}
	if !e.Sent.Equal(instant) {
		t.Errorf("sent %s, want the clock's %s", e.Sent, instant)
	}
	if (e.RTT != 0) != w.reply {
		t.Errorf("round-trip time %s", e.RTT)
	}
}

func TestAnswered(t *testing.T) {
	s := (&server{onUDP: one(answer)}).start(t)
	e := askOnce(t, s.asker(t), holdfast.UDP)
	want{outcome: holdfast.Answered, transport: holdfast.UDP, tries: 1, reply: true}.check(t, e)
	if e.Detail != "" {
		t.Errorf("detail %q", e.Detail)
	}
	// Issue 2, part 2: payload 1232, DO, NSID; nothing else asked for.
	query, err := wire.Parse(e.Query)
	if err != nil {
		t.Fatal(err)
	}
	if query.EDNS == nil || query.EDNS.UDPSize != 1232 || !query.EDNS.DO || query.EDNS.NSID == nil || query.RecursionDesired {
		t.Errorf("query %+v, EDNS %+v", query, query.EDNS)
	}
	if !bytes.Equal(e.Query[:2], e.Reply[:2]) {
		t.Errorf("the query kept is not the one answered")
	}
}

func TestOutcomes(t *testing.T) {
	header := func(query []byte) []byte { // FORMERR and nothing behind the header
		return []byte{query[0], query[1], 0x80, 0x01, 0, 0, 0, 0, 0, 0, 0, 0}
	}
	garbage := func(query []byte) []byte { return append(query[:2:2], "no message at all"...) }
	cases := []struct {
		name   string
		server *server
		over   holdfast.Transport
		want   want
	}{
		{"silence", &server{}, holdfast.UDP,
			want{outcome: holdfast.Timeout, transport: holdfast.UDP, tries: 3, detail: "over TCP: connection refused"}},
		{"silence, TCP answers", &server{onTCP: overStream(answer)}, holdfast.UDP,
			want{outcome: holdfast.Answered, transport: holdfast.TCP, tries: 3, reply: true}},
		{"truncated, TCP answers", &server{onUDP: one(truncated), onTCP: overStream(answer)}, holdfast.UDP,
			want{outcome: holdfast.Answered, transport: holdfast.TCP, tries: 2, truncated: true, reply: true}},
		{"truncated twice", &server{onUDP: one(truncated), onTCP: overStream(truncated)}, holdfast.UDP,
			want{outcome: holdfast.TruncatedTwice, transport: holdfast.TCP, tries: 2, truncated: true, reply: true}},
		{"truncated, TCP closed", &server{onUDP: one(truncated)}, holdfast.UDP,
			want{outcome: holdfast.Refused, transport: holdfast.UDP, tries: 2, truncated: true, reply: true, detail: "connection refused"}},
		{"TCP", &server{onTCP: overStream(answer)}, holdfast.TCP,
			want{outcome: holdfast.Answered, transport: holdfast.TCP, tries: 1, reply: true}},
		{"TCP closed", &server{}, holdfast.TCP,
			want{outcome: holdfast.Refused, transport: holdfast.TCP, tries: 1, detail: "connection refused"}},
		{"TCP truncated", &server{onTCP: overStream(truncated)}, holdfast.TCP,
			want{outcome: holdfast.TruncatedTwice, transport: holdfast.TCP, tries: 1, reply: true}},
		{"TCP hangs up", &server{onTCP: func([]byte) []byte { return nil }}, holdfast.TCP,
			want{outcome: holdfast.Timeout, transport: holdfast.TCP, tries: 1, detail: "closed the connection"}},
		{"TCP stops half-way", &server{onTCP: func(q []byte) []byte { return framed(answer(q))[:20] }}, holdfast.TCP,
			want{outcome: holdfast.Malformed, transport: holdfast.TCP, tries: 1, reply: true, detail: "ended within"}},
		{"TCP garbage", &server{onTCP: overStream(garbage)}, holdfast.TCP,
			want{outcome: holdfast.Malformed, transport: holdfast.TCP, tries: 1, reply: true}},
		{"garbage", &server{onUDP: one(garbage)}, holdfast.UDP,
			want{outcome: holdfast.Malformed, transport: holdfast.UDP, tries: 1, reply: true, detail: "parse message"}},
		{"an error without the question", &server{onUDP: one(header)}, holdfast.UDP,
			want{outcome: holdfast.Answered, transport: holdfast.UDP, tries: 1, reply: true, detail: "FORMERR without the question"}},
		{"the query comes back", &server{onUDP: one(func(q []byte) []byte { return q })}, holdfast.UDP,
			want{outcome: holdfast.Timeout, transport: holdfast.UDP, tries: 3}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.want.check(t, askOnce(t, c.server.start(t).asker(t), c.over))
		})
	}
}

// A reply counts only if address, port, id and question match; what does not
// is passed over, and a good reply behind it still counts.
func TestForgedReplies(t *testing.T) {
	otherID := func(query []byte) []byte { r := answer(query); r[1] ^= 1; return r }
	otherName := func(query []byte) []byte { r := answer(query); r[headerLength+1] = 'z'; return r }
	otherType := func(query []byte) []byte {
		r := answer(query)
		r[questionEnd(r)-3] = byte(wire.TypeNS)
		return r
	}
	broken := func(query []byte) []byte { return answer(query)[:len(query)-20] }
	for name, forged := range map[string]func([]byte) []byte{"id": otherID, "name": otherName, "type": otherType, "broken": broken} {
		t.Run(name+", then good", func(t *testing.T) {
			s := (&server{onUDP: func(query []byte, _ netip.AddrPort) [][]byte {
				return [][]byte{forged(query), forged(query), answer(query)}
			}}).start(t)
			e := askOnce(t, s.asker(t), holdfast.UDP)
			want{outcome: holdfast.Answered, transport: holdfast.UDP, tries: 1, reply: true}.check(t, e)
			if m, err := wire.Parse(e.Reply); err != nil || len(m.Answer) != 1 || e.Detail != "" {
				t.Errorf("the forged reply was kept: %v, %q", err, e.Detail)
			}
		})
	}
	for name, forged := range map[string]func([]byte) []byte{"id": otherID, "name": otherName, "type": otherType} {
		t.Run(name+" alone", func(t *testing.T) {
			s := (&server{onUDP: one(forged)}).start(t)
			want{outcome: holdfast.Timeout, transport: holdfast.UDP, tries: 3}.check(t, askOnce(t, s.asker(t), holdfast.UDP))
		})
	}
	t.Run("port", func(t *testing.T) {
		s := &server{}
		other, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		s.onUDP = func(query []byte, from netip.AddrPort) [][]byte {
			other.WriteToUDPAddrPort(answer(query), from)
			return nil
		}
		e := askOnce(t, s.start(t).asker(t), holdfast.UDP)
		want{outcome: holdfast.WrongSource, transport: holdfast.UDP, tries: 1, reply: true}.check(t, e)
	})
}

// The reply from another address is evidence, if nothing right comes.
func TestWrongSource(t *testing.T) {
	elsewhere, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
	if err != nil {
		t.Skip("needs 127.0.0.2 on the loopback interface: ", err)
	}
	defer elsewhere.Close()
	wrong := func(reply func([]byte) []byte, right bool) *server {
		return &server{onUDP: func(query []byte, from netip.AddrPort) [][]byte {
			elsewhere.WriteToUDPAddrPort(reply(query), from)
			if right {
				return [][]byte{answer(query)}
			}
			return nil
		}}
	}
	e := askOnce(t, wrong(answer, false).start(t).asker(t), holdfast.UDP)
	want{outcome: holdfast.WrongSource, transport: holdfast.UDP, tries: 1, reply: true, detail: "127.0.0.2"}.check(t, e)
	if e.From != netip.MustParseAddr("127.0.0.2") {
		t.Errorf("from %s", e.From)
	}
	e = askOnce(t, wrong(answer, true).start(t).asker(t), holdfast.UDP)
	want{outcome: holdfast.Answered, transport: holdfast.UDP, tries: 1, reply: true}.check(t, e)
	if e.From.IsValid() {
		t.Errorf("from %s", e.From)
	}
	e = askOnce(t, wrong(func(q []byte) []byte { r := answer(q); r[headerLength+1] ^= 1; return r }, false).start(t).asker(t), holdfast.UDP)
	want{outcome: holdfast.Timeout, transport: holdfast.UDP, tries: 3}.check(t, e)
}

// A closed port is learnt from the connected try.
func TestRefusedPort(t *testing.T) {
	s := (&server{}).start(t)
	a := s.asker(t)
	s.udp.Close()
	want{outcome: holdfast.Refused, transport: holdfast.UDP, tries: 2, detail: "connection refused"}.check(t, askOnce(t, a, holdfast.UDP))
}

// What our own machine refuses is no fault of the server's.
func TestForbiddenAddress(t *testing.T) {
	s := (&server{}).start(t)
	a := s.asker(t)
	for _, transport := range []holdfast.Transport{holdfast.UDP, holdfast.TCP} {
		q := theQuestion
		q.Server.Address, q.Transport = netip.MustParseAddr("192.0.2.1"), transport
		e := a.Ask(t.Context(), q)
		if e.Outcome != holdfast.NotAsked || e.Tries != 0 || !strings.Contains(e.Detail, "not allowed") {
			t.Errorf("over %s: outcome %s after %d tries, %q", transport, e.Outcome, e.Tries, e.Detail)
		}
	}
}

func TestCallerEnds(t *testing.T) {
	s := (&server{}).start(t)
	a := s.asker(t, func(c *Config) { c.UDPWait = holdfast.Duration(time.Hour) })
	ended, end := context.WithCancel(t.Context())
	end()
	e := a.Ask(ended, theQuestion)
	want{outcome: holdfast.NotAsked, transport: holdfast.UDP, detail: "before it was sent"}.check(t, e)
	if s.asked.Load() != 0 {
		t.Error("it was sent all the same")
	}
	soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	e = a.Ask(soon, theQuestion)
	want{outcome: holdfast.NotAsked, transport: holdfast.UDP, tries: 1, detail: "while it waited"}.check(t, e)
}

// A try that had its whole wait counts against the server, even if the caller
// ends before the next.
func TestCallerEndsAfterATry(t *testing.T) {
	s := (&server{}).start(t)
	a := s.asker(t, func(c *Config) { c.UDPWait = holdfast.Duration(100 * time.Millisecond); c.UDPTries = 3 })
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	if e := a.Ask(ctx, theQuestion); e.Outcome != holdfast.Timeout {
		t.Errorf("outcome %s after %d tries", e.Outcome, e.Tries)
	}
}

func TestClose(t *testing.T) {
	s := (&server{}).start(t)
	a := s.asker(t, func(c *Config) { c.UDPWait = holdfast.Duration(time.Hour) })
	var wait sync.WaitGroup
	for range 5 {
		wait.Go(func() {
			if e := a.Ask(context.Background(), theQuestion); e.Outcome != holdfast.NotAsked {
				t.Errorf("outcome %s", e.Outcome)
			}
		})
	}
	for s.asked.Load() < 5 {
		time.Sleep(time.Millisecond)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	wait.Wait()
	e := a.Ask(context.Background(), theQuestion)
	want{outcome: holdfast.NotAsked, transport: holdfast.UDP, detail: "closed"}.check(t, e)
}

func TestNamesThatCannotBeAsked(t *testing.T) {
	s := (&server{}).start(t)
	q := theQuestion
	q.Question.Name = holdfast.Name(strings.Repeat("a", 64) + ".")
	if e := s.asker(t).Ask(t.Context(), q); e.Outcome != holdfast.NotAsked || e.Detail == "" {
		t.Errorf("outcome %s, %q", e.Outcome, e.Detail)
	}
	q = theQuestion
	q.Server.Address = netip.Addr{}
	if e := s.asker(t).Ask(t.Context(), q); e.Outcome != holdfast.NotAsked || e.Detail == "" {
		t.Errorf("outcome %s, %q", e.Outcome, e.Detail)
	}
}

// Many questions share the sockets, and each gets its own answer.
func TestManyAtOnce(t *testing.T) {
	s := (&server{onUDP: one(answer)}).start(t)
	a := s.asker(t, func(c *Config) {
		c.Sockets, c.SocketQuestions, c.Window, c.UDPWait = 2, 100, 64, holdfast.Duration(5*time.Second)
	})
	var wait sync.WaitGroup
	for i := range 2000 {
		wait.Go(func() {
			q := theQuestion
			q.Question.Name = holdfast.Name(string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + ".example.")
			e := a.Ask(t.Context(), q)
			m, err := wire.Parse(e.Reply)
			if e.Outcome != holdfast.Answered || err != nil || m.Question[0] != q.Question {
				t.Errorf("%s: outcome %s (%s), %v", q.Question.Name, e.Outcome, e.Detail, err)
			}
		})
	}
	wait.Wait()
}

// Ports change, and ids have no pattern.
func TestPortsAndIDs(t *testing.T) {
	var mutex sync.Mutex
	ports, ids, rising := map[uint16]bool{}, map[string]bool{}, 0
	var last []byte
	s := &server{onUDP: func(query []byte, from netip.AddrPort) [][]byte {
		mutex.Lock()
		defer mutex.Unlock()
		ports[from.Port()], ids[string(query[:2])] = true, true
		if last != nil && bytes.Compare(query[:2], last) > 0 {
			rising++
		}
		last = query[:2]
		return [][]byte{answer(query)}
	}}
	a := s.start(t).asker(t, func(c *Config) { c.Sockets, c.SocketQuestions = 4, 10 })
	const n = 400
	for range n {
		if e := askOnce(t, a, holdfast.UDP); e.Outcome != holdfast.Answered {
			t.Fatalf("outcome %s", e.Outcome)
		}
	}
	mutex.Lock()
	defer mutex.Unlock()
	// 40 sockets of 10 questions each; two may by chance get the same port.
	if len(ports) < 35 {
		t.Errorf("%d ports for %d questions", len(ports), n)
	}
	// Of 400 random ids about one pair is alike; half are above the one before.
	if len(ids) < n-10 || rising < n/3 || rising > n*2/3 {
		t.Errorf("%d ids for %d questions, %d of them rising", len(ids), n, rising)
	}
}
