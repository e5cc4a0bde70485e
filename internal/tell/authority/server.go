package authority

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Config is how the server is set up; the zero value of each key is its
// default.
type Config struct {
	// Listen are the addresses and ports on which questions are answered, over
	// UDP and TCP, as "192.0.2.53:53". Each address is named: a reply must come
	// from the one that was asked. "127.0.0.1:5353" where empty.
	Listen []string `toml:"listen"`
	// Connections is how many TCP connections are open at once, and
	// PerNetwork how many of them from one network (IPv4 /24, IPv6 /56). 256
	// and 16 where zero.
	Connections int `toml:"connections"`
	PerNetwork  int `toml:"per_network"`
	// CacheMegabytes is how much memory answers may take. 32 where zero.
	CacheMegabytes int `toml:"cache_megabytes"`
	// SigningShare is how much of one processor may be spent on signatures, in
	// percent. 50 where zero.
	SigningShare int `toml:"signing_share"`
	// NSID is what the server calls itself to those who ask (RFC 5001); empty:
	// nothing.
	NSID string `toml:"nsid"`
	// Limit bounds the rate of responses.
	Limit LimitConfig `toml:"limit"`

	// Observe is told of each question that a zone answers, from several
	// goroutines at once; it must not block. Nil: nobody is.
	Observe func(Asked) `toml:"-"`
	// Log takes what could not be done; nil: nowhere.
	Log *slog.Logger `toml:"-"`
}

const defaultListen = "127.0.0.1:5353"

// Check says all that is wrong with the configuration.
func (c Config) Check() error {
	_, err := c.addresses()
	errs := []error{err}
	if c.Connections < 0 || c.PerNetwork < 0 || c.CacheMegabytes < 0 || c.SigningShare < 0 || c.SigningShare > 400 {
		errs = append(errs, errors.New("testbed.dns: connections, per_network, cache_megabytes and signing_share are not negative, the last at most 400"))
	}
	if c.Limit.Answers < -1 || c.Limit.Negative < -1 || c.Limit.Errors < -1 || c.Limit.New < -1 || c.Limit.Slip < -1 || c.Limit.Networks < 0 {
		errs = append(errs, errors.New("testbed.dns.limit: a rate is a number, or -1 for no limit; networks is not negative"))
	}
	if len(c.NSID) > 64 {
		errs = append(errs, errors.New("testbed.dns.nsid has more than 64 octets"))
	}
	return errors.Join(errs...)
}

func (c Config) addresses() ([]netip.AddrPort, error) {
	listen := c.Listen
	if len(listen) == 0 {
		listen = []string{defaultListen}
	}
	var out []netip.AddrPort
	for _, text := range listen {
		at, err := netip.ParseAddrPort(text)
		switch {
		case err != nil:
			return nil, fmt.Errorf("testbed.dns.listen: %q: want an address and a port, as \"192.0.2.53:53\"", text)
		case at.Addr().IsUnspecified():
			return nil, fmt.Errorf("testbed.dns.listen: %q: name each address by itself: a reply must come from the one that was asked", text)
		}
		out = append(out, at)
	}
	return out, nil
}

// Server answers for its zones.
type Server struct {
	config  Config
	clock   holdfast.Clock
	log     *slog.Logger
	cookies cookies
	limiter *limiter
	signer  *signer
	cache   *cache
	counts  Counts
	table   atomic.Pointer[table]

	mu     sync.Mutex
	zones  [2][]Zone // the house's and the factory's; under mu
	number uint64    // of the last zone served; under mu
	before map[holdfast.Name]sight
}

// sight is what a zone served was made of; under the server's mu.
type sight struct {
	edition  *Edition
	children []*Edition
	served   *served
}

// New makes a server; it answers nothing before it is told its zones, and
// opens no socket before Run.
func New(config Config, clock holdfast.Clock) *Server {
	orDefault := func(value *int, otherwise int) {
		if *value == 0 {
			*value = otherwise
		}
	}
	orDefault(&config.Connections, 256)
	orDefault(&config.PerNetwork, 16)
	orDefault(&config.CacheMegabytes, 32)
	orDefault(&config.SigningShare, 50)
	s := &Server{config: config, clock: clock, log: config.Log, limiter: newLimiter(config.Limit),
		signer: newSigner(1<<16, float64(config.SigningShare)/100, rand.Reader),
		cache:  newCache(config.CacheMegabytes << 20), before: map[holdfast.Name]sight{}}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	_, _ = rand.Read(s.cookies.secret[:]) // never fails (crypto/rand)
	s.table.Store(&table{})
	return s
}

// SetZones replaces the zones that the server has of itself; SetFactory those
// that come and go. Both hold from the next second on, or at once where the
// server does not run yet.
func (s *Server) SetZones(zones []Zone) { s.set(0, zones) }

// SetFactory replaces the zones that come and go.
func (s *Server) SetFactory(zones []Zone) { s.set(1, zones) }

func (s *Server) set(which int, zones []Zone) {
	s.mu.Lock()
	s.zones[which] = slices.Clone(zones)
	s.mu.Unlock()
	s.Refresh()
}

// Refresh takes every zone as it stands now. Run does so each second.
func (s *Server) Refresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	editions := map[holdfast.Name]*Edition{}
	now := s.clock.Now()
	for _, zone := range slices.Concat(s.zones[0], s.zones[1]) {
		if e := zone.At(now); e != nil && editions[zone.Name()] == nil && e.Zone() == zone.Name() {
			editions[zone.Name()] = e
		}
	}
	children := map[holdfast.Name][]*Edition{}
	for name, e := range editions {
		if parent, ok := parentIn(editions, name); ok {
			children[parent] = append(children[parent], e)
		}
	}
	next, changed := map[holdfast.Name]sight{}, len(editions) != len(s.before)
	for name, e := range editions {
		slices.SortFunc(children[name], func(a, b *Edition) int { return holdfast.CompareNames(a.Zone(), b.Zone()) })
		old := s.before[name]
		if old.edition == e && slices.Equal(old.children, children[name]) {
			next[name] = old
			continue
		}
		changed = true
		s.number++
		served, err := serve(s.number, e, children[name])
		if err != nil {
			s.log.Error("zone is not served", "zone", name, "error", err)
			continue
		}
		next[name] = sight{e, children[name], served}
	}
	if changed {
		s.publish(next)
	}
}

func (s *Server) publish(next map[holdfast.Name]sight) {
	t := &table{zones: map[string]*served{}}
	for name, sight := range next {
		packed, err := wire.PackName(name)
		if err != nil {
			s.log.Error("zone is not served", "zone", name, "error", err)
			continue
		}
		t.zones[string(packed)] = sight.served
	}
	s.before = next
	s.table.Store(t)
}

// parentIn is the closest zone above a name that is among the editions.
func parentIn(editions map[holdfast.Name]*Edition, name holdfast.Name) (holdfast.Name, bool) {
	for name != holdfast.Root {
		name = name.Parent()
		if editions[name] != nil {
			return name, true
		}
	}
	return "", false
}

// limit says whether a response may go. Who brought back a cookie of ours is
// where he says he is (RFC 7873 section 5.2.4).
func (s *Server) limit(r *replier, k kind) verdict {
	if r.q.cookie != nil {
		if valid, _ := s.cookies.check(r.q.cookie, r.from, r.now); valid {
			return send
		}
	}
	return s.limiter.of(r.from, k, r.now)
}

// Reply answers one message as if it had come over TCP or UDP from an address;
// nil where none is to be sent. It is what the sockets do, for tests and
// whoever brings messages by other ways.
func (s *Server) Reply(packet []byte, from netip.AddrPort, tcp bool) []byte {
	if reply := newReplier(s).reply(nil, packet, from, tcp); len(reply) > 0 {
		return reply
	}
	return nil
}

// Run answers on its sockets until ctx ends, and answers nil then. ready is
// called with the addresses once all are open; it may be nil.
func (s *Server) Run(ctx context.Context, ready func([]netip.AddrPort)) error {
	sockets, err := s.open()
	if err != nil {
		return fmt.Errorf("serve test bed: %w", err)
	}
	var wait sync.WaitGroup
	defer wait.Wait()
	defer sockets.close()
	s.Refresh()
	sockets.serve(ctx, &wait)
	if ready != nil {
		ready(sockets.addresses())
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.clock.After(time.Second):
			s.Refresh()
		}
	}
}
