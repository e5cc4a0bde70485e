package machine

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strconv"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Bounds of the search for keys.
const (
	window   = 1 << 20 // octets that are looked at at a time
	overlap  = 8 << 10 // of them that are looked at again: longer than any needle's room
	maxText  = 8 << 20 // octets of a text that is searched for DS lines
	maxFound = 1000    // finds in one file
)

// search reads a file to its end and says which root keys it carries. Its
// length is what was read. The buffer, of window and overlap, is the caller's:
// most files of a machine are small, and there are many.
func (n *Needles) search(in io.Reader, buffer []byte) (c holdfast.Carrier, length int64, err error) {
	buffer = buffer[:0]
	found := map[foundKey]holdfast.Carried{}
	text, lines := true, 1
	for base := int64(0); ; {
		room := buffer[len(buffer) : len(buffer)+min(window, cap(buffer)-len(buffer))]
		k, err := io.ReadFull(in, room)
		buffer = buffer[:len(buffer)+k]
		length += int64(k)
		ended := err != nil
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return c, length, err
		}
		if base == 0 {
			text = !bytes.Contains(buffer[:min(len(buffer), 8000)], []byte{0})
			c.Program = bytes.HasPrefix(buffer, []byte("\x7fELF")) || bytes.HasPrefix(buffer, []byte("MZ")) || bytes.HasPrefix(buffer, []byte("\xcf\xfa\xed\xfe"))
		}
		n.searchWindow(buffer, base, lines, text, found)
		if ended {
			break
		}
		// What follows begins with the end of this: a needle on the border, and all
		// of the text by which it is compared, is then seen in whole.
		passed := len(buffer) - overlap
		lines += bytes.Count(buffer[:passed], []byte("\n"))
		base += int64(passed)
		buffer = append(buffer[:0], buffer[passed:]...)
	}
	for _, f := range found {
		c.Carried = append(c.Carried, f)
	}
	slices.SortFunc(c.Carried, func(a, b holdfast.Carried) int {
		return cmp.Or(cmp.Compare(a.Tag, b.Tag), cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.Form, b.Form))
	})
	return c, length, nil
}

type foundKey struct {
	tag    uint16
	form   holdfast.CarrierForm
	digest uint8
}

func (n *Needles) searchWindow(buffer []byte, base int64, line int, text bool, found map[foundKey]holdfast.Carried) {
	note := func(k holdfast.Carried, at int) {
		key := foundKey{k.Tag, k.Form, k.Digest}
		k.Offset = base + int64(at)
		if old, ok := found[key]; ok && old.Offset <= k.Offset || len(found) >= maxFound {
			return
		}
		if text {
			k.Line = line + bytes.Count(buffer[:at], []byte("\n"))
		}
		found[key] = k
	}
	n.grid.find(buffer, n.all, func(i, at int) {
		if needle := n.all[i]; needle.is(buffer[at:]) {
			note(holdfast.Carried{Tag: needle.tag, Form: needle.form, Digest: needle.digest}, at)
		}
	})
	if !text || n.ds == nil || base > maxText || !n.tagged(buffer) {
		return
	}
	for _, m := range n.ds.FindAllSubmatchIndex(buffer, maxFound) {
		if k, wrong := n.wrong(buffer, m); wrong {
			note(k, m[0])
		}
	}
}

// tagged says whether a text has the tag of a root key at all: only then is it
// worth the search for lines that look like a DS.
func (n *Needles) tagged(text []byte) bool {
	return slices.ContainsFunc(n.tags, func(tag string) bool { return bytes.Contains(text, []byte(tag)) })
}

// wrong says whether a line that looks like a DS of a root key has another
// digest than the key's. One of another length is no digest at all, and of no
// interest: an example that was shortened.
func (n *Needles) wrong(text []byte, m []int) (holdfast.Carried, bool) {
	tag, err := strconv.ParseUint(string(text[m[2]:m[3]]), 10, 16)
	kind := text[m[6]] - '0'
	root, ok := n.keys[uint16(tag)]
	if err != nil || !ok || string(text[m[4]:m[5]]) != strconv.Itoa(int(root.Algorithm)) {
		return holdfast.Carried{}, false
	}
	digest := foldHex(text[m[8]:m[9]])
	for _, ds := range digests(root) {
		if ds.DigestType != kind {
			continue
		}
		want := hex.EncodeToString(ds.Digest)
		wrong := len(digest) == len(want) && string(digest) != want
		return holdfast.Carried{Tag: root.Tag, Form: holdfast.CarriesWrong, Digest: kind}, wrong && wire.DigestSupported(kind)
	}
	return holdfast.Carried{}, false
}
