package anchor

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// typeKEYDATA is BIND's own type for what it keeps of a key.
const typeKEYDATA = wire.Type(65533)

// Marks at the beginning of journals; the transactions of the newer kind say
// how many records they have.
var (
	journalHead  = []byte(";BIND LOG V9\n")
	journalHead2 = []byte(";BIND LOG V9.2\n")
)

const (
	journalHeader = 64
	// maxJournal bounds the records of a journal: BIND keeps it below twice the
	// size of a zone that has a handful.
	maxJournal = 1 << 16
)

func likeJournal(_ string, text []byte) bool {
	return bytes.HasPrefix(text, journalHead) || bytes.HasPrefix(text, journalHead2)
}

// parseJournal reads the journal that BIND keeps beside managed-keys.bind. The
// records that its transactions leave are the keys as of the last change: each
// refresh writes all keys of a trust point anew.
func parseJournal(f *File) error {
	if len(f.text) < journalHeader {
		return fmt.Errorf("%s: the header of the journal breaks off", f.Name)
	}
	counted := bytes.HasPrefix(f.text, journalHead2)
	begin, end := binary.BigEndian.Uint32(f.text[20:]), binary.BigEndian.Uint32(f.text[28:])
	if begin > end || uint64(end) > uint64(len(f.text)) {
		return fmt.Errorf("%s: the journal ends at octet %d of %d: it breaks off", f.Name, end, len(f.text))
	}
	keys := []journalKey{}
	read := 0
	for at := int(begin); at < int(end); {
		records, next, err := f.transaction(at, int(end), counted)
		if err != nil {
			return fmt.Errorf("%s: transaction at octet %d: %w", f.Name, at, err)
		}
		if read += len(records); read > maxJournal {
			return fmt.Errorf("%s: the journal has more than %d records", f.Name, maxJournal)
		}
		keys = replay(keys, records)
		at = next
	}
	for _, k := range keys {
		if err := f.journalKey(k); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return nil
}

// journalKey is a record and where it stands.
type journalKey struct {
	wire.Record
	from, to int
}

// transaction reads the records of a transaction that begins at an offset.
func (f *File) transaction(at, end int, counted bool) (records []journalKey, next int, err error) {
	head := 12
	if counted {
		head = 16
	}
	if end-at < head {
		return nil, 0, fmt.Errorf("it breaks off")
	}
	size := uint64(binary.BigEndian.Uint32(f.text[at:]))
	at += head
	if size > uint64(end-at) {
		return nil, 0, fmt.Errorf("it has %d octets, and %d are left", size, end-at)
	}
	for next = at + int(size); at < next; {
		if next-at < 4 {
			return nil, 0, fmt.Errorf("a record breaks off")
		}
		length := uint64(binary.BigEndian.Uint32(f.text[at:]))
		if at += 4; length > uint64(next-at) || length > 1<<16 {
			return nil, 0, fmt.Errorf("a record has %d octets, and %d are left", length, next-at)
		}
		record, err := recordOnWire(f.text[at : at+int(length)])
		if err != nil {
			return nil, 0, err
		}
		records = append(records, journalKey{record, at, at + int(length)})
		at += int(length)
	}
	return records, next, nil
}

// recordOnWire reads a record in wire form, as the only answer of a message.
func recordOnWire(data []byte) (wire.Record, error) {
	message := append([]byte{0, 0, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0}, data...)
	m, err := wire.Parse(message)
	if err != nil {
		return wire.Record{}, err
	}
	if len(m.Answer) != 1 {
		return wire.Record{}, fmt.Errorf("there is no record")
	}
	return m.Answer[0], nil
}

// replay applies a transaction: behind its first SOA stands what goes, behind
// its second what comes.
func replay(keys, records []journalKey) []journalKey {
	adding := false
	for i, r := range records {
		switch {
		case r.Type == wire.TypeSOA:
			adding = i > 0
		case adding:
			keys = append(keys, r)
		default:
			keys = slices.DeleteFunc(keys, func(k journalKey) bool {
				return k.Name == r.Name && k.Type == r.Type && bytes.Equal(k.Data, r.Data)
			})
		}
	}
	return keys
}

// journalKey takes up a KEYDATA record: three instants in seconds since 1970
// (the next refresh, the ends of the hold-downs), then a DNSKEY's data.
func (f *File) journalKey(k journalKey) error {
	if k.Type != typeKEYDATA {
		return fmt.Errorf("%s record of %s: want KEYDATA", k.Type, k.Name)
	}
	if len(k.Data) < 16 {
		return fmt.Errorf("KEYDATA of %s breaks off", k.Name)
	}
	var times [3]time.Time
	for i := range times {
		if seconds := binary.BigEndian.Uint32(k.Data[4*i:]); seconds != 0 {
			times[i] = time.Unix(int64(seconds), 0).UTC()
		}
	}
	f.refreshes(k.Name, times[0])
	d := k.Data[12:]
	if len(d) == 4 {
		return nil // its first keys are yet to be validated
	}
	key := KeyOf(wire.DNSKEY{Flags: binary.BigEndian.Uint16(d), Protocol: d[2], Algorithm: d[3], PublicKey: d[4:]})
	stateOfKeydata(&key, times, "")
	f.hold(k.from, k.to, k.Name, key)
	f.entries[len(f.entries)-1].key.Place = f.Name // it has no lines
	return nil
}

// refreshes notes when the keys of a trust point are asked for again: at the
// first of what its keys say.
func (f *File) refreshes(zone holdfast.Name, at time.Time) {
	point := f.point(zone, "")
	if point.Next.IsZero() || at.Before(point.Next) {
		point.Next = at
	}
}
