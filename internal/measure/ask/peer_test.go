package ask

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// A comparison with dnsperf: both ask NSD on loopback for SOA and DNSKEY, DO
// set, of many signed zones, with as many questions under way, turn by turn.

const (
	peerZones  = 500
	peerFlight = 200 // questions under way
	peerTurn   = 3 * time.Second
)

// BenchmarkAgainstDnsperf says how many questions a second we ask of NSD, how
// many dnsperf asks of it, and the ratio. Its time per operation means nothing.
//
//	go test ./internal/measure/ask -run xxx -bench AgainstDnsperf -benchtime 5x
func BenchmarkAgainstDnsperf(b *testing.B) {
	for _, program := range []string{"nsd", "dnsperf"} {
		if _, err := exec.LookPath(program); err != nil {
			b.Skip(program + " is not installed")
		}
	}
	port, questions, list := startNSD(b)
	s := &server{port: port}
	a := s.asker(b, func(c *Config) {
		c.UDPWait, c.Window = holdfast.Duration(2*time.Second), peerFlight
	})
	ours, theirs, ourCPU := 0.0, 0.0, 0.0
	for b.Loop() {
		before := processorTime()
		rate := askFor(b, a, questions)
		ours += rate
		ourCPU += (processorTime() - before) / (rate * peerTurn.Seconds())
		theirs += dnsperf(b, port, list)
	}
	b.ReportMetric(ours/float64(b.N), "questions/s")
	b.ReportMetric(theirs/float64(b.N), "dnsperf/s")
	b.ReportMetric(ours/theirs, "ratio")
	b.ReportMetric(1e6*ourCPU/float64(b.N), "µs-cpu/question")
}

// askFor asks for a turn and gives the rate.
func askFor(b *testing.B, a *Asker, questions []Question) float64 {
	var asked atomic.Int64
	var next atomic.Uint64
	began := time.Now()
	var lanes sync.WaitGroup
	for range peerFlight {
		lanes.Go(func() {
			for time.Since(began) < peerTurn {
				q := questions[next.Add(1)%uint64(len(questions))]
				if e := a.Ask(b.Context(), q); e.Outcome != holdfast.Answered {
					b.Errorf("%s %d: %s (%s)", q.Question.Name, q.Question.Type, e.Outcome, e.Detail)
					return
				}
				asked.Add(1)
			}
		})
	}
	lanes.Wait()
	return float64(asked.Load()) / time.Since(began).Seconds()
}

var dnsperfRate = regexp.MustCompile(`Queries per second:\s+([0-9.]+)`)
var dnsperfLost = regexp.MustCompile(`Queries lost:\s+([0-9]+)`)

func dnsperf(b *testing.B, port uint16, list string) float64 {
	out, err := exec.Command("dnsperf", "-s", "127.0.0.1", "-p", fmt.Sprint(port), "-d", list,
		"-l", fmt.Sprint(int(peerTurn.Seconds())), "-q", fmt.Sprint(peerFlight), "-D").CombinedOutput()
	rate := dnsperfRate.FindSubmatch(out)
	if err != nil || rate == nil {
		b.Fatalf("dnsperf: %v\n%s", err, out)
	}
	if lost := dnsperfLost.FindSubmatch(out); lost != nil && string(lost[1]) != "0" {
		b.Logf("dnsperf lost %s questions", lost[1])
	}
	n, _ := strconv.ParseFloat(string(rate[1]), 64)
	return n
}

func processorTime() float64 {
	var used syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &used) != nil {
		return 0
	}
	return float64(used.Utime.Nano()+used.Stime.Nano()) / 1e9
}

// startNSD serves signed zones on a port of loopback, and writes the file of
// questions for dnsperf beside them.
func startNSD(b *testing.B) (port uint16, questions []Question, file string) {
	b.Helper()
	runtime.GC()
	dir := b.TempDir()
	port = freePort(b)
	var config, list strings.Builder
	fmt.Fprintf(&config, "server:\n  ip-address: 127.0.0.1@%d\n  zonesdir: %q\n  username: \"\"\n  chroot: \"\"\n  pidfile: \"\"\n  database: \"\"\n  zonelistfile: %q\n  xfrdfile: %q\n  logfile: %q\nremote-control:\n  control-enable: no\n",
		port, dir, filepath.Join(dir, "zones.list"), filepath.Join(dir, "xfrd"), filepath.Join(dir, "log"))
	for i := range peerZones {
		zone := holdfast.Name(fmt.Sprintf("zone%03d.example.", i))
		file := filepath.Join(dir, fmt.Sprintf("zone%03d", i))
		if err := os.WriteFile(file, signedZone(b, zone), 0o600); err != nil {
			b.Fatal(err)
		}
		fmt.Fprintf(&config, "zone:\n  name: %s\n  zonefile: %q\n", zone, file)
		for _, p := range []struct {
			purpose holdfast.Purpose
			t       wire.Type
		}{{holdfast.PurposeSOA, wire.TypeSOA}, {holdfast.PurposeDNSKEY, wire.TypeDNSKEY}} {
			fmt.Fprintf(&list, "%s %s\n", zone, p.t)
			questions = append(questions, Question{Zone: zone, Purpose: p.purpose, Server: theQuestion.Server,
				Question: holdfast.Question{Name: zone, Type: uint16(p.t)}})
		}
	}
	for name, text := range map[string]string{"nsd.conf": config.String(), "questions": list.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	var said bytes.Buffer
	daemon := exec.Command("nsd", "-d", "-c", filepath.Join(dir, "nsd.conf"))
	daemon.Stdout, daemon.Stderr = &said, &said
	if err := daemon.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = daemon.Process.Signal(syscall.SIGTERM)
		_ = daemon.Wait()
	})
	waitFor(b, port, &said)
	return port, questions, filepath.Join(dir, "questions")
}

func waitFor(b *testing.B, port uint16, said *bytes.Buffer) {
	s := &server{port: port}
	a := s.asker(b)
	q := theQuestion
	q.Question.Name = "zone000.example."
	for range 100 {
		if e := a.Ask(b.Context(), q); e.Outcome == holdfast.Answered {
			if m, err := wire.Parse(e.Reply); err == nil && len(m.Answer) == 2 {
				return
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	b.Fatalf("nsd does not answer: %s", said)
}

func freePort(b *testing.B) uint16 {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
}

// signedZone is a zone file with two keys, and signatures over SOA, NS and
// DNSKEY.
func signedZone(b *testing.B, zone holdfast.Name) []byte {
	b.Helper()
	key, err := wire.GenerateKey(wire.ECDSAP256SHA256, 257, 0, rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	second, err := wire.GenerateKey(wire.ECDSAP256SHA256, 256, 0, rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	ns := holdfast.Name("ns1." + string(zone))
	soa, err := wire.NewSOA(zone, 3600, wire.SOA{MName: ns, RName: "hostmaster." + zone, Serial: 1, Refresh: 14400, Retry: 3600, Expire: 604800, NegativeMinTTL: 900})
	if err != nil {
		b.Fatal(err)
	}
	target, err := wire.NewTarget(zone, wire.TypeNS, 3600, ns)
	if err != nil {
		b.Fatal(err)
	}
	var text bytes.Buffer
	for _, set := range [][]wire.Record{{soa}, {target}, {wire.NewDNSKEY(zone, 3600, key.DNSKEY), wire.NewDNSKEY(zone, 3600, second.DNSKEY)}} {
		signature, err := key.Sign(set, zone, time.Now().Add(-time.Hour), time.Now().Add(240*time.Hour), rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		for _, record := range append(set, signature) {
			fmt.Fprintln(&text, record)
		}
	}
	fmt.Fprintln(&text, wire.NewAddress(ns, 3600, netip.MustParseAddr("192.0.2.1")))
	return text.Bytes()
}
