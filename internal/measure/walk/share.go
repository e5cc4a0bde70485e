package walk

import (
	"context"
	"sync"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
)

// share is what the zones of a sweep have in common.
//
// Nobody waits in a circle: an address waits for cuts only, a cut for cuts
// with fewer labels only, and whatever needs an address on the way (a
// delegation without glue) is alone from there on: it takes what is there
// already and waits for nobody, at the price of asking some things twice.
type share struct {
	cuts      memo[holdfast.Name, *cut]       // by the name at which a zone begins, or does not
	addresses memo[holdfast.Name, located]    // by NS name
	above     memo[holdfast.Name, []exchange] // by ancestor zone: its keys, and its own referral and DS
	common    memo[commonQuestion, exchange]  // what is asked once a sweep and server, see inCommon
	mail      memo[holdfast.Name, []exchange] // by mail domain
	notified  memo[holdfast.Name, notified]   // by parent zone
}

type exchange = holdfast.Exchange

// commonQuestion is one that several zones have in common.
type commonQuestion struct {
	server  holdfast.Server // without its name where any name will do
	purpose holdfast.Purpose
}

// inCommon says whether a question is asked once a sweep, and as what: those
// for the root's own data, by server, and those about a server that no zone
// comes into, by address.
func inCommon(q ask.Question) (commonQuestion, bool) {
	switch q.Purpose {
	case holdfast.PurposeForeign, holdfast.PurposeVersion, holdfast.PurposeIdentity, holdfast.PurposeTLS:
		return commonQuestion{holdfast.Server{Address: q.Server.Address}, q.Purpose}, true
	case holdfast.PurposeDNSKEY, holdfast.PurposeSOA, holdfast.PurposeNS:
		return commonQuestion{q.Server, q.Purpose}, q.Zone == holdfast.Root
	}
	return commonQuestion{}, false
}

// memo remembers what was found out under a key, and lets one caller find it
// out while others wait. The zero value is empty.
type memo[K comparable, V any] struct {
	mutex   sync.Mutex
	entries map[K]*entry[V] // owned by mutex
}

type entry[V any] struct {
	done  chan struct{} // closed when value and whole are set
	value V
	whole bool
}

// do answers what is remembered, or finds it out. find says whether its answer
// is worth keeping: one that was cut short is not, and the next who waits
// finds out anew. alone means that the caller must not wait for another.
func (m *memo[K, V]) do(ctx context.Context, key K, alone bool, find func() (V, bool)) V {
	for {
		m.mutex.Lock()
		if m.entries == nil {
			m.entries = make(map[K]*entry[V])
		}
		e := m.entries[key]
		if e == nil {
			e = &entry[V]{done: make(chan struct{})}
			m.entries[key] = e
			m.mutex.Unlock()
			m.lead(key, e, find)
			return e.value
		}
		m.mutex.Unlock()
		select {
		case <-e.done:
			if e.whole {
				return e.value
			}
			continue // the one who failed has taken its entry away
		default:
		}
		if alone {
			value, _ := find()
			return value
		}
		select {
		case <-e.done:
			if e.whole {
				return e.value
			}
		case <-ctx.Done():
			var nothing V
			return nothing
		}
	}
}

func (m *memo[K, V]) lead(key K, e *entry[V], find func() (V, bool)) {
	defer func() {
		if !e.whole {
			m.mutex.Lock()
			delete(m.entries, key)
			m.mutex.Unlock()
		}
		close(e.done)
	}()
	e.value, e.whole = find()
}
