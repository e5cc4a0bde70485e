package record

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"

	"github.com/holdfastdns/holdfast"
)

// tablesTold is the size up to which Stats says how large each table is: for
// that SQLite reads every page.
const tablesTold = 4 << 30

// fileSize is what the database takes on disk, with its write-ahead log.
func (r *Record) fileSize() (int64, error) {
	var size int64
	for _, suffix := range []string{"", "-wal"} {
		info, err := os.Stat(r.path + suffix)
		if errors.Is(err, fs.ErrNotExist) && suffix != "" {
			continue
		}
		if err != nil {
			return 0, err
		}
		size += info.Size()
	}
	return size, nil
}

// Stats counts what the database holds. It reads much of it: it is for people
// who ask, not for every page.
func (r *Record) Stats(ctx context.Context) (Stats, error) {
	s, err := r.stats(ctx)
	return s, r.failed("read statistics", err)
}

func (r *Record) stats(ctx context.Context) (Stats, error) {
	s := Stats{Path: r.path, Incidents: map[holdfast.State]int{}, Notices: map[holdfast.NoticeState]int{}, Rows: map[string]int64{}}
	var err error
	if s.Bytes, err = r.fileSize(); err != nil {
		return s, err
	}
	tx, err := r.reads.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return s, err
	}
	defer tx.Rollback()
	var oldest, newest sql.NullInt64
	for query, into := range map[string]any{
		"PRAGMA user_version":        &s.Version,
		"SELECT count(*) FROM zone":  &s.Zones,
		"SELECT count(*) FROM sweep": &s.Sweeps,
		"SELECT count(*) FROM look":  &s.Measurements,
		"SELECT coalesce(sum(exchanges * uses), 0) FROM outcome JOIN outcome_use USING (key)": &s.Exchanges,
		"SELECT count(*) FROM message":                       &s.Replies,
		"SELECT coalesce(sum(length(data)), 0) FROM pack":    &s.ReplyBytes,
		"SELECT count(*) FROM interval WHERE closed IS NULL": &s.Findings,
		"SELECT min(started) FROM look":                      &oldest,
		"SELECT max(started) FROM look":                      &newest,
	} {
		if err := tx.QueryRowContext(ctx, query).Scan(into); err != nil {
			return s, err
		}
	}
	s.Oldest, s.Newest = fromMillis(oldest.Int64), fromMillis(newest.Int64)
	if err := tally(ctx, tx, "SELECT state, count(*) FROM incident GROUP BY state", s.Incidents); err != nil {
		return s, err
	}
	if err := tally(ctx, tx, "SELECT state, count(*) FROM notice GROUP BY state", s.Notices); err != nil {
		return s, err
	}
	if s.Bytes > tablesTold {
		return s, nil
	}
	return s, tally(ctx, tx, `SELECT tbl_name, sum(pgsize) FROM dbstat JOIN sqlite_schema ON sqlite_schema.name = dbstat.name
		WHERE aggregate = TRUE GROUP BY tbl_name`, s.Rows)
}

// tally reads rows of a name and a number.
func tally[K ~string, V int | int64](ctx context.Context, tx *sql.Tx, query string, into map[K]V) error {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var number V
		if err := rows.Scan(&name, &number); err != nil {
			return err
		}
		into[K(name)] = number
	}
	return rows.Err()
}
