package ask

import (
	"crypto/rand"
	"encoding/binary"
	"sync"
)

// dice throws 16-bit numbers that a forger cannot guess, fetched from the
// kernel in handfuls.
type dice struct {
	mutex sync.Mutex
	hand  [1024]byte // owned by mutex
	left  int        // owned by mutex: unused octets at the end of hand
}

func (d *dice) throw() uint16 {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.left == 0 {
		rand.Read(d.hand[:]) // never fails: it would end the program (crypto/rand)
		d.left = len(d.hand)
	}
	n := binary.BigEndian.Uint16(d.hand[len(d.hand)-d.left:])
	d.left -= 2
	return n
}
