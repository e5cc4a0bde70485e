package walk

import (
	"cmp"
	"encoding/binary"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
)

// Where some of many will do, those are drawn by lot, so that none is spared
// for long: by a lot that holds for a day (UTC) and rests on what is asked
// about, not on who asks first. Looks of one day then ask the same of the same,
// and the record keeps once what they have in common.

// lots orders what is to be drawn from: of equal lists, wherever they come
// from, the same come first all day. about is what the lot is cast for.
func lots[T any](l *look, about string, list []T, word func(T) string) []T {
	day := l.sweep.walker.clock.Now().Unix() / int64(24*time.Hour/time.Second)
	prefix := about + " " + string(binary.AppendVarint(nil, day)) + " "
	type drawn struct {
		lot  uint64
		item T
	}
	order := make([]drawn, len(list))
	for i, item := range list {
		order[i] = drawn{mixed(fingerprint(prefix + word(item))), item}
	}
	slices.SortStableFunc(order, func(a, b drawn) int { return cmp.Compare(a.lot, b.lot) })
	out := make([]T, len(list))
	for i, d := range order {
		out[i] = d.item
	}
	return out
}

func serverLots(l *look, about string, servers []holdfast.Server) []holdfast.Server {
	return lots(l, about, ordered(slices.Clone(servers)), holdfast.Server.String)
}

// mixed spreads a fingerprint, of which the last octets hashed have hardly
// touched the high bits (the finalizer of MurmurHash3).
func mixed(h uint64) uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
