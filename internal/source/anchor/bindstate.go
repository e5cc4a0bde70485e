package anchor

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func likeBINDState(_ string, text []byte) bool {
	return bytes.Contains(text, []byte("KEYDATA")) && bytes.Contains(text, []byte("SOA"))
}

// parseBINDState reads BIND's managed-keys.bind (VIEW.mkeys where there are
// views): a zone of KEYDATA records, which is a DNSKEY with three instants
// before it: of the next refresh, of the end of the add hold-down, and of that
// of the remove hold-down. BIND notes changes in a journal beside the file
// first, so that the file may be older than what the server knows.
func parseBINDState(f *File) error {
	z := zoneLines{f: f, origin: holdfast.Root}
	return z.each(func(from, to int, owner holdfast.Name, fields []string) error {
		switch strings.ToUpper(fields[0]) {
		case "SOA":
			return nil
		case "KEYDATA":
			to, said := f.keydataComments(to)
			return f.keydata(from, to, owner, fields[1:], said)
		}
		return fmt.Errorf("%s: want KEYDATA", fields[0])
	})
}

// keydataComments are the comment lines behind a KEYDATA record, and where
// they end.
func (f *File) keydataComments(to int) (int, string) {
	end := to
	for next := to; next < len(f.text); {
		stop, _ := lineEnd(f.text, next)
		line := strings.TrimSpace(string(f.text[next:stop]))
		if line != "" && line[0] != ';' {
			break
		}
		next = stop
		if line != "" {
			end = stop
		}
	}
	return end, string(f.text[to:end])
}

// keydata reads a KEYDATA record. A key of all zeros stands for a trust point
// whose first keys are yet to be validated.
func (f *File) keydata(from, to int, owner holdfast.Name, fields []string, said string) error {
	if len(fields) < 6 {
		return fmt.Errorf("KEYDATA with %d fields: want 7", len(fields))
	}
	var times [3]time.Time
	for i := range times {
		at, err := zoneTime(fields[i])
		if err != nil {
			return fmt.Errorf("KEYDATA: %w", err)
		}
		times[i] = at
	}
	record, err := dnskeyOf(owner, fields[3:])
	if err != nil {
		return fmt.Errorf("KEYDATA: %w", err)
	}
	f.refreshes(owner, times[0])
	if len(record.PublicKey) == 0 {
		return nil
	}
	key := KeyOf(record)
	stateOfKeydata(&key, times, said)
	f.hold(from, to, owner, key)
	return nil
}

// stateOfKeydata says where a key stood when the file was written. BIND itself
// has no more than the instants; whether a hold-down was over then it says in a
// comment only.
func stateOfKeydata(key *holdfast.TrustedKey, times [3]time.Time, said string) {
	refresh, add, remove := times[0], times[1], times[2]
	pending := add.After(refresh)
	if strings.Contains(said, "trusted since") {
		pending = false
	} else if strings.Contains(said, "trust pending") {
		pending = true
	}
	switch {
	case !remove.IsZero() || key.Flags&wire.FlagRevoke != 0:
		key.State, key.Hold = holdfast.KeyRevoked, remove
	case add.IsZero():
		key.State = holdfast.KeyStart
	case pending:
		key.State, key.Hold = holdfast.KeyAddPend, add
	default:
		key.Since = add
	}
}

// zoneTime reads YYYYMMDDHHMMSS; the beginning of 1970 is never.
func zoneTime(text string) (time.Time, error) {
	at, err := time.Parse("20060102150405", text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not an instant as 20260801120000", text)
	}
	if at.Unix() == 0 {
		return time.Time{}, nil
	}
	return at, nil
}

// dnskeyOf reads the fields of a DNSKEY record: flags, protocol, algorithm and
// the key in base 64, which may be in pieces.
func dnskeyOf(owner holdfast.Name, fields []string) (wire.DNSKEY, error) {
	var none wire.DNSKEY
	if len(fields) < 3 {
		return none, fmt.Errorf("key of %s: want flags, protocol, algorithm and key", owner)
	}
	flags, err := strconv.ParseUint(fields[0], 10, 16)
	if err != nil {
		return none, fmt.Errorf("key of %s: flags %q are not a number below 65536", owner, fields[0])
	}
	protocol, err := strconv.ParseUint(fields[1], 10, 8)
	if err != nil {
		return none, fmt.Errorf("key of %s: protocol %q is not a number below 256", owner, fields[1])
	}
	algorithm, err := algorithmNumber(fields[2])
	if err != nil {
		return none, fmt.Errorf("key of %s: %w", owner, err)
	}
	public, err := base64.StdEncoding.DecodeString(strings.Join(fields[3:], ""))
	if err != nil {
		return none, fmt.Errorf("key of %s: the key is not base 64: %w", owner, err)
	}
	return wire.DNSKEY{Flags: uint16(flags), Protocol: uint8(protocol), Algorithm: algorithm, PublicKey: public}, nil
}

// zoneLines walks the records of a master file whose types the DNS library does
// not know.
type zoneLines struct {
	f      *File
	origin holdfast.Name
}

// each hands out the records: where they stand, their owner, and their fields
// from the type on.
func (z *zoneLines) each(yield func(from, to int, owner holdfast.Name, fields []string) error) error {
	owner := holdfast.Name("")
	for from := 0; from < len(z.f.text); {
		to, open := lineEnd(z.f.text, from)
		if open {
			return z.f.fault(from, "a parenthesis is not closed")
		}
		bare, _ := uncomment(string(z.f.text[from:to]))
		fields := strings.Fields(strings.NewReplacer("(", " ", ")", " ").Replace(bare))
		if err := z.line(bare, fields, &owner, func(rest []string) error { return yield(from, to, owner, rest) }); err != nil {
			return z.f.fault(from, "%w", err)
		}
		from = to
	}
	return nil
}

func (z *zoneLines) line(bare string, fields []string, owner *holdfast.Name, yield func([]string) error) error {
	switch {
	case len(fields) == 0:
		return nil
	case fields[0] == "$TTL":
		return nil
	case fields[0] == "$ORIGIN" && len(fields) == 2:
		name, err := z.absolute(fields[1])
		z.origin = name
		return err
	case fields[0][0] == '$':
		return fmt.Errorf("directive %s is not known", fields[0])
	}
	if bare[0] != ' ' && bare[0] != '\t' {
		name, err := z.absolute(fields[0])
		if err != nil {
			return err
		}
		*owner, fields = name, fields[1:]
	}
	if *owner == "" {
		return fmt.Errorf("there is no owner name")
	}
	for len(fields) > 0 && (strings.EqualFold(fields[0], "IN") || isNumber(fields[0])) {
		fields = fields[1:]
	}
	if len(fields) == 0 {
		return fmt.Errorf("there is no type")
	}
	return yield(fields)
}

// absolute is a name of the file with the origin behind it, where it is
// relative.
func (z *zoneLines) absolute(text string) (holdfast.Name, error) {
	switch {
	case text == "@":
		return z.origin, nil
	case strings.HasSuffix(text, "."):
		return holdfast.ParseName(text)
	case z.origin == holdfast.Root:
		return holdfast.ParseName(text + ".")
	}
	return holdfast.ParseName(text + "." + z.origin.String())
}

func isNumber(text string) bool {
	_, err := strconv.ParseUint(text, 10, 32)
	return err == nil
}
