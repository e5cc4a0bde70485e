// Package scan says who is due next. It keeps three loops over the subjects
// under watch: core looks, full looks, and a fast loop of full looks at those
// in trouble. Each subject has its own moment within an interval, by a hash of
// its name, so that the world is asked evenly.
//
// It also guards against blaming the world for our own trouble: a look that
// got hardly any answer is held back until others show whether the network
// works at all (see doubt).
package scan

import (
	"context"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/holdfastdns/holdfast"
)

// Config is the section [scan] of the configuration: how often zones are
// looked at. The zero value is the default.
type Config struct {
	// Core is the interval of core looks: SOA and DNSKEY at every address.
	// "5m" where zero.
	Core holdfast.Duration `toml:"core"`
	// Full is the interval of full looks. "1h" where zero.
	Full holdfast.Duration `toml:"full"`
	// Fast is the interval of full looks at a zone in trouble. "30s" where zero.
	Fast holdfast.Duration `toml:"fast"`
	// Parallel is how many zones are looked at at once. 0: 32.
	Parallel int `toml:"parallel"`
}

// Check says what is wrong with a configuration.
func (c Config) Check() error {
	c = c.withDefaults()
	switch {
	case c.Core <= 0 || c.Full <= 0 || c.Fast <= 0:
		return fmt.Errorf("scan: core, full and fast are lengths of time above zero")
	case c.Full < c.Core:
		return fmt.Errorf("scan: full (%s) is shorter than core (%s)", c.Full, c.Core)
	case c.Parallel < 0:
		return fmt.Errorf("scan: parallel is %d: want a positive number, or 0 for 32", c.Parallel)
	}
	return nil
}

// Intervals is the configuration with the intervals that are in force.
func (c Config) Intervals() Config { return c.withDefaults() }

func (c Config) withDefaults() Config {
	if c.Core == 0 {
		c.Core = holdfast.Duration(5 * time.Minute)
	}
	if c.Full == 0 {
		c.Full = holdfast.Duration(time.Hour)
	}
	if c.Fast == 0 {
		c.Fast = holdfast.Duration(30 * time.Second)
	}
	if c.Parallel == 0 {
		c.Parallel = 32
	}
	return c
}

// Work is what is done about each subject. Its methods are called from many
// goroutines, never twice at once for the same subject.
type Work interface {
	// Begin and End frame a sweep; End has its final counts.
	Begin(ctx context.Context, s holdfast.Sweep) error
	End(ctx context.Context, s holdfast.Sweep) error
	// Look measures a subject and makes the evidence durable.
	Look(ctx context.Context, s holdfast.Subject, d holdfast.Depth, sweep string) (holdfast.Measurement, error)
	// Judge says what a look means, remembers and tells. It is not called for
	// looks that are withheld.
	Judge(ctx context.Context, s holdfast.Subject, m holdfast.Measurement) (holdfast.Status, error)
	// InTrouble says that a zone belongs into the fast loop.
	InTrouble(zone holdfast.Name) bool
	// Withhold is told of a look that will not be judged: its silence is ours.
	Withhold(ctx context.Context, m holdfast.Measurement) error
	// World is told when most of the world begins to seem down, in which sweep,
	// and when it no longer does.
	World(ctx context.Context, down bool, s holdfast.Sweep) error
	// Failed is told that we could not work on a subject.
	Failed(s holdfast.Subject, err error)
}

// Scan keeps the loops. Make one with New.
type Scan struct {
	config  Config
	clock   holdfast.Clock
	work    Work
	vantage string
	doubt   *doubt
}

// New makes a scan. It starts nothing.
func New(config Config, clock holdfast.Clock, vantage string, work Work) *Scan {
	return &Scan{config: config.withDefaults(), clock: clock, work: work, vantage: vantage, doubt: &doubt{}}
}

// moment is the subject's place within an interval.
func moment(zone holdfast.Name, interval time.Duration) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(zone)) // a hash does not fail
	return time.Duration(h.Sum64() % uint64(interval))
}

// nextAfter is the subject's next moment after an instant. Moments are fixed
// in absolute time, so that a restart changes nobody's.
func nextAfter(zone holdfast.Name, interval time.Duration, at time.Time) time.Time {
	begin := at.Truncate(interval).Add(moment(zone, interval))
	if !begin.After(at) {
		begin = begin.Add(interval)
	}
	return begin
}
