package lab

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func name(t *testing.T, s string) holdfast.Name {
	t.Helper()
	n, err := holdfast.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestTryout(t *testing.T) {
	path := filepath.Join(os.TempDir(), "hflab", "root.zone")
	file, err := os.Open(path)
	if err != nil {
		t.Skip(err)
	}
	defer file.Close()
	begin := time.Now()
	plan, err := ReadRootPlan(file, path)
	if err != nil {
		t.Fatal(err)
	}
	plan.Start = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	t.Log("read", time.Since(begin))
	begin = time.Now()
	in, err := New(plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Log("built", time.Since(begin))
	begin = time.Now()
	n := 0
	conn, _ := in.ListenPacket(t.Context(), "udp", "")
	buf := make([]byte, 4096)
	for range 2 {
		for _, zone := range in.Zones() {
			for _, s := range in.Servers(zone) {
				for _, q := range []wire.Type{wire.TypeSOA, wire.TypeDNSKEY} {
					p, _ := wire.NewQuery(uint16(n), holdfast.Question{Name: zone, Type: uint16(q)}).Pack()
					respondTo(t, conn.(*PacketConn), p, s, buf)
					n++
				}
			}
		}
		t.Log(n, time.Since(begin))
	}
	begin = time.Now()
	records, err := in.RootZone(in.Start())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(len(records), time.Since(begin))
	out, _ := os.Create("/tmp/hflab/lab-root.zone")
	for _, r := range records {
		out.WriteString(r.String() + "\n")
	}
	out.Close()
}

func respondTo(t *testing.T, c *PacketConn, p []byte, s holdfast.Server, buf []byte) {
	if _, err := c.WriteToUDPAddrPort(p, netip.AddrPortFrom(s.Address, 53)); err != nil {
		t.Fatal(err)
	}
	if n, _, err := c.ReadFromUDPAddrPort(buf); err != nil || n < 20 {
		t.Fatal(n, err)
	}
}
