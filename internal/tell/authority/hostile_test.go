package authority

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// query is a question in wire form with an OPT record whose options are given.
func query(t testing.TB, name holdfast.Name, typ wire.Type, options ...wire.Option) []byte {
	t.Helper()
	packet, err := wire.Shape{Options: options}.Query(holdfast.Question{Name: name, Type: uint16(typ)})
	if err != nil {
		t.Fatal(err)
	}
	return packet
}

// TestMalformed holds what is due for messages that are no proper questions.
func TestMalformed(t *testing.T) {
	s, _ := bed(t, Config{})
	good := query(t, base, wire.TypeSOA)
	change := func(f func(p []byte) []byte) []byte { return f(bytes.Clone(good)) }
	opt := bytes.Index(good, []byte{0, 0, 41}) // the OPT record: root, type 41
	for name, c := range map[string]struct {
		packet []byte
		want   int // -1: silence
	}{
		"good":                         {good, wire.NoError},
		"nothing":                      {nil, -1},
		"a header cut short":           {good[:11], -1},
		"a response":                   {change(func(p []byte) []byte { p[2] |= 0x80; return p }), -1}, // to answer could go round for ever
		"a header alone":               {good[:12], wire.FormErr},
		"no question":                  {change(func(p []byte) []byte { p[5] = 0; return p }), wire.FormErr},
		"two questions":                {change(func(p []byte) []byte { p[5] = 2; return p }), wire.FormErr}, // RFC 9619 section 4
		"an answer in a question":      {change(func(p []byte) []byte { p[7] = 1; return p }), wire.FormErr},
		"a name cut short":             {good[:15], wire.FormErr},
		"a pointer as the name":        {change(func(p []byte) []byte { p[12] = 0xC0; return p }), wire.FormErr},
		"a label of an unknown kind":   {change(func(p []byte) []byte { p[12] = 0x41; return p }), wire.FormErr},
		"something behind":             {append(bytes.Clone(good), 0), wire.FormErr},
		"an OPT that is not there":     {good[:opt], wire.FormErr},
		"an OPT cut short":             {good[:len(good)-1], wire.FormErr},
		"an OPT that has an owner":     {change(func(p []byte) []byte { return append(append(p[:opt:opt], 1, 'x'), good[opt:]...) }), wire.FormErr}, // RFC 6891 section 6.1.1
		"two OPT":                      {change(func(p []byte) []byte { p[11] = 2; return append(p, good[opt:]...) }), wire.FormErr},
		"EDNS version 1":               {change(func(p []byte) []byte { p[opt+6] = 1; return p }), wire.BadVers},
		"opcode NOTIFY":                {change(func(p []byte) []byte { p[2] = 4 << 3; return p }), wire.NotImp},
		"opcode UPDATE":                {change(func(p []byte) []byte { p[2] = 5 << 3; return p }), wire.NotImp},
		"class CH":                     {change(func(p []byte) []byte { p[opt-1] = 3; return p }), wire.Refused},
		"a cookie of seven octets":     {query(t, base, wire.TypeSOA, wire.Option{Code: wire.OptionCookie, Data: make([]byte, 7)}), wire.FormErr}, // RFC 7873 section 5.2.2
		"a cookie of nine octets":      {query(t, base, wire.TypeSOA, wire.Option{Code: wire.OptionCookie, Data: make([]byte, 9)}), wire.FormErr},
		"a cookie of forty-one octets": {query(t, base, wire.TypeSOA, wire.Option{Code: wire.OptionCookie, Data: make([]byte, 41)}), wire.FormErr},
		"a cookie of eight octets":     {query(t, base, wire.TypeSOA, wire.Option{Code: wire.OptionCookie, Data: make([]byte, 8)}), wire.NoError},
		"a cookie of another's":        {query(t, base, wire.TypeSOA, wire.Option{Code: wire.OptionCookie, Data: make([]byte, 40)}), wire.NoError},
		"an unknown option":            {query(t, base, wire.TypeSOA, wire.Option{Code: 65001, Data: make([]byte, 300)}), wire.NoError},
	} {
		reply := s.Reply(c.packet, asker, true)
		if c.want < 0 {
			if reply != nil {
				t.Errorf("%s: answered with %x, want silence", name, reply)
			}
			continue
		}
		m, err := wire.Parse(reply)
		if err != nil || m.Rcode != c.want {
			t.Errorf("%s: %+v (%v), want %s", name, m, err, wire.RcodeName(c.want))
		}
	}
	long := query(t, base, wire.TypeSOA)
	binary.BigEndian.PutUint16(long[opt+13:], 4000) // the length of the option NSID
	if m, err := wire.Parse(s.Reply(long, asker, true)); err != nil || m.Rcode != wire.FormErr {
		t.Errorf("an option longer than its record: %+v (%v)", m, err)
	}
}

// TestServerCookies is the table of RFC 9018 appendix A.
func TestServerCookies(t *testing.T) {
	for _, c := range []struct {
		secret, came, from string
		at                 int64
		want               string // what is sent back
	}{
		// A.1: a new server cookie.
		{"e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957", "198.51.100.100", 1559731985, "2464c4abcf10c957010000005cf79f111f8130c3eee29480"},
		// A.2: the same one again within its time is sent back as it is.
		{"e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957010000005cf79f111f8130c3eee29480", "198.51.100.100", 1559732000, "2464c4abcf10c957010000005cf79f111f8130c3eee29480"},
		// A.2: renewed after half an hour.
		{"e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957010000005cf79f111f8130c3eee29480", "198.51.100.100", 1559734385, "2464c4abcf10c957010000005cf7a871d4a564a1442aca77"},
		// A.4: over IPv6, under another secret.
		{"dd3bdf9344b678b185a6f5cb60fca715", "22681ab97d52c298", "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741817, "22681ab97d52c298010000005cf7c57926556bd0934c72f8"},
	} {
		var cookies cookies
		hex.Decode(cookies.secret[:], []byte(c.secret))
		came, _ := hex.DecodeString(c.came)
		got := cookies.appendTo(nil, came, netip.MustParseAddr(c.from), time.Unix(c.at, 0))
		if hex.EncodeToString(got) != c.want {
			t.Errorf("cookie %s at %d: %x, want %s", c.came, c.at, got, c.want)
		}
	}
}

// TestRateLimit floods from one network over UDP: few answers go there, others
// are served as before, and who proves where he is is not limited.
func TestRateLimit(t *testing.T) {
	s, clock := bed(t, Config{Limit: LimitConfig{Answers: 10, Negative: 3, Errors: 2, Slip: 2}})
	flood := func(packet []byte, from string, n int) (sent, truncated int) {
		for i := range n {
			reply := s.Reply(packet, netip.AddrPortFrom(netip.MustParseAddr(from), uint16(1024+i)), false)
			switch {
			case reply == nil:
			case reply[2]&2 != 0:
				truncated++
				if len(reply) > len(packet) {
					t.Fatalf("a truncated reply of %d octets to a question of %d", len(reply), len(packet))
				}
			default:
				sent++
			}
		}
		return sent, truncated
	}
	soa := query(t, base, wire.TypeSOA)
	if sent, truncated := flood(soa, "198.51.100.1", 1000); sent != 10 || truncated != 495 {
		t.Errorf("of 1000 answers to one network %d went, %d truncated; want 10 and every second of the rest", sent, truncated)
	}
	if sent, _ := flood(soa, "198.51.100.200", 100); sent != 0 {
		t.Errorf("a neighbour of the flooded had %d answers: the network is the same", sent)
	}
	if sent, _ := flood(soa, "203.0.113.1", 10); sent != 10 {
		t.Errorf("another network had %d of 10 answers", sent)
	}
	if sent, _ := flood(query(t, "no.such.name."+base, wire.TypeA), "198.51.100.1", 100); sent != 3 {
		t.Errorf("%d denials went, want 3", sent)
	}
	if sent, _ := flood(query(t, "elsewhere.test.", wire.TypeA), "198.51.100.1", 100); sent != 2 {
		t.Errorf("%d refusals went, want 2", sent)
	}
	clock.pass(time.Second)
	if sent, _ := flood(soa, "198.51.100.1", 100); sent != 10 {
		t.Errorf("a second later %d answers went, want 10", sent)
	}
	clock.pass(time.Hour)
	if sent, _ := flood(soa, "198.51.100.1", 100); sent != 40 {
		t.Errorf("after an hour %d answers went, want those of four seconds", sent)
	}
	// IPv6 is counted by /56.
	if sent, _ := flood(soa, "2001:db8:1:1::1", 5); sent != 5 {
		t.Errorf("%d of 5 over IPv6", sent)
	}
	if sent, _ := flood(soa, "2001:db8:1:ff::2", 100); sent != 5 {
		t.Errorf("%d from the same /56, want what was left of 10", sent)
	}
	// With a cookie of ours the asker is where he says.
	from := netip.MustParseAddrPort("198.51.100.1:99")
	first := s.Reply(query(t, base, wire.TypeSOA, wire.Option{Code: wire.OptionCookie, Data: []byte("chocolat")}), from, true)
	opt, _ := wire.ReadOPT(first)
	cookie, ok := opt.Option(wire.OptionCookie)
	if !ok || len(cookie) != 24 {
		t.Fatalf("no cookie came: %x", first)
	}
	if sent, _ := flood(query(t, base, wire.TypeSOA, wire.Option{Code: wire.OptionCookie, Data: cookie}), "198.51.100.1", 100); sent != 100 {
		t.Errorf("with a valid cookie %d of 100 answers went", sent)
	}
	if sent, _ := flood(query(t, base, wire.TypeSOA, wire.Option{Code: wire.OptionCookie, Data: cookie}), "198.51.100.2", 100); sent != 0 {
		t.Errorf("with a cookie of another's address %d answers went", sent)
	}
}

// TestNewNamesAreLimited: one network cannot have the server sign all the
// time, over TCP neither; what is known it still gets, and others get all.
func TestNewNamesAreLimited(t *testing.T) {
	s, _ := bed(t, Config{Limit: LimitConfig{New: 5}})
	known := ask(t, s, base, wire.TypeSOA)
	fine := 0
	for i := range 50 {
		if m := ask(t, s, holdfast.Name(fmt.Sprintf("n%d.%s", i, SentinelZone(base))), wire.TypeA); m.Rcode == wire.NXDomain {
			fine++
		}
	}
	if fine != 4 {
		t.Errorf("%d new names were answered, want the 4 that were left", fine)
	}
	if again := ask(t, s, base, wire.TypeSOA); again.Rcode != wire.NoError || len(again.Answer) != len(known.Answer) {
		t.Errorf("what is known is answered with %s", wire.RcodeName(again.Rcode))
	}
	reply := s.Reply(query(t, "other."+SentinelZone(base), wire.TypeA), netip.MustParseAddrPort("203.0.113.9:99"), true)
	if m, err := wire.Parse(reply); err != nil || m.Rcode != wire.NXDomain {
		t.Errorf("another network is kept from a new name: %v", err)
	}
}

// TestNoAmplification: whatever is asked over UDP, a reply is no longer than
// 1232 octets, and ANY is answered with one RRset.
func TestNoAmplification(t *testing.T) {
	s, _ := bed(t, Config{})
	for _, zone := range s.zones[0] {
		for _, typ := range []wire.Type{wire.TypeANY, wire.TypeDNSKEY, wire.TypeRRSIG, wire.TypeSOA, wire.TypeA, wire.TypeNSEC, wire.TypeNSEC3PARAM} {
			for _, name := range []holdfast.Name{zone.Name(), "nothing.at.all." + zone.Name()} {
				packet := query(t, name, typ)
				binary.BigEndian.PutUint16(packet[bytes.Index(packet, []byte{0, 0, 41})+3:], 65535) // takes anything
				from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(typ), byte(len(name)), zone.Name()[0]}), 53)
				if reply := s.Reply(packet, from, false); len(reply) > largest {
					t.Errorf("%s %s: %d octets", name, typ, len(reply))
				}
			}
		}
	}
}

// TestBoundedMemory asks for ever new names: what is kept stays within its
// bounds, and so does the time for signing.
func TestBoundedMemory(t *testing.T) {
	s, clock := bed(t, Config{CacheMegabytes: 1, Limit: LimitConfig{Negative: -1}})
	s.signer.most = 500
	for i := range 4000 {
		if i%100 == 0 { // the machine may be slow: time for signing is not what is tested here
			s.signer.mu.Lock()
			s.signer.left = burst
			s.signer.mu.Unlock()
			clock.pass(time.Second)
		}
		ask(t, s, holdfast.Name(fmt.Sprintf("n%d.%s", i, SentinelZone(base))), wire.TypeA)
	}
	if n := s.cache.octets(); n > 1<<20 || n < 1<<18 {
		t.Errorf("answers take %d octets, want at most a megabyte, and not nothing", n)
	}
	if n := len(s.signer.kept); n > 500 {
		t.Errorf("%d signatures are kept, want 500 at most", n)
	}
	// With no time left for signing, what is known is answered still, and what
	// is not is left unanswered over UDP and fails over TCP.
	known := query(t, base, wire.TypeSOA)
	s.Reply(known, asker, true)
	s.signer.mu.Lock()
	s.signer.left, s.signer.share = -time.Hour, 0
	s.signer.mu.Unlock()
	if m, err := wire.Parse(s.Reply(known, asker, false)); err != nil || m.Rcode != wire.NoError {
		t.Errorf("what is known is not answered: %v", err)
	}
	if reply := s.Reply(query(t, "new."+SentinelZone(base), wire.TypeA), asker, false); reply != nil {
		t.Errorf("a name that wants new signatures was answered: %x", reply)
	}
	if m := ask(t, s, "new2."+SentinelZone(base), wire.TypeA); m.Rcode != wire.ServFail {
		t.Errorf("over TCP %s, want SERVFAIL", wire.RcodeName(m.Rcode))
	}
	limit := newLimiter(LimitConfig{Networks: 64})
	for i := range 10000 {
		limit.of(netip.AddrFrom4([4]byte{byte(i >> 8), byte(i), 0, 1}), positive, clock.Now())
	}
	if n := len(limit.places) * ways; n != 64 {
		t.Errorf("%d accounts, want 64", n)
	}
}

// TestRuns: who asked is kept for ten minutes, and no more than may be.
func TestRuns(t *testing.T) {
	runs := NewRuns(base)
	now := time.Unix(1_790_000_000, 0)
	saw := func(name holdfast.Name, zone holdfast.Name, from string, do bool) {
		runs.Saw(Asked{At: now, From: netip.MustParseAddrPort(from), Question: holdfast.Question{Name: name, Type: 1}, Zone: zone, DO: do})
	}
	sentinel, insecure := SentinelZone(base), InsecureZone(base)
	saw("bogus.tabcdefghi."+sentinel, sentinel, "192.0.2.1:1", true)
	saw("root-key-sentinel-is-ta-00001.tabcdefghi."+sentinel, sentinel, "192.0.2.2:1", false)
	saw("tabcdefghi."+insecure, insecure, "192.0.2.1:2", true)
	saw("tabcdefghi."+sentinel, sentinel, "192.0.2.3:2", true) // on the way
	saw("bogus."+sentinel, sentinel, "192.0.2.3:2", true)      // of no run
	saw(sentinel, sentinel, "192.0.2.3:2", true)
	want := "[{192.0.2.1 [bogus unsigned] true} {192.0.2.2 [root-key-sentinel-is-ta-00001] false}]"
	if got := fmt.Sprint(runs.Askers("tabcdefghi", now)); got != want {
		t.Errorf("askers are %s, want %s", got, want)
	}
	for i := range 3 * maxAskers {
		saw("bogus.tabcdefghi."+sentinel, sentinel, fmt.Sprintf("192.0.3.%d:1", i), true)
	}
	if n := len(runs.Askers("tabcdefghi", now)); n != maxAskers {
		t.Errorf("%d askers of one run, want %d", n, maxAskers)
	}
	if got := runs.Askers("tabcdefghi", now.Add(runKept+time.Second)); got != nil {
		t.Errorf("after ten minutes there is still %v", got)
	}
	for i := range maxRuns + 100 {
		saw(holdfast.Name(fmt.Sprintf("bogus.t%08d.%s", i, sentinel)), sentinel, "192.0.2.1:1", true)
	}
	if len(runs.kept) != maxRuns || len(runs.order) != maxRuns {
		t.Errorf("%d runs are kept, want %d", len(runs.kept), maxRuns)
	}
}

// TestTCP holds the bounds of conversations on real sockets.
func TestTCP(t *testing.T) {
	s, _ := bed(t, Config{Listen: []string{"127.0.0.1:0"}, Connections: 6, PerNetwork: 4})
	ctx, cancel := context.WithCancel(t.Context())
	ready, done := make(chan netip.AddrPort, 1), make(chan error, 1)
	go func() { done <- s.Run(ctx, func(at []netip.AddrPort) { ready <- at[0] }) }()
	at := <-ready
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", at.String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	send := func(conn net.Conn, packet []byte) {
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)); err != nil {
			t.Fatal(err)
		}
	}
	receive := func(conn net.Conn) error {
		var length [2]byte
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			return err
		}
		_, err := io.ReadFull(conn, make([]byte, binary.BigEndian.Uint16(length[:])))
		return err
	}
	question := query(t, base, wire.TypeDNSKEY)
	first := dial()
	for range 20 { // several in one connection, sent before any is answered
		send(first, question)
	}
	for i := range 20 {
		if err := receive(first); err != nil {
			t.Fatalf("question %d of a connection: %v", i, err)
		}
	}
	for range 3 {
		conn := dial()
		send(conn, question)
		if err := receive(conn); err != nil {
			t.Fatal(err)
		}
	}
	fifth := dial() // four are open of this network
	if err := receive(fifth); err == nil {
		t.Error("a fifth connection of one network is served, want four at most")
	}
	if n := s.Counts().Turned.Load(); n != 1 {
		t.Errorf("%d connections were turned away, want 1", n)
	}
	// Whoever says that more is coming than any question has is cut off.
	if _, err := first.Write([]byte{0xff, 0xff}); err != nil {
		t.Fatal(err)
	}
	if err := receive(first); err == nil {
		t.Error("a question of 65535 octets is waited for")
	}
	began := time.Now()
	cancel()
	if err := <-done; err != nil || time.Since(began) > 3*time.Second {
		t.Errorf("the server ends with %v after %v", err, time.Since(began))
	}
}

// TestListen refuses what cannot answer from the right address.
func TestListen(t *testing.T) {
	for listen, want := range map[string]string{"0.0.0.0:53": "each address", "[::]:53": "each address", "localhost:53": "an address and a port", "192.0.2.1": "an address and a port"} {
		if err := (Config{Listen: []string{listen}}).Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("listen %s: %v, want %q in it", listen, err, want)
		}
	}
}

// FuzzReply sends what nobody should: the server answers a message that can be
// read, of the asker's id, within the asker's bounds, or nothing.
func FuzzReply(f *testing.F) {
	s, _ := bed(f, Config{Limit: LimitConfig{Answers: -1, Negative: -1, Errors: -1, New: -1}})
	s.signer.share, s.signer.left = 1000, time.Hour
	for _, name := range []holdfast.Name{base, "bogus." + SentinelZone(base), "secure.d2a13n3." + base, "no.such.d2a13n1." + base, holdfast.Root, `\000\255.` + SentinelZone(base)} {
		f.Add(query(f, name, wire.TypeA), false)
		f.Add(query(f, name, wire.TypeANY, wire.Option{Code: wire.OptionCookie, Data: make([]byte, 24)}), true)
	}
	f.Fuzz(func(t *testing.T, packet []byte, tcp bool) {
		reply := s.Reply(packet, asker, tcp)
		if reply == nil {
			return
		}
		m, err := wire.Parse(reply)
		if err != nil {
			t.Fatalf("%x is answered with what cannot be read: %v\n%x", packet, err, reply)
		}
		if m.ID != binary.BigEndian.Uint16(packet) || !m.Response {
			t.Fatalf("%x is answered with another's id, or a question: %+v", packet, m)
		}
		if !tcp && len(reply) > largest {
			t.Fatalf("%x is answered with %d octets over UDP", packet, len(reply))
		}
		if again := s.Reply(reply, asker, tcp); again != nil {
			t.Fatalf("a reply is replied to")
		}
	})
}
