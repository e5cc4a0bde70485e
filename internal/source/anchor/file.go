package anchor

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Form names a way in which trust anchors are written down.
type Form string

// form is what is known of a Form.
type form struct {
	about string // for people
	// like says whether a text seems to be of the form; nil: it is only taken
	// for it where somebody says so.
	like  func(name string, text []byte) bool
	parse func(f *File) error
	// line writes one anchor as the form does, ending in a newline; nil where
	// anchors cannot be added to it.
	line func(zone holdfast.Name, key holdfast.TrustedKey) (string, error)
	// frame is the text of a file without anchors; empty: it has no frame.
	frame string
}

// File is a file of trust anchors: what it says, and its text as it was read.
// It is never changed; Add and Remove answer a new one.
type File struct {
	Form   Form
	Name   string                // in errors and places
	Points []holdfast.TrustPoint // in order of appearance
	// Negative are the names below which nothing is to be validated
	// (RFC 7646), where the form has such.
	Negative []holdfast.Name
	// Files are those that the text has the resolver read its anchors from.
	Files []Reference

	text    []byte
	ends    []int // where lines end, for place
	entries []entry
	insert  int // where a new anchor goes
}

// entry is an anchor within the text, from its first octet to behind its last.
type entry struct {
	from, to int
	zone     holdfast.Name
	view     string
	key      holdfast.TrustedKey
}

// Reference is a file of trust anchors that another one names.
type Reference struct {
	Path string `json:"path"`
	// Word is the setting or call that names it: readTrustAnchorsFromFile.
	Word  string `json:"word"`
	Place string `json:"place"` // FILE:LINE
}

var (
	errForm  = errors.New("it is in none of the forms of trust anchors that are known")
	errFixed = errors.New("anchors cannot be added to this form")
)

// Parse reads trust anchors in a form, or in the one that the text seems to be
// in where form is empty. A text that is not understood is an error that names
// file and line.
func Parse(as Form, name string, text []byte) (*File, error) {
	if len(text) > maxFile {
		return nil, fmt.Errorf("read trust anchors %s: it has more than %d octets", name, maxFile)
	}
	if as == "" {
		if as = Detect(name, text); as == "" {
			return nil, fmt.Errorf("read trust anchors %s: %w", name, errForm)
		}
	}
	how, ok := formOf(as)
	if !ok {
		return nil, fmt.Errorf("read trust anchors %s: form %q: %w", name, as, errForm)
	}
	f := &File{Form: as, Name: name, text: bytes.Clone(text), ends: lineEnds(text), insert: len(text)}
	if err := how.parse(f); err != nil {
		return nil, fmt.Errorf("read trust anchors %w", err)
	}
	f.gather()
	return f, nil
}

// New is a file of a form without any anchor in it.
func New(as Form, name string) (*File, error) {
	how, ok := formOf(as)
	if !ok || how.line == nil {
		return nil, fmt.Errorf("write trust anchors in form %q: %w", as, errFixed)
	}
	return Parse(as, name, []byte(how.frame))
}

// Detect is the form that a text seems to be in; empty where it is none.
func Detect(name string, text []byte) Form {
	for _, as := range Forms() {
		if how, _ := formOf(as); how.like != nil && how.like(name, text) {
			return as
		}
	}
	return ""
}

// About says what a form is, for people.
func (f Form) About() string {
	how, _ := formOf(f)
	return how.about
}

// Text is the file as it was read, octet for octet.
func (f *File) Text() []byte { return bytes.Clone(f.text) }

// Point is the trust point of a zone, in the first view that has it; ok is
// false where the file has none.
func (f *File) Point(zone holdfast.Name) (point holdfast.TrustPoint, ok bool) {
	for _, p := range f.Points {
		if p.Zone == zone {
			return p, true
		}
	}
	return point, false
}

// Add is the file with an anchor more; only its own line is new.
func (f *File) Add(zone holdfast.Name, key holdfast.TrustedKey) (*File, error) {
	how, _ := formOf(f.Form)
	if how.line == nil {
		return nil, fmt.Errorf("add anchor to %s: %w", f.Name, errFixed)
	}
	line, err := how.line(zone, key)
	if err != nil {
		return nil, fmt.Errorf("add anchor to %s: %w", f.Name, err)
	}
	if f.insert < 0 {
		return nil, fmt.Errorf("add anchor to %s: there is no place for one in it", f.Name)
	}
	before := f.text[:f.insert]
	if len(before) > 0 && before[len(before)-1] != '\n' {
		line = "\n" + line
	}
	return Parse(f.Form, f.Name, slices.Concat(before, []byte(line), f.text[f.insert:]))
}

// Remove is the file without the anchors of a zone that have a key tag. Where
// an anchor had its lines to itself, they go with it.
func (f *File) Remove(zone holdfast.Name, tag uint16) (*File, error) {
	text := f.Text()
	removed := false
	for _, e := range slices.Backward(f.entries) {
		if e.zone != zone || e.key.Tag != tag {
			continue
		}
		from, to := wholeLines(text, e.from, e.to)
		text = slices.Delete(text, from, to)
		removed = true
	}
	if !removed {
		return nil, fmt.Errorf("remove anchor from %s: it has none of %s with tag %d", f.Name, zone, tag)
	}
	return Parse(f.Form, f.Name, text)
}

// wholeLines widens a stretch of text to the whole of its lines, if there is
// nothing but space and a comment beside it.
func wholeLines(text []byte, from, to int) (int, int) {
	start := bytes.LastIndexByte(text[:from], '\n') + 1
	end := len(text)
	if i := bytes.IndexByte(text[to:], '\n'); i >= 0 {
		end = to + i + 1
	}
	if len(bytes.TrimSpace(text[start:from])) > 0 || !onlyComment(text[to:end]) {
		return from, to
	}
	return start, end
}

func onlyComment(rest []byte) bool {
	rest = bytes.TrimSpace(rest)
	if len(rest) == 0 {
		return true
	}
	for _, mark := range []string{";", "#", "//", "--"} {
		if bytes.HasPrefix(rest, []byte(mark)) {
			return true
		}
	}
	return false
}

// gather makes the trust points of the entries. A point that the parser has
// already begun keeps its times.
func (f *File) gather() {
	for _, e := range f.entries {
		point := f.point(e.zone, e.view)
		point.Keys = append(point.Keys, e.key)
	}
}

// point is the trust point of a zone, begun where there is none.
func (f *File) point(zone holdfast.Name, view string) *holdfast.TrustPoint {
	for i := range f.Points {
		if f.Points[i].Zone == zone && f.Points[i].View == view {
			return &f.Points[i]
		}
	}
	f.Points = append(f.Points, holdfast.TrustPoint{Zone: zone, View: view})
	return &f.Points[len(f.Points)-1]
}

// fault is an error at a place in the text.
func (f *File) fault(at int, format string, args ...any) error {
	return fmt.Errorf("%s: %w", f.place(at), fmt.Errorf(format, args...))
}

// place is FILE:LINE of an offset.
func (f *File) place(at int) string {
	before, _ := slices.BinarySearch(f.ends, at)
	return fmt.Sprintf("%s:%d", f.Name, 1+before)
}

// lineEnds are the offsets of a text's newlines.
func lineEnds(text []byte) []int {
	var out []int
	for i, c := range text {
		if c == '\n' {
			out = append(out, i)
		}
	}
	return out
}

// hold notes an anchor of a zone that stands from one offset to another.
func (f *File) hold(from, to int, zone holdfast.Name, key holdfast.TrustedKey) {
	f.holdIn("", from, to, zone, key)
}

// holdIn is hold for a view of BIND's.
func (f *File) holdIn(view string, from, to int, zone holdfast.Name, key holdfast.TrustedKey) {
	key.Place = f.place(from)
	f.entries = append(f.entries, entry{from, to, zone, view, key})
}

// KeyOf is an anchor that holds a whole key, valid. The tag is that of the key
// without REVOKE (RFC 5011 section 2.1 sees one key in both).
func KeyOf(key wire.DNSKEY) holdfast.TrustedKey {
	bare := key
	bare.Flags &^= wire.FlagRevoke
	return holdfast.TrustedKey{Tag: bare.KeyTag(), Algorithm: key.Algorithm, Flags: key.Flags, Public: bytes.Clone(key.PublicKey), State: holdfast.KeyValid}
}

// DigestOf is an anchor that holds a digest, valid.
func DigestOf(ds holdfast.DS) holdfast.TrustedKey {
	ds.Digest = bytes.Clone(ds.Digest)
	return holdfast.TrustedKey{Tag: ds.KeyTag, Algorithm: ds.Algorithm, DS: &ds, State: holdfast.KeyValid}
}

// RecordOf writes an anchor as the DNSKEY or DS record that it is, with a TTL
// in seconds.
func RecordOf(zone holdfast.Name, key holdfast.TrustedKey, ttl uint32) (wire.Record, error) {
	switch {
	case len(key.Public) > 0:
		return wire.NewDNSKEY(zone, ttl, wire.DNSKEY{Flags: key.Flags, Protocol: 3, Algorithm: key.Algorithm, PublicKey: key.Public}), nil
	case key.DS != nil:
		return wire.NewDS(zone, ttl, *key.DS), nil
	}
	return wire.Record{}, fmt.Errorf("anchor %d of %s: there is neither its key nor a digest", key.Tag, zone)
}

// anchorOf reads a DS or DNSKEY record as an anchor.
func anchorOf(r wire.Record) (holdfast.TrustedKey, error) {
	switch r.Type {
	case wire.TypeDS:
		ds, err := r.DS()
		if err == nil {
			err = digestLength(ds)
		}
		return DigestOf(ds), err
	case wire.TypeDNSKEY:
		key, err := r.DNSKEY()
		return KeyOf(key), err
	}
	return holdfast.TrustedKey{}, fmt.Errorf("%s record of %s is not a trust anchor; want DS or DNSKEY", r.Type, r.Name)
}

// presentation is a record on one line with single spaces.
func presentation(r wire.Record) string { return strings.ReplaceAll(r.String(), "\t", " ") }
