package whole

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
)

// sorter puts any number of short texts of octets into their plain order in
// bounded memory: batches are sorted and laid aside as runs, and the runs are
// merged while they are read. A zone that fits into one batch never leaves
// memory; nor does any where there is no Scratch.
type sorter struct {
	scratch func() (Scratch, error)
	size    int // octets of a batch

	mutex   sync.Mutex // add may be called by several workers
	current *batch
	idle    *batch        // the one that was sorted last, to be filled again
	busy    chan struct{} // closed when the batch that is being laid aside is; nil: none
	file    Scratch
	written int64
	runs    []ordered
	err     error // of the batch laid aside last
	Items   int
}

// batchSize is small enough for four batches at a time, twice over for the
// collector of garbage, to stay within 150 MB, and large enough that a zone of
// ten million delegations makes no more than some hundred runs.
const batchSize = 12 << 20

func newSorter(scratch func() (Scratch, error), size int) *sorter {
	if size == 0 {
		size = batchSize
	}
	return &sorter{scratch: scratch, size: size}
}

// add takes a copy of the item.
func (s *sorter) add(item []byte) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.Items++
	if s.current == nil {
		s.current = &batch{}
	}
	s.current.add(item)
	if len(s.current.slab)+len(s.current.items)*16 < s.size {
		return nil
	}
	return s.layAside()
}

// layAside sorts the batch beside us and writes it where there is a place to
// write to. One batch is on its way at a time: add waits for the one before.
func (s *sorter) layAside() error {
	if err := s.wait(); err != nil {
		return err
	}
	full := s.current
	s.current, s.idle = s.idle, nil
	if s.current == nil {
		s.current = &batch{}
	}
	if s.scratch != nil && s.file == nil {
		var err error
		if s.file, err = s.scratch(); err != nil {
			return fmt.Errorf("open scratch file: %w", err)
		}
	}
	s.busy = make(chan struct{})
	go func() {
		defer close(s.busy)
		full.sort()
		if s.file == nil {
			s.runs = append(s.runs, &memoryRun{batch: full})
			return
		}
		var written int64
		if written, s.err = writeRun(s.file, full); s.err != nil {
			return
		}
		s.runs = append(s.runs, newFileRun(s.file, s.written, written))
		s.written += written
		full.reset()
		s.idle = full
	}()
	return nil
}

// wait sees the batch that is on its way home.
func (s *sorter) wait() error {
	if s.busy != nil {
		<-s.busy
		s.busy = nil
	}
	return s.err
}

// merged is all that was added, in order. Nothing may be added any more.
func (s *sorter) merged() (*merge, error) {
	if err := s.wait(); err != nil {
		return nil, err
	}
	s.idle = nil
	runs := s.runs
	if s.current != nil && len(s.current.items) > 0 {
		s.current.sort()
		runs = append(runs, &memoryRun{batch: s.current})
	}
	m := &merge{}
	for _, r := range runs {
		h := head{run: r}
		more, err := h.advance()
		if err != nil {
			return nil, err
		}
		if more {
			m.heads = append(m.heads, h)
		}
	}
	for i := len(m.heads)/2 - 1; i >= 0; i-- {
		m.down(i)
	}
	return m, nil
}

// close gives the scratch file back.
func (s *sorter) close() {
	_ = s.wait()
	if s.file != nil {
		_ = s.file.Close() // nothing in it is wanted any more
	}
}

// batch is items in memory, one behind the other.
type batch struct {
	slab  []byte
	items []item
}

// item is a place in the slab. prefix is what the items of the batch do not
// all begin with, for quick comparison.
type item struct {
	prefix      uint64
	from, until uint32
}

func (b *batch) add(text []byte) {
	from := uint32(len(b.slab))
	b.slab = append(b.slab, text...)
	b.items = append(b.items, item{from: from, until: uint32(len(b.slab))})
}

func (b *batch) reset() { b.slab, b.items = b.slab[:0], b.items[:0] }

func (b *batch) at(i int) []byte { return b.slab[b.items[i].from:b.items[i].until] }

func (b *batch) sort() {
	if len(b.items) == 0 {
		return
	}
	common := len(b.at(0))
	for i := range b.items {
		common = sharedPrefix(b.at(0)[:common], b.at(i))
	}
	for i := range b.items {
		var eight [8]byte
		copy(eight[:], b.at(i)[common:])
		b.items[i].prefix = binary.BigEndian.Uint64(eight[:])
	}
	slices.SortFunc(b.items, func(x, y item) int {
		if c := cmp.Compare(x.prefix, y.prefix); c != 0 {
			return c
		}
		return bytes.Compare(b.slab[x.from:x.until], b.slab[y.from:y.until])
	})
}

// sharedPrefix is the number of octets with which both begin.
func sharedPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	i := 0
	for i+8 <= n && binary.NativeEndian.Uint64(a[i:]) == binary.NativeEndian.Uint64(b[i:]) {
		i += 8
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}

// merge reads runs as one: a heap whose top is the least head.
type merge struct {
	heads   []head
	pending bool // the top was handed out
}

// head is the first item of a run that was not handed out.
type head struct {
	run  ordered
	item []byte
}

func (h *head) advance() (bool, error) {
	item, err := h.run.next()
	h.item = item
	return item != nil, err
}

// next is the next item, nil at the end. It is lent until the next call.
func (m *merge) next() ([]byte, error) {
	if m.pending {
		more, err := m.heads[0].advance()
		if err != nil {
			return nil, err
		}
		if !more {
			last := len(m.heads) - 1
			m.heads[0] = m.heads[last]
			m.heads = m.heads[:last]
		}
		m.down(0)
	}
	m.pending = len(m.heads) > 0
	if !m.pending {
		return nil, nil
	}
	return m.heads[0].item, nil
}

func (m *merge) down(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(m.heads); child++ {
			if bytes.Compare(m.heads[child].item, m.heads[least].item) < 0 {
				least = child
			}
		}
		if least == i {
			return
		}
		m.heads[i], m.heads[least] = m.heads[least], m.heads[i]
		i = least
	}
}
