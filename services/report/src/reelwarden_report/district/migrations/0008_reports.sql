-- Findings as work (R5.1): who sees to it, how far it is, whom it was handed up to, and what was said of it.
ALTER TABLE finding ADD COLUMN progress text NOT NULL DEFAULT 'open';
ALTER TABLE finding ADD COLUMN owner text;
ALTER TABLE finding ADD COLUMN escalated text;
CREATE TABLE finding_note (
    note text PRIMARY KEY,
    finding text NOT NULL REFERENCES finding,
    kind text NOT NULL,
    person text,
    text text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX finding_note_finding ON finding_note (finding, at);

-- Violations (R5.2): detected or reported, graded, and what was done about each.
ALTER TABLE violation ADD COLUMN grade text NOT NULL DEFAULT 'minor';
ALTER TABLE violation ADD COLUMN reported boolean NOT NULL DEFAULT false;
ALTER TABLE violation ADD COLUMN reporter text;
ALTER TABLE violation ADD COLUMN text text NOT NULL DEFAULT '';
ALTER TABLE violation ADD COLUMN state text NOT NULL DEFAULT 'recorded';
CREATE TABLE violation_step (
    step text PRIMARY KEY,
    violation text NOT NULL REFERENCES violation,
    kind text NOT NULL,
    person text NOT NULL,
    text text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX violation_step_violation ON violation_step (violation, at);

-- Suggestions (R5.3): whoever wants stays unknown; an answer names the version of the rules it led to.
ALTER TABLE feedback ALTER COLUMN person DROP NOT NULL;
ALTER TABLE feedback ADD COLUMN answered_by text;
ALTER TABLE feedback ADD COLUMN rules_version int;

-- The rule set (R6): one draft at a time, and what each version sets.
ALTER TABLE rules ADD COLUMN settings jsonb NOT NULL DEFAULT '{}';
ALTER TABLE rules ADD COLUMN english text NOT NULL DEFAULT '';
ALTER TABLE rules ADD COLUMN signed_by text;
ALTER TABLE rules ADD COLUMN signed_name text;
CREATE TABLE rules_draft (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    text text NOT NULL,
    english text NOT NULL,
    settings jsonb NOT NULL,
    edited_by text NOT NULL,
    edited_at timestamptz NOT NULL
);

-- Reports (R5.1): who signed one, and who of those it was delivered to has read it.
CREATE TABLE report_signature (
    report text PRIMARY KEY REFERENCES report,
    person text NOT NULL,
    name text NOT NULL,
    role text NOT NULL,
    digest text NOT NULL,
    at timestamptz NOT NULL
);
CREATE TABLE report_reading (
    report text NOT NULL REFERENCES report,
    person text NOT NULL,
    name text NOT NULL,
    role text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (report, person)
);
CREATE TABLE training_count (
    school text PRIMARY KEY,
    rules_version int NOT NULL,
    people int NOT NULL,
    acknowledged int NOT NULL,
    counted_at timestamptz NOT NULL
);
