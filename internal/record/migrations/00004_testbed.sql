-- Version 4: the zones of a test bed for trust anchor updates, and who follows
-- them. docs/formats/record.md says what each table holds.

-- +goose Up
PRAGMA user_version = 4;

CREATE TABLE testbed_zone (
    name   TEXT PRIMARY KEY,
    begins INTEGER NOT NULL,
    ends   INTEGER NOT NULL,
    data   TEXT NOT NULL,
    keys   BLOB NOT NULL           -- private
) STRICT, WITHOUT ROWID;
CREATE INDEX testbed_zone_ends ON testbed_zone (ends);

-- Steps that were announced, or passed over: each is announced once at most.
CREATE TABLE testbed_step (
    zone TEXT NOT NULL REFERENCES testbed_zone (name) ON DELETE CASCADE,
    step TEXT NOT NULL,
    at   INTEGER NOT NULL,
    told INTEGER NOT NULL,         -- subscribers
    PRIMARY KEY (zone, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE testbed_subscription (
    id      TEXT PRIMARY KEY,
    zone    TEXT NOT NULL REFERENCES testbed_zone (name) ON DELETE CASCADE,
    address TEXT NOT NULL,
    label   TEXT NOT NULL UNIQUE,
    state   TEXT NOT NULL CHECK (state IN ('pending', 'confirmed', 'ended')),
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    UNIQUE (zone, address)
) STRICT, WITHOUT ROWID;
CREATE INDEX testbed_subscription_address ON testbed_subscription (address, created);
CREATE INDEX testbed_subscription_state   ON testbed_subscription (state, expires);

CREATE TABLE testbed_result (
    subscription TEXT NOT NULL REFERENCES testbed_subscription (id) ON DELETE CASCADE,
    zone         TEXT NOT NULL,
    step         TEXT NOT NULL,
    at           INTEGER NOT NULL,
    data         TEXT NOT NULL,
    PRIMARY KEY (subscription, step)
) STRICT, WITHOUT ROWID;
CREATE INDEX testbed_result_zone ON testbed_result (zone, step);

-- What questions told: key tags that a source trusts (tags), or the label of
-- a subscription that it asked for.
CREATE TABLE testbed_sighting (
    zone   TEXT NOT NULL REFERENCES testbed_zone (name) ON DELETE CASCADE,
    source BLOB NOT NULL,          -- address
    tags   TEXT NOT NULL,          -- "4f66-9728", or empty
    label  TEXT NOT NULL,          -- or empty
    first  INTEGER NOT NULL,
    last   INTEGER NOT NULL,
    count  INTEGER NOT NULL,
    PRIMARY KEY (zone, source, tags, label)
) STRICT, WITHOUT ROWID;
