package lab

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Heard is one question as it came to an address of the lab, whatever became
// of it.
type Heard struct {
	At     time.Time      // by the lab's clock
	From   netip.AddrPort // who asked
	Server netip.Addr     // who was asked
	TCP    bool           // or TLS
	Packet []byte         // the reader's own
}

// Tap is a line on which all questions can be heard, from its beginning to its
// end. A listener that is slow loses questions; it never holds the lab up.
type Tap struct {
	Questions <-chan Heard // closed by Close

	in    *Internet
	lost  atomic.Uint64
	mu    sync.Mutex
	queue chan Heard // nil once closed; owned by mu
}

// taps are those that listen; replaced as a whole at each change.
type taps struct {
	change sync.Mutex
	list   atomic.Pointer[[]*Tap]
}

// Tap begins to listen, with room for so many questions that wait (at least 1,
// at most a million).
func (in *Internet) Tap(room int) *Tap {
	queue := make(chan Heard, min(max(room, 1), 1e6))
	t := &Tap{Questions: queue, in: in, queue: queue}
	in.taps.edit(func(list []*Tap) []*Tap { return append(list, t) })
	return t
}

// Lost counts the questions for which there was no room.
func (t *Tap) Lost() uint64 { return t.lost.Load() }

// Close ends the listening; what waits can still be read.
func (t *Tap) Close() {
	t.in.taps.edit(func(list []*Tap) []*Tap { return slices.DeleteFunc(list, func(o *Tap) bool { return o == t }) })
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.queue != nil {
		close(t.queue)
		t.queue = nil
	}
}

func (t *taps) edit(change func([]*Tap) []*Tap) {
	t.change.Lock()
	defer t.change.Unlock()
	var list []*Tap
	if old := t.list.Load(); old != nil {
		list = slices.Clone(*old)
	}
	list = change(list)
	t.list.Store(&list)
}

// hear tells the taps of a question before it is answered.
func (in *Internet) hear(from netip.AddrPort, to netip.Addr, tcp bool, packet []byte) {
	list := in.taps.list.Load()
	if list == nil || len(*list) == 0 {
		return
	}
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	now := in.clock.Now()
	for _, t := range *list {
		t.put(Heard{At: now, From: from, Server: to.Unmap(), TCP: tcp, Packet: slices.Clone(packet)})
	}
}

func (t *Tap) put(h Heard) {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case t.queue <- h: // of nil: never
	default:
		if t.queue != nil {
			t.lost.Add(1)
		}
	}
}
