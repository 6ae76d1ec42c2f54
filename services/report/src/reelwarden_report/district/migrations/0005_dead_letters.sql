-- Messages that roles gave up, and what people did about each.
CREATE TABLE dead_letter (
    school text NOT NULL,
    role text NOT NULL,
    letter text NOT NULL,
    subject text NOT NULL,
    event text NOT NULL,
    fault text,
    detail text NOT NULL,
    at timestamptz NOT NULL,
    settled_at timestamptz,
    outcome text,
    settled_by text,
    note text,
    PRIMARY KEY (school, role, letter)
);
CREATE INDEX dead_letter_open ON dead_letter (school, at) WHERE settled_at IS NULL;
