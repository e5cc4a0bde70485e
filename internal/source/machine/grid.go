package machine

import "bytes"

// grid finds where one of many needles may begin, faster than memory is read:
// of each stretch of octets as long as a grip, less three, one group of four is
// looked up in a set of all groups of all grips. A needle cannot pass without
// one of its groups being looked up.
type grid struct {
	set     []uint64 // a bit for each hash of four octets
	needles map[uint32][]place
}

// place is where a group of four stands in a needle.
type place struct{ needle, offset int }

const (
	gridBits = 16
	stride   = grip - 3
)

func hash4(b []byte) uint32 {
	v := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
	return v
}

func bit(v uint32) (word int, mask uint64) {
	h := v * 2654435761 >> (32 - gridBits) // Knuth's multiplicative hash
	return int(h >> 6), 1 << (h & 63)
}

func newGrid(all []needle) *grid {
	g := &grid{set: make([]uint64, 1<<gridBits/64), needles: map[uint32][]place{}}
	for n, needle := range all {
		for offset := range stride {
			v := hash4(needle.start[offset:])
			word, mask := bit(v)
			g.set[word] |= mask
			g.needles[v] = append(g.needles[v], place{n, offset})
		}
	}
	return g
}

// find hands out where needles begin in a text, by number. A needle whose start
// is cut off at the text's end is not found: the caller's next text begins
// before it.
func (g *grid) find(text []byte, all []needle, yield func(needle, offset int)) {
	for at := 0; at+4 <= len(text); at += stride {
		v := hash4(text[at:])
		word, mask := bit(v)
		if g.set[word]&mask == 0 {
			continue
		}
		for _, p := range g.needles[v] {
			begin, start := at-p.offset, all[p.needle].start
			if begin >= 0 && len(text)-begin >= len(start) && bytes.Equal(text[begin:begin+len(start)], start) {
				yield(p.needle, begin)
			}
		}
	}
}
