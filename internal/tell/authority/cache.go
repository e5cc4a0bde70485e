package authority

import (
	"encoding/binary"
	"hash/maphash"
	"sync"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// prepared is an answer without id, EDNS and truncation. It does not change.
type prepared struct {
	name   holdfast.Name // asked for
	packet []byte
	rcode  int
	kind   kind
	until  int64 // seconds since 1970: when it is to be made anew
}

// cache keeps answers, as many octets of them as it may. The zone's id is in
// the key: what belongs to an edition that is gone is not found any more, and
// goes when room is wanted.
type cache struct {
	seed  maphash.Seed
	parts [cacheParts]cachePart
}

const cacheParts = 16

type cachePart struct {
	mu    sync.RWMutex
	kept  map[string]*prepared // under mu
	size  int                  // octets; under mu
	limit int
}

// entryCost is what an answer costs beside its packet and key, roughly.
const entryCost = 240

func newCache(limit int) *cache {
	c := &cache{seed: maphash.MakeSeed()}
	for i := range c.parts {
		c.parts[i].limit = limit / cacheParts
		c.parts[i].kept = map[string]*prepared{}
	}
	return c
}

// appendKey writes what an answer is found by.
func appendKey(out []byte, zone uint64, q *question) []byte {
	var flags byte
	if q.do {
		flags |= 1
	}
	if q.co {
		flags |= 2
	}
	out = binary.BigEndian.AppendUint64(out, zone)
	out = append(binary.BigEndian.AppendUint16(out, uint16(q.qtype)), flags)
	return append(out, q.name...)
}

func (c *cache) get(key []byte, now int64) *prepared {
	part := &c.parts[maphash.Bytes(c.seed, key)%cacheParts]
	part.mu.RLock()
	p := part.kept[string(key)]
	part.mu.RUnlock()
	if p == nil || now >= p.until {
		return nil
	}
	return p
}

func (c *cache) put(key []byte, p *prepared) {
	cost := len(key) + len(p.packet) + entryCost
	part := &c.parts[maphash.Bytes(c.seed, key)%cacheParts]
	part.mu.Lock()
	defer part.mu.Unlock()
	if old := part.kept[string(key)]; old != nil {
		part.size -= len(key) + len(old.packet) + entryCost
		delete(part.kept, string(key))
	}
	// Whichever come first give way: the order of a map is as good as chance.
	for k, old := range part.kept {
		if part.size+cost <= part.limit {
			break
		}
		part.size -= len(k) + len(old.packet) + entryCost
		delete(part.kept, k)
	}
	if part.size+cost <= part.limit {
		part.kept[string(key)] = p
		part.size += cost
	}
}

// octets is how much is kept.
func (c *cache) octets() (out int) {
	for i := range c.parts {
		c.parts[i].mu.RLock()
		out += c.parts[i].size
		c.parts[i].mu.RUnlock()
	}
	return out
}

// finish writes a prepared answer for one asker: its id, flags and spelling of
// the name.
func (p *prepared) finish(out []byte, q *question, packet []byte) []byte {
	at := len(out)
	out = append(out, p.packet...)
	binary.BigEndian.PutUint16(out[at:], q.id)
	if q.rd {
		out[at+2] |= 1
	}
	if q.cd { // RFC 4035 section 3.1.6
		out[at+3] |= 0x10
	}
	copy(out[at+headerSize:], packet[headerSize:q.end])
	return out
}

// plain writes a reply without records: the question too, where it was read.
func (q *question) plain(out, packet []byte, rcode int, aa, tc bool) []byte {
	var head [headerSize]byte
	binary.BigEndian.PutUint16(head[:], q.id)
	head[2] = 0x80 | byte(q.opcode)<<3
	if aa {
		head[2] |= 4
	}
	if tc {
		head[2] |= 2
	}
	if q.rd {
		head[2] |= 1
	}
	if q.cd {
		head[3] |= 0x10
	}
	head[3] |= byte(rcode & 15)
	if q.end > 0 {
		head[5] = 1
		return append(append(out, head[:]...), packet[headerSize:q.end]...)
	}
	return append(out, head[:]...)
}

// extended are codes of extended errors (RFC 8914).
const (
	edeNotReady      = 14
	edeNotAuthority  = 20
	optionEDE        = 15
	optionHeadLength = 4
)

// appendOPT adds the OPT record to a reply that begins at at.
func (r *replier) appendOPT(out []byte, at, rcode int) []byte {
	q := r.q
	out = append(out, 0, 0, byte(wire.TypeOPT))
	out = binary.BigEndian.AppendUint16(out, largest)
	flags := byte(0)
	if q.do { // RFC 3225 section 3
		flags |= 0x80
	}
	if q.co {
		flags |= 0x40
	}
	out = append(out, byte(rcode>>4), 0, flags, 0, 0, 0)
	length := len(out)
	if q.cookie != nil {
		out = binary.BigEndian.AppendUint16(out, wire.OptionCookie)
		out = binary.BigEndian.AppendUint16(out, clientCookie+serverCookie)
		out = r.server.cookies.appendTo(out, q.cookie, r.from, r.now)
	}
	if q.nsid && r.server.config.NSID != "" {
		out = binary.BigEndian.AppendUint16(out, wire.OptionNSID)
		out = binary.BigEndian.AppendUint16(out, uint16(len(r.server.config.NSID)))
		out = append(out, r.server.config.NSID...)
	}
	if r.ede != 0 {
		out = binary.BigEndian.AppendUint16(out, optionEDE)
		out = binary.BigEndian.AppendUint16(out, 2)
		out = binary.BigEndian.AppendUint16(out, r.ede)
	}
	binary.BigEndian.PutUint16(out[length-2:], uint16(len(out)-length))
	binary.BigEndian.PutUint16(out[at+10:], binary.BigEndian.Uint16(out[at+10:])+1)
	return out
}
