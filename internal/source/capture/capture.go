package capture

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Question is a DNS question as somebody recorded it on its way to a server.
type Question struct {
	At     time.Time
	Source netip.Addr
	Name   holdfast.Name
	Type   uint16
	// Tags are those of the EDNS key tag option (RFC 8145 section 4), in the
	// order in which they came; nil where it was not sent, or the record does
	// not keep options.
	Tags []uint16
}

// Format names a kind of record.
type Format string

const (
	FormatLog    Format = "log"    // lines of BIND's and Unbound's query logs
	FormatPcap   Format = "pcap"   // libpcap's file
	FormatPcapNG Format = "pcapng" // its successor
	FormatDnstap Format = "dnstap" // Frame Streams of dnstap, as BIND, Knot, NSD and Unbound write them
)

// Options say how a record is read; the zero value will do for most.
type Options struct {
	// Format is what the record is taken for; empty: what it seems to be.
	Format Format
	// Now is when the record is read: a log may give dates without their year.
	Now time.Time
	// Zone is the time zone of a log whose times name none; nil: UTC.
	Zone *time.Location
	// Port is where questions go to, for captures of packets; zero: 53.
	Port uint16
	// MaxBytes bounds what is read, after decompression; zero: 1 TiB.
	MaxBytes int64
}

// Stats say what was read of a record.
type Stats struct {
	File      string `json:"file"`
	Format    Format `json:"format"`
	Questions int64  `json:"questions"`
	// Skipped are lines, packets or frames that are no question: answers and
	// other matter, but also what was not understood.
	Skipped int64 `json:"skipped"`
	// Broken says where and why the record broke off; empty: it was read to its
	// end. What stands before counts.
	Broken string `json:"broken,omitempty"`
}

// keyTagOption is the EDNS option of key tags (RFC 8145 section 4.1).
const keyTagOption = 14

// maxTags bounds the tags of one question: the root never had more than three
// keys, and whoever sends hundreds says nothing.
const maxTags = 16

var errTooLong = errors.New("it is longer than what is read of a record")

// Read reads a record as a stream, gzip or not, and hands out its questions in
// order. A record that breaks off is no error but said in Stats; the error is
// that of yield, or that the record is none that is known.
func Read(in io.Reader, file string, o Options, yield func(Question) error) (Stats, error) {
	stats := Stats{File: file, Format: o.Format}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 1 << 40
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Port == 0 {
		o.Port = 53
	}
	stream, err := unzip(bufio.NewReaderSize(in, 1<<16))
	if err != nil {
		return stats, fmt.Errorf("read record %s: %w", file, err)
	}
	stream = bufio.NewReaderSize(&bounded{stream, o.MaxBytes}, 1<<16)
	if stats.Format == "" {
		head, _ := stream.Peek(12)
		stats.Format = detect(head)
	}
	r := reader{Options: o, stats: &stats, yield: yield}
	switch stats.Format {
	case FormatLog:
		err = r.log(stream)
	case FormatPcap, FormatPcapNG:
		err = r.packets(stream, stats.Format)
	case FormatDnstap:
		err = r.dnstap(stream)
	default:
		return stats, fmt.Errorf("read record %s: format %q: want %s, %s, %s or %s", file, stats.Format, FormatLog, FormatPcap, FormatPcapNG, FormatDnstap)
	}
	if err != nil {
		var stopped stop
		if errors.As(err, &stopped) {
			return stats, stopped.error
		}
		stats.Broken = err.Error()
	}
	return stats, nil
}

// stop is an error of yield's, which ends the reading and is no fault of the
// record.
type stop struct{ error }

// reader reads one record.
type reader struct {
	Options
	stats *Stats
	yield func(Question) error
	// asked: the record has questions themselves. What only follows from them
	// (answers, lines of telemetry) is not counted then, lest it be twice.
	asked bool
}

func (r *reader) question(q Question) error {
	r.stats.Questions++
	if err := r.yield(q); err != nil {
		return stop{err}
	}
	return nil
}

func (r *reader) skip() { r.stats.Skipped++ }

// message hands out the question of a DNS message, if it is one.
func (r *reader) message(at time.Time, source netip.Addr, packet []byte) error {
	if len(packet) < 12 || packet[2]&0xf8 != 0 { // an answer, or another opcode than QUERY
		r.skip()
		return nil
	}
	m, err := wire.Parse(packet)
	if err != nil || len(m.Question) != 1 {
		r.skip()
		return nil
	}
	q := Question{At: at.UTC(), Source: source.Unmap(), Name: m.Question[0].Name, Type: m.Question[0].Type}
	if opt, ok := wire.ReadOPT(packet); ok {
		if data, ok := opt.Option(keyTagOption); ok && len(data)%2 == 0 && len(data) <= 2*maxTags {
			for i := 0; i < len(data); i += 2 {
				q.Tags = append(q.Tags, uint16(data[i])<<8|uint16(data[i+1]))
			}
		}
	}
	r.asked = true
	return r.question(q)
}

// bounded gives up beyond a number of octets.
type bounded struct {
	in   io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.in.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// unzip opens a stream that is compressed by gzip.
func unzip(in *bufio.Reader) (*bufio.Reader, error) {
	head, _ := in.Peek(2)
	if !bytes.Equal(head, []byte{0x1f, 0x8b}) {
		return in, nil
	}
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, err
	}
	return bufio.NewReaderSize(z, 1<<16), nil
}

// detect tells a format by the first octets: the magic numbers of pcap in both
// orders and both resolutions, the section header of pcapng, the START frame of
// Frame Streams; all else is taken for lines.
func detect(head []byte) Format {
	if len(head) >= 4 {
		switch string(head[:4]) {
		case "\xd4\xc3\xb2\xa1", "\xa1\xb2\xc3\xd4", "\x4d\x3c\xb2\xa1", "\xa1\xb2\x3c\x4d":
			return FormatPcap
		case "\x0a\x0d\x0d\x0a":
			return FormatPcapNG
		case "\x00\x00\x00\x00":
			return FormatDnstap
		}
	}
	return FormatLog
}
