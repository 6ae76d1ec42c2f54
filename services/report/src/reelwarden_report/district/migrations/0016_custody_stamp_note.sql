-- A checkpoint gets its countersignature later: what was stamped is kept as it was then.
ALTER TABLE custody_stamp ADD COLUMN note text NOT NULL DEFAULT '';
ALTER TABLE custody_stamp ALTER COLUMN note DROP DEFAULT;
