package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
)

// errDamaged is what every decoder of stored bytes answers where they are not
// what an encoder wrote.
var errDamaged = errors.New("the stored bytes are damaged")

const (
	// maxExchanges bounds one measurement; a zone of 13 names with 26
	// addresses makes some 400.
	maxExchanges = 20_000
	// maxBlob bounds what one stored blob may grow to when it is expanded.
	maxBlob = 32 << 20
)

// First byte of a squeezed blob.
const (
	blobPlain = 0
	blobZstd  = 1
)

// squeeze compresses where that makes b smaller.
func squeeze(b []byte) []byte { return squeezeWith(compressor(), b) }

// squeezeQuickly takes a fifth of the time for a tenth more octets: for what is
// soon written over.
func squeezeQuickly(b []byte) []byte { return squeezeWith(quickCompressor(), b) }

func squeezeWith(encoder *zstd.Encoder, b []byte) []byte {
	out := encoder.EncodeAll(b, []byte{blobZstd})
	if len(out) > len(b) {
		return append([]byte{blobPlain}, b...)
	}
	return out
}

// expand undoes squeeze.
func expand(b []byte) ([]byte, error) {
	if len(b) == 0 {
		return nil, fmt.Errorf("expand: %w: it is empty", errDamaged)
	}
	switch b[0] {
	case blobPlain:
		return b[1:], nil
	case blobZstd:
		out, err := decompressor().DecodeAll(b[1:], nil)
		if err != nil {
			return nil, fmt.Errorf("expand: %w: %w", errDamaged, err)
		}
		return out, nil
	}
	return nil, fmt.Errorf("expand: %w: unknown form %d", errDamaged, b[0])
}

// appendSigned appends v so that small values of either sign are short.
func appendSigned(out []byte, v int64) []byte { return binary.AppendVarint(out, v) }

func appendCount(out []byte, v int) []byte { return binary.AppendUvarint(out, uint64(v)) }

// appendBytes appends b with its length before it.
func appendBytes[T ~string | ~[]byte](out []byte, b T) []byte {
	return append(appendCount(out, len(b)), b...)
}

// reader takes stored bytes apart. The first fault sticks: what is read after
// it is zero, and err says so at the end.
type reader struct {
	data []byte
	err  error
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", errDamaged, what)
	}
	r.data = nil
}

func (r *reader) unsigned() uint64 {
	v, n := binary.Uvarint(r.data)
	if n <= 0 {
		r.fail("a number is cut short")
		return 0
	}
	r.data = r.data[n:]
	return v
}

func (r *reader) signed() int64 {
	v, n := binary.Varint(r.data)
	if n <= 0 {
		r.fail("a number is cut short")
		return 0
	}
	r.data = r.data[n:]
	return v
}

func (r *reader) duration() time.Duration { return time.Duration(r.signed()) }

// count reads how many things follow, each of which takes at least one byte.
func (r *reader) count(most int) int {
	v := r.unsigned()
	if v > uint64(most) || v > uint64(len(r.data)) {
		r.fail("it counts more than it holds")
		return 0
	}
	return int(v)
}

// index reads a number below n.
func (r *reader) index(n int) int {
	v := r.unsigned()
	if v >= uint64(n) {
		r.fail("an index is out of bounds")
		return 0
	}
	return int(v)
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

// take reads n bytes, which stay the caller's to copy; nil where fewer are left.
func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.data) {
		r.fail("it is cut short")
		return nil
	}
	b := r.data[:n:n]
	r.data = r.data[n:]
	return b
}

func (r *reader) bytes() []byte { return r.take(r.count(math.MaxInt32)) }

// end is the reader's error, which is set where bytes are left over too.
func (r *reader) end() error {
	if r.err == nil && len(r.data) > 0 {
		r.fail("bytes are left over")
	}
	return r.err
}

// table numbers distinct values in the order in which they come.
type table struct {
	values []string
	index  map[string]int
}

func (t *table) number(value string) int {
	if n, ok := t.index[value]; ok {
		return n
	}
	if t.index == nil {
		t.index = map[string]int{}
	}
	n := len(t.values)
	t.values = append(t.values, value)
	t.index[value] = n
	return n
}

func (t *table) append(out []byte) []byte {
	out = appendCount(out, len(t.values))
	for _, value := range t.values {
		out = appendBytes(out, value)
	}
	return out
}

func (r *reader) table() []string {
	values := make([]string, r.count(1<<20))
	for i := range values {
		values[i] = string(r.bytes())
	}
	return values
}

// The compressors and their counterpart hold tables of some megabytes, so one
// of each serves the whole process; they are made on first use and never change.
// Their options are constant: that they are sound is tested, not handled.
var (
	compressor = sync.OnceValue(func() *zstd.Encoder {
		return must(zstd.NewWriter(nil, zstd.WithEncoderDictRaw(dictionaryID, dictionary()), zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true)))
	})
	quickCompressor = sync.OnceValue(func() *zstd.Encoder {
		return must(zstd.NewWriter(nil, zstd.WithEncoderDictRaw(dictionaryID, dictionary()), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true)))
	})
	decompressor = sync.OnceValue(func() *zstd.Decoder {
		return must(zstd.NewReader(nil, zstd.WithDecoderDictRaw(dictionaryID, dictionary()), zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxBlob), zstd.WithDecoderLowmem(true)))
	})
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
