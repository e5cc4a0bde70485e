package lab

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// patience is how long the tests wait for what will not come.
const patience = 30 * time.Millisecond

// seen is what came of a question.
type seen struct {
	message *wire.Message
	packet  []byte
	from    netip.Addr
	err     error
}

// askUDP puts a question over UDP, with DO and NSID.
func askUDP(t testing.TB, in *Internet, server, name string, qtype wire.Type) seen {
	t.Helper()
	conn, err := in.ListenPacket(t.Context(), "udp", "")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := conn.(*PacketConn)
	packet, err := wire.NewQuery(77, holdfast.Question{Name: holdfast.Name(name), Type: uint16(qtype)}).Pack()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.WriteToUDPAddrPort(packet, netip.AddrPortFrom(netip.MustParseAddr(server), 53)); err != nil {
		return seen{err: err}
	}
	_ = c.SetReadDeadline(time.Now().Add(patience))
	buf := make([]byte, 4096)
	n, from, err := c.ReadFromUDPAddrPort(buf)
	if err != nil {
		return seen{err: err}
	}
	out := seen{packet: buf[:n], from: from.Addr()}
	out.message, out.err = wire.Parse(buf[:n])
	return out
}

// askTCP puts a question over TCP and reads one message.
func askTCP(t testing.TB, in *Internet, server, name string, qtype wire.Type) seen {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := in.DialContext(ctx, "tcp", net.JoinHostPort(server, "53"))
	if err != nil {
		return seen{err: err}
	}
	defer conn.Close()
	packet, err := wire.NewQuery(78, holdfast.Question{Name: holdfast.Name(name), Type: uint16(qtype)}).Pack()
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write(appendFramed(nil, packet)); err != nil {
		return seen{err: err}
	}
	reply, err := readFramed(conn)
	if err != nil {
		return seen{err: err}
	}
	out := seen{packet: reply}
	out.message, out.err = wire.Parse(reply)
	return out
}

func readFramed(r io.Reader) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	out := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(r, out)
	return out, err
}

// Addresses of testdata/small.lab.
const (
	rootA = "198.41.0.4"
	rootB = "170.247.170.2"
	testA = "192.0.2.1"
	nsecA = "192.0.2.11"
	nsecB = "192.0.2.12"
)

func count(records []wire.Record, t wire.Type) int {
	n := 0
	for _, r := range records {
		if r.Type == t {
			n++
		}
	}
	return n
}

func signatures(records []wire.Record, covered wire.Type) []wire.RRSIG {
	var out []wire.RRSIG
	for _, r := range records {
		if sig, err := r.RRSIG(); err == nil && sig.Covered == covered {
			out = append(out, sig)
		}
	}
	return out
}

func serialOf(t testing.TB, in *Internet, server, zone string) uint32 {
	t.Helper()
	s := askUDP(t, in, server, zone, wire.TypeSOA)
	if s.err != nil || count(s.message.Answer, wire.TypeSOA) != 1 {
		t.Fatalf("SOA of %s at %s: %+v", zone, server, s)
	}
	soa, err := s.message.Answer[0].SOA()
	if err != nil {
		t.Fatal(err)
	}
	return soa.Serial
}

// expires is when the signature over the answer of a type ends.
func expires(t testing.TB, in *Internet, server, name string, qtype wire.Type) time.Time {
	t.Helper()
	s := askUDP(t, in, server, name, qtype)
	if s.err != nil {
		t.Fatal(s.err)
	}
	sigs := signatures(s.message.Answer, qtype)
	if len(sigs) == 0 {
		t.Fatalf("%s %s at %s is not signed", name, qtype, server)
	}
	_, end := sigs[0].Times(start)
	return end
}

// shows says what each fault, ordered as written, must make of the answers of
// 192.0.2.11 (ns1.nsec.test.); of the parent's servers for faults of the parent.
var shows = map[Kind]struct {
	order string
	check func(t *testing.T, in *Internet) error
}{
	Refuse:   {"ns1.nsec.test. refuse nsec.test.", wantCode(wire.Refused)},
	ServFail: {"192.0.2.11 servfail *", wantCode(wire.ServFail)},
	DropEDNS: {"* drop-edns nsec.test.", wantCode(wire.FormErr)},
	TimeOut:  {"ns1.nsec.test. timeout nsec.test.", wantError(os.ErrDeadlineExceeded, os.ErrDeadlineExceeded)},
	ConnRefused: {"ns1.nsec.test. conn-refused nsec.test.",
		wantError(syscall.ECONNREFUSED, syscall.ECONNREFUSED)},
	Unreachable: {"ns1.nsec.test. unreachable nsec.test.",
		wantError(syscall.EHOSTUNREACH, syscall.EHOSTUNREACH)},
	NoTCP: {"ns1.nsec.test. no-tcp nsec.test.", wantError(nil, syscall.ECONNREFUSED)},
	Lossy: {"ns1.nsec.test. lossy 100% nsec.test.", wantError(os.ErrDeadlineExceeded, nil)},
	Slow:  {"ns1.nsec.test. slow 10s nsec.test.", wantError(os.ErrDeadlineExceeded, os.ErrDeadlineExceeded)},
	WrongSource: {"ns1.nsec.test. wrong-source nsec.test.", func(t *testing.T, in *Internet) error {
		s := askUDP(t, in, nsecA, "nsec.test.", wire.TypeSOA)
		return want(s.err == nil && s.from.IsValid() && s.from.String() != nsecA, s)
	}},
	Lame: {"ns1.nsec.test. lame nsec.test.", func(t *testing.T, in *Internet) error {
		s := askUDP(t, in, nsecA, "nsec.test.", wire.TypeSOA)
		return want(s.err == nil && !s.message.Authoritative && len(s.message.Answer) == 2, s)
	}},
	LameUpward: {"ns1.nsec.test. lame-upward nsec.test.", func(t *testing.T, in *Internet) error {
		s := askUDP(t, in, nsecA, "nsec.test.", wire.TypeSOA)
		return want(s.err == nil && !s.message.Authoritative && count(s.message.Authority, wire.TypeNS) == 2 &&
			s.message.Authority[0].Name == holdfast.Root && s.message.EDNS != nil, s)
	}},
	LameEmpty: {"ns1.nsec.test. lame-empty nsec.test.", func(t *testing.T, in *Internet) error {
		s := askUDP(t, in, nsecA, "nsec.test.", wire.TypeSOA)
		return want(s.err == nil && !s.message.Authoritative && len(s.message.Answer)+len(s.message.Authority) == 0, s)
	}},
	Truncate: {"ns1.nsec.test. truncate nsec.test.", func(t *testing.T, in *Internet) error {
		udp, tcp := askUDP(t, in, nsecA, "nsec.test.", wire.TypeSOA), askTCP(t, in, nsecA, "nsec.test.", wire.TypeSOA)
		return want(udp.err == nil && udp.message.Truncated && tcp.err == nil && tcp.message.Truncated, udp)
	}},
	TruncateUDP: {"ns1.nsec.test. truncate-udp nsec.test.", func(t *testing.T, in *Internet) error {
		udp, tcp := askUDP(t, in, nsecA, "nsec.test.", wire.TypeSOA), askTCP(t, in, nsecA, "nsec.test.", wire.TypeSOA)
		return want(udp.err == nil && udp.message.Truncated && tcp.err == nil && len(tcp.message.Answer) == 2, udp)
	}},
	Garbage: {"ns1.nsec.test. garbage nsec.test.", func(t *testing.T, in *Internet) error {
		s := askUDP(t, in, nsecA, "nsec.test.", wire.TypeSOA)
		return want(s.err != nil && len(s.packet) > 2 && binary.BigEndian.Uint16(s.packet) == 77, s)
	}},
	Stale: {"ns1.nsec.test. stale 8d nsec.test.", func(t *testing.T, in *Internet) error {
		here, there := serialOf(t, in, nsecA, "nsec.test."), serialOf(t, in, nsecB, "nsec.test.")
		end := expires(t, in, nsecA, "nsec.test.", wire.TypeNS)
		// Signed every 7 days for 14: the copy of 8 days ago was signed 14 days ago.
		return want(there-here == 14*86400 && end.Equal(start), fmt.Sprint(here, there, end))
	}},
	Freeze: {"ns1.nsec.test. freeze nsec.test. from -10d", func(t *testing.T, in *Internet) error {
		return want(serialOf(t, in, nsecB, "nsec.test.")-serialOf(t, in, nsecA, "nsec.test.") == 14*86400, "serials")
	}},
	SerialBack: {"* serial-back nsec.test.", func(t *testing.T, in *Internet) error {
		end := expires(t, in, nsecA, "nsec.test.", wire.TypeSOA)
		return want(serialOf(t, in, nsecA, "nsec.test.") == uint32(start.Unix()-7*86400) && end.Equal(start.Add(14*day)), end)
	}},
	Expire: {"* expire SOA,NS nsec.test. at +6h", func(t *testing.T, in *Internet) error {
		return want(expires(t, in, nsecA, "nsec.test.", wire.TypeSOA).Equal(start.Add(6*time.Hour)) &&
			expires(t, in, nsecA, "nsec.test.", wire.TypeDNSKEY).Equal(start.Add(14*day)), "expirations")
	}},
	NoResign: {"* no-resign SOA nsec.test. from -8d", func(t *testing.T, in *Internet) error {
		return want(expires(t, in, nsecA, "nsec.test.", wire.TypeSOA).Equal(start), "expiration")
	}},
	NotYet: {"* not-yet SOA nsec.test. at +1d", func(t *testing.T, in *Internet) error {
		s := askUDP(t, in, nsecA, "nsec.test.", wire.TypeSOA)
		begin, _ := signatures(s.message.Answer, wire.TypeSOA)[0].Times(start)
		return want(begin.Equal(start.Add(day)), begin)
	}},
	Break: {"* break SOA nsec.test.", func(t *testing.T, in *Internet) error {
		return want(errors.Is(verify(t, in, wire.TypeSOA), wire.ErrSignature), "signature")
	}},
	Strip: {"* strip SOA nsec.test.", func(t *testing.T, in *Internet) error {
		s := askUDP(t, in, nsecA, "nsec.test.", wire.TypeSOA)
		return want(s.err == nil && len(s.message.Answer) == 1, s)
	}},
	UnknownKey: {"* unknown-key SOA nsec.test.", func(t *testing.T, in *Internet) error {
		return want(errors.Is(verify(t, in, wire.TypeSOA), wire.ErrMismatch), "key")
	}},
	WrongSigner: {"* wrong-signer SOA nsec.test.", func(t *testing.T, in *Internet) error {
		s := askUDP(t, in, nsecA, "nsec.test.", wire.TypeSOA)
		return want(signatures(s.message.Answer, wire.TypeSOA)[0].Signer == "test.", s)
	}},
	DNSKEYMissing: {"* dnskey-missing nsec.test.", func(t *testing.T, in *Internet) error {
		s := askUDP(t, in, nsecA, "nsec.test.", wire.TypeDNSKEY)
		return want(s.err == nil && len(s.message.Answer) == 0 && count(s.message.Authority, wire.TypeNSEC) == 1, s)
	}},
	UnsignedCopy: {"* unsigned-copy nsec.test.", func(t *testing.T, in *Internet) error {
		s := askUDP(t, in, nsecA, "no.nsec.test.", wire.TypeA)
		return want(s.err == nil && s.message.Rcode == wire.NXDomain && len(s.message.Authority) == 1, s)
	}},
	NoProof: {"* no-proof nsec.test.", func(t *testing.T, in *Internet) error {
		s := askUDP(t, in, nsecA, "no.nsec.test.", wire.TypeA)
		return want(s.err == nil && count(s.message.Authority, wire.TypeNSEC) == 0 && len(s.message.Authority) == 2, s)
	}},
	WrongProof: {"* wrong-proof nsec.test.", func(t *testing.T, in *Internet) error {
		s := askUDP(t, in, nsecA, "www.nsec.test.", wire.TypeTXT)
		return want(s.err == nil && count(s.message.Authority, wire.TypeNSEC) == 1 &&
			!slices.ContainsFunc(s.message.Authority, func(r wire.Record) bool { return r.Name == "www.nsec.test." }), s)
	}},
	WrongTypes: {"* wrong-types nsec.test.", func(t *testing.T, in *Internet) error {
		s := askUDP(t, in, nsecA, "www.nsec.test.", wire.TypeTXT)
		if s.err != nil {
			return s.err
		}
		return want(len(s.message.Answer) == 0 && slices.ContainsFunc(s.message.Authority, func(r wire.Record) bool {
			nsec, err := r.NSEC()
			return err == nil && r.Name == "www.nsec.test." && slices.Contains(nsec.Types, wire.TypeTXT)
		}), s)
	}},
	OtherDenial: {"ns1.nsec.test. other-denial nsec.test.", func(t *testing.T, in *Internet) error {
		s, other := askUDP(t, in, nsecA, "no.nsec.test.", wire.TypeA), askUDP(t, in, nsecB, "no.nsec.test.", wire.TypeA)
		param := askUDP(t, in, nsecA, "nsec.test.", wire.TypeNSEC3PARAM)
		return want(s.err == nil && s.message.Rcode == wire.NXDomain && count(s.message.Authority, wire.TypeNSEC3) > 1 &&
			count(s.message.Authority, wire.TypeNSEC) == 0 && count(other.message.Authority, wire.TypeNSEC3) == 0 &&
			count(param.message.Answer, wire.TypeNSEC3PARAM) == 1, s)
	}},
	OtherParam: {"192.0.2.21 other-param nsec3.test.", func(t *testing.T, in *Internet) error {
		s, other := askUDP(t, in, "192.0.2.21", "nsec3.test.", wire.TypeNSEC3PARAM), askUDP(t, in, "192.0.2.22", "nsec3.test.", wire.TypeNSEC3PARAM)
		if s.err != nil || other.err != nil {
			return errors.Join(s.err, other.err)
		}
		p, err := s.message.Answer[0].NSEC3PARAM()
		q, errOther := other.message.Answer[0].NSEC3PARAM()
		return want(err == nil && errOther == nil && !slices.Equal(p.Salt, q.Salt), s)
	}},
	NoSOA: {"* no-soa nsec.test.", func(t *testing.T, in *Internet) error {
		s := askUDP(t, in, nsecA, "no.nsec.test.", wire.TypeA)
		return want(s.err == nil && s.message.Rcode == wire.NXDomain && count(s.message.Authority, wire.TypeSOA) == 0 &&
			count(s.message.Authority, wire.TypeNSEC) == 2, s)
	}},
	CutKey: {"* cut-key nsec.test.", func(t *testing.T, in *Internet) error {
		s := askUDP(t, in, nsecA, "nsec.test.", wire.TypeDNSKEY)
		if s.err != nil {
			return s.err
		}
		first, err := s.message.Answer[0].DNSKEY()
		last, errLast := s.message.Answer[1].DNSKEY()
		return want(err == nil && errLast == nil && len(first.PublicKey)+len(last.PublicKey) == 64+60, s)
	}},
	NSMismatch: {"* ns-mismatch nsec.test.", func(t *testing.T, in *Internet) error {
		s := askUDP(t, in, nsecA, "nsec.test.", wire.TypeNS)
		return want(s.err == nil && count(s.message.Answer, wire.TypeNS) == 1, s)
	}},
	GlueMismatch: {"* glue-mismatch nsec.test.", func(t *testing.T, in *Internet) error {
		s := askUDP(t, in, nsecA, "ns1.nsec.test.", wire.TypeA)
		if s.err != nil || len(s.message.Answer) == 0 {
			return want(false, s)
		}
		addr, _ := s.message.Answer[0].Address()
		return want(addr.String() == nsecB, s)
	}},
	DSMismatch: {"* ds-mismatch nsec.test.", wantDS(0, 1)},
	DSMissing:  {"* ds-missing nsec.test.", wantDS(0, 0)},
	DSExtra:    {"* ds-extra nsec.test.", wantDS(1, 2)},
	DSUnknown: {"* ds-unknown nsec.test.", func(t *testing.T, in *Internet) error {
		s := askUDP(t, in, testA, "nsec.test.", wire.TypeDS)
		if s.err != nil {
			return s.err
		}
		ds, err := s.message.Answer[0].DS()
		return want(err == nil && ds.Algorithm == 200, s)
	}},
	ParentDiffers: {"ns1.nic.test. parent-differs nsec.test.", func(t *testing.T, in *Internet) error {
		s, other := askUDP(t, in, testA, "nsec.test.", wire.TypeNS), askUDP(t, in, "192.0.2.2", "nsec.test.", wire.TypeNS)
		return want(s.err == nil && count(s.message.Authority, wire.TypeNS) == 1 && count(s.message.Authority, wire.TypeDS) == 2 &&
			count(other.message.Authority, wire.TypeNS) == 2 && count(other.message.Authority, wire.TypeDS) == 1, s)
	}},
}

func want(ok bool, what any) error {
	if ok {
		return nil
	}
	return fmt.Errorf("it does not show: %+v", what)
}

func wantCode(rcode int) func(*testing.T, *Internet) error {
	return func(t *testing.T, in *Internet) error {
		s := askUDP(t, in, nsecA, "nsec.test.", wire.TypeSOA)
		return want(s.err == nil && s.message.Rcode == rcode, s)
	}
}

func wantError(udp, tcp error) func(*testing.T, *Internet) error {
	return func(t *testing.T, in *Internet) error {
		u, c := askUDP(t, in, nsecA, "nsec.test.", wire.TypeSOA), askTCP(t, in, nsecA, "nsec.test.", wire.TypeSOA)
		return want(errors.Is(u.err, udp) && errors.Is(c.err, tcp), fmt.Sprint(u.err, c.err))
	}
}

// wantDS wants so many DS at the parent that match the zone's key, and in all.
func wantDS(matching, all int) func(*testing.T, *Internet) error {
	return func(t *testing.T, in *Internet) error {
		d, err := in.Delegation("nsec.test.")
		if err != nil {
			t.Fatal(err)
		}
		s := askUDP(t, in, testA, "nsec.test.", wire.TypeDS)
		if s.err != nil {
			return s.err
		}
		n := 0
		for _, r := range s.message.Answer {
			if ds, err := r.DS(); err == nil && ds.KeyTag == d.DS[0].KeyTag && slices.Equal(ds.Digest, d.DS[0].Digest) {
				n++
			}
		}
		return want(n == matching && count(s.message.Answer, wire.TypeDS) == all, s)
	}
}

// verify checks the signature over an apex RRset of nsec.test. with the keys
// that the zone publishes, as 192.0.2.11 gives them.
func verify(t *testing.T, in *Internet, qtype wire.Type) error {
	t.Helper()
	s, keys := askUDP(t, in, nsecA, "nsec.test.", qtype), askUDP(t, in, nsecA, "nsec.test.", wire.TypeDNSKEY)
	var set []wire.Record
	for _, r := range s.message.Answer {
		if r.Type == qtype {
			set = append(set, r)
		}
	}
	last := errors.New("no key")
	for _, r := range keys.message.Answer {
		key, err := r.DNSKEY()
		if err != nil {
			continue
		}
		if last = wire.Verify(signatures(s.message.Answer, qtype)[0], key, set); !errors.Is(last, wire.ErrMismatch) {
			return last
		}
	}
	return last
}

// allShows are the tests of all kinds of faults.
func allShows() map[Kind]behaviour {
	out := map[Kind]behaviour{}
	for _, m := range []map[Kind]behaviour{behaviours, incidents, untrue} {
		maps.Copy(out, m)
	}
	for kind, show := range shows {
		out[kind] = show
	}
	return out
}

func TestEveryFaultShows(t *testing.T) {
	in, _ := small(t)
	for _, doc := range Faults {
		t.Run(string(doc.Kind), func(t *testing.T) {
			show, ok := allShows()[doc.Kind]
			if !ok {
				t.Fatal("no test says what it must show")
			}
			if show.check(t, in) == nil {
				t.Fatal("it shows before it is ordered: the test proves nothing")
			}
			f, err := ParseFault(show.order, start)
			if err != nil {
				t.Fatal(err)
			}
			id, err := in.Order(f)
			if err != nil {
				t.Fatal(err)
			}
			if err := show.check(t, in); err != nil {
				t.Error(err)
			}
			if !in.Repair(id) || in.Repair(id) {
				t.Error("repaired not once")
			}
			if show.check(t, in) == nil {
				t.Error("it still shows after the repair")
			}
		})
	}
}

func TestFaultIsAtOneServerAndOneTime(t *testing.T) {
	in, clock := small(t)
	f, err := ParseFault("ns1.nsec.test. refuse nsec.test. from +1h to +2h", start)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.Order(f); err != nil {
		t.Fatal(err)
	}
	for _, at := range []struct {
		after time.Duration
		rcode int
	}{{0, wire.NoError}, {time.Hour, wire.Refused}, {2*time.Hour - 1, wire.Refused}, {2 * time.Hour, wire.NoError}} {
		clock.at = start.Add(at.after)
		if s := askUDP(t, in, nsecA, "nsec.test.", wire.TypeSOA); s.message.Rcode != at.rcode {
			t.Errorf("after %s: rcode %d, want %d", at.after, s.message.Rcode, at.rcode)
		}
		if s := askUDP(t, in, nsecB, "nsec.test.", wire.TypeSOA); s.message.Rcode != wire.NoError {
			t.Errorf("after %s the other server has rcode %d", at.after, s.message.Rcode)
		}
	}
}

func TestOrderRefusesWhatCannotStrike(t *testing.T) {
	in, _ := small(t)
	for _, f := range []Fault{
		{Server: "*", Kind: Refuse, Zone: "nowhere."},
		{Server: "ns9.nsec.test.", Kind: Refuse, Zone: "nsec.test."},
		{Server: "203.0.113.9", Kind: Refuse, Zone: "nsec.test."},
		{Server: "*", Kind: "bewitch", Zone: "nsec.test."},
		{Server: "*", Kind: Expire, Zone: "nsec.test."},
		{Server: "*", Kind: Expire, Zone: "nsec.test.", Classes: []holdfast.Class{"NOSUCH"}},
		{Server: "*", Kind: Slow, Zone: "nsec.test."},
		{Server: "*", Kind: Lossy, Zone: "nsec.test.", Percent: 101},
		{Server: "*", Kind: Refuse, Zone: "nsec.test.", At: start},
		{Server: "*", Kind: Refuse, Zone: "nsec.test.", From: start, To: start},
	} {
		if _, err := in.Order(f); err == nil {
			t.Errorf("ordered: %s", f)
		}
	}
	if n := len(in.Ordered()); n != 0 {
		t.Errorf("%d faults in the book", n)
	}
}

func TestRepairZone(t *testing.T) {
	in, _ := small(t)
	for _, text := range []string{"* refuse nsec.test.", "* strip SOA nsec.test.", "* refuse test."} {
		f, err := ParseFault(text, start)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.Order(f); err != nil {
			t.Fatal(err)
		}
	}
	if n := in.RepairZone("nsec.test."); n != 2 || len(in.Ordered()) != 1 {
		t.Errorf("%d repaired, %d left", n, len(in.Ordered()))
	}
}

func TestFaultsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/formats/lab.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, doc := range Faults {
		if !strings.Contains(string(page), "| `"+string(doc.Kind)) || !strings.Contains(string(page), "| "+doc.Text+" |") {
			t.Errorf("docs/formats/lab.md does not say of %s: %s", doc.Kind, doc.Text)
		}
	}
}

func TestFaultStringIsReadAgain(t *testing.T) {
	for _, show := range allShows() {
		f, err := ParseFault(show.order, start)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseFault(f.String(), time.Time{})
		if err != nil || again.String() != f.String() {
			t.Errorf("%s: %v: %s", f, err, again)
		}
	}
}
