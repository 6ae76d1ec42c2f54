-- A slip is recorded like an attempt, but is no violation (R5.2).
ALTER TABLE denials ADD COLUMN slip boolean NOT NULL DEFAULT false;
CREATE INDEX denials_repeated ON denials (actor, code, at);
