package capture

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/holdfastdns/holdfast/internal/wire"
	"google.golang.org/protobuf/encoding/protowire"
)

// maxFrame bounds a frame, in octets: a DNS message, its query and some fields.
const maxFrame = 1 << 18

const dnstapContent = "protobuf:dnstap.Dnstap"

// The control frames of Frame Streams that stand in files.
const (
	frameStart  = 2
	frameStop   = 3
	fieldFormat = 1 // content type
)

// dnstap reads Frame Streams: frames with their length before them, where a
// length of zero announces a control frame.
func (r *reader) dnstap(in *bufio.Reader) error {
	frame := make([]byte, 0, 4096)
	for {
		length, err := frameLength(in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		control := length == 0
		if control {
			if length, err = frameLength(in); err != nil {
				return fmt.Errorf("control frame: %w", noEnd(err))
			}
		}
		if length > maxFrame {
			return fmt.Errorf("a frame has %d octets: want at most %d", length, maxFrame)
		}
		if cap(frame) < int(length) {
			frame = make([]byte, length)
		}
		frame = frame[:length]
		if _, err := io.ReadFull(in, frame); err != nil {
			return fmt.Errorf("frame: %w", noEnd(err))
		}
		if control {
			stopped, err := controlFrame(frame)
			if err != nil || stopped {
				return err
			}
			continue
		}
		if err := r.frame(frame); err != nil {
			return err
		}
	}
}

func frameLength(in io.Reader) (uint32, error) {
	var length [4]byte
	if _, err := io.ReadFull(in, length[:]); err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint32(length[:]), nil
}

// noEnd is an end where there must be more.
func noEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// controlFrame says whether the stream ends here, and refuses one of other
// content.
func controlFrame(frame []byte) (stopped bool, err error) {
	if len(frame) < 4 {
		return false, errors.New("a control frame without a type")
	}
	kind := binary.BigEndian.Uint32(frame)
	for fields := frame[4:]; kind == frameStart && len(fields) >= 8; {
		field, length := binary.BigEndian.Uint32(fields), binary.BigEndian.Uint32(fields[4:])
		if uint64(length) > uint64(len(fields)-8) {
			return false, errors.New("a control frame whose field is longer than it")
		}
		if value := string(fields[8 : 8+length]); field == fieldFormat && value != dnstapContent {
			return false, fmt.Errorf("the frames are of %q, want %q", value, dnstapContent)
		}
		fields = fields[8+length:]
	}
	return kind == frameStop, nil
}

// tapped are the fields of dnstap's Message that we need. Its schema numbers
// them: type 1, the asker's address 4, the question's time 8 and 9 and message
// 10, the answer's 12, 13 and 14.
type tapped struct {
	kind        uint64
	source      []byte
	seconds     uint64
	nanoseconds uint32
	query       []byte
	response    []byte
}

// Kinds of dnstap's messages: what came to an authoritative server, or to a
// resolver from its clients, and what either answered.
const (
	tapAuthQuery      = 1
	tapAuthResponse   = 2
	tapClientQuery    = 5
	tapClientResponse = 6
)

func (r *reader) frame(frame []byte) error {
	var message []byte
	ok := fields(frame, func(number protowire.Number, _ uint64, data []byte) {
		if number == 14 {
			message = data
		}
	})
	var t tapped
	ok = ok && message != nil && fields(message, t.take)
	source, isAddress := netip.AddrFromSlice(t.source)
	if !ok || !isAddress || t.seconds > 1<<40 {
		r.skip()
		return nil
	}
	at := time.Unix(int64(t.seconds), int64(t.nanoseconds))
	switch t.kind {
	case tapAuthQuery, tapClientQuery:
		return r.message(at, source, t.query)
	case tapAuthResponse, tapClientResponse:
		switch {
		case r.asked: // its question was recorded by itself
			r.skip()
			return nil
		case t.query != nil:
			err := r.message(at, source, t.query)
			r.asked = false // of this one we know by its answer, as of those to come
			return err
		}
		return r.answered(at, source, t.response)
	}
	r.skip()
	return nil
}

// answered takes the question from an answer, where a server records answers
// only. The options of the question are lost then.
func (r *reader) answered(at time.Time, source netip.Addr, packet []byte) error {
	m, err := wire.Parse(packet)
	if r.asked || err != nil || len(m.Question) != 1 {
		r.skip()
		return nil
	}
	return r.question(Question{At: at.UTC(), Source: source.Unmap(), Name: m.Question[0].Name, Type: m.Question[0].Type})
}

func (t *tapped) take(number protowire.Number, value uint64, data []byte) {
	switch number {
	case 1:
		t.kind = value
	case 4:
		t.source = data
	case 8:
		t.seconds, t.nanoseconds = value, 0
	case 9:
		t.nanoseconds = uint32(value) % 1e9
	case 12:
		if t.seconds == 0 {
			t.seconds = value
		}
	case 10:
		t.query = data
	case 14:
		t.response = data
	}
}

// fields walks the fields of a message of protobuf's; false: it is none.
func fields(message []byte, take func(number protowire.Number, value uint64, data []byte)) bool {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return false
		}
		message = message[n:]
		var value uint64
		var data []byte
		switch kind {
		case protowire.VarintType:
			value, n = protowire.ConsumeVarint(message)
		case protowire.Fixed32Type:
			var word uint32
			word, n = protowire.ConsumeFixed32(message)
			value = uint64(word)
		case protowire.BytesType:
			data, n = protowire.ConsumeBytes(message)
		default:
			n = protowire.ConsumeFieldValue(number, kind, message)
		}
		if n < 0 {
			return false
		}
		take(number, value, data)
		message = message[n:]
	}
	return true
}
