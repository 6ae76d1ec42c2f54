-- The register of cameras (art. 13, 14): what district.toml says of each, and what people have added.
CREATE TABLE camera_register (
    school text NOT NULL,
    camera text NOT NULL,
    position int NOT NULL,
    name text NOT NULL,
    place text NOT NULL,
    place_kind text NOT NULL,
    keep_days int NOT NULL,
    erasure text NOT NULL,
    PRIMARY KEY (school, camera)
);
CREATE TABLE camera_card (
    school text NOT NULL,
    camera text NOT NULL,
    mode text NOT NULL DEFAULT 'continuous',
    fed_by text NOT NULL DEFAULT '',
    sign_since date,
    still bytea,
    still_at timestamptz,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (school, camera)
);
-- Filings with the police (art. 14), each with what it said, so that it is seen when it no longer holds.
CREATE TABLE filing (
    filing text PRIMARY KEY,
    school text NOT NULL,
    filed_on date NOT NULL,
    number text NOT NULL,
    cameras jsonb NOT NULL,
    entered_by text NOT NULL,
    entered_at timestamptz NOT NULL
);
CREATE INDEX filing_school ON filing (school, filed_on, entered_at);

-- How many days each school's cameras really hold: counted when its coverage changes, never when a page is read.
CREATE TABLE held_days (
    school text PRIMARY KEY,
    day date NOT NULL,
    counted_at timestamptz NOT NULL,
    camera text,
    least int,
    keep_days int,
    short int NOT NULL
);

-- Planned work: gaps and silence in it are shown as planned, and not counted.
CREATE TABLE maintenance (
    maintenance text PRIMARY KEY,
    school text NOT NULL,
    cameras text[] NOT NULL,
    start timestamptz NOT NULL,
    "end" timestamptz NOT NULL,
    reason text NOT NULL,
    entered_by text NOT NULL,
    entered_at timestamptz NOT NULL,
    called_off_at timestamptz
);
CREATE INDEX maintenance_school ON maintenance (school, "end");
ALTER TABLE finding ADD COLUMN planned text;

-- The page of exceptions of a morning (R5.1), as it was shown to whoever signed it.
CREATE TABLE morning (
    school text NOT NULL,
    day date NOT NULL,
    content jsonb NOT NULL,
    digest text NOT NULL,
    exceptions int NOT NULL,
    signed_by text NOT NULL,
    signed_name text NOT NULL,
    signed_at timestamptz NOT NULL,
    pdf_zh bytea NOT NULL,
    pdf_en bytea NOT NULL,
    PRIMARY KEY (school, day)
);
