// Package ask puts one question to one server over one transport, politely,
// and brings home an Exchange. Every outcome is data: nothing that a server,
// the network or a forger does is an error.
//
// Questions over UDP share a pool of unconnected sockets on random ports, many
// in flight on each, told apart by random ids. A reply counts only if it comes
// from the address and port that were asked, with the id and the question that
// were sent (RFC 5452 section 9.1). The last try over UDP has a connected
// socket to itself: only there does the kernel tell of a closed port.
//
// There is no fallback to questions without EDNS: a server that cannot do
// EDNS is a thing to know, not to paper over.
//
// Instants in exchanges are by the Clock. Waiting is by the machine's own
// time, since a network does not run faster because a lab's clock does.
package ask

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Question is one question for one server. Transport is UDP where it is empty.
type Question struct {
	Zone      holdfast.Name // in whose name the server is asked
	Purpose   holdfast.Purpose
	Server    holdfast.Server
	Question  holdfast.Question
	Transport holdfast.Transport
	Shape     wire.Shape // how it differs from an ordinary question
	// Once says that it is sent a single time, and over no other transport
	// where it is truncated or stays unanswered.
	Once bool
	Port uint16 // of the server; 0: Config.Port, and 853 over TLS
}

// Asker asks. Its methods may be called from many goroutines.
type Asker struct {
	config Config
	dialer Dialer
	clock  holdfast.Clock

	ids    *dice
	pools  [2]*pool // IPv4, IPv6
	polite *politeness
	// flight, streams and connected are semaphores: of questions unanswered,
	// of TCP connections, of connected UDP sockets.
	flight, streams, connected chan struct{}

	calls   sync.Pool // of *call; by asker, since a call's timer must not leave the bubble of a test
	buffers sync.Pool // of *[]byte, for a whole message each

	closing context.Context
	close   context.CancelFunc
}

// ErrClosed is the cause that an exchange's Detail names after Close.
var ErrClosed = errors.New("the asker is closed")

// New makes an asker. It opens nothing until the first question; Close it all
// the same.
func New(config Config, dialer Dialer, clock holdfast.Clock) (*Asker, error) {
	config, err := config.completed()
	if err != nil {
		return nil, err
	}
	a := &Asker{
		config: config, dialer: dialer, clock: clock,
		ids:       &dice{},
		polite:    newPoliteness(config),
		flight:    make(chan struct{}, config.InFlight),
		streams:   make(chan struct{}, config.Connections),
		connected: make(chan struct{}, config.Connections),
	}
	a.closing, a.close = context.WithCancel(context.Background())
	a.pools[0] = newPool("udp4", config, dialer, a.ids)
	a.pools[1] = newPool("udp6", config, dialer, a.ids)
	return a, nil
}

// Close ends all questions under way, closes the sockets and waits for their
// readers. What is asked afterwards is NotAsked.
func (a *Asker) Close() error {
	a.close()
	return errors.Join(a.pools[0].shut(), a.pools[1].shut())
}

// Ask asks, tries again and over TCP as configured, and says what came of it.
// It ends when ctx does. A server is blamed with a Timeout only when a try had
// its whole wait: an exchange that ctx cut short before that is NotAsked, even
// if a question was sent (Tries says so).
func (a *Asker) Ask(ctx context.Context, q Question) holdfast.Exchange {
	t := talk{a: a, to: netip.AddrPortFrom(q.Server.Address.Unmap(), a.port(q)), once: q.Once, e: holdfast.Exchange{
		Zone: q.Zone, Purpose: q.Purpose, Server: q.Server, Question: q.Question,
		Transport: holdfast.UDP, Sent: a.clock.Now().UTC(), Outcome: holdfast.NotAsked,
	}}
	query, err := q.Shape.Query(q.Question)
	switch {
	case err != nil:
		t.e.Detail = err.Error()
		return t.e
	case !t.to.IsValid():
		t.e.Detail = "the server has no address"
		return t.e
	}
	t.query = query
	if q.Transport == holdfast.TCP || q.Transport == holdfast.TLS {
		t.overStream(ctx, q.Transport)
	} else {
		t.overUDP(ctx)
	}
	return t.e
}

// portTLS is that of DNS over TLS (RFC 7858 section 3.1).
const portTLS = 853

func (a *Asker) port(q Question) uint16 {
	switch {
	case q.Port != 0:
		return q.Port
	case q.Transport == holdfast.TLS:
		return portTLS
	}
	return a.config.Port
}

// talk is one question on its way through its tries.
type talk struct {
	a     *Asker
	to    netip.AddrPort
	query []byte // the id is written anew for each try
	once  bool
	e     holdfast.Exchange
}

// try is what came of sending the question once.
type try struct {
	outcome   holdfast.Outcome
	transport holdfast.Transport
	tried     bool // the question was sent, or the network refused to take it
	sent      time.Time
	rtt       time.Duration
	reply     []byte
	truncated bool
	from      netip.Addr // of a WrongSource reply
	detail    string
}

// keep makes the try's outcome the exchange's.
func (t *talk) keep(r try) {
	t.e.Outcome, t.e.Transport, t.e.Detail, t.e.From = r.outcome, r.transport, r.detail, r.from
	t.e.RTT, t.e.Reply = r.rtt, r.reply
	if r.tried {
		t.e.Sent = r.sent
		t.e.Query = t.query
	}
}

func (t *talk) overUDP(ctx context.Context) {
	tries := t.a.config.UDPTries
	if t.once {
		tries = 1
	}
	for n := range tries {
		last := n > 0 && n == tries-1
		r := t.attempt(ctx, func(ctx context.Context) try {
			if last {
				return t.onConnected(ctx)
			}
			return t.onPooled(ctx)
		})
		r.transport = holdfast.UDP
		if r.outcome == holdfast.NotAsked && t.e.Outcome == holdfast.Timeout {
			return // the earlier try had its whole wait: that stands
		}
		t.keep(r)
		switch {
		case r.outcome == holdfast.Answered && r.truncated && !t.once:
			t.afterTruncation(ctx, r)
			return
		case r.outcome != holdfast.Timeout:
			return
		}
	}
	if !t.once {
		t.afterSilence(ctx)
	}
}

// afterTruncation asks over TCP what UDP had no room for. Where TCP fails, the
// truncated reply is kept, with TCP's outcome.
func (t *talk) afterTruncation(ctx context.Context, udp try) {
	query := append([]byte(nil), t.query...)
	t.e.Truncated = true
	t.overStream(ctx, holdfast.TCP)
	if t.e.Reply != nil {
		return
	}
	outcome, detail := t.e.Outcome, t.e.Detail
	t.query = query
	t.keep(udp)
	t.e.Outcome, t.e.Detail = outcome, "truncated over UDP; over TCP: "+detail
}

// afterSilence tries TCP where UDP stayed silent. What TCP hears counts if it
// is an answer or news of the path; else the exchange stays a timeout.
func (t *talk) afterSilence(ctx context.Context) {
	udp, query := t.e, append([]byte(nil), t.query...)
	t.overStream(ctx, holdfast.TCP)
	if t.e.Reply != nil || t.e.Outcome == holdfast.Unreachable {
		return
	}
	tries, detail := t.e.Tries, t.e.Detail
	t.e, t.query = udp, query
	t.e.Tries, t.e.Query = tries, query
	t.e.Detail = "no reply over UDP"
	if detail != "" {
		t.e.Detail += "; over TCP: " + detail
	}
}

func (t *talk) overStream(ctx context.Context, transport holdfast.Transport) {
	r := t.attempt(ctx, func(ctx context.Context) try { return t.onStream(ctx, transport) })
	r.transport = transport
	if r.outcome == holdfast.Answered && r.truncated {
		r.outcome = holdfast.TruncatedTwice
		if !t.e.Truncated {
			r.detail = "truncated over TCP"
		}
	}
	t.keep(r)
}

// attempt waits for the server's turn and for room, sends once, and counts.
func (t *talk) attempt(ctx context.Context, send func(context.Context) try) try {
	h, err := t.a.polite.enter(ctx, t.to.Addr())
	if err != nil {
		return unasked(ctx, err)
	}
	defer t.a.polite.leave(h)
	if err := acquire(ctx, t.a.flight); err != nil {
		return unasked(ctx, err)
	}
	defer func() { <-t.a.flight }()
	if t.a.closing.Err() != nil {
		return unasked(ctx, ErrClosed)
	}
	if err := ctx.Err(); err != nil { // a select with two choices takes either
		return unasked(ctx, err)
	}
	r := send(ctx)
	if r.tried {
		t.e.Tries++
	}
	return r
}

// unasked is the try that was not made.
func unasked(ctx context.Context, err error) try {
	detail := err.Error()
	if ctx.Err() != nil || errors.Is(err, errTurn) {
		detail = "the time was up before it was sent"
	}
	return try{outcome: holdfast.NotAsked, detail: detail}
}

// abandoned is the try that ctx (or Close) ended before its wait was over.
func (t *talk) abandoned(ctx context.Context, r try) try {
	r.outcome = holdfast.NotAsked
	r.detail = "the time was up while it waited for the reply"
	if ctx.Err() == nil {
		r.detail = ErrClosed.Error()
	}
	return r
}

// examine decides on a message that came from the right address and port and
// with the right id. done says that the try is over; otherwise the try goes
// on, with r changed where the message is worth keeping.
func (t *talk) examine(reply []byte, rtt time.Duration, r *try) (done bool) {
	rcode, err := wire.Check(reply)
	switch {
	case err != nil:
		// A good one may still come: this one may be forged or damaged.
		r.outcome, r.reply, r.rtt, r.detail = holdfast.Malformed, reply, rtt, err.Error()
		return false
	case asksAlike(t.query, reply):
	case asksNothing(reply) && rcode != wire.NoError && rcode != wire.NXDomain:
		// Some servers leave the question out of an error, as those do that
		// know no EDNS. Whoever could forge this could have written it in.
		r.detail = fmt.Sprintf("%s without the question", wire.RcodeName(rcode))
	default:
		return false
	}
	if r.outcome == holdfast.Malformed {
		r.detail = ""
	}
	const tc = 0x02
	r.outcome, r.reply, r.rtt, r.truncated = holdfast.Answered, reply, rtt, reply[2]&tc != 0
	return true
}

// number gives the question a new id. Questions of the pool get theirs from
// the socket, where it must be free.
func (t *talk) number() { binary.BigEndian.PutUint16(t.query, t.a.ids.throw()) }

// started is a try about to be sent, with a timeout for its outcome until
// something better comes.
func (t *talk) started() (try, time.Time) {
	return try{outcome: holdfast.Timeout, tried: true, sent: t.a.clock.Now().UTC()}, time.Now()
}

func acquire(ctx context.Context, semaphore chan struct{}) error {
	select {
	case semaphore <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
