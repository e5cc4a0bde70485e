// Package record remembers: one embedded SQLite database that holds the
// roster, the evidence, what was found in it over time, the incidents, the
// contacts and the notices with their outbox. It is a disk with no opinion: it
// judges nothing, decides nothing and sends nothing.
package record

import (
	"errors"
	"time"

	"github.com/holdfastdns/holdfast"
)

// Errors that callers branch on.
var (
	ErrMissing  = errors.New("there is no database")           // Open: make one with Create (holdfast init)
	ErrExists   = errors.New("there is a database already")    // Create
	ErrNewer    = errors.New("database is of a newer version") // Open
	ErrNotFound = errors.New("not found")
	ErrState    = errors.New("not in a state that allows it") // a notice that was sent cannot be dropped
)

// ZoneStatus is what the record knows of a zone now.
type ZoneStatus struct {
	Subject  holdfast.Subject
	Verdict  holdfast.Verdict // the latest
	Since    time.Time        // since when Verdict.Status holds
	LastGood time.Time        // when it was last secure or insecure without a finding of error or above
	Measured time.Time        // when the latest measurement ended
}

// Interval is a finding over time.
type Interval struct {
	Finding     holdfast.Finding // as last seen
	Measurement string           // that last showed it
	Opened      time.Time
	LastSeen    time.Time
	Closed      time.Time // zero while it lasts
}

// WindowSpan is a signature window and when it was seen.
type WindowSpan struct {
	Window    holdfast.Window
	FirstSeen time.Time
	LastSeen  time.Time
}

// IncidentFilter chooses incidents; zero fields do not restrict.
type IncidentFilter struct {
	States []holdfast.State
	Zone   holdfast.Name
	Since  time.Time // updated at or after
	Limit  int       // 0: 1000
}

// NoticeFilter chooses notices; zero fields do not restrict.
type NoticeFilter struct {
	States    []holdfast.NoticeState
	Incident  string
	Recipient string
	Since     time.Time // created at or after
	Limit     int       // 0: 1000
}

// Roster is who is under watch, as last accepted.
type Roster struct {
	Serial   uint32
	Source   string
	Fetched  time.Time
	Subjects []holdfast.Subject
	// Changes are the differences from the roster before, for people, one a
	// line: "+ example. ds 12345 13 2 a1b2". Before is that one's serial.
	Changes []string
	Before  uint32
}

// Stats describes the database.
type Stats struct {
	Path         string                       `json:"path"`
	Version      int64                        `json:"version"` // of the schema
	Bytes        int64                        `json:"bytes"`   // with the write-ahead log
	Zones        int                          `json:"zones"`
	Sweeps       int                          `json:"sweeps"`
	Measurements int                          `json:"measurements"`
	Exchanges    int64                        `json:"exchanges"`
	Replies      int                          `json:"replies"`       // distinct messages stored
	ReplyBytes   int64                        `json:"reply_bytes"`   // compressed
	Findings     int                          `json:"findings_open"` // intervals open
	Incidents    map[holdfast.State]int       `json:"incidents"`
	Notices      map[holdfast.NoticeState]int `json:"notices"`
	Oldest       time.Time                    `json:"oldest,omitzero"` // measurement
	Newest       time.Time                    `json:"newest,omitzero"`
	Rows         map[string]int64             `json:"rows"` // bytes by table, where SQLite tells
}

// Retention says what Prune keeps.
type Retention struct {
	Age  time.Duration // measurements older than this go; 0 keeps all
	Size int64         // bytes the database may have; oldest evidence goes first; 0 keeps all
	Told time.Duration // closed incidents with their notices, and key tag signals, older than this go; 0 keeps all
}

// Pruned says what Prune took away.
type Pruned struct {
	Measurements int   `json:"measurements"`
	Sweeps       int   `json:"sweeps"`
	Intervals    int   `json:"intervals"` // closed findings
	Windows      int   `json:"windows"`   // spans that have ended
	Pasts        int   `json:"pasts"`     // of days gone by
	Incidents    int   `json:"incidents"` // closed
	Notices      int   `json:"notices"`   // sent, dropped or failed
	Signals      int   `json:"signals"`   // counts of key tag signals
	Replies      int   `json:"replies"`   // distinct messages that nothing named any more
	Bytes        int64 `json:"bytes"`     // by which the file became smaller
}
