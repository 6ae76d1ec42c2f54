CREATE TABLE signed_acts (
    id bigserial PRIMARY KEY,
    act text NOT NULL,
    subject text NOT NULL,
    signer text NOT NULL REFERENCES people,
    name text NOT NULL,
    unit text NOT NULL,
    role text NOT NULL,
    shown jsonb NOT NULL,
    digest text NOT NULL,
    words text NOT NULL,
    own_key jsonb,
    signed_at timestamptz NOT NULL
);
CREATE INDEX signed_acts_subject ON signed_acts (subject, id);
ALTER TABLE extension_signatures ADD COLUMN own_key jsonb;
ALTER TABLE releases ADD COLUMN manifest text;
