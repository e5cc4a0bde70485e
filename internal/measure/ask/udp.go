package ask

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/holdfastdns/holdfast"
)

// onPooled sends the question from a socket of the pool.
func (t *talk) onPooled(ctx context.Context) try {
	family := t.a.pools[0]
	if t.to.Addr().Is6() {
		family = t.a.pools[1]
	}
	s, err := family.lend(ctx)
	if err != nil {
		return unasked(ctx, fmt.Errorf("open socket: %w", err))
	}
	defer s.release()
	c := t.a.newCall()
	defer t.a.calls.Put(c)
	c.to, c.query, c.stray = t.to, t.query, nil
	s.expect(c)
	r, began := t.started()
	if _, err := s.conn.WriteToUDPAddrPort(t.query, t.to); err != nil {
		s.forget(c)
		c.drain()
		return failed(r, err)
	}
	r, whole := t.await(ctx, c, r, began)
	s.forget(c)
	c.drain()
	if r.outcome == holdfast.Timeout && c.stray != nil {
		r.outcome, r.reply, r.from = holdfast.WrongSource, c.stray, c.strayFrom
		r.rtt, r.detail = c.strayAt.Sub(began), "the reply came from "+c.strayFrom.String()
	}
	if r.outcome == holdfast.Timeout && !whole {
		return t.abandoned(ctx, r)
	}
	return r
}

// await takes replies until one ends the try; whole says that the try had all
// its time, or needed no more.
func (t *talk) await(ctx context.Context, c *call, r try, began time.Time) (_ try, whole bool) {
	c.timer.Reset(t.a.config.UDPWait.Of())
	defer c.timer.Stop()
	for {
		select {
		case arrived := <-c.replies:
			if t.examine(arrived.packet, arrived.at.Sub(began), &r) {
				return r, true
			}
		case <-c.timer.C:
			return r, true
		case <-ctx.Done():
			return r, false
		case <-t.a.closing.Done():
			return r, false
		}
	}
}

func (a *Asker) newCall() *call {
	if c, ok := a.calls.Get().(*call); ok {
		return c
	}
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	return &call{replies: make(chan arrival, repliesKept), timer: timer}
}

// drain empties the channel of a call that is no longer in waiting, so that
// the next question to use it finds none of this one's.
func (c *call) drain() {
	for {
		select {
		case <-c.replies:
		default:
			return
		}
	}
}

// onConnected sends the question from a socket of its own, connected to the
// server: there the kernel reports what ICMP said about it.
func (t *talk) onConnected(ctx context.Context) try {
	if err := acquire(ctx, t.a.connected); err != nil {
		return unasked(ctx, err)
	}
	defer func() { <-t.a.connected }()
	t.number()
	conn, err := t.a.dialer.DialContext(ctx, "udp", t.to.String())
	if err != nil {
		r, _ := t.started()
		return failed(r, err)
	}
	defer conn.Close()
	buffer := t.a.buffer()
	defer t.a.buffers.Put(buffer)
	release := t.bound(ctx, conn, t.a.config.UDPWait.Of())
	defer release()
	r, began := t.started()
	if _, err := conn.Write(t.query); err != nil {
		return t.ended(ctx, r, err)
	}
	for {
		n, err := conn.Read(*buffer)
		if err != nil {
			return t.ended(ctx, r, err)
		}
		reply := (*buffer)[:n]
		if n < 2 || reply[0] != t.query[0] || reply[1] != t.query[1] {
			continue
		}
		if t.examine(append([]byte(nil), reply...), time.Since(began), &r) {
			return r
		}
	}
}

// bound gives the connection its deadline, and an earlier end with ctx or the
// asker. The caller calls release before it closes the connection.
func (t *talk) bound(ctx context.Context, conn net.Conn, wait time.Duration) (release func()) {
	conn.SetDeadline(time.Now().Add(wait))
	past := func() { conn.SetDeadline(time.Unix(1, 0)) }
	stopCaller := context.AfterFunc(ctx, past)
	stopAsker := context.AfterFunc(t.a.closing, past)
	return func() {
		stopCaller()
		stopAsker()
	}
}

// ended is the try that an error ended, or the deadline, ctx or Close.
func (t *talk) ended(ctx context.Context, r try, err error) try {
	switch {
	case r.outcome != holdfast.Timeout: // a malformed reply is kept
		return r
	case ctx.Err() != nil || t.a.closing.Err() != nil:
		return t.abandoned(ctx, r)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return r
	}
	return failed(r, err)
}

func (a *Asker) buffer() *[]byte {
	if b, ok := a.buffers.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, 1<<16)
	return &b
}
