// Package resolve walks from the root to one name as a resolver does: it asks
// servers of each zone for the name itself, follows referrals, aliases and
// redirections, finds the addresses of name servers, and collects on the way
// what a chain of trust to the answer rests on: the keys of each zone, and DS
// at each cut.
//
// It brings evidence and draws no conclusions but those that tell it whom to
// ask next. It asks plainly, with the whole name (no QNAME minimisation, RFC
// 9156), and it is bounded in zones, aliases, servers, questions and time;
// circles end where they close.
package resolve

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/measure/walk"
)

// Bounds of one resolution. Unbound follows 11 aliases, BIND 16; names in the
// wild need 3 or 4 zones, reverse ones of IPv6 some more.
const (
	MaxZones     = 40   // zones entered, over all aliases
	MaxAliases   = 12   // CNAME and DNAME records followed
	maxServers   = 60   // of one zone that are asked
	maxNames     = 40   // name servers of one zone whose addresses are looked for
	maxProbes    = 40   // names between two zones that are asked for DS
	maxQuestions = 2000 // in all, those for the addresses of name servers left out
)

// Config says how a name is resolved. Roots are needed, the rest has defaults.
type Config struct {
	// Budget bounds the resolution in real time. 0: 30 s.
	Budget time.Duration
	// EveryServer asks all servers of each zone on the way; otherwise three
	// are asked, and others only until one has given a reply of use.
	EveryServer bool
	// IPv4 and IPv6 say which addresses are asked. Neither: both.
	IPv4, IPv6 bool
	Roots      []holdfast.Server
	Vantage    string
}

var errNoRoots = errors.New("no root server is known to begin with")

// Measure collects the evidence for one question. The subject of the
// measurement is the name; its exchanges are in the order in which they were
// asked, those of one question ordered by server, and the first of
// holdfast.PurposeName is the question itself. An error says that we could not
// work, or that ctx ended.
func Measure(ctx context.Context, config Config, asker *ask.Asker, clock holdfast.Clock, q holdfast.Question) (holdfast.Measurement, error) {
	if config.Budget <= 0 {
		config.Budget = 30 * time.Second
	}
	if !config.IPv4 && !config.IPv6 {
		config.IPv4, config.IPv6 = true, true
	}
	began := clock.Now().UTC()
	m := holdfast.Measurement{
		ID: newID(began), Subject: holdfast.Subject{Zone: q.Name, Kind: holdfast.KindOther},
		Depth: holdfast.Full, Vantage: config.Vantage, Started: began,
	}
	if len(config.Roots) == 0 {
		return m, fmt.Errorf("resolve %s: %w", q.Name, errNoRoots)
	}
	budget, cancel := context.WithTimeout(ctx, config.Budget)
	defer cancel()
	walker := walk.New(walk.Config{
		Budget: holdfast.Duration(config.Budget), IPv4: config.IPv4, IPv6: config.IPv6, Roots: config.Roots,
	}, asker, clock, config.Vantage)
	t := &trip{
		ctx: budget, config: config, asker: asker, addresses: walker.NewSweep(""), t: q.Type,
		cuts: make(map[holdfast.Name]*cut), located: make(map[holdfast.Name][]netip.Addr),
	}
	t.resolve(q)
	m.Exchanges, m.Cut = t.exchanges, t.bounded || budget.Err() != nil
	m.Finished = clock.Now().UTC()
	if err := ctx.Err(); err != nil {
		return m, fmt.Errorf("resolve %s: %w", q.Name, err)
	}
	if len(m.Exchanges) == 0 {
		return m, fmt.Errorf("resolve %s: nothing could be asked: %s", q.Name, t.obstacle)
	}
	return m, nil
}

// newID is unique and sorts by time.
func newID(at time.Time) string {
	var tail [6]byte
	rand.Read(tail[:])
	return at.Format("20060102T150405.000000Z") + "-" + hex.EncodeToString(tail[:])
}
