-- The sum of the migrations: the whole schema as it is now.

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

-- Custody: one log per school; entries and nodes are only ever added.
CREATE TABLE custody_log (
    school text PRIMARY KEY,
    size bigint NOT NULL,
    peaks bytea NOT NULL
);
CREATE TABLE custody_entry (
    school text NOT NULL,
    position bigint NOT NULL,
    event text NOT NULL,
    text text NOT NULL,
    PRIMARY KEY (school, position),
    UNIQUE (school, event)
);
CREATE TABLE custody_about (
    school text NOT NULL,
    about text NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (school, about, position)
);
CREATE TABLE custody_node (
    school text NOT NULL,
    level int NOT NULL,
    position bigint NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (school, level, position)
);
CREATE TABLE custody_checkpoint (
    school text NOT NULL,
    size bigint NOT NULL,
    root bytea NOT NULL,
    note text NOT NULL,
    key text NOT NULL,
    signed_at timestamptz NOT NULL,
    cosigned_at timestamptz,
    cosigner text,
    stored_at timestamptz,
    PRIMARY KEY (school, size)
);
CREATE TABLE custody_footage (
    school text NOT NULL,
    position bigint NOT NULL,
    part int NOT NULL,
    cameras text[] NOT NULL,
    "from" timestamptz NOT NULL,
    "to" timestamptz NOT NULL,
    PRIMARY KEY (school, position, part)
);
CREATE INDEX custody_footage_to ON custody_footage (school, "to");
CREATE TABLE custody_hour (
    school text NOT NULL,
    hour timestamptz NOT NULL,
    event text NOT NULL,
    lines text[] NOT NULL,
    heard_at timestamptz NOT NULL,
    PRIMARY KEY (school, hour, event)
);
CREATE TABLE custody_stamp (
    school text NOT NULL,
    size bigint NOT NULL,
    stamp bytea NOT NULL,
    stamped_at timestamptz NOT NULL,
    note text NOT NULL,
    PRIMARY KEY (school, size)
);
CREATE INDEX custody_checkpoint_stored ON custody_checkpoint (school, size) WHERE stored_at IS NOT NULL;
CREATE TABLE custody_peer (
    school text PRIMARY KEY,
    key text NOT NULL,
    size bigint NOT NULL,
    root bytea NOT NULL,
    note text NOT NULL,
    seen_at timestamptz NOT NULL
);

-- The inspector's view of each school: what was last heard.
CREATE TABLE school_state (
    school text PRIMARY KEY,
    first_heard timestamptz NOT NULL,
    alive_at timestamptz,
    software text,
    clock_believed boolean,
    plan_issued int,
    plan_applied int,
    disk_total bigint,
    disk_free bigint,
    forecast_days double precision,
    storage_bound boolean,
    files bigint,
    backlog_segments bigint,
    backlog_bytes bigint,
    backlog_oldest timestamptz,
    backlog_failing text NOT NULL DEFAULT '',
    stored bigint NOT NULL DEFAULT 0,
    stored_bytes bigint NOT NULL DEFAULT 0,
    read_back bigint NOT NULL DEFAULT 0,
    read_back_at timestamptz,
    copies_erased bigint NOT NULL DEFAULT 0,
    plan_issued_at timestamptz,
    full_in_days double precision,
    forecast_at timestamptz,
    clock_doubt text,
    clock_doubted_at timestamptz
);
CREATE TABLE camera_state (
    school text NOT NULL,
    camera text NOT NULL,
    first_start timestamptz NOT NULL,
    last_end timestamptz NOT NULL,
    silent_since timestamptz,
    clock_offset_ms int,
    PRIMARY KEY (school, camera)
);
-- How many days of each camera will be held at the present rate (R3.1), as its school foretells.
CREATE TABLE camera_forecast (
    school text NOT NULL,
    camera text NOT NULL,
    held_days double precision NOT NULL,
    days double precision NOT NULL,
    keep_days int NOT NULL,
    daily_bytes bigint NOT NULL,
    PRIMARY KEY (school, camera)
);
-- Local days of the district; `stale` asks the index again.
CREATE TABLE camera_day (
    school text NOT NULL,
    camera text NOT NULL,
    day date NOT NULL,
    recorded_ms bigint,
    segments int,
    gaps jsonb NOT NULL DEFAULT '[]',
    first timestamptz,
    last timestamptz,
    stale boolean NOT NULL DEFAULT true,
    touched_at timestamptz NOT NULL,
    PRIMARY KEY (school, camera, day)
);
CREATE INDEX camera_day_stale ON camera_day (touched_at) WHERE stale;

CREATE TABLE rejected_file (
    school text NOT NULL,
    file text NOT NULL,
    camera text,
    locator text NOT NULL,
    size bigint NOT NULL,
    file_time timestamptz NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    heard_at timestamptz NOT NULL,
    PRIMARY KEY (school, file)
);
CREATE TABLE altered_segment (
    school text NOT NULL,
    segment text NOT NULL,
    found text NOT NULL,
    camera text NOT NULL,
    start timestamptz NOT NULL,
    locator text NOT NULL,
    digest text NOT NULL,
    heard_at timestamptz NOT NULL,
    PRIMARY KEY (school, segment, found)
);
CREATE TABLE lost_segment (
    school text NOT NULL,
    segment text NOT NULL,
    camera text NOT NULL,
    start timestamptz NOT NULL,
    "end" timestamptz NOT NULL,
    digest text NOT NULL,
    locator text NOT NULL,
    noticed_at timestamptz NOT NULL,
    restored_at timestamptz,
    restore_failed text,
    PRIMARY KEY (school, segment)
);
CREATE INDEX lost_segment_camera ON lost_segment (school, camera, start);
-- What was erased, by camera, local day of the footage and plan: it stays for years, so it is counted, not listed.
CREATE TABLE erased_day (
    school text NOT NULL,
    camera text NOT NULL,
    day date NOT NULL,
    plan text NOT NULL,
    segments int NOT NULL,
    bytes bigint NOT NULL,
    start timestamptz NOT NULL,
    "end" timestamptz NOT NULL,
    due timestamptz NOT NULL,
    erased_from timestamptz NOT NULL,
    erased_to timestamptz NOT NULL,
    PRIMARY KEY (school, camera, day, plan)
);
CREATE INDEX erased_day_at ON erased_day (school, erased_to);
-- What each plan demanded of each camera, in days: by which rule something was erased.
CREATE TABLE plan (
    school text NOT NULL,
    digest text NOT NULL,
    epoch bigint NOT NULL,
    version bigint NOT NULL,
    issued_at timestamptz NOT NULL,
    keep_days jsonb NOT NULL,
    PRIMARY KEY (school, digest)
);

-- Extensions of retention, by the number that people know.
CREATE TABLE extension (
    school text NOT NULL,
    extension text NOT NULL,
    number text NOT NULL,
    PRIMARY KEY (school, extension)
);

CREATE TABLE hold (
    school text NOT NULL,
    hold text NOT NULL,
    cause text NOT NULL,
    source text,
    camera text,
    start timestamptz,
    "end" timestamptz,
    purpose text,
    until timestamptz,
    status text NOT NULL,
    complete boolean NOT NULL DEFAULT false,
    segments int,
    gone jsonb NOT NULL DEFAULT '[]',
    asked_at timestamptz,
    in_force_at timestamptz,
    ended_at timestamptz,
    said_at timestamptz,
    PRIMARY KEY (school, hold)
);
CREATE TABLE application (
    school text NOT NULL,
    application text NOT NULL,
    number text,
    manner text,
    outsider text,
    status text NOT NULL DEFAULT 'filed',
    use_by timestamptz,
    use_declared text,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (school, application)
);
CREATE TABLE application_step (
    school text NOT NULL,
    event text NOT NULL,
    application text NOT NULL,
    step text NOT NULL,
    facts jsonb NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (school, event)
);
CREATE INDEX application_step_at ON application_step (school, application, at);
CREATE TABLE refusal (
    school text NOT NULL,
    event text NOT NULL,
    actor text NOT NULL,
    act text NOT NULL,
    rule text NOT NULL,
    application text,
    at timestamptz NOT NULL,
    PRIMARY KEY (school, event)
);
CREATE TABLE plan_refusal (
    school text NOT NULL,
    event text NOT NULL,
    version int NOT NULL,
    reason text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (school, event)
);
CREATE TABLE sweep_stop (
    school text NOT NULL,
    sweep text NOT NULL,
    reason text NOT NULL,
    segments int NOT NULL,
    bytes bigint NOT NULL,
    at timestamptz NOT NULL,
    confirmed_by text,
    confirmed_at timestamptz,
    PRIMARY KEY (school, sweep)
);
CREATE TABLE backup_run (
    school text NOT NULL,
    run text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    kind text NOT NULL,
    spans jsonb NOT NULL,
    objects int NOT NULL,
    bytes bigint NOT NULL,
    place text NOT NULL,
    exceptions jsonb NOT NULL,
    PRIMARY KEY (school, run)
);
CREATE TABLE corrupt_object (
    school text NOT NULL,
    segment text NOT NULL,
    camera text NOT NULL,
    key text NOT NULL,
    reason text NOT NULL,
    at timestamptz NOT NULL,
    verified_at timestamptz,
    PRIMARY KEY (school, segment)
);
CREATE TABLE drill (
    school text NOT NULL,
    drill text NOT NULL,
    sampled int NOT NULL,
    restored int NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (school, drill)
);

-- What the inspector decides.
CREATE TABLE finding (
    finding text PRIMARY KEY,
    school text NOT NULL,
    kind text NOT NULL,
    cause text NOT NULL,
    camera text,
    severity text NOT NULL,
    facts jsonb NOT NULL,
    opened_at timestamptz NOT NULL,
    deadline timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    times int NOT NULL DEFAULT 1,
    closed_at timestamptz,
    close_reason text,
    closed_by text,
    planned text,
    progress text NOT NULL DEFAULT 'open',
    owner text,
    escalated text
);
CREATE UNIQUE INDEX finding_open ON finding (school, kind, cause) WHERE closed_at IS NULL;
CREATE INDEX finding_school ON finding (school, opened_at);
-- What was said of a finding, and every step that somebody took; text never leaves here.
CREATE TABLE finding_note (
    note text PRIMARY KEY,
    finding text NOT NULL REFERENCES finding,
    kind text NOT NULL,
    person text,
    text text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX finding_note_finding ON finding_note (finding, at);
CREATE TABLE violation (
    violation text PRIMARY KEY,
    school text NOT NULL,
    kind text NOT NULL,
    cause text NOT NULL,
    severity text NOT NULL,
    rule text NOT NULL,
    actor text,
    application text,
    at timestamptz NOT NULL,
    closed_at timestamptz,
    outcome text,
    grade text NOT NULL DEFAULT 'minor',
    reported boolean NOT NULL DEFAULT false,
    reporter text,
    text text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'recorded',
    UNIQUE (school, kind, cause)
);
CREATE TABLE violation_step (
    step text PRIMARY KEY,
    violation text NOT NULL REFERENCES violation,
    kind text NOT NULL,
    person text NOT NULL,
    text text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX violation_step_violation ON violation_step (violation, at);
CREATE TABLE inspection (
    inspection text PRIMARY KEY,
    school text NOT NULL,
    kind text NOT NULL,
    slot text UNIQUE,
    at timestamptz NOT NULL,
    by text NOT NULL,
    record jsonb NOT NULL
);
CREATE INDEX inspection_school ON inspection (school, at);
CREATE TABLE report_number (
    school text NOT NULL,
    year int NOT NULL,
    last int NOT NULL,
    PRIMARY KEY (school, year)
);
CREATE TABLE report (
    report text PRIMARY KEY,
    inspection text NOT NULL REFERENCES inspection,
    school text NOT NULL,
    number text NOT NULL UNIQUE,
    kind text NOT NULL,
    at timestamptz NOT NULL,
    pdf_zh bytea NOT NULL,
    pdf_en bytea NOT NULL,
    digest text NOT NULL
);
CREATE INDEX report_school ON report (school, at);
CREATE TABLE report_signature (
    report text PRIMARY KEY REFERENCES report,
    person text NOT NULL,
    name text NOT NULL,
    role text NOT NULL,
    digest text NOT NULL,
    at timestamptz NOT NULL,
    own_key jsonb
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
-- No person: whoever suggested it wants to stay unknown.
CREATE TABLE feedback (
    feedback text PRIMARY KEY,
    school text NOT NULL,
    person text,
    text text NOT NULL,
    at timestamptz NOT NULL,
    answered_at timestamptz,
    answer text,
    answered_by text,
    rules_version int
);
CREATE TABLE rules (
    version int PRIMARY KEY,
    effective_from timestamptz NOT NULL,
    digest text NOT NULL,
    text text NOT NULL,
    published_at timestamptz NOT NULL,
    settings jsonb NOT NULL DEFAULT '{}',
    english text NOT NULL DEFAULT '',
    signed_by text,
    signed_name text,
    own_key jsonb
);
CREATE TABLE rules_draft (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    text text NOT NULL,
    english text NOT NULL,
    settings jsonb NOT NULL,
    edited_by text NOT NULL,
    edited_at timestamptz NOT NULL
);

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
    own_key jsonb,
    PRIMARY KEY (school, day)
);

-- By which keys programs come in; only what a key's SHA-256 is, never the key.
CREATE TABLE api_token (
    token text PRIMARY KEY,
    name text NOT NULL,
    hash text NOT NULL UNIQUE,
    schools text[] NOT NULL,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    used_at timestamptz,
    revoked_at timestamptz,
    revoked_by text
);
-- Where programs and chats want to be told, and of what.
CREATE TABLE webhook (
    webhook text PRIMARY KEY,
    name text NOT NULL,
    url text NOT NULL,
    format text NOT NULL,
    secret text NOT NULL,
    schools text[] NOT NULL,
    types text[] NOT NULL,
    language text NOT NULL,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL,
    paused_at timestamptz,
    removed_at timestamptz
);
-- What a person wants to be told, and where; addresses are used for nothing else.
CREATE TABLE notice_choice (
    account text PRIMARY KEY,
    language text NOT NULL,
    kinds jsonb NOT NULL,
    digest_hour int NOT NULL,
    email text,
    email_code text,
    email_confirmed_at timestamptz,
    bot_url text,
    bot_format text,
    bot_secret text,
    leave_key text NOT NULL UNIQUE,
    changed_at timestamptz NOT NULL
);
-- Lines that wait to be told together.
CREATE TABLE notice (
    recipient text NOT NULL,
    event text NOT NULL,
    kind text NOT NULL,
    school text NOT NULL,
    facts jsonb NOT NULL,
    at timestamptz NOT NULL,
    send_at timestamptz NOT NULL,
    PRIMARY KEY (recipient, event)
);
CREATE INDEX notice_send_at ON notice (send_at);
-- Messages on their way out, and what became of each.
CREATE TABLE delivery (
    delivery text PRIMARY KEY,
    channel text NOT NULL,
    target text NOT NULL,
    title text NOT NULL,
    body text NOT NULL,
    made_at timestamptz NOT NULL,
    next_at timestamptz,
    attempts int NOT NULL DEFAULT 0,
    state text NOT NULL DEFAULT 'waiting',
    problem text NOT NULL DEFAULT '',
    settled_at timestamptz
);
CREATE INDEX delivery_waiting ON delivery (target, next_at) WHERE state = 'waiting';
CREATE INDEX delivery_target ON delivery (target, made_at);
CREATE INDEX delivery_settled ON delivery (settled_at) WHERE state <> 'waiting';

-- Keys of people's own (WebAuthn), registered at the dashboard's own name; an actor is an account (ADR 0014).
CREATE TABLE passkeys (
    credential text PRIMARY KEY,
    actor text NOT NULL,
    name text NOT NULL,
    cose bytea NOT NULL,
    counter bigint NOT NULL,
    rp_id text NOT NULL,
    origin text NOT NULL,
    added_at timestamptz NOT NULL,
    removed_at timestamptz
);
CREATE INDEX passkeys_actor ON passkeys (actor) WHERE removed_at IS NULL;
CREATE TABLE passkey_nonces (
    nonce text PRIMARY KEY,
    actor text NOT NULL,
    issued_at timestamptz NOT NULL
);
CREATE INDEX passkey_nonces_issued ON passkey_nonces (issued_at);

-- Wrong passwords in a row, by digest of the account, and sessions that are over before their time.
CREATE TABLE sign_in_tries (
    account text PRIMARY KEY,
    failures int NOT NULL,
    last_at timestamptz NOT NULL
);
CREATE INDEX sign_in_tries_last ON sign_in_tries (last_at);
CREATE TABLE ended_sessions (
    name text PRIMARY KEY,
    before timestamptz NOT NULL
);
CREATE INDEX ended_sessions_before ON ended_sessions (before);

-- Who left and who came back, as the desk tells it without a name: the newest word about each.
CREATE TABLE departed (
    person text PRIMARY KEY,
    allowed boolean NOT NULL,
    at timestamptz NOT NULL
);
