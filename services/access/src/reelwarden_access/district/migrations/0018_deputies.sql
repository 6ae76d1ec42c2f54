-- Whom a leader's signature is entrusted to, from day to day; an approval says for whom a deputy signed.
CREATE TABLE deputies (
    id text PRIMARY KEY,
    school text NOT NULL,
    principal text NOT NULL,
    deputy text NOT NULL,
    first_day date NOT NULL,
    last_day date NOT NULL,
    named_at timestamptz NOT NULL,
    named_by text NOT NULL REFERENCES people,
    revoked_at timestamptz,
    revoked_by text REFERENCES people
);
CREATE INDEX deputies_deputy ON deputies (deputy, last_day);
ALTER TABLE signatures ADD COLUMN principal text REFERENCES people;
