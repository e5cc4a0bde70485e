package record

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/holdfastdns/holdfast"
)

// Signatures first, so that the rooms that speak from the record compile; the
// methods move to their own files as they are made.
var errPending = errors.New("being built")

// Record is the database, open.
type Record struct{}

// Pruned says what Prune took away.
type Pruned struct {
	Measurements int   `json:"measurements"`
	Sweeps       int   `json:"sweeps"`
	Intervals    int   `json:"intervals"`
	Windows      int   `json:"windows"`
	Shapes       int   `json:"shapes"`
	Messages     int   `json:"messages"`
	BytesBefore  int64 `json:"bytes_before"`
	BytesAfter   int64 `json:"bytes_after"`
}

func Create(ctx context.Context, path string) (*Record, error)           { return nil, errPending }
func Open(ctx context.Context, path string) (*Record, error)             { return nil, errPending }
func (r *Record) Close() error                                           { return errPending }
func (r *Record) BeginSweep(ctx context.Context, s holdfast.Sweep) error { return errPending }
func (r *Record) EndSweep(ctx context.Context, s holdfast.Sweep) error   { return errPending }
func (r *Record) Sweeps(ctx context.Context, limit int) ([]holdfast.Sweep, error) {
	return nil, errPending
}
func (r *Record) Measured(ctx context.Context, m holdfast.Measurement) error { return errPending }
func (r *Record) Found(ctx context.Context, s holdfast.Subject, v holdfast.Verdict) error {
	return errPending
}
func (r *Record) Unjudged(ctx context.Context) iter.Seq2[holdfast.Measurement, error] {
	return func(yield func(holdfast.Measurement, error) bool) {}
}
func (r *Record) Measurement(ctx context.Context, id string) (holdfast.Measurement, error) {
	return holdfast.Measurement{}, errPending
}
func (r *Record) LatestMeasurement(ctx context.Context, zone holdfast.Name, depth holdfast.Depth) (holdfast.Measurement, error) {
	return holdfast.Measurement{}, errPending
}
func (r *Record) Measurements(ctx context.Context, since, until time.Time, zone holdfast.Name) iter.Seq2[holdfast.Measurement, error] {
	return func(yield func(holdfast.Measurement, error) bool) {}
}
func (r *Record) Statuses(ctx context.Context) ([]ZoneStatus, error) { return nil, errPending }
func (r *Record) Status(ctx context.Context, zone holdfast.Name) (ZoneStatus, error) {
	return ZoneStatus{}, errPending
}
func (r *Record) Intervals(ctx context.Context, zone holdfast.Name, since time.Time) ([]Interval, error) {
	return nil, errPending
}
func (r *Record) WindowHistory(ctx context.Context, zone holdfast.Name, since time.Time) ([]WindowSpan, error) {
	return nil, errPending
}
func (r *Record) SaveRoster(ctx context.Context, roster Roster) error { return errPending }
func (r *Record) Roster(ctx context.Context) (Roster, error)          { return Roster{}, errPending }
func (r *Record) Incidents(ctx context.Context, f IncidentFilter) ([]holdfast.Incident, error) {
	return nil, errPending
}
func (r *Record) Incident(ctx context.Context, id string) (holdfast.Incident, error) {
	return holdfast.Incident{}, errPending
}
func (r *Record) Decide(ctx context.Context, incidents []holdfast.Incident, notices []holdfast.Notice) error {
	return errPending
}
func (r *Record) Notices(ctx context.Context, f NoticeFilter) ([]holdfast.Notice, error) {
	return nil, errPending
}
func (r *Record) Notice(ctx context.Context, id string) (holdfast.Notice, error) {
	return holdfast.Notice{}, errPending
}
func (r *Record) DueNotices(ctx context.Context, now time.Time, limit int) ([]holdfast.Notice, error) {
	return nil, errPending
}
func (r *Record) RecoverSending(ctx context.Context, now time.Time) (int, error) {
	return 0, errPending
}
func (r *Record) ClaimNotice(ctx context.Context, id string, now time.Time) error { return errPending }
func (r *Record) SettleNotice(ctx context.Context, id string, state holdfast.NoticeState, at, notBefore time.Time, lastError string) error {
	return errPending
}
func (r *Record) ReleaseNotice(ctx context.Context, id string, now time.Time) error {
	return errPending
}
func (r *Record) DropNotice(ctx context.Context, id string, now time.Time, why string) error {
	return errPending
}
func (r *Record) LastNoticeTo(ctx context.Context, recipient string, audience holdfast.Audience) (holdfast.Notice, error) {
	return holdfast.Notice{}, errPending
}
func (r *Record) SaveContact(ctx context.Context, c holdfast.Contact) error { return errPending }
func (r *Record) Contact(ctx context.Context, zone holdfast.Name) (holdfast.Contact, error) {
	return holdfast.Contact{}, errPending
}
func (r *Record) Contacts(ctx context.Context) ([]holdfast.Contact, error)    { return nil, errPending }
func (r *Record) SetFact(ctx context.Context, key string, value []byte) error { return errPending }
func (r *Record) Fact(ctx context.Context, key string) ([]byte, error)        { return nil, errPending }
func (r *Record) Stats(ctx context.Context) (Stats, error)                    { return Stats{}, errPending }
func (r *Record) Backup(ctx context.Context, file string) error               { return errPending }
func (r *Record) Prune(ctx context.Context, keep Retention, now time.Time) (Pruned, error) {
	return Pruned{}, errPending
}
