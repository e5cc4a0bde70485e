package dnssec

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"sync"

	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Cache remembers what became of verifications: a signature over the same data
// under the same key is computed once, however many servers and sweeps show
// it. Verification does not depend on the instant, so nothing in it goes stale.
// It may be used by many goroutines at once; a nil cache remembers nothing.
//
// It is bounded: when the young half is full it becomes the old one, and what
// was old and not asked for since is forgotten.
type Cache struct {
	mu         sync.Mutex
	half       int
	young, old map[digest]bool // guarded by mu
	hits, runs uint64          // guarded by mu
}

type digest [sha256.Size]byte

// NewCache makes a cache of at most limit verifications, about 100 octets each.
func NewCache(limit int) *Cache {
	half := max(limit/2, 1)
	return &Cache{half: half, young: make(map[digest]bool)}
}

// Counts says how many verifications were remembered and how many were run.
func (c *Cache) Counts() (hits, runs uint64) {
	if c == nil {
		return 0, 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hits, c.runs
}

// verify says whether the signature verifies under the key, from memory where
// it can. data is what the signature covers.
func (c *Cache) verify(sig wire.RRSIG, key wire.DNSKEY, rrset *judge.RRset, data []byte) bool {
	if c == nil {
		return wire.Verify(sig, key, rrset.Records) == nil
	}
	d := digestOf(sig, key, data)
	if ok, known := c.get(d); known {
		return ok
	}
	err := wire.Verify(sig, key, rrset.Records)
	ok := err == nil
	if ok || errors.Is(err, wire.ErrSignature) {
		c.put(d, ok)
	}
	return ok
}

// digestOf names a verification: each part with its length before it, so that
// octets cannot move from one part to the next.
func digestOf(sig wire.RRSIG, key wire.DNSKEY, data []byte) digest {
	h := sha256.New()
	var head [16]byte
	binary.BigEndian.PutUint16(head[0:], key.Flags)
	head[2], head[3] = key.Protocol, key.Algorithm
	binary.BigEndian.PutUint32(head[4:], uint32(len(key.PublicKey)))
	binary.BigEndian.PutUint32(head[8:], uint32(len(sig.Signature)))
	binary.BigEndian.PutUint32(head[12:], uint32(len(data)))
	h.Write(head[:])
	h.Write(key.PublicKey)
	h.Write(sig.Signature)
	h.Write(data)
	var d digest
	h.Sum(d[:0])
	return d
}

func (c *Cache) get(d digest) (ok, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ok, known = c.young[d]; !known {
		if ok, known = c.old[d]; known {
			c.keep(d, ok)
		}
	}
	if known {
		c.hits++
	}
	return ok, known
}

func (c *Cache) put(d digest, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runs++
	c.keep(d, ok)
}

// keep is called with mu held.
func (c *Cache) keep(d digest, ok bool) {
	if len(c.young) >= c.half {
		c.old, c.young = c.young, make(map[digest]bool, c.half)
	}
	c.young[d] = ok
}
