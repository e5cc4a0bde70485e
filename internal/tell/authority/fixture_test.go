package authority

import (
	"crypto/rand"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

const base = holdfast.Name("bed.example.")

// still is a clock that stands where a test puts it.
type still struct {
	mu  sync.Mutex
	now time.Time
}

func (c *still) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *still) After(d time.Duration) <-chan time.Time { return time.After(d) }

func (c *still) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// pairs are keys that many tests use: RSA keys take a while to make.
var pairs struct {
	sync.Mutex
	made map[string]*wire.Key
}

func pair(role string, _ holdfast.Name, algorithm uint8) (*wire.Key, error) {
	pairs.Lock()
	defer pairs.Unlock()
	if key := pairs.made[role]; key != nil {
		return key, nil
	}
	key, err := wire.GenerateKey(algorithm, wire.FlagZone|wire.FlagSEP, 0, rand.Reader)
	if pairs.made == nil {
		pairs.made = map[string]*wire.Key{}
	}
	pairs.made[role] = key
	return key, err
}

// bed is a test bed with all its zones; its clock is the machine's, for other
// programs look at that.
func bed(t testing.TB, config Config, extra ...Zone) (*Server, *still) {
	t.Helper()
	clock := &still{now: time.Now()}
	s := New(config, clock)
	zones, err := testbed("127.0.0.1").Zones()
	if err != nil {
		t.Fatal(err)
	}
	s.SetZones(zones)
	s.SetFactory(extra)
	return s, clock
}

func testbed(server string) Testbed {
	return Testbed{Base: base, Servers: []Host{{Name: "ns1." + base, Addresses: []netip.Addr{netip.MustParseAddr(server)}}},
		Web: []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")}, Contact: "hostmaster." + base, Serial: 7, Key: pair}
}

var asker = netip.MustParseAddrPort("192.0.2.77:5000")

// ask asks over TCP, where nothing is limited, and reads the reply.
func ask(t testing.TB, s *Server, name holdfast.Name, typ wire.Type) *wire.Message {
	t.Helper()
	q := wire.NewQuery(77, holdfast.Question{Name: name, Type: uint16(typ)})
	packet, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	reply := s.Reply(packet, asker, true)
	m, err := wire.Parse(reply)
	if err != nil {
		t.Fatalf("%s %s: %v (%x)", name, typ, err, reply)
	}
	if !m.Matches(q) {
		t.Errorf("%s %s: the reply is to another question: %+v", name, typ, m)
	}
	return m
}

// types lists the records of a section as "name TYPE".
func types(section []wire.Record) []string {
	var out []string
	for _, r := range section {
		out = append(out, string(r.Name)+" "+r.Type.String())
	}
	slices.Sort(out)
	return out
}
