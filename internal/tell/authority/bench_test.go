package authority

import (
	"net/netip"
	"testing"

	"github.com/holdfastdns/holdfast/internal/wire"
)

// BenchmarkReply is a question whose answer is kept, without the sockets.
func BenchmarkReply(b *testing.B) {
	s, _ := bed(b, Config{Limit: LimitConfig{Answers: -1}, Observe: NewRuns(base).Saw})
	packet := query(b, "secure.d2a13n3."+base, wire.TypeA)
	r, out := newReplier(s), make([]byte, 0, 4096)
	from := netip.MustParseAddrPort("192.0.2.1:1234")
	b.ReportAllocs()
	for b.Loop() {
		if len(r.reply(out[:0], packet, from, false)) == 0 {
			b.Fatal("no answer")
		}
	}
}
