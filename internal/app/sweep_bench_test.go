package app

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab"
	"github.com/holdfastdns/holdfast/internal/record"
	"github.com/holdfastdns/holdfast/internal/source"
	"github.com/holdfastdns/holdfast/internal/source/roster"
)

// benchmarkWatch is a watch over a lab of the real root where its zone file is
// to hand, else of the built-in list; politeness is lifted.
func benchmarkWatch(b *testing.B, clock *lab.Clock) (*house, []holdfast.Subject) {
	b.Helper()
	plan := lab.BuiltinPlan(0)
	const file = "../../../shared/data/root-zone/root.zone.2026073102.signed.xz"
	if _, err := os.Stat(file); err == nil {
		zone, err := readZoneFile(file, holdfast.Root)
		if err != nil {
			b.Fatal(err)
		}
		if plan, err = lab.RootPlan(zone.Records); err != nil {
			b.Fatal(err)
		}
	}
	plan.Start = clock.Now()
	h, subjects, _ := watchOver(b, plan, clock)
	return h, subjects
}

// watchOver is a watch over a lab in memory, without politeness.
func watchOver(b testing.TB, plan lab.Plan, clock *lab.Clock, change ...func(*Config)) (*house, []holdfast.Subject, *lab.Internet) {
	b.Helper()
	internet, err := lab.New(plan, clock)
	if err != nil {
		b.Fatal(err)
	}
	world, err := demoWorld(World{Stdout: io.Discard, Stderr: io.Discard}, internet)
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	r, err := record.Create(ctx, filepath.Join(b.TempDir(), "holdfast.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { r.Close() })
	root := source.Zone{Name: holdfast.Root, From: "the lab", Fetched: world.Clock.Now()}
	if root.Records, err = internet.RootZone(world.Clock.Now()); err != nil {
		b.Fatal(err)
	}
	next, err := roster.Build(root)
	if err != nil {
		b.Fatal(err)
	}
	if err := r.SaveRoster(ctx, kept(next)); err != nil {
		b.Fatal(err)
	}
	config := Config{}.withDefaults()
	config.Ask.Rate = -1
	for _, f := range change {
		f(&config)
	}
	h, err := build(ctx, world, config, r)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { h.asker.Close() })
	return h, next.Subjects, internet
}

func benchmarkSweep(b *testing.B, depth holdfast.Depth) {
	h, subjects := benchmarkWatch(b, lab.NewClock(systemClock{}.Now(), 1))
	if depth == holdfast.Core { // which rests on a full look
		if _, err := h.scan.Once(context.Background(), subjects, holdfast.Full, nil); err != nil {
			b.Fatal(err)
		}
	}
	var used time.Duration
	for b.Loop() {
		h.line.memo.forget()
		before := processorTime(b)
		sweep, err := h.scan.Once(context.Background(), subjects, depth, nil)
		if err != nil {
			b.Fatal(err)
		}
		used += processorTime(b) - before
		b.ReportMetric(float64(sweep.Questions), "questions/op")
		b.ReportMetric(float64(sweep.Statuses[holdfast.Bogus]+sweep.Statuses[holdfast.Unreached]+sweep.Statuses[holdfast.Indeterminate]), "bad/op")
	}
	b.ReportMetric(used.Seconds()/float64(b.N), "cpu-s/op")
}

// forget makes every zone be judged at its next look.
func (k *memo) forget() {
	for _, r := range k.zones {
		r.issued = false
	}
}

// BenchmarkFullSweep asks everything of every zone of the root, judges and
// records it.
func BenchmarkFullSweep(b *testing.B) { benchmarkSweep(b, holdfast.Full) }

// BenchmarkCoreSweep asks SOA and DNSKEY at every address of every zone, and
// judges them all: as if something had changed at each.
func BenchmarkCoreSweep(b *testing.B) { benchmarkSweep(b, holdfast.Core) }

// BenchmarkUnchangedSweep is core sweep after core sweep at zones in which
// nothing happens: the lab's clock stands still but for a second a sweep. It
// says how it compares to the full sweep with which the watch began.
func BenchmarkUnchangedSweep(b *testing.B) {
	clock := lab.NewClock(systemClock{}.Now(), 1e-9) // it moves as it is told
	h, subjects := benchmarkWatch(b, clock)
	ctx := context.Background()
	sweep := func(depth holdfast.Depth) (took, used time.Duration, bad int) {
		began, before := time.Now(), processorTime(b)
		s, err := h.scan.Once(ctx, subjects, depth, nil)
		if err != nil {
			b.Fatal(err)
		}
		clock.Advance(time.Second)
		return time.Since(began), processorTime(b) - before, s.Statuses[holdfast.Bogus] + s.Statuses[holdfast.Unreached]
	}
	first, firstUsed, _ := sweep(holdfast.Full)
	for range 2 { // judged: the first of their kind, and what they teach
		sweep(holdfast.Core)
	}
	var took, used time.Duration
	for b.Loop() {
		t, u, bad := sweep(holdfast.Core)
		took, used = took+t, used+u
		b.ReportMetric(float64(bad), "bad/op")
	}
	b.ReportMetric(first.Seconds(), "s-first-full")
	b.ReportMetric(took.Seconds()/float64(b.N)/first.Seconds(), "of-first")
	b.ReportMetric(used.Seconds()/float64(b.N), "cpu-s/op")
	b.ReportMetric(used.Seconds()/float64(b.N)/firstUsed.Seconds(), "of-first-cpu")
}

// processorTime is what this process has used so far, lab and all.
func processorTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkHourOfDisk keeps the default loops over the lab for an hour of its
// time, after one that fills the database, and says what a day would take.
func BenchmarkHourOfDisk(b *testing.B) {
	clock := lab.NewClock(systemClock{}.Now(), 1e-9) // it moves as it is told
	h, subjects := benchmarkWatch(b, clock)
	ctx := context.Background()
	hour := func() {
		for i := range 12 {
			depth := holdfast.Core
			if i == 0 {
				depth = holdfast.Full
			}
			if _, err := h.scan.Once(ctx, subjects, depth, nil); err != nil {
				b.Fatal(err)
			}
			clock.Advance(5 * time.Minute)
		}
	}
	size := func() int64 {
		stats, err := h.record.Stats(ctx)
		if err != nil {
			b.Fatal(err)
		}
		return stats.Bytes
	}
	hour()
	before := size()
	for b.Loop() {
		hour()
	}
	b.ReportMetric(float64(size()-before)/float64(b.N)*24/1e6, "MB/day")
	b.ReportMetric(float64(before)/1e6, "MB-first-hour")
}
