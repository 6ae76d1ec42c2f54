-- The backup service's schema: the sum of its migrations, proven equal by `make check`.
CREATE TABLE inbox (
    role text NOT NULL,
    id text NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (role, id)
);
CREATE INDEX inbox_seen_at ON inbox (seen_at);
CREATE TABLE outbox (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    role text NOT NULL,
    subject text NOT NULL,
    headers text NOT NULL,
    body bytea NOT NULL
);

-- Every version that a school's replicator stored. Only what was read back in full counts: verified.
CREATE TABLE objects (
    school text NOT NULL,
    segment text NOT NULL,
    object_version text NOT NULL,
    camera text NOT NULL,
    start_at timestamptz NOT NULL,
    end_at timestamptz NOT NULL,
    digest text NOT NULL,
    size bigint NOT NULL,
    bucket text NOT NULL,
    key text NOT NULL,
    locked_until timestamptz,
    stored_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'unverified'
        CHECK (state IN ('unverified', 'verified', 'corrupt', 'erased')),
    checked_at timestamptz,
    check_after timestamptz NOT NULL DEFAULT now(),
    tries integer NOT NULL DEFAULT 0,
    claimed_until timestamptz,
    erased_at timestamptz,
    PRIMARY KEY (school, segment, object_version)
);
CREATE INDEX objects_to_verify ON objects (check_after) WHERE state = 'unverified';
CREATE INDEX objects_oldest_check ON objects (checked_at) WHERE state = 'verified';
CREATE INDEX objects_by_segment ON objects (segment);
CREATE INDEX objects_by_camera ON objects (school, camera, start_at);
CREATE INDEX objects_erased ON objects (coalesce(erased_at, check_after)) WHERE state = 'erased';

-- Every time that an object was read back, and what was found.
CREATE TABLE verifications (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    school text NOT NULL,
    segment text NOT NULL,
    object_version text NOT NULL,
    checked_at timestamptz NOT NULL,
    outcome text NOT NULL,
    found text
);
CREATE INDEX verifications_by_object ON verifications (school, segment, checked_at);
CREATE INDEX verifications_found_right ON verifications (checked_at) WHERE outcome = 'verified';

-- Backup records: time, contents, range, kind, size, place, exceptions (R4.1).
CREATE TABLE runs (
    run text PRIMARY KEY,
    school text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    kind text NOT NULL,
    spans jsonb NOT NULL,
    objects integer NOT NULL,
    bytes bigint NOT NULL,
    place text NOT NULL,
    exceptions text[] NOT NULL,
    manifest text NOT NULL
);
CREATE INDEX runs_by_school ON runs (school, started_at);

CREATE TABLE backlogs (
    school text PRIMARY KEY,
    segments integer NOT NULL,
    bytes bigint NOT NULL,
    oldest timestamptz,
    failing text NOT NULL,
    measured_at timestamptz NOT NULL
);

-- Segments that vanished from a school's disk, and what became of them.
CREATE TABLE lost (
    school text NOT NULL,
    segment text NOT NULL,
    camera text,
    start_at timestamptz,
    noticed_at timestamptz,
    state text NOT NULL CHECK (state IN ('lost', 'requested', 'restored', 'failed')),
    actor text,
    reason text,
    detail text,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (school, segment)
);

-- Restore drills: a sample of a school's copies brought back, hashed again and played.
CREATE TABLE drills (
    drill text PRIMARY KEY,
    started_at timestamptz NOT NULL,
    completed_at timestamptz,
    sampled integer,
    restored integer,
    failures text[],
    school text
);
CREATE INDEX drills_by_school ON drills (school, started_at);
