package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/source/anchor"
	"github.com/holdfastdns/holdfast/internal/tell/alert"
)

// SelfConfig is the section [self] of the configuration: when the watch is in
// trouble of its own. The zero value is the default.
type SelfConfig struct {
	// StrictClock withholds verdicts, and mails to contacts, also while the
	// kernel says that no time service keeps its clock, or that it may be more
	// than 5 s wrong. By default staff are told of that, and verdicts are
	// withheld only where the world's signatures show that the clock is wrong:
	// many machines keep good time without a word to their kernel.
	StrictClock bool `toml:"strict_clock"`
	// DiskFree is how many megabytes are to be free where the database is.
	// 1000 where zero.
	DiskFree int64 `toml:"disk_free"`
	// Late is after how many of its intervals a zone that was not looked at is
	// behind. 2 where zero.
	Late int `toml:"late"`
	// DataAge is how old IANA's registries, anchors and hints in the program
	// may be. "400d" where zero.
	DataAge holdfast.Duration `toml:"data_age"`
	// RosterAge is how old the list of zones may be. "3d" where zero.
	RosterAge holdfast.Duration `toml:"roster_age"`
}

func (c SelfConfig) check() error {
	if c.DiskFree < 0 || c.Late < 0 || c.DataAge < 0 || c.RosterAge < 0 {
		return errors.New("self.disk_free, self.late, self.data_age and self.roster_age are not negative")
	}
	return nil
}

func (c SelfConfig) withDefaults() SelfConfig {
	if c.DiskFree == 0 {
		c.DiskFree = 1000
	}
	if c.Late == 0 {
		c.Late = 2
	}
	if c.DataAge == 0 {
		c.DataAge = hours(400 * 24)
	}
	if c.RosterAge == 0 {
		c.RosterAge = hours(3 * 24)
	}
	return c
}

// Kept is what the kernel knows of its clock.
type Kept struct {
	Synchronised bool
	MaxError     time.Duration // that the time service admits
}

// trouble says why the kernel's word is against its clock; empty where
// there is none.
func (k Kept) trouble() string {
	const most = 5 * time.Second
	switch {
	case !k.Synchronised:
		return "no time service keeps this machine's clock, as its kernel says: whether verdicts are right is not known"
	case k.MaxError > most:
		return "this machine's clock may be more than 5 s wrong, as its time service says"
	}
	return ""
}

// selfwatch looks at ourselves. Its methods are called by one goroutine.
type selfwatch struct {
	config SelfConfig
	house  *house
	clock  *clockwatch
	began  time.Time
	kept   func() (Kept, bool)                // what the kernel says of its clock; nil: nothing
	free   func(folder string) (int64, error) // octets that are free
	said   map[string]string                  // the words in which a trouble that stands was told first, by code
}

func newSelfwatch(h *house, c *clockwatch) *selfwatch {
	if h.config.Self.StrictClock {
		c.strict = h.world.Kept
	}
	return &selfwatch{config: h.config.Self.withDefaults(), house: h, clock: c, began: h.world.Clock.Now(), kept: h.world.Kept, free: diskFree,
		said: map[string]string{}}
}

// selfPace is how often we look at ourselves, where zones are not looked at
// more seldom than by default.
const selfPace = time.Minute

// run looks at ourselves until the context ends.
func (s *selfwatch) run(ctx context.Context) error {
	for {
		if err := s.look(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.house.world.Clock.After(max(selfPace, s.house.config.Scan.Intervals().Core.Of()/5)):
		}
	}
}

// look tells staff of what is wrong with us, and of what no longer is.
func (s *selfwatch) look(ctx context.Context) error {
	late, err := s.late(ctx)
	if err != nil {
		return err
	}
	clock, severity := s.clockTrouble()
	disk, diskSeverity := s.diskTrouble()
	return errors.Join(
		s.tell(ctx, alert.SelfClock, severity, clock),
		s.tell(ctx, alert.SelfLate, holdfast.SeverityError, late),
		s.tell(ctx, alert.SelfStale, holdfast.SeverityWarning, s.stale()),
		s.tell(ctx, alert.SelfDisk, diskSeverity, disk),
	)
}

// tell passes one trouble on, or that there is none. What stands keeps the
// words in which it began: an incident is not written anew for a number.
func (s *selfwatch) tell(ctx context.Context, code string, severity holdfast.Severity, text string) error {
	if text == "" {
		delete(s.said, code)
		return s.house.alert.SelfMended(ctx, code)
	}
	key := code + " " + severity.String()
	if s.said[code] == "" || s.said[key] == "" {
		s.house.log.Error("the watch is in trouble of its own", "code", code, "trouble", text)
		s.said[code], s.said[key] = text, text
	}
	return s.house.alert.SelfTrouble(ctx, code, severity, s.said[key])
}

// clockTrouble says what is wrong with our clock: by the world's signatures,
// which is certain, or by the kernel's word.
func (s *selfwatch) clockTrouble() (string, holdfast.Severity) {
	if text := s.clock.doubt(); text != "" {
		return text + "; verdicts are withheld", holdfast.SeverityCritical
	}
	if s.kept == nil {
		return "", holdfast.SeverityInfo
	}
	kept, known := s.kept()
	if !known {
		return "", holdfast.SeverityInfo
	}
	text := kept.trouble()
	if text != "" && s.config.StrictClock {
		return text + "; verdicts are withheld", holdfast.SeverityCritical
	}
	return text, holdfast.SeverityWarning
}

// late says that zones are not looked at as often as they should be.
func (s *selfwatch) late(ctx context.Context) (string, error) {
	now, config := s.house.world.Clock.Now(), s.house.config.Scan.Intervals()
	core, full := time.Duration(s.config.Late)*config.Core.Of(), time.Duration(s.config.Late)*config.Full.Of()
	if now.Sub(s.began) < core {
		return "", nil
	}
	last, err := s.house.record.LastLooks(ctx)
	if err != nil {
		return "", fmt.Errorf("look whether zones wait: %w", err)
	}
	roster := s.house.roster.Load()
	behind := 0
	for _, subject := range roster.Subjects {
		looks := last[subject.Zone]
		any := looks[holdfast.Full]
		if looks[holdfast.Core].After(any) {
			any = looks[holdfast.Core]
		}
		switch {
		case any.IsZero() && now.Sub(roster.Fetched) < core: // it is new
		case now.Sub(any) > core, now.Sub(s.began) > full && now.Sub(looks[holdfast.Full]) > full:
			behind++
		}
	}
	if behind*100 <= len(roster.Subjects) { // one in a hundred waits for slow servers
		return "", nil
	}
	return fmt.Sprintf("the looks are behind: %d of %d zones were not looked at for %d times their interval (core %s, full %s)",
		behind, len(roster.Subjects), s.config.Late, config.Core, config.Full), nil
}

// stale says what we go by that is old. IANA's registries may stand for years:
// what ages is our reading of them, which was on one day with the anchors'.
func (s *selfwatch) stale() string {
	now := s.house.world.Clock.Now()
	if roster := s.house.roster.Load(); now.Sub(roster.Fetched) > s.config.RosterAge.Of() {
		return "the list of zones is of " + roster.Fetched.UTC().Format(time.DateOnly) + ": no newer one came since"
	}
	if now.Sub(anchor.Taken) > s.config.DataAge.Of() {
		return "IANA's trust anchors, hints and registries in this program are of " + anchor.Taken.Format(time.DateOnly) + ": take a newer release"
	}
	return ""
}

// diskTrouble says that there is hardly room for the database. What is free is
// not known on every system; where it is not, the write that fails says so.
func (s *selfwatch) diskTrouble() (string, holdfast.Severity) {
	free, err := s.free(filepath.Dir(s.house.config.Database))
	least := s.config.DiskFree * 1_000_000
	switch {
	case err != nil || free >= least:
		return "", holdfast.SeverityInfo
	case free < least/10:
		return fmt.Sprintf("less than %d MB are free where the database is", s.config.DiskFree/10), holdfast.SeverityCritical
	}
	return fmt.Sprintf("less than %d MB are free where the database is", s.config.DiskFree), holdfast.SeverityWarning
}
