-- Of which footage an entry of the custody log speaks, so that its history can be told; one row for a few cameras
-- each, one for all where they are many. Entries from before this migration are found by application and hold only.
CREATE TABLE custody_footage (
    school text NOT NULL,
    position bigint NOT NULL,
    part int NOT NULL,
    cameras text[] NOT NULL,
    "from" timestamptz NOT NULL,
    "to" timestamptz NOT NULL,
    PRIMARY KEY (school, position, part)
);
CREATE INDEX custody_footage_to ON custody_footage (school, "to");
-- What was recorded in an hour that is not over yet: its entry is written when it is.
CREATE TABLE custody_hour (
    school text NOT NULL,
    hour timestamptz NOT NULL,
    event text NOT NULL,
    lines text[] NOT NULL,
    heard_at timestamptz NOT NULL,
    PRIMARY KEY (school, hour, event)
);
-- What a time-stamp authority answered about a checkpoint (RFC 3161): DER.
CREATE TABLE custody_stamp (
    school text NOT NULL,
    size bigint NOT NULL,
    stamp bytea NOT NULL,
    stamped_at timestamptz NOT NULL,
    PRIMARY KEY (school, size)
);
-- Whose key countersigned a checkpoint, and since when it lies under lock in the store.
ALTER TABLE custody_checkpoint ADD COLUMN cosigner text;
ALTER TABLE custody_checkpoint ADD COLUMN stored_at timestamptz;
