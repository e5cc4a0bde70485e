package whole

import (
	"bytes"
	"context"
	"sync"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// judgement is one zone being judged. Its fields are the streaming goroutine's
// until the workers are done; these read options, zone, keys and chains, which
// do not change any more once the apex was read, and write into tallies.
type judgement struct {
	Options
	verifier *Verifier
	zone     holdfast.Name
	zoneKey  []byte
	packed   []byte // the zone's name
	report   Report
	tally    tally // of all, in the end
	now      int64 // At in seconds
	partial  bool  // the zone was not read to its end
	share    uint64

	apex       node // a copy of its own
	soa        wire.SOA
	keys       []key
	byTag      map[uint16][]int
	algorithms []uint8  // of the keys that may sign the zone
	nsec       bool     // the apex has NSEC
	declared   bool     // the apex has NSEC3PARAM that is for servers to use
	chains     []params // that the apex declares and that can be walked
	hashes     *sorter  // NSEC3 records and the names that they may speak of
	digests    []digester
	unsigned   bool // the zone has no keys: nothing in it can be verified
	hopeless   bool // all keys are of algorithms that are not known here (RFC 4035 section 5.2)
	begun      bool // the apex was read
}

func newJudgement(v *Verifier, zone holdfast.Name, zoneKey []byte) *judgement {
	j := &judgement{
		Options: v.options, verifier: v, zone: zone, zoneKey: zoneKey, packed: appendPacked(nil, zoneKey),
		now: v.options.At.Unix(), partial: v.incomplete != "", hashes: newSorter(v.options.Scratch, v.options.Batch),
		report: Report{Zone: zone, At: v.options.At.UTC(), Records: v.records, Digest: DigestAbsent, Incomplete: v.incomplete},
	}
	j.tally = newTally(j)
	j.tally.merge(&tally{found: v.found})
	j.share = j.Sample.threshold(v.signatures)
	return j
}

// stream reads the zone in canonical order. One goroutine knows what depends on
// that order: where the cuts are, what follows what. All else is done by
// workers, on chunks of names.
func (j *judgement) stream(ctx context.Context) error {
	merged, err := j.verifier.sorter.merged()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := newPool(j, cancel)
	s := &streamer{judgement: j, pool: p, chunk: <-p.free}
	err = s.read(ctx, merged)
	if failure := p.close(); failure != nil {
		return failure
	}
	return err
}

// pool is the workers. Chunks are few and go round.
type pool struct {
	judgement *judgement
	free      chan *chunk
	out       chan *chunk // from the streamer, in order
	filled    chan *chunk // for the workers
	running   sync.WaitGroup
	mutex     sync.Mutex
	err       error // the first of a worker's
	cancel    func()
}

func newPool(j *judgement, cancel func()) *pool {
	count := 4*j.Workers + 2
	p := &pool{judgement: j, free: make(chan *chunk, count), out: make(chan *chunk, count), filled: make(chan *chunk, count), cancel: cancel}
	for range count {
		p.free <- &chunk{}
	}
	return p
}

// start lets the workers begin, once the apex is known.
func (p *pool) start() {
	p.running.Go(func() {
		defer close(p.filled)
		for c := range p.out {
			for i := range p.judgement.digests {
				p.judgement.digests[i].chunk(c)
			}
			p.filled <- c // there is room for all chunks that there are
		}
	})
	for range p.judgement.Workers {
		p.running.Go(p.work)
	}
}

func (p *pool) work() {
	w := newWorker(p.judgement)
	for c := range p.filled {
		if err := w.chunk(c); err != nil {
			p.fail(err)
		}
		c.reset()
		p.free <- c
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.judgement.tally.merge(&w.tally)
}

func (p *pool) fail(err error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.err == nil {
		p.err = err
	}
	p.cancel()
}

// fresh is an empty chunk; nil when the work was given up.
func (p *pool) fresh(ctx context.Context) *chunk {
	select {
	case c := <-p.free:
		return c
	case <-ctx.Done():
		return nil
	}
}

// close waits for the workers.
func (p *pool) close() error {
	close(p.out)
	p.running.Wait()
	return p.err
}

// streamer puts nodes together from entries in canonical order.
type streamer struct {
	*judgement
	pool  *pool
	chunk *chunk

	open     bool // a name is under construction
	key      []byte
	from     int // its first record in the chunk
	wantedBy []byte

	// The last name that hides those below it, and how.
	hides  bool
	hider  []byte
	hiding state

	// The last name of the chain, what its NSEC names as the next one
	// (packed; empty where it has none that can be read).
	path     []byte
	promised []byte
	packing  []byte // reused
	// ancestors of that name, from the apex down, and the name itself.
	ancestors []ancestor
}

// ancestor is a name at or above the last one of the chain.
type ancestor struct {
	length   int // of its key
	terminal bool
	optional bool // all names below it may be in an opt-out span
}

func (s *streamer) read(ctx context.Context, merged *merge) error {
	for count := 1; ; count++ {
		entry, err := merged.next()
		if err != nil {
			return err
		}
		if entry == nil {
			break
		}
		if count&0x3ff == 0 {
			s.verifier.done.Add(0x400)
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		key, r, err := splitEntry(entry)
		if err != nil {
			return err
		}
		if !s.open || !bytes.Equal(key, s.key) {
			if err := s.finish(ctx); err != nil {
				return err
			}
			s.open, s.key, s.from, s.wantedBy = true, s.chunk.keep(key), len(s.chunk.records), nil
		}
		s.take(r)
	}
	if err := s.finish(ctx); err != nil {
		return err
	}
	return s.end(ctx)
}

// take adds a record to the name under construction.
func (s *streamer) take(r record) {
	if r.typ == typeWanted {
		// The delegation nearest above comes last of those above.
		if len(r.data) > 0 && (r.data[0] == wantedFromAbove || s.wantedBy == nil) {
			s.wantedBy = s.chunk.keep(r.data[1:])
		}
		return
	}
	r.data = s.chunk.keep(r.data)
	s.chunk.records = append(s.chunk.records, r)
}

// finish closes the name under construction.
func (s *streamer) finish(ctx context.Context) error {
	if !s.open {
		return nil
	}
	s.open = false
	n := node{key: s.key, records: s.chunk.records[s.from:len(s.chunk.records):len(s.chunk.records)], wantedBy: s.wantedBy}
	n.order()
	if !bytes.HasPrefix(n.key, s.zoneKey) {
		if len(n.records) > 0 {
			s.tally.find(outsideZone, &n, 0, "it lies outside the zone and no server will load it")
		}
		return nil
	}
	if !s.begun {
		if len(n.key) != len(s.zoneKey) || !n.has(wire.TypeSOA) {
			return ErrNoSOA
		}
		s.begun = true
		s.readApex(&n)
		s.pool.start()
	}
	s.stand(&n)
	if n.chained = !n.state.hidden() && n.exists(); n.chained {
		s.follow(n.key)
		s.promise(&n)
		if len(s.chains) > 0 {
			s.closeAncestors(n.key)
			s.openAncestors(&n)
		}
		s.path = append(s.path[:0], n.key...)
	}
	s.chunk.nodes = append(s.chunk.nodes, n)
	if s.chunk.full() {
		return s.handOn(ctx)
	}
	return nil
}

// handOn gives the chunk to the workers, by way of the digest.
func (s *streamer) handOn(ctx context.Context) error {
	s.pool.out <- s.chunk // there is room for all chunks that there are
	s.chunk = s.pool.fresh(ctx)
	if s.chunk == nil {
		return ctx.Err()
	}
	return nil
}

// end closes the chain and the names that are still open.
func (s *streamer) end(ctx context.Context) error {
	if !s.begun {
		return ErrNoSOA
	}
	s.follow(s.zoneKey) // the last points to the apex
	s.closeAncestors(nil)
	return s.handOn(ctx)
}

// stand finds how the zone stands to a name. What lies below a name follows it
// directly in canonical order.
func (s *streamer) stand(n *node) {
	switch {
	case s.hides && bytes.HasPrefix(n.key, s.hider):
		n.state = s.hiding
		if s.hiding == below {
			n.cut = s.chunk.keep(s.hider)
		}
		return
	case len(n.key) > len(s.zoneKey) && n.has(wire.TypeNS):
		n.state, n.cut = cut, n.key
		s.hides, s.hider, s.hiding = true, append(s.hider[:0], n.key...), below
	case n.has(wire.TypeDNAME):
		s.hides, s.hider, s.hiding = true, append(s.hider[:0], n.key...), renamed
	default:
		s.hides = false
	}
}

// promise remembers what the name's NSEC says will follow.
func (s *streamer) promise(n *node) {
	s.promised = s.promised[:0]
	records := n.set(wire.TypeNSEC)
	if !s.nsec || len(records) == 0 {
		return
	}
	if next, _, ok := cutName(records[0].data); ok {
		s.promised = appendLower(s.promised, next)
	}
}

// follow compares the next name of the chain with what was promised (RFC 4034
// section 4.1.1).
func (s *streamer) follow(key []byte) {
	if len(s.promised) == 0 || s.partial {
		return
	}
	if s.packing = appendPacked(s.packing[:0], key); !bytes.Equal(s.promised, s.packing) {
		s.tally.find(denialBroken, &node{key: s.path}, wire.TypeNSEC, "it names %s as the next name, but that is %s",
			nameOf(appendKey(nil, s.promised)), nameOf(key))
	}
}

// closeAncestors ends the names that are not above the key. Those that own
// nothing are empty non-terminals, which NSEC3 speaks of (RFC 5155 section 7.1).
func (s *streamer) closeAncestors(key []byte) {
	for last := len(s.ancestors) - 1; last >= 0; last-- {
		a := s.ancestors[last]
		if key != nil && bytes.HasPrefix(key, s.path[:a.length]) {
			return
		}
		if !a.terminal {
			s.chunk.nodes = append(s.chunk.nodes, node{key: s.chunk.keep(s.path[:a.length]), empty: true, optional: a.optional})
		}
		s.ancestors = s.ancestors[:last]
	}
}

// openAncestors begins the names between the last that is above the name and
// the name itself.
func (s *streamer) openAncestors(n *node) {
	at := len(s.zoneKey)
	if len(s.ancestors) > 0 {
		at = s.ancestors[len(s.ancestors)-1].length
	}
	for at < len(n.key) {
		at += bytes.IndexByte(n.key[at:], 0) + 1
		s.ancestors = append(s.ancestors, ancestor{length: at, terminal: at == len(n.key), optional: true})
	}
	n.optional = n.state == cut && !n.has(wire.TypeDS)
	if n.optional {
		return
	}
	for i := range s.ancestors {
		s.ancestors[i].optional = false
	}
}
