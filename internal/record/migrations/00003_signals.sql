-- Version 3: key tag signals (RFC 8145). docs/formats/record.md says what each
-- table holds.

-- +goose Up
PRAGMA user_version = 3;

-- A record of traffic that was taken up for a zone's keys, so that none counts
-- twice: whole, or as far as it came.
CREATE TABLE signal_file (
    hash  BLOB NOT NULL,           -- SHA-256 of the file
    zone  TEXT NOT NULL,
    name  TEXT NOT NULL,
    taken INTEGER NOT NULL,
    done  INTEGER NOT NULL,        -- counts, in their order
    whole INTEGER NOT NULL,
    PRIMARY KEY (hash, zone)
) STRICT, WITHOUT ROWID;

CREATE TABLE signal (
    zone   TEXT NOT NULL,
    source BLOB NOT NULL,
    day    INTEGER NOT NULL,       -- since 1970 UTC
    tags   TEXT NOT NULL,          -- as in the name: 4f66-9728
    count  INTEGER NOT NULL,
    PRIMARY KEY (zone, source, day, tags)
) STRICT, WITHOUT ROWID;
CREATE INDEX signal_day ON signal (day);
