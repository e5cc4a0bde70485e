package whole

import (
	"bytes"

	"github.com/holdfastdns/holdfast/internal/wire"
)

// want notes that a record's owner wants its target's addresses, where they
// are the zone's to give.
func (v *Verifier) want(r wire.Record) error {
	packed := v.entry[:0]
	v.entry = r.AppendCanonical(packed)
	if _, rest, ok := cutName(v.entry); !ok || len(rest) > 0 {
		return nil
	}
	v.target = appendKey(v.target[:0], v.entry)
	if v.zoneKey != nil && !bytes.HasPrefix(v.target, v.zoneKey) || !v.wanted.news(v.target, v.key) {
		return nil
	}
	v.entry = append(append(v.entry[:0], v.target...), 0, 0, byte(typeWanted), wantedBySibling)
	if bytes.HasPrefix(v.target, v.key) {
		v.entry[len(v.entry)-1] = wantedFromAbove
	}
	v.entry = appendTail(append(v.entry, v.key...), 0, 0)
	return v.sorter.add(v.entry)
}

// Who wants a name: the delegation above it, which must have its address as
// glue (RFC 9471 section 3.1), before any other.
const (
	wantedFromAbove = 0
	wantedBySibling = 1
)

// wantedCache remembers who wanted the names that were wanted lately: in large
// zones thousands of delegations name the same servers. The least of those who
// want a name, and the nearest above it, always get through, so that the report does not depend on the
// order of records.
type wantedCache struct {
	slots [1 << 12]struct{ target, by []byte }
}

func (c *wantedCache) news(target, by []byte) bool {
	hash := uint32(2166136261) // FNV-1a
	for _, octet := range target {
		hash = (hash ^ uint32(octet)) * 16777619
	}
	slot := &c.slots[hash%uint32(len(c.slots))]
	own := bytes.HasPrefix(target, by)
	if bytes.Equal(slot.target, target) {
		before := bytes.HasPrefix(target, slot.by)
		switch {
		case before && (!own || len(slot.by) >= len(by)), !before && !own && bytes.Compare(slot.by, by) <= 0:
			return false
		}
	}
	slot.target, slot.by = append(slot.target[:0], target...), append(slot.by[:0], by...)
	return true
}
