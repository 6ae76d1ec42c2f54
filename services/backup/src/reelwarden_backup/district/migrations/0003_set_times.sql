-- Each school has drills of its own; what is long gone is forgotten.
ALTER TABLE drills ADD COLUMN school text;
CREATE INDEX drills_by_school ON drills (school, started_at);
CREATE INDEX verifications_found_right ON verifications (checked_at) WHERE outcome = 'verified';
CREATE INDEX objects_erased ON objects (coalesce(erased_at, check_after)) WHERE state = 'erased';
