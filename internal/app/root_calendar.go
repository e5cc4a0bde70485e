package app

import (
	"fmt"
	"os"
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/judge/rootkey"
)

// calendar is what is known and announced of the root's keys: the program's, or
// that of the file which the configuration names.
func (c Config) calendar() (holdfast.Calendar, error) {
	if c.RootCalendar == "" {
		return rootkey.Calendar(), nil
	}
	text, err := os.ReadFile(c.RootCalendar)
	if err != nil {
		return holdfast.Calendar{}, fmt.Errorf("root_calendar: %w", err)
	}
	calendar, err := rootkey.ReadCalendar(text)
	if err != nil {
		return calendar, advise(fmt.Errorf("root_calendar %s: %w", c.RootCalendar, err), "docs/formats/calendar.md has its form; `holdfast anchors root --calendar` prints the one that the program carries.")
	}
	return calendar, nil
}

// calendarOf is the calendar by a configuration file; without one, the program's.
func calendarOf(file string) (holdfast.Calendar, error) {
	config, err := LoadConfig(file)
	if err != nil {
		return holdfast.Calendar{}, err
	}
	return config.calendar()
}

// following is a catalogue whose checks of the root's keys go by a calendar.
func following(c judge.Catalogue, calendar holdfast.Calendar) judge.Catalogue {
	c.Checks = slices.Clone(c.Checks)
	for _, check := range rootkey.Checks(calendar) {
		i := slices.IndexFunc(c.Checks, func(have judge.Check) bool { return have.Code == check.Code })
		if i >= 0 {
			c.Checks[i] = check
		}
	}
	return c
}
