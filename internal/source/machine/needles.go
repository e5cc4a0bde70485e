package machine

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// grip is how many octets of a needle are looked for before the rest is
// compared: enough that chance does not hit it in all files of a machine.
const grip = 16

// needle is a root key as it may lie in a file: the first octets to look for,
// and all of it in a form that does not care for the way it is broken up.
type needle struct {
	start  []byte // of at least grip octets
	tag    uint16
	form   holdfast.CarrierForm
	digest uint8
	// whole is what has to follow once all that is no part of it is left out;
	// nil: the start is enough.
	whole []byte
	// fold reduces what stands in the file to what whole is compared with.
	fold func([]byte) []byte
}

// Needles are all root keys in all ways in which files carry them.
type Needles struct {
	all  []needle
	grid *grid
	ds   *regexp.Regexp
	tags []string
	keys map[uint16]holdfast.RootKey
}

// NewNeedles are the keys of a calendar: digests of each type as octets, as
// text in either case and as numbers in source code, and the keys themselves.
func NewNeedles(calendar holdfast.Calendar) *Needles {
	n := &Needles{keys: map[uint16]holdfast.RootKey{}}
	for _, k := range calendar.Keys {
		if k.DS == nil {
			continue
		}
		n.keys[k.Tag] = k
		n.tags = append(n.tags, fmt.Sprint(k.Tag))
		for _, ds := range digests(k) {
			n.digest(k, ds)
		}
		if len(k.Public) > 0 {
			n.public(k)
		}
	}
	if n.tags != nil {
		n.ds = regexp.MustCompile(`\b(` + strings.Join(n.tags, "|") + `)[ \t,]+(?:IN[ \t]+)?(8|13)[ \t,]+([124])[ \t,]+["']?([0-9A-Fa-f][0-9A-Fa-f \t]{30,110})`)
	}
	n.grid = newGrid(n.all)
	return n
}

// digests are the DS of a key by each type that is still seen in the field.
func digests(k holdfast.RootKey) []holdfast.DS {
	out := []holdfast.DS{*k.DS}
	if len(k.Public) == 0 {
		return out
	}
	key := wire.DNSKEY{Flags: wire.FlagZone | wire.FlagSEP, Protocol: 3, Algorithm: k.Algorithm, PublicKey: k.Public}
	for _, kind := range []uint8{1, 2, 4} {
		if ds, err := key.Digest(holdfast.Root, kind); err == nil && kind != k.DS.DigestType {
			out = append(out, ds)
		}
	}
	return out
}

func (n *Needles) digest(k holdfast.RootKey, ds holdfast.DS) {
	add := func(form holdfast.CarrierForm, start string, whole []byte, fold func([]byte) []byte) {
		n.all = append(n.all, needle{[]byte(start), k.Tag, form, ds.DigestType, whole, fold})
	}
	add(holdfast.CarriesDigest, string(ds.Digest), nil, nil)
	text := hex.EncodeToString(ds.Digest)
	for _, t := range []string{text, strings.ToUpper(text)} {
		add(holdfast.CarriesHex, t[:grip], []byte(text), foldHex)
		// As C, Go, Rust and others write octets.
		for _, between := range []string{", ", ","} {
			var b strings.Builder
			for i := 0; b.Len() < grip; i += 2 {
				b.WriteString("0x" + t[i:i+2] + between)
			}
			add(holdfast.CarriesSource, b.String()[:grip], []byte(text), foldSource)
		}
		add(holdfast.CarriesSource, `\x`+t[0:2]+`\x`+t[2:4]+`\x`+t[4:6]+`\x`+t[6:8], []byte(text), foldSource)
	}
}

// public adds the key itself: the octets of its modulus or point, and base64 as
// DNSKEY has it. The first octets of RSA keys are alike (the exponent); the grip
// is taken behind them.
func (n *Needles) public(k holdfast.RootKey) {
	const alike = 6 // octets of which eight characters of base64 are made
	if len(k.Public) < alike+2*grip {
		return
	}
	n.all = append(n.all, needle{start: k.Public[alike : alike+2*grip], tag: k.Tag, form: holdfast.CarriesModulus})
	text := base64.StdEncoding.EncodeToString(k.Public)
	n.all = append(n.all, needle{[]byte(text[8 : 8+grip]), k.Tag, holdfast.CarriesBase64, 0, []byte(text[8:]), foldBase64})
}

func foldHex(text []byte) []byte {
	return bytes.ToLower(keep(text, func(c byte) bool {
		return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
	}, " \t\r\n\"'\\()+"))
}

// foldSource leaves the numbers of a list of octets.
func foldSource(text []byte) []byte {
	return foldHex(bytes.ReplaceAll(bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("0x"), nil), []byte(`\x`), nil), []byte(","), nil))
}

func foldBase64(text []byte) []byte {
	return keep(text, func(c byte) bool {
		return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '+' || c == '/' || c == '='
	}, " \t\r\n\"'\\()")
}

// keep leaves what is part of a value, passes over what may stand between its
// pieces, and ends at anything else.
func keep(text []byte, part func(byte) bool, between string) []byte {
	out := make([]byte, 0, len(text))
	for i, c := range text {
		switch {
		case c == '\\' && i+1 < len(text) && text[i+1] == 'n': // a line's end within a string
		case c == 'n' && i > 0 && text[i-1] == '\\':
		case part(c):
			out = append(out, c)
		case !strings.ContainsRune(between, rune(c)):
			return out
		}
	}
	return out
}

// room is how many octets of a file are looked at to compare a needle's rest.
func (n needle) room() int { return 8*len(n.whole) + grip }

// is says whether a needle lies where its start was found.
func (n needle) is(text []byte) bool {
	if n.whole == nil {
		return true
	}
	text = text[:min(len(text), n.room())]
	folded := n.fold(text)
	return len(folded) >= len(n.whole) && bytes.Equal(folded[:len(n.whole)], n.whole)
}
