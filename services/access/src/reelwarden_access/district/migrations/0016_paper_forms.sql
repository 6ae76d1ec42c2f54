-- Numbered blank forms: printed, then entered with their application, or accounted for otherwise. `copy`: 1 is the
-- sheet itself; further ones are other sheets that bear the same number.
CREATE TABLE paper_forms (
    school text NOT NULL,
    number int NOT NULL,
    copy int NOT NULL DEFAULT 1,
    printed_at timestamptz NOT NULL,
    printed_by text NOT NULL REFERENCES people,
    application text UNIQUE REFERENCES applications,
    entered_at timestamptz,
    entered_by text REFERENCES people,
    void_reason text,
    void_at timestamptz,
    void_by text REFERENCES people,
    reviewed_at timestamptz,
    reviewed_by text REFERENCES people,
    reviewer_name text,
    in_order boolean,
    opinion text,
    PRIMARY KEY (school, number, copy),
    CHECK (application IS NULL OR void_at IS NULL)
);
CREATE INDEX paper_forms_unreviewed ON paper_forms (entered_at) WHERE application IS NOT NULL AND reviewed_at IS NULL;
-- What was said of numbers: that one was skipped, or stands on two sheets; once each.
CREATE TABLE paper_findings (
    school text NOT NULL,
    number int NOT NULL,
    kind text NOT NULL CHECK (kind IN ('paper_skipped', 'paper_twice')),
    told_at timestamptz NOT NULL,
    done_at timestamptz,
    PRIMARY KEY (school, number, kind)
);
