package record

import (
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

// BenchmarkCoreLook is a core look of 20 exchanges at a zone where nothing
// changed, recorded and judged, many zones at once. bytes/look is what the file
// grows by.
func BenchmarkCoreLook(b *testing.B) { benchmarkLooks(b, false, holdfast.Core) }

// BenchmarkCoreLookBusy is one at a zone that has a new serial at each look.
func BenchmarkCoreLookBusy(b *testing.B) { benchmarkLooks(b, true, holdfast.Core) }

// BenchmarkFullLook is a full look: some 140 exchanges, an hour after the last.
func BenchmarkFullLook(b *testing.B) { benchmarkLooks(b, false, holdfast.Full) }

func benchmarkLooks(b *testing.B, busy bool, depth holdfast.Depth) {
	r, w := create(b), newWorld(71, 100)
	w.loss = 0
	for i, z := range w.zones {
		z.busy = busy
		noError(b, r.Measured(b.Context(), w.full(z, measurementID(morning, i), "s", morning)))
		noError(b, r.Found(b.Context(), z.subject, w.verdict(z, measurementID(morning, i), morning), holdfast.Past{}))
		noError(b, r.Measured(b.Context(), w.core(z, measurementID(morning.Add(time.Minute), i), "s", measurementID(morning, i), morning.Add(time.Minute))))
	}
	checkpointed(b, r)
	before, err := r.usedBytes(b.Context())
	noError(b, err)
	looks, exchanges := 0, 0
	at := morning
	for b.Loop() {
		b.StopTimer()
		at = at.Add(5 * time.Minute)
		ms, vs := make([]holdfast.Measurement, len(w.zones)), make([]holdfast.Verdict, len(w.zones))
		for i, z := range w.zones {
			if z.busy {
				w.sign(z)
			}
			id := measurementID(at, i)
			if depth == holdfast.Core {
				ms[i] = w.core(z, id, "s", measurementID(morning, i), at)
			} else {
				ms[i] = w.full(z, id, at.String(), at)
			}
			vs[i] = w.verdict(z, id, at)
			looks++
			exchanges += len(ms[i].Exchanges)
		}
		b.StartTimer()
		atOnce(b, len(ms), func(i int) error {
			if err := r.Measured(b.Context(), ms[i]); err != nil {
				return err
			}
			return r.Found(b.Context(), ms[i].Subject, vs[i], holdfast.Past{})
		})
	}
	checkpointed(b, r)
	after, err := r.usedBytes(b.Context())
	noError(b, err)
	b.ReportMetric(float64(after-before)/float64(looks), "bytes/look")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(looks), "µs/look")
	b.ReportMetric(float64(exchanges)/float64(looks), "exchanges/look")
}

func BenchmarkStatuses(b *testing.B) {
	r, w := create(b), newWorld(72, 1438)
	roster := Roster{}
	for _, z := range w.zones {
		roster.Subjects = append(roster.Subjects, z.subject)
	}
	noError(b, r.SaveRoster(b.Context(), roster))
	atOnce(b, len(w.zones), func(i int) error {
		return r.Found(b.Context(), w.zones[i].subject, w.verdict(w.zones[i], "m", morning), holdfast.Past{})
	})
	for b.Loop() {
		if statuses, err := r.Statuses(b.Context()); err != nil || len(statuses) != 1438 {
			b.Fatal(len(statuses), err)
		}
	}
}

// BenchmarkForecast is `holdfast forecast` over the whole root but for starting
// the process: the database is opened, every zone's verdict read, and each
// asked what is left of it in three weeks.
func BenchmarkForecast(b *testing.B) {
	r, w := create(b), newWorld(72, rootZones)
	atOnce(b, len(w.zones), func(i int) error {
		return r.Found(b.Context(), w.zones[i].subject, w.verdict(w.zones[i], "m", morning), holdfast.Past{})
	})
	for b.Loop() {
		again, err := Open(b.Context(), r.path)
		noError(b, err)
		statuses, err := again.Statuses(b.Context())
		noError(b, err)
		verdicts := make([]holdfast.Verdict, len(statuses))
		for i, s := range statuses {
			verdicts[i] = s.Verdict
		}
		if f := holdfast.NewForecast(verdicts, morning.Add(20*24*time.Hour)); f.Zones != rootZones || len(f.Bogus) != rootZones {
			b.Fatalf("%d of %d zones bogus", len(f.Bogus), f.Zones)
		}
		noError(b, again.Close())
	}
}

func BenchmarkMeasurement(b *testing.B) {
	r, w := create(b), newWorld(73, 1)
	noError(b, r.Measured(b.Context(), w.full(w.zones[0], "f", "s", morning)))
	noError(b, r.Measured(b.Context(), w.core(w.zones[0], "c", "s", "f", morning)))
	for b.Loop() {
		if _, err := r.Measurement(b.Context(), "c"); err != nil {
			b.Fatal(err)
		}
	}
}
