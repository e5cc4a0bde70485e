package ask

import (
	"context"
	"errors"
	"net/netip"
	"sync"

	"golang.org/x/time/rate"
)

// politeness keeps each server address below its rate and window, across all
// zones that it serves.
type politeness struct {
	rate   rate.Limit // below zero: no limit
	burst  int
	window int
	room   int

	mutex sync.Mutex
	hosts map[netip.Addr]*host // owned by mutex
}

// host is one server address.
type host struct {
	limiter *rate.Limiter // nil: no limit
	window  chan struct{}
	users   int // callers between enter and leave; owned by politeness.mutex
}

// errTurn says that the server's turn would come after the caller's deadline.
var errTurn = errors.New("the server's turn comes too late")

func newPoliteness(c Config) *politeness {
	return &politeness{rate: rate.Limit(c.Rate), burst: c.Burst, window: c.Window, room: c.Servers, hosts: make(map[netip.Addr]*host)}
}

// enter waits until the server may be sent a question; leave must follow.
func (p *politeness) enter(ctx context.Context, server netip.Addr) (*host, error) {
	h := p.host(server)
	if h.limiter != nil {
		if err := h.limiter.Wait(ctx); err != nil {
			p.release(h)
			return nil, errTurn
		}
	}
	if err := acquire(ctx, h.window); err != nil {
		p.release(h)
		return nil, err
	}
	return h, nil
}

func (p *politeness) leave(h *host) {
	<-h.window
	p.release(h)
}

func (p *politeness) release(h *host) {
	p.mutex.Lock()
	h.users--
	p.mutex.Unlock()
}

func (p *politeness) host(server netip.Addr) *host {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	h := p.hosts[server]
	if h == nil {
		if len(p.hosts) >= p.room {
			p.forget()
		}
		h = &host{window: make(chan struct{}, p.window)}
		if p.rate >= 0 {
			h.limiter = rate.NewLimiter(p.rate, p.burst)
		}
		p.hosts[server] = h
	}
	h.users++
	return h
}

// forget makes room: hosts that nobody asks go, those with a full bucket
// first, since forgetting them forgets nothing. It is called with the mutex
// held. Hosts in use stay, so that at worst there are as many more as there
// are questions in flight.
func (p *politeness) forget() {
	for addr, h := range p.hosts {
		if h.users == 0 && (h.limiter == nil || h.limiter.Tokens() >= float64(p.burst)) {
			delete(p.hosts, addr)
		}
	}
	for addr, h := range p.hosts {
		if len(p.hosts) <= p.room*3/4 {
			return
		}
		if h.users == 0 {
			delete(p.hosts, addr)
		}
	}
}
