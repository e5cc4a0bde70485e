// Package lab is a small Internet: a signed root, zones below it and the
// servers that answer for them, with a clock of its own and faults to order.
// It answers in memory, through a dialer that takes the place of the machine's
// network, and on sockets, so that other people's tools can walk it.
//
// It is the outside world. It shares the DNS library with the rooms that
// measure and judge, and nothing else: what a zone looks like, how it is
// signed and what a proof holds is written here a second time, from the RFCs.
//
// Everything that it answers is a function of the plan, the faults in force
// and the instant; only keys and ECDSA signatures are made at random.
package lab

import (
	"fmt"
	"hash/maphash"
	mathrand "math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Internet is a lab, built and answering. Its methods may be called from many
// goroutines.
type Internet struct {
	clock   holdfast.Clock
	cert    certificate
	start   time.Time
	zones   map[holdfast.Name]*zone // fixed by New
	servers map[netip.Addr]*server  // fixed by New

	orders    atomic.Pointer[book]
	questions atomic.Uint64
	taps      taps

	mu        sync.Mutex
	lastOrder int              // owned by mu
	lastView  int              // owned by mu
	views     map[string]*view // owned by mu
	random    *mathrand.Rand   // for lossy servers; owned by mu

	hashSeed  maphash.Seed
	answers   *cache[answerKey, prepared]
	seals     *cache[sealKey, wire.Record]
	transfers *cache[transferKey, []wire.Record]
	bakes     *cache[bakeKey, *baked]
}

// server is one address and all that it answers for.
type server struct {
	addr  netip.Addr
	names []holdfast.Name // the first is its NSID
	zones map[holdfast.Name]*zone
	// validator: it answers for all zones, as a validating resolver.
	validator bool
}

// Room of the caches, in entries a generation: enough for two full sweeps of
// the root's top-level domains (about 1.5 KB an answer, 0.4 KB a signature).
const (
	roomForAnswers   = 1 << 14
	roomForSeals     = 1 << 14
	roomForTransfers = 4
	roomForBakes     = 64
)

// New builds a plan. The clock may be nil: then the lab's own starts at the
// plan's start and runs at its rate.
func New(plan Plan, clock holdfast.Clock) (*Internet, error) {
	if plan.Start.IsZero() {
		plan.Start = time.Now().UTC().Truncate(time.Second)
		if clock != nil {
			plan.Start = clock.Now().UTC().Truncate(time.Second)
		}
	}
	if clock == nil {
		clock = NewClock(plan.Start, plan.Rate)
	}
	in := &Internet{
		clock: clock, start: plan.Start,
		zones: map[holdfast.Name]*zone{}, servers: map[netip.Addr]*server{},
		views:     map[string]*view{},
		random:    mathrand.New(mathrand.NewPCG(plan.Seed, 0x10c5)),
		hashSeed:  maphash.MakeSeed(),
		answers:   newCache[answerKey, prepared](roomForAnswers),
		seals:     newCache[sealKey, wire.Record](roomForSeals),
		transfers: newCache[transferKey, []wire.Record](roomForTransfers),
		bakes:     newCache[bakeKey, *baked](roomForBakes),
	}
	in.rewrite(nil)
	if err := in.build(plan); err != nil {
		return nil, fmt.Errorf("build lab: %w", err)
	}
	for _, f := range plan.Faults {
		if _, err := in.Order(f); err != nil {
			return nil, fmt.Errorf("build lab: %w", err)
		}
	}
	return in, nil
}

// Clock is the lab's clock.
func (in *Internet) Clock() holdfast.Clock { return in.clock }

// Start is the instant at which the lab's time began.
func (in *Internet) Start() time.Time { return in.start }

// Questions counts what was asked so far.
func (in *Internet) Questions() uint64 { return in.questions.Load() }

// Zones are the names of all zones, the root first, in canonical order.
func (in *Internet) Zones() []holdfast.Name {
	names := make([]holdfast.Name, 0, len(in.zones))
	for name := range in.zones {
		names = append(names, name)
	}
	slices.SortFunc(names, wire.CompareNames)
	return names
}

// Addresses are those of all servers, in order.
func (in *Internet) Addresses() []netip.Addr {
	out := make([]netip.Addr, 0, len(in.servers))
	for addr := range in.servers {
		out = append(out, addr)
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return out
}

// Servers are those of a zone, in the order of its plan.
func (in *Internet) Servers(zone holdfast.Name) []holdfast.Server {
	z := in.zones[zone]
	if z == nil {
		return nil
	}
	var out []holdfast.Server
	for _, h := range z.hosts {
		for _, addr := range h.Addresses {
			out = append(out, holdfast.Server{Name: h.Name, Address: addr})
		}
	}
	return out
}

// closest is the zone with which a server answers a question; nil where it
// has none. DS belongs to the parent where the server has both (RFC 4035
// section 3.1.4.1).
func (s *server) closest(qname []byte, qtype wire.Type) *zone {
	for name := qname; ; {
		z := s.zones[holdfast.Name(name)]
		if z != nil && !(qtype == wire.TypeDS && len(name) == len(qname) && z.parent != nil && s.zones[z.parent.name] != nil) {
			return z
		}
		if len(name) == 1 && name[0] == '.' {
			return nil
		}
		name = parentOf(name)
	}
}

// parentOf is name without its first label, in presentation form.
func parentOf(name []byte) []byte {
	for i := 0; i < len(name); i++ {
		switch name[i] {
		case '\\':
			i++
		case '.':
			if i+1 < len(name) {
				return name[i+1:]
			}
			return name[i:]
		}
	}
	return name[len(name)-1:]
}
