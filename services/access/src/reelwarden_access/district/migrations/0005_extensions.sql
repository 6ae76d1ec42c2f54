-- Extensions of retention (R3.1): footage kept for longer, for a purpose and until a date.
CREATE TABLE extensions (
    id text PRIMARY KEY,
    number text NOT NULL UNIQUE,
    school text NOT NULL,
    source text NOT NULL CHECK (source IN ('extension', 'case')),
    status text NOT NULL CHECK (status IN ('filed', 'granted', 'ended', 'over')),
    version int NOT NULL,
    cameras text[] NOT NULL,
    start_at timestamptz NOT NULL,
    end_at timestamptz NOT NULL,
    until timestamptz NOT NULL,
    filer text NOT NULL REFERENCES people,
    form jsonb NOT NULL,
    form_digest text NOT NULL,
    filed_at timestamptz NOT NULL,
    decide_by timestamptz NOT NULL,
    outcome text,
    CHECK (start_at < end_at)
);
CREATE INDEX extensions_school ON extensions (school, filed_at DESC);
CREATE INDEX extensions_ending ON extensions (until) WHERE status IN ('filed', 'granted');
-- Every signed step: filed, decided, reviewed, ended.
CREATE TABLE extension_signatures (
    extension text NOT NULL REFERENCES extensions,
    version int NOT NULL,
    capacity text NOT NULL,
    signer text NOT NULL REFERENCES people,
    name text NOT NULL,
    unit text NOT NULL,
    role text NOT NULL,
    opinion text NOT NULL DEFAULT '',
    digest text NOT NULL,
    until timestamptz,
    signed_at timestamptz NOT NULL,
    PRIMARY KEY (extension, version)
);

-- A hold serves an application or an extension; a release that was stopped is told from one that came after.
ALTER TABLE holds DROP CONSTRAINT holds_application_fkey;
ALTER TABLE holds ADD COLUMN said_at timestamptz;
