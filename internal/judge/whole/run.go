package whole

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Scratch is a place for what does not fit into memory: written once from
// beginning to end, then read in pieces. Whoever hands it in sees to it that it
// is gone after Close.
type Scratch interface {
	io.Writer
	io.ReaderAt
	io.Closer
}

// ordered is items in order, a run. next answers nil at the end; what it answers is lent
// until it is called again.
type ordered interface {
	next() ([]byte, error)
}

// memoryRun is a batch that stayed in memory.
type memoryRun struct {
	batch *batch
	read  int
}

func (r *memoryRun) next() ([]byte, error) {
	if r.read == len(r.batch.items) {
		return nil, nil
	}
	r.read++
	return r.batch.at(r.read - 1), nil
}

// A run in a file is its items one behind the other, each as the number of
// octets that it shares with the one before, the number of those that follow,
// both as varints, and these.

// maxItem bounds an item: a name's key of at most 510 octets, RDATA of at most
// 65,535, and what little stands beside them.
const maxItem = 1 << 17

var errScratch = errors.New("the scratch file is not what was written to it")

const (
	writeBuffer = 1 << 18
	// readBuffer is held by each run that is merged; a few hundred are.
	readBuffer = 1 << 15
)

// writeRun writes a sorted batch and answers how many octets it took.
func writeRun(out io.Writer, b *batch) (int64, error) {
	buffer := make([]byte, 0, writeBuffer+maxItem)
	var written int64
	var before []byte
	for i := range b.items {
		text := b.at(i)
		shared := sharedPrefix(before, text)
		buffer = binary.AppendUvarint(buffer, uint64(shared))
		buffer = binary.AppendUvarint(buffer, uint64(len(text)-shared))
		buffer = append(buffer, text[shared:]...)
		before = text
		if len(buffer) >= writeBuffer || i == len(b.items)-1 {
			n, err := out.Write(buffer)
			written += int64(n)
			if err != nil {
				return written, fmt.Errorf("write scratch file: %w", err)
			}
			buffer = buffer[:0]
		}
	}
	return written, nil
}

// fileRun is a run in a file.
type fileRun struct {
	in      io.ReaderAt
	off     int64 // of what is to be read next
	left    int64
	buffer  []byte
	unread  []byte // of the buffer
	current []byte // the item, whole
}

func newFileRun(in io.ReaderAt, off, length int64) *fileRun {
	return &fileRun{in: in, off: off, left: length}
}

func (r *fileRun) next() ([]byte, error) {
	if r.left == 0 && len(r.unread) == 0 {
		return nil, nil
	}
	shared, err := r.varint()
	if err != nil {
		return nil, err
	}
	more, err := r.varint()
	if err != nil {
		return nil, err
	}
	if shared > uint64(len(r.current)) || shared+more > maxItem || shared+more == 0 {
		return nil, errScratch
	}
	r.current = r.current[:shared]
	for more > 0 {
		if len(r.unread) == 0 {
			if err := r.fill(); err != nil {
				return nil, err
			}
		}
		n := min(more, uint64(len(r.unread)))
		r.current = append(r.current, r.unread[:n]...)
		r.unread = r.unread[n:]
		more -= n
	}
	return r.current, nil
}

func (r *fileRun) varint() (uint64, error) {
	if len(r.unread) < binary.MaxVarintLen64 && r.left > 0 {
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	v, n := binary.Uvarint(r.unread)
	if n <= 0 || v > maxItem {
		return 0, errScratch
	}
	r.unread = r.unread[n:]
	return v, nil
}

// fill reads on, behind what is not read yet.
func (r *fileRun) fill() error {
	if r.left == 0 {
		return errScratch
	}
	if r.buffer == nil {
		r.buffer = make([]byte, readBuffer)
	}
	kept := copy(r.buffer, r.unread)
	n := int(min(int64(len(r.buffer)-kept), r.left))
	if got, err := r.in.ReadAt(r.buffer[kept:kept+n], r.off); got < n {
		return fmt.Errorf("read scratch file: %w", err)
	}
	r.off += int64(n)
	r.left -= int64(n)
	r.unread = r.buffer[:kept+n]
	return nil
}
