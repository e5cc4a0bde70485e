package record

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

// The root zone of 2026, and the default intervals.
const (
	rootZones   = 1438
	bytesPerDay = 300e6
)

// watch records some hours of looks at the zones of a world, core every 5
// minutes and full each hour, with verdicts.
func (w *world) watch(t testing.TB, r *Record, from, hours int) {
	for hour := from; hour < from+hours; hour++ {
		for five := range 12 {
			at := morning.Add(time.Duration(hour)*time.Hour + time.Duration(five)*5*time.Minute)
			sweep := measurementID(at, 999)
			noError(t, r.BeginSweep(t.Context(), holdfast.Sweep{ID: sweep, Depth: holdfast.Core, Started: at}))
			var ms []holdfast.Measurement
			var vs []holdfast.Verdict
			for i, z := range w.zones {
				if z.busy {
					w.sign(z)
				}
				id := measurementID(at, i)
				if five == 0 {
					ms = append(ms, w.full(z, id, sweep, at))
				} else {
					base := measurementID(at.Truncate(time.Hour), i)
					ms = append(ms, w.core(z, id, sweep, base, at))
				}
				vs = append(vs, w.verdict(z, ms[i].ID, at))
			}
			atOnce(t, len(ms), func(i int) error {
				if err := r.Measured(t.Context(), ms[i]); err != nil {
					return err
				}
				return r.Found(t.Context(), ms[i].Subject, vs[i], holdfast.Past{})
			})
		}
	}
}

// measurementID is of the form that the walk gives.
func measurementID(at time.Time, i int) string {
	tail := hashOf([]byte(fmt.Sprint(at.Unix(), i)))
	return at.Add(time.Duration(i)*time.Millisecond).Format("20060102T150405.000000Z") + "-" + hex.EncodeToString(tail[:6])
}

// atOnce does the work of all indexes on a few goroutines.
func atOnce(t testing.TB, n int, work func(i int) error) {
	var wait sync.WaitGroup
	next := make(chan int)
	for range 16 {
		wait.Go(func() {
			for i := range next {
				if err := work(i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wait.Wait()
}

// TestADayOfTheRootFits records some zones for some hours and extrapolates to
// the whole root for a day. Two fifths of the zones get a new serial at each
// look, and each server has an NSID of its own. For the figure in the
// documents: HOLDFAST_DAY=24 HOLDFAST_ZONES=200 go test -run ADay -v ./internal/record
func TestADayOfTheRootFits(t *testing.T) {
	hours, zones := number("HOLDFAST_DAY", 3), number("HOLDFAST_ZONES", 30)
	r, w := create(t), newWorld(8, zones)
	w.watch(t, r, 0, 1) // the first hour lays what later ones share
	checkpointed(t, r)
	before, err := r.usedBytes(t.Context())
	noError(t, err)
	w.watch(t, r, 1, hours)
	checkpointed(t, r)
	after, err := r.usedBytes(t.Context())
	noError(t, err)
	perZoneHour := float64(after-before) / float64(hours*zones)
	perDay := perZoneHour*24*rootZones + float64(before)/float64(zones)*rootZones
	stats, err := r.Stats(t.Context())
	noError(t, err)
	t.Logf("%d zones, %d hours: %.1f MB; the root's %d zones for a day: %.0f MB (%s)", zones, hours, float64(after-before)/1e6, rootZones, perDay/1e6, runtime.GOARCH)
	t.Logf("by table: %v", stats.Rows)
	if perDay > bytesPerDay {
		t.Errorf("a day of the root would take %.0f MB, more than %.0f", perDay/1e6, bytesPerDay/1e6)
	}
}

func number(variable string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(variable)); err == nil && n > 0 {
		return n
	}
	return otherwise
}

func checkpointed(t testing.TB, r *Record) {
	t.Helper()
	noError(t, checkpoint(context.Background(), r.writer.conn))
}
