package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfastdns/holdfast"
)

const (
	// queueLength bounds the writes that wait; further callers wait to queue.
	queueLength = 1024
	// batchLength bounds the writes of one transaction, and so its time.
	batchLength = 256
)

// writer is the one way into the database. Callers queue their work, and
// whoever holds the lead does all that is queued in one transaction: while one
// batch is synced to disk the next gathers, so that a hundred callers share an
// fsync. There is no goroutine: a caller leads, or waits for the one who does.
type writer struct {
	queue chan *job
	lead  chan struct{} // holds one token while somebody leads
	known *known        // follows what is committed

	closing sync.Once
	closed  chan struct{}

	// Owned by the leader.
	db          *sql.DB
	conn        *sql.Conn
	stmts       map[string]*sql.Stmt // by their text, all of it constant
	dataVersion int64                // PRAGMA data_version after our last batch
}

// States of a job: its caller may give up only before it is begun, so that an
// error of the context always means that nothing was written.
const (
	jobWaiting int32 = iota
	jobBegun
	jobAbandoned
)

type job struct {
	state atomic.Int32
	work  func(*batch) error
	done  chan error // buffered: the leader never waits for a caller
}

// batch is one transaction as the work in it sees it.
type batch struct {
	ctx context.Context
	w   *writer
	// fresh holds statuses written in this transaction; Found reads them
	// before the cache, and they enter it after the commit. after is what else
	// to do in memory once the commit stands. A job adds to either as its last
	// act only, so that a job that fails has added nothing.
	fresh     map[holdfast.Name]*ZoneStatus
	freshPast map[holdfast.Name]*holdfast.Past // likewise
	after     []func()
}

func newWriter(ctx context.Context, db *sql.DB, known *known) (*writer, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{
		queue:  make(chan *job, queueLength),
		lead:   make(chan struct{}, 1),
		known:  known,
		closed: make(chan struct{}),
		db:     db, conn: conn,
		stmts: map[string]*sql.Stmt{},
	}
	if w.dataVersion, err = w.version(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return w, nil
}

// version changes whenever another connection has committed.
func (w *writer) version(ctx context.Context) (version int64, err error) {
	err = w.conn.QueryRowContext(ctx, "PRAGMA data_version").Scan(&version)
	return version, err
}

// close waits for the batch under way. What is queued behind it, or comes
// later, is answered errClosed.
func (w *writer) close() (err error) {
	w.closing.Do(func() {
		w.lead <- struct{}{} // nobody leads after this
		close(w.closed)
		for _, stmt := range w.stmts {
			err = errors.Join(err, stmt.Close())
		}
		err = errors.Join(err, w.conn.Close(), w.db.Close())
	})
	return err
}

var errClosed = errors.New("the database was closed")

// write has work done in a transaction, and returns when that is durable. If
// ctx ends before the work was begun, it is not done. work runs while others
// wait: it must not block on anything but the database.
func (r *Record) write(ctx context.Context, act string, work func(*batch) error) error {
	if err := ctx.Err(); err != nil {
		return r.failed(act, err)
	}
	j := &job{work: work, done: make(chan error, 1)}
	return r.failed(act, r.writer.do(ctx, j))
}

// do queues a job and sees it done, leading whenever nobody else does. It leads
// even before it is queued: what fills the queue may have been abandoned.
func (w *writer) do(ctx context.Context, j *job) error {
	queue, patience, closed := w.queue, ctx.Done(), w.closed
	for {
		select {
		case queue <- j:
			queue = nil // once is enough
		case err := <-j.done:
			return err
		case w.lead <- struct{}{}:
			// A batch serves many callers: the end of one's patience must
			// not undo the others' work. SQLite's busy timeout bounds it.
			w.runBatch(context.WithoutCancel(ctx))
			<-w.lead
		case <-closed:
			if j.state.CompareAndSwap(jobWaiting, jobAbandoned) {
				return errClosed
			}
			closed = nil // it was in the last batch
		case <-patience:
			if j.state.CompareAndSwap(jobWaiting, jobAbandoned) {
				return ctx.Err()
			}
			patience = nil // begun: its end is near and worth knowing
		}
	}
}

// runBatch does what is queued, up to batchLength. The caller holds the lead.
func (w *writer) runBatch(ctx context.Context) {
	jobs := w.gather()
	if len(jobs) == 0 {
		return
	}
	errs, err := w.transact(ctx, jobs)
	for i, j := range jobs {
		if err != nil {
			j.done <- err
		} else {
			j.done <- errs[i]
		}
	}
}

func (w *writer) gather() []*job {
	var jobs []*job
	for len(jobs) < batchLength {
		select {
		case j := <-w.queue:
			if j.state.CompareAndSwap(jobWaiting, jobBegun) {
				jobs = append(jobs, j)
			}
		default:
			return jobs
		}
	}
	return jobs
}

// transact runs the jobs in one transaction, each under a savepoint of its
// own: a job that fails undoes its own work only, and its error is its own.
// The second error is everybody's: nothing of the batch was written. (If we
// were to crash before the commit returns, nobody has been told of success.)
func (w *writer) transact(ctx context.Context, jobs []*job) (errs []error, err error) {
	b := &batch{ctx: ctx, w: w, fresh: map[holdfast.Name]*ZoneStatus{}, freshPast: map[holdfast.Name]*holdfast.Past{}}
	if err := b.exec("BEGIN IMMEDIATE"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			// Where the disk is full SQLite may have rolled back by itself;
			// then this fails, and rightly.
			_, _ = w.conn.ExecContext(ctx, "ROLLBACK")
		}
	}()
	version, err := w.version(ctx)
	if err != nil {
		return nil, err
	}
	if version != w.dataVersion {
		w.known.forget()
		w.dataVersion = version
	}
	errs = make([]error, len(jobs))
	for i, j := range jobs {
		if err := b.run(j, &errs[i]); err != nil {
			return nil, err
		}
	}
	if err := b.exec("COMMIT"); err != nil {
		return nil, err
	}
	w.known.learn(b.fresh, b.freshPast)
	for _, f := range b.after {
		f()
	}
	return errs, nil
}

// run does one job under a savepoint. What it returns is the end of the batch.
func (b *batch) run(j *job, result *error) error {
	if err := b.exec("SAVEPOINT job"); err != nil {
		return err
	}
	*result = j.work(b)
	if *result != nil {
		if err := b.exec("ROLLBACK TO job"); err != nil {
			return errors.Join(*result, err)
		}
	}
	return b.exec("RELEASE job")
}

// alone has work done on the writing connection while nobody else writes and
// no transaction is open: what SQLite refuses inside one.
func (r *Record) alone(ctx context.Context, act string, work func(*sql.Conn) error) error {
	select {
	case r.writer.lead <- struct{}{}:
	case <-r.writer.closed:
		return r.failed(act, errClosed)
	case <-ctx.Done():
		return r.failed(act, ctx.Err())
	}
	defer func() { <-r.writer.lead }()
	return r.failed(act, work(r.writer.conn))
}

func (b *batch) stmt(query string) (*sql.Stmt, error) {
	if stmt := b.w.stmts[query]; stmt != nil {
		return stmt, nil
	}
	stmt, err := b.w.conn.PrepareContext(b.ctx, query)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", query, err)
	}
	b.w.stmts[query] = stmt
	return stmt, nil
}

func (b *batch) exec(query string, args ...any) error {
	_, err := b.change(query, args...)
	return err
}

// change is exec that says how many rows it touched.
func (b *batch) change(query string, args ...any) (int64, error) {
	result, err := b.insert(query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (b *batch) insert(query string, args ...any) (sql.Result, error) {
	stmt, err := b.stmt(query)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(b.ctx, args...)
}

// add inserts a row and answers its key.
func (b *batch) add(query string, args ...any) (int64, error) {
	result, err := b.insert(query, args...)
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

// get reads one row; ErrNotFound where there is none.
func (b *batch) get(query string, args []any, into ...any) error {
	stmt, err := b.stmt(query)
	if err != nil {
		return err
	}
	return found(stmt.QueryRowContext(b.ctx, args...).Scan(into...))
}

func (b *batch) query(query string, args ...any) (*sql.Rows, error) {
	stmt, err := b.stmt(query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(b.ctx, args...)
}

// found turns the library's word for an absent row into ours.
func found(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// nanos is an instant as the database holds it: nanoseconds since 1970, and 0
// for the zero time.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func instant(nanos int64) time.Time {
	if nanos == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanos).UTC()
}
