-- Version 2: what earlier looks taught about a zone, and statuses that are not
-- written anew while nothing changes.

-- +goose Up
PRAGMA user_version = 2;

-- After the last look judged. data are the lists alone: they stay as they are
-- while looks show nothing new.
CREATE TABLE past (
    zone  INTEGER PRIMARY KEY REFERENCES zone (key),
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    looks INTEGER NOT NULL,
    data  BLOB NOT NULL
) STRICT;

-- The same as it was after the last look of a day (UTC), for judging again.
CREATE TABLE past_day (
    zone  INTEGER NOT NULL REFERENCES zone (key),
    until INTEGER NOT NULL,
    since INTEGER NOT NULL,
    looks INTEGER NOT NULL,
    data  BLOB NOT NULL,
    PRIMARY KEY (zone, until)
) STRICT, WITHOUT ROWID;

-- What the latest look changed of a verdict that is otherwise as data has it.
-- measurement NULL: nothing.
ALTER TABLE status ADD COLUMN at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE status ADD COLUMN measurement TEXT;
ALTER TABLE status ADD COLUMN rtts BLOB;

-- What is left of incidents and notices that retention took.
CREATE TABLE bygone (
    month TEXT NOT NULL,            -- "2026-08", of their end
    kind  TEXT NOT NULL,            -- "incident" or "notice"
    what  TEXT NOT NULL,            -- trouble and severity, or audience and state
    zone  TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (month, kind, what, zone)
) STRICT, WITHOUT ROWID;
