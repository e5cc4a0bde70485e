package anchor

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func likeStatus(_ string, text []byte) bool {
	return hasAny(text, "view: ") && hasAny(text, "next scheduled event:", "keyid:")
}

func likeSecroots(_ string, text []byte) bool {
	return hasAny(text, "secure roots as of") || hasAny(text, "Start view ") && hasAny(text, "Secure roots:")
}

// statusKey is the key that `rndc managed-keys status` is speaking of.
type statusKey struct {
	from, to int
	zone     holdfast.Name
	key      holdfast.TrustedKey
	refresh  time.Time
}

// parseStatus reads what `rndc managed-keys status` says: by view, by trust
// point and by key. It names keys by tag only, and by that with REVOKE where
// they are revoked; "trusted since" it says as soon as the hold-down is over,
// whether or not the key was taken up.
func parseStatus(f *File) error {
	view, zone := "", holdfast.Name("")
	var now *statusKey
	done := func() {
		if now != nil && now.key.Tag != 0 {
			f.holdIn(view, now.from, now.to, now.zone, now.key)
		}
		now = nil
	}
	for from := 0; from < len(f.text); {
		to, _ := lineEnd(f.text, from)
		word, value, _ := strings.Cut(strings.TrimSpace(string(f.text[from:to])), ":")
		value = strings.TrimSpace(value)
		var err error
		switch word {
		case "", "next scheduled event":
		case "view":
			done()
			view = value
		case "name":
			done()
			zone, err = holdfast.ParseName(value)
			f.point(zone, view)
		case "keyid":
			done()
			now = &statusKey{from: from, zone: zone}
			err = now.identify(value)
		default:
			if now == nil {
				err = fmt.Errorf("%q is not known here", word)
			} else if err = now.say(word, value); err == nil {
				f.statusRefresh(view, now)
			}
		}
		if err != nil {
			return f.fault(from, "%w", err)
		}
		if now != nil {
			now.to = to
		}
		from = to
	}
	done()
	return nil
}

// statusRefresh notes when a trust point is asked for next: at the first of
// its keys' instants.
func (f *File) statusRefresh(view string, k *statusKey) {
	point := f.point(k.zone, view)
	if !k.refresh.IsZero() && (point.Next.IsZero() || k.refresh.Before(point.Next)) {
		point.Next = k.refresh
	}
}

func (k *statusKey) identify(text string) error {
	tag, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return fmt.Errorf("keyid %q is not a key tag", text)
	}
	if k.zone == "" {
		return fmt.Errorf("there is a key before the name of its trust point")
	}
	k.key = holdfast.TrustedKey{Tag: uint16(tag), State: holdfast.KeyStart}
	return nil
}

// say takes up one line about the key.
func (k *statusKey) say(word, value string) (err error) {
	switch word {
	case "algorithm":
		k.key.Algorithm, err = algorithmNumber(value)
	case "flags":
		k.key.Flags, err = statusFlags(value)
		if k.key.Flags&wire.FlagRevoke != 0 {
			k.key.Tag -= wire.FlagRevoke // so it is for all keys but one in 512 (RFC 4034 appendix B)
		}
	case "next refresh":
		k.refresh, err = statusTime(value)
	case "trusted since":
		k.key.State, k.key.Word = holdfast.KeyValid, word
		k.key.Since, err = statusTime(value)
	case "trust pending":
		k.key.State, k.key.Word = holdfast.KeyAddPend, word
		k.key.Hold, err = statusTime(value)
	case "remove at":
		k.key.Hold, err = statusTime(value)
	case "trust revoked":
		k.key.State, k.key.Word = holdfast.KeyRevoked, word
	case "no trust":
		k.key.State, k.key.Word = holdfast.KeyStart, word
	default:
		err = fmt.Errorf("%q is not known of a key", word)
	}
	return err
}

func statusFlags(value string) (uint16, error) {
	if value == "(none)" || value == "" {
		return 0, nil
	}
	flags := uint16(wire.FlagZone)
	for word := range strings.FieldsSeq(value) {
		switch word {
		case "SEP":
			flags |= wire.FlagSEP
		case "REVOKE":
			flags |= wire.FlagRevoke
		default:
			return 0, fmt.Errorf("flag %q is not known", word)
		}
	}
	return flags, nil
}

func statusTime(value string) (time.Time, error) {
	if value == "never" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC1123, value)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not an instant as Sat, 01 Aug 2026 12:00:00 GMT", value)
	}
	return at.UTC(), nil
}

// parseSecroots reads what `rndc secroots` says: the anchors that the server
// does trust, by view, and the names that it was told not to validate.
func parseSecroots(f *File) error {
	view, negative := "", false
	for from := 0; from < len(f.text); {
		to, _ := lineEnd(f.text, from)
		line := strings.TrimSpace(string(f.text[from:to]))
		var err error
		switch {
		case line == "" || strings.HasPrefix(line, "secure roots as of "):
		case strings.HasPrefix(line, "Start view "):
			view = strings.TrimPrefix(line, "Start view ")
		case line == "Secure roots:":
			negative = false
		case line == "Negative trust anchors:":
			negative = true
		case negative:
			err = f.negativeRoot(line)
		default:
			err = f.secureRoot(view, from, to, line)
		}
		if err != nil {
			return f.fault(from, "%w", err)
		}
		from = to
	}
	return nil
}

// secureRoot reads "./RSASHA256/20326 ; managed".
func (f *File) secureRoot(view string, from, to int, line string) error {
	name, kind, _ := strings.Cut(line, ";")
	parts := strings.Split(strings.TrimSpace(name), "/")
	if len(parts) < 3 {
		return fmt.Errorf("%q is not a name, an algorithm and a key tag", line)
	}
	zone, err := holdfast.ParseName(strings.Join(parts[:len(parts)-2], "/"))
	if err != nil {
		return err
	}
	algorithm, err := algorithmNumber(parts[len(parts)-2])
	if err != nil {
		return err
	}
	tag, err := strconv.ParseUint(parts[len(parts)-1], 10, 16)
	if err != nil {
		return fmt.Errorf("%q is not a key tag", parts[len(parts)-1])
	}
	f.holdIn(view, from, to, zone, holdfast.TrustedKey{Tag: uint16(tag), Algorithm: algorithm, State: holdfast.KeyValid, Word: strings.TrimSpace(kind)})
	return nil
}

// negativeRoot reads "example: expiry 21-Nov-2026 11:35:48.000".
func (f *File) negativeRoot(line string) error {
	text, _, found := strings.Cut(line, ": expiry ")
	if !found {
		return fmt.Errorf("%q is not a name and an expiry", line)
	}
	name, err := holdfast.ParseName(text)
	if err != nil {
		return err
	}
	f.Negative = append(f.Negative, name)
	return nil
}

// algorithmNumber reads an algorithm's number, or its mnemonic of IANA's
// registry.
func algorithmNumber(text string) (uint8, error) {
	if n, err := strconv.ParseUint(text, 10, 8); err == nil {
		return uint8(n), nil
	}
	switch strings.ToUpper(text) {
	case "RSAMD5":
		return 1, nil
	case "DSA":
		return 3, nil
	case "RSASHA1":
		return 5, nil
	case "NSEC3DSA", "DSA-NSEC3-SHA1":
		return 6, nil
	case "NSEC3RSASHA1", "RSASHA1-NSEC3-SHA1":
		return 7, nil
	case "RSASHA256":
		return 8, nil
	case "RSASHA512":
		return 10, nil
	case "ECCGOST", "ECC-GOST":
		return 12, nil
	case "ECDSAP256SHA256":
		return 13, nil
	case "ECDSAP384SHA384":
		return 14, nil
	case "ED25519":
		return 15, nil
	case "ED448":
		return 16, nil
	}
	return 0, fmt.Errorf("algorithm %q is not known", text)
}
