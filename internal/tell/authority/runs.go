package authority

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Bounds of what is kept of runs.
const (
	maxRuns   = 4096
	maxAskers = 16               // of one run
	maxNames  = 24               // of one asker
	runKept   = 10 * time.Minute // and not longer: who asked is nobody else's business
)

// Asker is a resolver that asked for names of a run.
type Asker struct {
	Address netip.Addr
	Names   []string // the first labels, in the order in which they were first asked for
	DO      bool
}

// Runs keeps, for a while, which resolvers asked for the names of each run of
// a test: it is how somebody with several resolvers sees them apart.
type Runs struct {
	zones []holdfast.Name // whose names have labels of runs
	mu    sync.Mutex
	kept  map[string]*run // under mu
	order []string        // by age, the oldest first; under mu
}

type run struct {
	began  time.Time
	askers []Asker
}

// NewRuns keeps the runs of a test bed.
func NewRuns(base holdfast.Name) *Runs {
	return &Runs{zones: []holdfast.Name{SentinelZone(base), InsecureZone(base)}, kept: map[string]*run{}}
}

// Saw takes a question; most are not of a run. It is quick and may be called
// from several goroutines.
func (r *Runs) Saw(q Asked) {
	name := q.Question.Name
	if !slices.Contains(r.zones, q.Zone) || q.Rcode != wire.NoError || name.Labels() <= q.Zone.Labels() {
		return
	}
	for name.Parent() != q.Zone {
		name = name.Parent()
	}
	label, _ := firstLabel(name)
	if !isRun(label) {
		return
	}
	what, _ := firstLabel(q.Question.Name)
	if what == label {
		what = "unsigned"
		if q.Zone != r.zones[1] {
			return // a resolver that finds its way label by label (RFC 9156)
		}
	}
	r.note(label, what, q)
}

func (r *Runs) note(label, what string, q Asked) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(q.At)
	known := r.kept[label]
	if known == nil {
		if len(r.order) >= maxRuns {
			delete(r.kept, r.order[0])
			r.order = r.order[1:]
		}
		known = &run{began: q.At}
		r.kept[label], r.order = known, append(r.order, label)
	}
	from := q.From.Addr()
	i := slices.IndexFunc(known.askers, func(a Asker) bool { return a.Address == from })
	if i < 0 {
		if len(known.askers) >= maxAskers {
			return
		}
		known.askers = append(known.askers, Asker{Address: from})
		i = len(known.askers) - 1
	}
	a := &known.askers[i]
	a.DO = a.DO || q.DO
	if len(a.Names) < maxNames && !slices.Contains(a.Names, what) {
		a.Names = append(a.Names, what)
	}
}

// forget drops what is too old; it must be called under mu.
func (r *Runs) forget(now time.Time) {
	for len(r.order) > 0 && now.Sub(r.kept[r.order[0]].began) > runKept {
		delete(r.kept, r.order[0])
		r.order = r.order[1:]
	}
}

// Askers are those of a run, as of an instant.
func (r *Runs) Askers(label string, now time.Time) []Asker {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(now)
	known := r.kept[label]
	if known == nil {
		return nil
	}
	out := slices.Clone(known.askers)
	for i := range out {
		out[i].Names = slices.Clone(out[i].Names)
	}
	return out
}
