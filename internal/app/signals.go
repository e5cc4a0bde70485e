package app

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/anchor"
	"github.com/holdfastdns/holdfast/internal/record"
	"github.com/holdfastdns/holdfast/internal/source/capture"
	reports "github.com/holdfastdns/holdfast/internal/tell/report"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// SignalsOptions are the flags of `holdfast signals`, as given.
type SignalsOptions struct {
	Files              []string
	Zone, Format, Page string
	New, Old           []string
	TimeZone, Config   string
	Since              string
	Port               uint16
	Keep, All, JSON    bool
}

// signalRoom is how many counts are held of one run: one for each source, day
// and set of keys. That takes less than 300 MB.
const signalRoom = 2_000_000

// signalsRead is what a run comes to.
type signalsRead struct {
	holdfast.Signals
	Files []capture.Stats `json:"files"`
}

// Signals reads records of traffic for what resolvers say of the keys that they
// trust (RFC 8145), and sums it up; with Keep together with what was kept
// before.
func Signals(ctx context.Context, w World, o SignalsOptions) (Exit, error) {
	zone, options, err := o.reading(w)
	if err != nil {
		return Unworked, err
	}
	roles, err := o.roles()
	if err != nil {
		return Unworked, err
	}
	if len(o.Files) == 0 && !o.Keep {
		return Unworked, advise(errors.New("signals: there is nothing to read"), "Name query logs, packet captures or dnstap files, or --keep for what was kept before.")
	}
	if zone != holdfast.Root && len(o.New) == 0 {
		return Unworked, advise(fmt.Errorf("signals: the keys of %s are not in the calendar", zone), "Name the tag of its new key with --new, those of old ones with --old.")
	}
	read, err := o.gather(ctx, w, zone, options, roles)
	if err != nil {
		return Unworked, err
	}
	if !o.All {
		read.Sources = nil
	}
	if o.Page != "" {
		if err := writeSignalsPage(o.Page, read.Signals); err != nil {
			return Unworked, err
		}
	}
	if o.JSON {
		err = writeJSON(w.Stdout, read)
	} else {
		err = writeSignals(w.Stdout, read, o.All, paint(w.Terminal))
	}
	switch {
	case err != nil:
		return Unworked, fmt.Errorf("signals: %w", err)
	case len(read.Stale) > 0 || read.broken():
		return Warned, nil
	}
	return Healthy, nil
}

// broken says whether a record broke off.
func (r signalsRead) broken() bool {
	for _, f := range r.Files {
		if f.Broken != "" {
			return true
		}
	}
	return false
}

// reading makes of the flags which zone's keys are meant and how files are read.
func (o SignalsOptions) reading(w World) (holdfast.Name, capture.Options, error) {
	options := capture.Options{Format: capture.Format(o.Format), Now: w.Clock.Now(), Port: o.Port}
	zone, err := wire.FromUnicode(o.Zone)
	if err != nil {
		return "", options, fmt.Errorf("--zone: %w", err)
	}
	if o.TimeZone != "" {
		if options.Zone, err = time.LoadLocation(o.TimeZone); err != nil {
			return "", options, fmt.Errorf("--time-zone %s: want a name as Europe/Amsterdam: %w", o.TimeZone, err)
		}
	}
	return zone, options, nil
}

// roles are the parts of the zone's keys: those of the flags, or of the root's
// calendar.
func (o SignalsOptions) roles() (func(time.Time) holdfast.SignalRoles, error) {
	if len(o.New) == 0 && len(o.Old) == 0 {
		config, err := LoadConfig(o.Config)
		if err != nil {
			return nil, err
		}
		calendar, err := config.calendar()
		if err != nil {
			return nil, err
		}
		return func(day time.Time) holdfast.SignalRoles { return anchor.RolesOf(calendar, day) }, nil
	}
	fixed := holdfast.SignalRoles{}
	for _, c := range []struct {
		flag  string
		words []string
		into  *[]uint16
	}{{"--new", o.New, &fixed.New}, {"--old", o.Old, &fixed.Old}} {
		for _, word := range c.words {
			tag, err := strconv.ParseUint(word, 10, 16)
			if err != nil {
				return nil, fmt.Errorf("%s %s: want a key tag, a number below 65536", c.flag, word)
			}
			*c.into = append(*c.into, uint16(tag))
		}
	}
	return func(time.Time) holdfast.SignalRoles { return fixed }, nil
}

// gather reads the files and sums up what they and, with Keep, the record say.
func (o SignalsOptions) gather(ctx context.Context, w World, zone holdfast.Name, options capture.Options, roles func(time.Time) holdfast.SignalRoles) (signalsRead, error) {
	out := signalsRead{Files: []capture.Stats{}}
	all := anchor.NewTally(zone, signalRoom)
	var kept *record.Record
	if o.Keep {
		config, err := LoadConfig(o.Config)
		if err != nil {
			return out, err
		}
		if kept, err = openRecord(ctx, config.Database); err != nil {
			return out, err
		}
		defer kept.Close()
	}
	for _, name := range o.Files {
		into := all
		if kept != nil {
			into = anchor.NewTally(zone, signalRoom)
		}
		stats, hash, err := readSignals(ctx, w, name, options, into)
		if err != nil {
			return out, err
		}
		out.Files = append(out.Files, stats)
		if kept == nil {
			continue
		}
		out.Lost += into.Lost()
		err = kept.AddSignals(ctx, record.SignalFile{Hash: hash, Name: name}, w.Clock.Now(), zone, into.Tallies())
		if err != nil && !errors.Is(err, record.ErrState) {
			return out, fmt.Errorf("signals: %w", err)
		}
		if err != nil {
			fmt.Fprintf(w.Stderr, "%s: its signals were kept before, and count once\n", name)
		}
	}
	tallies := all.Tallies()
	out.Lost += all.Lost()
	if kept != nil {
		var err error
		if tallies, err = o.kept(ctx, w, kept, zone); err != nil {
			return out, fmt.Errorf("signals: %w", err)
		}
	}
	lost := out.Lost
	out.Signals = anchor.SumSignals(zone, tallies, roles)
	out.Lost = lost
	return out, nil
}

// kept are the counts of the record, since an instant or all.
func (o SignalsOptions) kept(ctx context.Context, w World, r *record.Record, zone holdfast.Name) ([]holdfast.SignalTally, error) {
	since, err := parseSince(o.Since, w.Clock.Now())
	if err != nil {
		return nil, fmt.Errorf("--since: %w", err)
	}
	return keptSignals(ctx, r, zone, since)
}

// keptSignals are the counts that a record holds of a zone since an instant.
func keptSignals(ctx context.Context, r *record.Record, zone holdfast.Name, since time.Time) ([]holdfast.SignalTally, error) {
	var out []holdfast.SignalTally
	err := r.Signals(ctx, zone, since, func(t holdfast.SignalTally) error {
		if len(out) >= 2*signalRoom {
			return fmt.Errorf("there are more than %d counts of %s: look at less with --since", 2*signalRoom, zone)
		}
		out = append(out, t)
		return nil
	})
	return out, err
}

// readSignals reads one file; "-" is standard input.
func readSignals(ctx context.Context, w World, name string, options capture.Options, into *anchor.Tally) (stats capture.Stats, hash [32]byte, err error) {
	in := w.Stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return stats, hash, fmt.Errorf("signals: %w", err)
		}
		defer file.Close()
		in = file
	}
	digest := sha256.New()
	in = io.TeeReader(in, digest)
	stats, err = capture.Read(in, name, options, func(q capture.Question) error {
		for _, signal := range signalsOf(q) {
			into.Add(signal)
		}
		return ctx.Err()
	})
	if err != nil {
		return stats, hash, fmt.Errorf("signals: %w", err)
	}
	if stats.Questions == 0 {
		cause := fmt.Errorf("signals: %s: there is no question in it (read as %s, %d passed over)", name, stats.Format, stats.Skipped)
		if stats.Broken != "" {
			cause = fmt.Errorf("%w: it breaks off: %s", cause, stats.Broken)
		}
		return stats, hash, advise(cause, "Read are query logs of BIND and Unbound, pcap, pcapng and dnstap, plain or gzip. Where the format was taken for another, name it with --format.")
	}
	if _, err := io.Copy(io.Discard, in); err != nil { // the digest is of the whole file
		return stats, hash, fmt.Errorf("signals: %s: %w", name, err)
	}
	return stats, [32]byte(digest.Sum(nil)), nil
}

// signalsOf are the signals of a question: by its name (RFC 8145 section 5) and
// by the option, which counts with DNSKEY only (section 4.2).
func signalsOf(q capture.Question) []holdfast.KeySignal {
	var out []holdfast.KeySignal
	if zone, tags, ok := holdfast.ReadKeySignal(q.Name); ok {
		out = append(out, holdfast.KeySignal{At: q.At, Source: q.Source, Zone: zone, Tags: tags})
	}
	if len(q.Tags) > 0 && wire.Type(q.Type) == wire.TypeDNSKEY {
		out = append(out, holdfast.KeySignal{At: q.At, Source: q.Source, Zone: q.Name, Tags: holdfast.SortTags(q.Tags), Option: true})
	}
	return out
}

// writeSignalsPage writes the page to a new file, or in place of an old one.
func writeSignalsPage(name string, s holdfast.Signals) error {
	file, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("signals: --page: %w", err)
	}
	if err := errors.Join(reports.SignalsPage(file, s), file.Close()); err != nil {
		return fmt.Errorf("signals: --page: %w", err)
	}
	return nil
}

// tagsWords are key tags for people: 20326, 38696.
func tagsWords(tags []uint16) string {
	if len(tags) == 0 {
		return "none"
	}
	words := make([]string, len(tags))
	for i, tag := range tags {
		words[i] = strconv.Itoa(int(tag))
	}
	return strings.Join(words, ", ")
}
