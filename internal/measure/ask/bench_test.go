package ask

import (
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

// BenchmarkAsk asks a reflector in this process, many at a time: the cost of a
// question with sockets, goroutines and parsing included. The reflector only
// turns the query's QR bit on.
func BenchmarkAsk(b *testing.B) {
	s := (&server{onUDP: func(query []byte, _ netip.AddrPort) [][]byte {
		query[2] |= 0x80
		return [][]byte{query}
	}}).start(b)
	a := s.asker(b, func(c *Config) {
		c.UDPWait, c.Window, c.SocketAge = holdfast.Duration(2*time.Second), 200, holdfast.Duration(time.Hour)
		c.SocketQuestions = 1 << 30
	})
	b.ReportAllocs()
	b.SetParallelism(200 / runtime.GOMAXPROCS(0))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if e := a.Ask(b.Context(), theQuestion); e.Outcome != holdfast.Answered {
				b.Errorf("outcome %s", e.Outcome)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "questions/s")
}

func BenchmarkAsksAlike(b *testing.B) {
	query := packed(b, "example.", 1)
	reply := answer(query)
	b.ReportAllocs()
	for b.Loop() {
		if !asksAlike(query, reply) {
			b.Fatal("no match")
		}
	}
}
