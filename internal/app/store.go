package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"text/tabwriter"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
)

// StoreOptions are the flags of commands that work on the database.
type StoreOptions struct {
	Config string
	JSON   bool
}

// Init creates the database. No other command does: a watch that began with an
// empty one because of a typo would tell nobody about anything it had known.
func Init(ctx context.Context, w World, o StoreOptions) error {
	config, err := LoadConfig(o.Config)
	if err != nil {
		return err
	}
	r, err := record.Create(ctx, config.Database)
	if errors.Is(err, record.ErrExists) {
		return advise(fmt.Errorf("init: %w", err), "It is left as it is. To begin anew, move it away first.")
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return advise(fmt.Errorf("init: %w", err), "Its folder must exist and be writable: set `database` in the configuration.")
	}
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	return errors.Join(r.Close(), say(w, o, map[string]string{"created": config.Database},
		"created %s; start the watch with: holdfast watch\n", config.Database))
}

// say prints what was done, for people or, with --json, for programs.
func say(w World, o StoreOptions, done any, format string, args ...any) error {
	if o.JSON {
		return writeJSON(w.Stdout, done)
	}
	_, err := fmt.Fprintf(w.Stdout, format, args...)
	return err
}

// openRecord opens the configured database and says what to do where it
// cannot be.
func openRecord(ctx context.Context, path string) (*record.Record, error) {
	r, err := record.Open(ctx, path)
	switch {
	case errors.Is(err, record.ErrMissing):
		return nil, advise(err, "Create it with `holdfast init`, or correct `database` in the configuration.")
	case errors.Is(err, record.ErrNewer):
		return nil, advise(err, "Run the newer Holdfast that wrote it, or restore a backup from before the upgrade.")
	}
	return r, err
}

// withRecord runs work on the configured database.
func withRecord(ctx context.Context, o StoreOptions, work func(Config, *record.Record) error) error {
	config, err := LoadConfig(o.Config)
	if err != nil {
		return err
	}
	r, err := openRecord(ctx, config.Database)
	if err != nil {
		return err
	}
	return errors.Join(work(config, r), r.Close())
}

// RecordStats prints what the database holds.
func RecordStats(ctx context.Context, w World, o StoreOptions) error {
	return withRecord(ctx, o, func(_ Config, r *record.Record) error {
		stats, err := r.Stats(ctx)
		if err != nil {
			return err
		}
		if o.JSON {
			return writeJSON(w.Stdout, stats)
		}
		table := tabwriter.NewWriter(w.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintf(table, "database\t%s\n", stats.Path)
		fmt.Fprintf(table, "schema\t%d\n", stats.Version)
		fmt.Fprintf(table, "size\t%s\n", megabytes(stats.Bytes))
		fmt.Fprintf(table, "zones\t%d\n", stats.Zones)
		fmt.Fprintf(table, "sweeps\t%d\n", stats.Sweeps)
		fmt.Fprintf(table, "measurements\t%d, of %d exchanges\n", stats.Measurements, stats.Exchanges)
		fmt.Fprintf(table, "messages\t%d distinct, %s\n", stats.Replies, megabytes(stats.ReplyBytes))
		fmt.Fprintf(table, "findings open\t%d\n", stats.Findings)
		for _, state := range []holdfast.State{holdfast.StatePending, holdfast.StateOpen, holdfast.StateClosed} {
			fmt.Fprintf(table, "incidents %s\t%d\n", state, stats.Incidents[state])
		}
		for _, state := range []holdfast.NoticeState{holdfast.NoticeHeld, holdfast.NoticeQueued, holdfast.NoticeSending, holdfast.NoticeSent, holdfast.NoticeDropped, holdfast.NoticeFailed} {
			fmt.Fprintf(table, "notices %s\t%d\n", state, stats.Notices[state])
		}
		if !stats.Oldest.IsZero() {
			fmt.Fprintf(table, "evidence\t%s to %s\n", instant(stats.Oldest), instant(stats.Newest))
		}
		return table.Flush()
	})
}

func megabytes(bytes int64) string { return fmt.Sprintf("%.1f MB", float64(bytes)/1e6) }

// RecordBackup copies the database to a new file while others use it.
func RecordBackup(ctx context.Context, w World, o StoreOptions, file string) error {
	return withRecord(ctx, o, func(_ Config, r *record.Record) error {
		if err := r.Backup(ctx, file); err != nil {
			return err
		}
		return say(w, o, map[string]string{"backup": file}, "backed up to %s\n", file)
	})
}

// RecordPrune applies the configured retention now.
func RecordPrune(ctx context.Context, w World, o StoreOptions) error {
	return withRecord(ctx, o, func(config Config, r *record.Record) error {
		pruned, err := r.Prune(ctx, config.Retention.keep(), w.Clock.Now())
		if err != nil {
			return err
		}
		return say(w, o, pruned, "dropped %d measurements; %s freed\n", pruned.Measurements, megabytes(pruned.Bytes))
	})
}

// ListNotices prints the notices that wait, or all.
func ListNotices(ctx context.Context, w World, o StoreOptions, all bool) error {
	return withRecord(ctx, o, func(_ Config, r *record.Record) error {
		filter := record.NoticeFilter{States: []holdfast.NoticeState{holdfast.NoticeHeld, holdfast.NoticeQueued, holdfast.NoticeSending}}
		if all {
			filter.States = nil
		}
		notices, err := r.Notices(ctx, filter)
		if err != nil {
			return err
		}
		if o.JSON {
			return writeJSON(w.Stdout, append([]holdfast.Notice{}, notices...)) // a list, if of none
		}
		if len(notices) == 0 {
			_, err := fmt.Fprintln(w.Stdout, "No notice waits. (--all lists those that went.)")
			return err
		}
		table := tabwriter.NewWriter(w.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "ID\tSTATE\tCREATED\tTO\tSUBJECT")
		for _, n := range notices {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", n.ID, n.State, n.Created.UTC().Format(time.DateTime), n.Recipient, n.Subject)
		}
		return table.Flush()
	})
}

// ReleaseNotices lets held notices go; a running watch sends them.
func ReleaseNotices(ctx context.Context, w World, o StoreOptions, ids []string) error {
	return eachNotice(ctx, w, o, ids, "released", func(r *record.Record, id string) error {
		return r.ReleaseNotice(ctx, id, w.Clock.Now())
	})
}

// DropNotices drops held or queued notices.
func DropNotices(ctx context.Context, w World, o StoreOptions, ids []string, why string) error {
	return eachNotice(ctx, w, o, ids, "dropped", func(r *record.Record, id string) error {
		return r.DropNotice(ctx, id, w.Clock.Now(), why)
	})
}

// eachNotice works on one notice after the other; a mistake in one does not
// keep the others from being done.
func eachNotice(ctx context.Context, w World, o StoreOptions, ids []string, done string, work func(*record.Record, string) error) error {
	return withRecord(ctx, o, func(_ Config, r *record.Record) error {
		var failed []error
		worked := []string{}
		for _, id := range ids {
			switch err := work(r, id); {
			case errors.Is(err, record.ErrNotFound):
				failed = append(failed, advise(fmt.Errorf("notice %s: %w", id, err), "`holdfast notices list` names those that wait."))
			case errors.Is(err, record.ErrState):
				failed = append(failed, advise(fmt.Errorf("notice %s: %w", id, err), "It was sent, dropped or released already: `holdfast notices list --all`."))
			case err != nil:
				failed = append(failed, fmt.Errorf("notice %s: %w", id, err))
			default:
				worked = append(worked, id)
			}
		}
		text := ""
		for _, id := range worked {
			text += done + " " + id + "\n"
		}
		return errors.Join(append(failed, say(w, o, map[string][]string{done: worked}, "%s", text))...)
	})
}

// PrintVersion prints the program's and the catalogue's versions.
func PrintVersion(w World, asJSON bool) error {
	if asJSON {
		return writeJSON(w.Stdout, map[string]string{"version": Version, "catalogue": CatalogueVersion})
	}
	_, err := fmt.Fprintf(w.Stdout, "holdfast %s, catalogue %s\n", Version, CatalogueVersion)
	return err
}
