-- Forms that somebody began: theirs alone, and nothing is held for them. `fields` is JSON without a password.
CREATE TABLE drafts (
    owner text NOT NULL REFERENCES people,
    id text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('apply', 'reception', 'extend')),
    fields text NOT NULL,
    saved_at timestamptz NOT NULL,
    PRIMARY KEY (owner, id)
);
CREATE INDEX drafts_saved_at ON drafts (saved_at);
