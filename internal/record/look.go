package record

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
)

// A look is what is new in a measurement even where nothing changed: when each
// question was sent, how long its answer took, the ids, the tries.
//
// Instants are kept to the millisecond (cut off), round-trip times to a tenth
// of one (rounded; the least is 0.1 ms, since zero means that no reply came).
type look struct {
	started  time.Time
	finished time.Time
	cut      bool
	drawn    []holdfast.Name // names that the plan leaves to the look
	times    []timing        // of the plan's exchanges
}

// timing is one exchange's part of a look.
type timing struct {
	sent  time.Time
	rtt   time.Duration
	id    uint16
	other uint16 // id of the reply where it is not the query's
	odd   bool   // other is set
	tries int
}

const (
	lookForm = 1 // first octet of an encoded look

	lookCut = 1 // flag

	rttUnit = 100 * time.Microsecond
)

// lookOf splits off the look.
func lookOf(m holdfast.Measurement, drawn []holdfast.Name) look {
	l := look{started: m.Started, finished: m.Finished, cut: m.Cut, drawn: drawn, times: make([]timing, len(m.Exchanges))}
	for k := range m.Exchanges {
		e := &m.Exchanges[k]
		t := timing{sent: e.Sent, rtt: e.RTT, tries: e.Tries}
		asked, answered := messageID(e.Query), messageID(e.Reply)
		switch {
		case asked >= 0:
			t.id = uint16(asked)
			t.odd = answered >= 0 && answered != asked
			t.other = uint16(max(answered, 0))
		case answered >= 0:
			t.id = uint16(answered)
		}
		l.times[k] = t
	}
	return l
}

// messageID is a message's id, -1 where it is too short to have one of its own
// in our normal form.
func messageID(message []byte) int {
	if len(message) < headerLength {
		return -1
	}
	return int(binary.BigEndian.Uint16(message))
}

// usualTries is how many tries an exchange takes that ended so; only others are
// written down.
func usualTries(e ending) int {
	switch {
	case e.outcome == holdfast.NotAsked:
		return 0
	case e.outcome == holdfast.Answered && e.truncated:
		return 2
	case e.outcome == holdfast.Answered:
		return 1
	}
	return 3
}

// encode writes the look at the plan p that ended as o.
func (l look) encode(p plan, o outcome) []byte {
	flags := byte(0)
	if l.cut {
		flags |= lookCut
	}
	out := []byte{lookForm, flags}
	out = appendSigned(out, millis(l.finished)-millis(l.started))
	out = appendCount(out, len(l.times))
	out = appendCount(out, len(l.drawn))
	for _, name := range l.drawn {
		// Names below the zone are written without it, and so without a final dot.
		short := strings.TrimSuffix(string(name), "."+strings.TrimPrefix(string(p.Subject.Zone), "."))
		out = appendBytes(out, short)
	}
	last := millis(l.started)
	for _, t := range l.times {
		if t.sent.IsZero() {
			out = append(out, 0)
			continue
		}
		delta := millis(t.sent) - last
		last += delta
		out = binary.AppendUvarint(out, zigzag(delta)+1)
	}
	// The further times of a server are much like its first.
	base := map[holdfast.Server]int64{}
	for k, t := range l.times {
		units := rttUnits(t.rtt)
		if units == 0 {
			out = append(out, 0)
			continue
		}
		server := p.places[k].server
		out = binary.AppendUvarint(out, zigzag(units-base[server])+1)
		base[server] = units
	}
	for _, t := range l.times {
		out = binary.BigEndian.AppendUint16(out, t.id)
	}
	return l.appendOddities(out, o)
}

// appendOddities writes tries that are not the usual, and replies with another
// id than the query's, each behind the exchange that it is of.
func (l look) appendOddities(out []byte, o outcome) []byte {
	for k, t := range l.times {
		if t.tries != usualTries(o[k]) {
			out = appendSigned(appendCount(append(out, oddTries), k), int64(t.tries))
		}
		if t.odd {
			out = appendCount(appendCount(append(out, oddID), k), int(t.other))
		}
	}
	return out
}

const (
	oddTries = 1
	oddID    = 2
)

// lookFinished reads the end of a look alone.
func lookFinished(data []byte, started time.Time) (time.Time, error) {
	r := &reader{data: data}
	if form := r.byte(); form != lookForm {
		return time.Time{}, fmt.Errorf("decode look: %w: unknown form %d", errDamaged, form)
	}
	r.byte() // flags
	finished := fromMillis(millis(started) + r.signed())
	return finished, r.err
}

// decodeLook needs what the look rests on, of which there are as many exchanges.
func decodeLook(data []byte, started time.Time, p plan, o outcome) (look, error) {
	r := &reader{data: data}
	if form := r.byte(); form != lookForm {
		return look{}, fmt.Errorf("decode look: %w: unknown form %d", errDamaged, form)
	}
	flags := r.byte()
	l := look{started: started, cut: flags&lookCut != 0}
	l.finished = fromMillis(millis(started) + r.signed())
	if n := r.count(maxExchanges); n != len(o) {
		return look{}, fmt.Errorf("decode look: %w: it has %d exchanges, its outcome %d", errDamaged, n, len(o))
	}
	l.drawn = make([]holdfast.Name, r.count(maxExchanges))
	for i := range l.drawn {
		l.drawn[i] = lengthen(string(r.bytes()), p.Subject.Zone)
	}
	l.times = make([]timing, len(o))
	last := millis(started)
	for k := range l.times {
		if v := r.unsigned(); v > 0 {
			last += unzigzag(v - 1)
			l.times[k].sent = fromMillis(last)
		}
		l.times[k].tries = usualTries(o[k])
	}
	base := map[holdfast.Server]int64{}
	for k := range l.times {
		if v := r.unsigned(); v > 0 {
			server := p.places[k].server
			base[server] += unzigzag(v - 1)
			l.times[k].rtt = time.Duration(base[server]) * rttUnit
		}
	}
	for k := range l.times {
		if id := r.take(2); id != nil {
			l.times[k].id = binary.BigEndian.Uint16(id)
		}
	}
	for r.err == nil && len(r.data) > 0 {
		r.oddity(l.times)
	}
	if err := r.end(); err != nil {
		return look{}, fmt.Errorf("decode look: %w", err)
	}
	return l, nil
}

func (r *reader) oddity(times []timing) {
	kind, k := r.byte(), r.index(len(times))
	switch {
	case r.err != nil:
	case kind == oddTries:
		times[k].tries = int(r.signed())
	case kind == oddID:
		times[k].odd, times[k].other = true, uint16(r.index(1<<16))
	default:
		r.fail("an oddity of unknown kind")
	}
}

// lengthen undoes what encode does to a drawn name.
func lengthen(short string, zone holdfast.Name) holdfast.Name {
	if short == "" || strings.HasSuffix(short, ".") {
		return holdfast.Name(short)
	}
	return holdfast.Name(short + "." + strings.TrimPrefix(string(zone), "."))
}

// AsKept is a measurement as the record gives it back: instants to the
// millisecond, round-trip times to a tenth of one. What is judged when it is
// fresh must be this, so that judging it again gives the same verdict to the
// octet. The exchanges are copied.
func AsKept(m holdfast.Measurement) holdfast.Measurement {
	m.Started, m.Finished = m.Started.Truncate(time.Millisecond), m.Finished.Truncate(time.Millisecond)
	m.Exchanges = slices.Clone(m.Exchanges)
	for i := range m.Exchanges {
		e := &m.Exchanges[i]
		e.Sent = e.Sent.Truncate(time.Millisecond)
		e.RTT = time.Duration(rttUnits(e.RTT)) * rttUnit
	}
	return m
}

// rttUnits rounds to the unit. A reply that came has at least one: zero says
// that none did.
func rttUnits(rtt time.Duration) int64 {
	if rtt <= 0 {
		return 0
	}
	return max(1, int64((rtt+rttUnit/2)/rttUnit))
}

func zigzag(v int64) uint64   { return uint64(v)<<1 ^ uint64(v>>63) }
func unzigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }

// millis is an instant in milliseconds since 1970, cut off; the zero time is 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
