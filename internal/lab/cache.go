package lab

import "sync"

// cache keeps at most about twice its room, in two generations: what was not
// asked for while the younger filled is forgotten.
type cache[K comparable, V any] struct {
	room int

	mu         sync.RWMutex
	young, old map[K]V // owned by mu
}

func newCache[K comparable, V any](room int) *cache[K, V] {
	return &cache[K, V]{room: room, young: map[K]V{}}
}

func (c *cache[K, V]) get(k K) (V, bool) {
	c.mu.RLock()
	v, ok := c.young[k]
	aged := false
	if !ok {
		v, ok = c.old[k]
		aged = ok
	}
	c.mu.RUnlock()
	if aged {
		c.put(k, v)
	}
	return v, ok
}

func (c *cache[K, V]) put(k K, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= c.room {
		c.old, c.young = c.young, make(map[K]V, c.room/4)
	}
	c.young[k] = v
}
