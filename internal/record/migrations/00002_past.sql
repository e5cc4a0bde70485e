-- What earlier looks taught about a zone, after the last one judged.

-- +goose Up
PRAGMA user_version = 2;

CREATE TABLE past (
    zone INTEGER PRIMARY KEY REFERENCES zone (key),
    data BLOB NOT NULL
) STRICT;
