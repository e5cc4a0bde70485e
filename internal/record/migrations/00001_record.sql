-- The record, version 1. docs/formats/record.md says what each table holds.
-- Instants are nanoseconds since 1970 UTC (0: none) unless said otherwise.

-- +goose Up
PRAGMA user_version = 1;

CREATE TABLE zone (
    key  INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- A measurement may name a sweep that was never begun here: data is NULL then.
CREATE TABLE sweep (
    key     INTEGER PRIMARY KEY,
    id      TEXT NOT NULL UNIQUE,
    started INTEGER NOT NULL,
    data    TEXT
) STRICT;
CREATE INDEX sweep_started ON sweep (started);

-- Evidence, in three layers that change ever faster: what is asked of whom
-- (plan), how that ended (outcome), and one look with its times and ids. How
-- often a thing is used is counted in a table beside it: to change a counter
-- there touches a few bytes, and to index the users would take ten times that.
CREATE TABLE plan (
    key  INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    data BLOB NOT NULL
) STRICT;

CREATE TABLE outcome (
    key       INTEGER PRIMARY KEY,
    hash      BLOB NOT NULL UNIQUE,
    plan      INTEGER NOT NULL,
    exchanges INTEGER NOT NULL,
    data      BLOB NOT NULL
) STRICT;

-- Replies, each distinct one once; those that came home together are packed
-- together, at most 64. Message number n is number n % 64 of the pack n / 64.
-- Keys are never used again, so that a number means one message for ever.
CREATE TABLE pack (
    key  INTEGER PRIMARY KEY AUTOINCREMENT,
    data BLOB NOT NULL
) STRICT;
CREATE TABLE message (
    hash   BLOB PRIMARY KEY,
    number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE look (
    key       INTEGER PRIMARY KEY,
    id        BLOB NOT NULL UNIQUE, -- see ids.go
    zone      INTEGER NOT NULL,
    sweep     INTEGER,
    started   INTEGER NOT NULL,     -- milliseconds since 1970 UTC
    outcome   INTEGER NOT NULL,
    base      INTEGER,              -- a look of full depth
    base_name TEXT,                 -- where the base named is not recorded
    data      BLOB NOT NULL
) STRICT;
CREATE INDEX look_time ON look (started, zone);

-- Uses by what uses: a plan by outcomes, a pack by outcomes, an outcome by
-- looks, a base by looks. No row: none.
CREATE TABLE plan_use    (key INTEGER PRIMARY KEY, uses INTEGER NOT NULL) STRICT;
CREATE TABLE pack_use    (key INTEGER PRIMARY KEY, uses INTEGER NOT NULL) STRICT;
CREATE TABLE outcome_use (key INTEGER PRIMARY KEY, uses INTEGER NOT NULL) STRICT;
CREATE TABLE base_use    (key INTEGER PRIMARY KEY, uses INTEGER NOT NULL) STRICT;

CREATE TABLE unjudged (
    look INTEGER PRIMARY KEY REFERENCES look (key)
) STRICT;

CREATE TABLE latest (
    zone    INTEGER NOT NULL REFERENCES zone (key),
    depth   TEXT NOT NULL,
    look    INTEGER NOT NULL REFERENCES look (key),
    started INTEGER NOT NULL,
    PRIMARY KEY (zone, depth)
) STRICT, WITHOUT ROWID;
CREATE INDEX latest_look ON latest (look);

-- What is known of a zone now.
CREATE TABLE status (
    zone      INTEGER PRIMARY KEY REFERENCES zone (key),
    since     INTEGER NOT NULL,
    last_good INTEGER NOT NULL,
    measured  INTEGER NOT NULL,
    data      BLOB NOT NULL         -- subject and verdict
) STRICT;

-- A finding over time. While it lasts, last_seen and closed are NULL and the
-- latest verdict of the zone holds its present form.
CREATE TABLE interval (
    key         INTEGER PRIMARY KEY,
    zone        INTEGER NOT NULL REFERENCES zone (key),
    identity    TEXT NOT NULL,      -- Finding.Key
    opened      INTEGER NOT NULL,
    last_seen   INTEGER,
    closed      INTEGER,
    measurement TEXT NOT NULL,
    finding     TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX interval_open ON interval (zone, identity) WHERE closed IS NULL;
CREATE INDEX interval_zone   ON interval (zone, closed);
CREATE INDEX interval_closed ON interval (closed);

-- Signature windows over time, one row for all servers that showed the same.
CREATE TABLE server (
    key     INTEGER PRIMARY KEY,
    name    TEXT NOT NULL,
    address BLOB NOT NULL,
    UNIQUE (name, address)
) STRICT;
CREATE TABLE span (
    key        INTEGER PRIMARY KEY,
    zone       INTEGER NOT NULL REFERENCES zone (key),
    servers    BLOB NOT NULL,       -- their keys, as runs
    class      TEXT NOT NULL,
    inception  INTEGER NOT NULL,    -- seconds since 1970 UTC
    expiration INTEGER NOT NULL,    -- seconds since 1970 UTC
    key_tag    INTEGER NOT NULL,
    algorithm  INTEGER NOT NULL,
    signer     TEXT NOT NULL,
    ttl        INTEGER NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen  INTEGER              -- NULL while it lasts
) STRICT;
CREATE INDEX span_zone ON span (zone, last_seen);

CREATE TABLE roster (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    data BLOB NOT NULL
) STRICT;

CREATE TABLE incident (
    id       TEXT PRIMARY KEY,
    state    TEXT NOT NULL,
    severity INTEGER NOT NULL,
    opened   INTEGER NOT NULL,
    updated  INTEGER NOT NULL,
    data     TEXT NOT NULL
) STRICT;
CREATE INDEX incident_state   ON incident (state, severity, opened);
CREATE INDEX incident_updated ON incident (updated);
CREATE TABLE incident_zone (
    zone     TEXT NOT NULL,
    incident TEXT NOT NULL REFERENCES incident (id),
    PRIMARY KEY (zone, incident)
) STRICT, WITHOUT ROWID;
CREATE INDEX incident_zone_incident ON incident_zone (incident);
-- The measurements that incidents rest on: retention leaves them.
CREATE TABLE incident_evidence (
    measurement BLOB NOT NULL,      -- look.id
    incident    TEXT NOT NULL REFERENCES incident (id),
    PRIMARY KEY (measurement, incident)
) STRICT, WITHOUT ROWID;
CREATE INDEX incident_evidence_incident ON incident_evidence (incident);

-- The outbox. data holds what is said; the columns, where the notice stands.
CREATE TABLE notice (
    id         TEXT PRIMARY KEY,
    state      TEXT NOT NULL CHECK (state IN ('held', 'queued', 'sending', 'sent', 'dropped', 'failed')),
    recipient  TEXT NOT NULL,
    audience   TEXT NOT NULL,
    created    INTEGER NOT NULL,
    not_before INTEGER NOT NULL,
    attempts   INTEGER NOT NULL,
    sent       INTEGER NOT NULL,
    last_error TEXT NOT NULL,
    data       TEXT NOT NULL
) STRICT;
CREATE INDEX notice_state     ON notice (state, not_before);
CREATE INDEX notice_created   ON notice (created);
CREATE INDEX notice_recipient ON notice (recipient, audience, created);
CREATE TABLE notice_incident (
    incident TEXT NOT NULL,
    notice   TEXT NOT NULL REFERENCES notice (id),
    PRIMARY KEY (incident, notice)
) STRICT, WITHOUT ROWID;

CREATE TABLE contact (
    zone TEXT PRIMARY KEY,
    data TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE fact (
    key   TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
