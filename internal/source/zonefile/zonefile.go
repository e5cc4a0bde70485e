// Package zonefile brings in whole zones as a stream of records: from master
// files (RFC 1035 section 5), plain or compressed, as dig prints a transfer,
// over HTTPS, and by zone transfer (RFC 5936).
//
// A zone that ends before its time is told apart from a short one wherever the
// form allows it. Whether the zone is true is not asked here: judges do.
package zonefile

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/ulikunitz/xz"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/source"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// ErrTruncated says that the zone ends before its time: fetch it again.
var ErrTruncated = errors.New("the zone is truncated; fetch it again")

// ErrTooLarge says that a limit was met.
var ErrTooLarge = errors.New("the zone is larger than the limit")

// Limits bound what a zone may cost. The zero value takes the defaults.
type Limits struct {
	// MaxBytes of zone text after decompression, or of messages in a
	// transfer. Default 1 GiB; the root zone has 2.3 MB.
	MaxBytes int64 `toml:"max_bytes"`
	// MaxRecords in the zone. Default 50 million.
	MaxRecords int `toml:"max_records"`
	// MaxMessages in a transfer. Default 1 million.
	MaxMessages int `toml:"max_messages"`
	// Timeout of a whole fetch or transfer. Default 2 minutes.
	Timeout holdfast.Duration `toml:"timeout"`
	// Idle is the longest wait for the next message of a transfer. Default 20 s.
	Idle holdfast.Duration `toml:"idle"`
}

func (l Limits) withDefaults() Limits {
	if l.MaxBytes <= 0 {
		l.MaxBytes = 1 << 30
	}
	if l.MaxRecords <= 0 {
		l.MaxRecords = 50_000_000
	}
	if l.MaxMessages <= 0 {
		l.MaxMessages = 1_000_000
	}
	if l.Timeout <= 0 {
		l.Timeout = holdfast.Duration(2 * time.Minute)
	}
	if l.Idle <= 0 {
		l.Idle = holdfast.Duration(20 * time.Second)
	}
	return l
}

// Summary is what a stream of records was, known when it has ended.
type Summary struct {
	Zone    holdfast.Name
	SOA     wire.SOA
	Records int // handed over; the closing SOA of a transfer is not
	// Closed says that the SOA came again at the end, as in a transfer.
	Closed bool
	// Unterminated says that the last line of a file has no newline: it may
	// have been cut, and no parser can tell.
	Unterminated bool
}

// ReadFile reads the named file, or stdin where the name is "-". See Read.
func ReadFile(name string, stdin io.Reader, origin holdfast.Name, limits Limits, yield func(wire.Record) error) (Summary, error) {
	if name == "-" {
		return Read(stdin, "standard input", origin, limits, yield)
	}
	file, err := os.Open(name)
	if err != nil {
		return Summary{}, fmt.Errorf("read zone: %w", err)
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.IsDir() {
		return Summary{}, fmt.Errorf("read zone %s: it is a directory; name a zone file", name)
	}
	return Read(file, name, origin, limits, yield)
}

// Read reads a zone from a master file or from dig's print of a transfer and
// hands over record after record, in bounded memory. gzip and xz are known by
// their first bytes. Relative names are taken to be under origin (the root
// where it is empty); name stands for the file in errors, which name the line.
//
// It answers ErrTruncated where the text can be seen to end before its time,
// ErrTooLarge beyond the limits, and yield's error as it is.
func Read(in io.Reader, name string, origin holdfast.Name, limits Limits, yield func(wire.Record) error) (Summary, error) {
	limits = limits.withDefaults()
	if origin == "" {
		origin = holdfast.Root
	}
	plain, err := decompress(in)
	if err != nil {
		return Summary{}, fmt.Errorf("read zone %s: %w", name, err)
	}
	counted := &boundedReader{in: plain, left: limits.MaxBytes}
	text := bufio.NewReaderSize(counted, 1<<16)
	a := &assembly{limits: limits, yield: yield, transfer: printedTransfer(text)}
	err = wire.ReadZone(text, origin, name, a.add)
	switch {
	case a.yieldErr != nil:
		return a.summary, a.yieldErr
	case counted.err != nil:
		// What the reader said is the cause; a parser's complaint about the
		// record that broke off is its effect.
		err = counted.err
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = fmt.Errorf("%w (%w)", ErrTruncated, err)
		}
	case err != nil && counted.ended && counted.last != '\n':
		err = fmt.Errorf("%w (%w)", ErrTruncated, err)
	case err == nil:
		err = a.end()
	}
	a.summary.Unterminated = counted.last != '\n' && counted.last != 0
	if err != nil && strings.HasPrefix(err.Error(), name+":") { // the line says where
		return a.summary, fmt.Errorf("%w, after %d good records", err, a.summary.Records)
	}
	if err != nil {
		return a.summary, fmt.Errorf("read zone %s, after %d records: %w", name, a.summary.Records, err)
	}
	return a.summary, nil
}

// printedTransfer says whether the text begins as dig or kdig print a
// transfer. Such a text must end with the SOA that it begins with.
func printedTransfer(text *bufio.Reader) bool {
	head, _ := text.Peek(1024)
	for line := range bytes.Lines(head) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		if line[0] != ';' {
			return false
		}
		lower := strings.ToLower(string(line))
		if strings.Contains(lower, "<<>> dig") && strings.Contains(lower, "axfr") || strings.HasPrefix(lower, ";; axfr for ") {
			return true
		}
	}
	return false
}

var (
	gzipMagic = []byte{0x1f, 0x8b}
	xzMagic   = []byte{0xfd, '7', 'z', 'X', 'Z', 0}
)

// maxDictionary bounds the memory of xz: that of its largest preset, -9.
const maxDictionary = 64 << 20

func decompress(in io.Reader) (io.Reader, error) {
	buffered := bufio.NewReaderSize(in, 1<<16)
	head, err := buffered.Peek(len(xzMagic))
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		return gzip.NewReader(buffered)
	case bytes.Equal(head, xzMagic):
		out, err := xz.ReaderConfig{DictCap: maxDictionary}.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("xz: %w", err)
		}
		return out, nil
	}
	return buffered, nil
}

// boundedReader counts, and remembers how the text ended.
type boundedReader struct {
	in    io.Reader
	left  int64
	last  byte // the last octet read
	ended bool
	err   error // the first that was not the end of the file
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.in.Read(p)
	if n > 0 {
		b.last = p[n-1]
		b.left -= int64(n)
	}
	switch {
	case b.left < 0:
		b.err = fmt.Errorf("%w of bytes (max_bytes)", ErrTooLarge)
		return 0, b.err
	case err == io.EOF:
		b.ended = true
	case err != nil:
		b.err = err
	}
	return n, err
}

// assembly sees to it that the records make one zone.
type assembly struct {
	limits   Limits
	yield    func(wire.Record) error
	transfer bool // it must end with its first SOA
	first    wire.Record
	summary  Summary
	yieldErr error
}

func (a *assembly) add(r wire.Record) error {
	if a.transfer && a.summary.Closed {
		return fmt.Errorf("record %s %s stands behind the closing SOA", r.Name, r.Type)
	}
	if a.summary.Closed = r.Type == wire.TypeSOA && a.summary.Zone == r.Name; a.summary.Closed {
		if !bytes.Equal(r.Data, a.first.Data) {
			return fmt.Errorf("the zone has two different SOA records: it changed while it was transferred, or two zones were joined")
		}
		return nil
	}
	if r.Type == wire.TypeSOA && a.summary.Zone == "" {
		soa, err := r.SOA()
		if err != nil {
			return err
		}
		a.first, a.summary.Zone, a.summary.SOA = r, r.Name, soa
	}
	if a.summary.Records++; a.summary.Records > a.limits.MaxRecords {
		return fmt.Errorf("%w of %d records (max_records)", ErrTooLarge, a.limits.MaxRecords)
	}
	if err := a.yield(r); err != nil {
		a.yieldErr = err
		return err
	}
	return nil
}

// end judges the end of the stream.
func (a *assembly) end() error {
	switch {
	case a.summary.Records == 0:
		return errors.New("it holds no records: is it a zone file?")
	case a.summary.Zone == "":
		return errors.New("it holds no SOA record: it is not a whole zone")
	case a.transfer && !a.summary.Closed:
		return fmt.Errorf("%w (the SOA is not repeated at the end: RFC 5936 section 2.2)", ErrTruncated)
	}
	return nil
}

// gather makes a whole zone of a stream.
func gather(ctx context.Context, from Source, fetched time.Time) (source.Zone, error) {
	zone := source.Zone{From: from.String(), Fetched: fetched}
	summary, err := from.Stream(ctx, func(r wire.Record) error {
		zone.Records = append(zone.Records, r)
		return nil
	})
	if err != nil {
		return source.Zone{}, err
	}
	zone.Name, zone.SOA = summary.Zone, summary.SOA
	return zone, nil
}
