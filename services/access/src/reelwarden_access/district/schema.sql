-- The desk: people, applications, signatures, retrievals. Names, identity numbers and reasons stay in this schema.
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

-- Events carry `actor`; only here does it lead to an account.
CREATE TABLE people (
    actor text PRIMARY KEY,
    account text NOT NULL UNIQUE,
    first_seen timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE trainings (
    actor text NOT NULL REFERENCES people,
    rules_version int NOT NULL,
    acknowledged_at timestamptz NOT NULL,
    PRIMARY KEY (actor, rules_version)
);
-- Keys of people's own (WebAuthn); what they signed is kept with the signature, so that it outlives the key.
CREATE TABLE passkeys (
    credential text PRIMARY KEY,
    actor text NOT NULL REFERENCES people,
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
    actor text NOT NULL REFERENCES people,
    issued_at timestamptz NOT NULL
);
CREATE INDEX passkey_nonces_issued ON passkey_nonces (issued_at);
CREATE TABLE rules (
    version int PRIMARY KEY,
    effective_from timestamptz NOT NULL,
    digest text NOT NULL,
    text text,
    settings jsonb NOT NULL DEFAULT '{}'
);
-- What was last said about who acknowledged the rules.
CREATE TABLE training_said (
    school text PRIMARY KEY,
    rules_version int NOT NULL,
    people int NOT NULL,
    acknowledged int NOT NULL
);

CREATE TABLE numbers (
    school text NOT NULL,
    year int NOT NULL,
    last int NOT NULL,
    PRIMARY KEY (school, year)
);
CREATE TABLE applications (
    id text PRIMARY KEY,
    number text NOT NULL UNIQUE,
    school text NOT NULL,
    status text NOT NULL,
    version int NOT NULL,
    manner text NOT NULL,
    cameras text[] NOT NULL,
    start_at timestamptz NOT NULL,
    end_at timestamptz NOT NULL,
    filer text NOT NULL REFERENCES people,
    outsider text,
    concerns_leader boolean NOT NULL,
    form jsonb NOT NULL,
    form_digest text NOT NULL,
    filed_at timestamptz NOT NULL,
    decide_by timestamptz NOT NULL,
    approved_at timestamptz,
    valid_until timestamptz,
    use_by timestamptz,
    declaration text,
    declaration_note text,
    outcome text,
    ended_at timestamptz,
    urgent boolean NOT NULL DEFAULT false,
    CHECK (start_at < end_at)
);
CREATE INDEX applications_school ON applications (school, filed_at DESC);
CREATE INDEX applications_filer ON applications (filer, filed_at DESC);
CREATE INDEX applications_status ON applications (status) WHERE status IN ('filed', 'approved', 'ready');

-- Signatures of both forms: bound to the digest of what was shown, with the signer as of that moment.
CREATE TABLE signatures (
    application text NOT NULL REFERENCES applications,
    form text NOT NULL CHECK (form IN ('application', 'record')),
    capacity text NOT NULL,
    signer text NOT NULL REFERENCES people,
    name text NOT NULL,
    unit text NOT NULL,
    role text NOT NULL,
    opinion text NOT NULL DEFAULT '',
    on_behalf_of text,
    digest text NOT NULL,
    signed_at timestamptz NOT NULL,
    own_key jsonb,
    PRIMARY KEY (application, form, signer, capacity)
);

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
    own_key jsonb,
    PRIMARY KEY (extension, version)
);
-- Signed acts that leave no form of their own: what was shown (`digest` is its SHA-256), and the words written.
-- `subject`: an application, an extension or a sweep.
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

-- `application`: what it serves, an application or an extension.
CREATE TABLE holds (
    id text PRIMARY KEY,
    application text NOT NULL,
    camera text,
    start_at timestamptz,
    end_at timestamptz,
    until timestamptz,
    asked_at timestamptz,
    decided_at timestamptz,
    answered_at timestamptz,
    complete boolean,
    complete_to timestamptz,
    segments int,
    bytes bigint,
    digest text,
    gone jsonb NOT NULL DEFAULT '[]',
    released_at timestamptz,
    lapsed_at timestamptz,
    gaps jsonb NOT NULL DEFAULT '[]',
    said_at timestamptz
);
CREATE INDEX holds_application ON holds (application);

CREATE TABLE exports (
    application text PRIMARY KEY REFERENCES applications,
    bucket text,
    folder text,
    files jsonb NOT NULL DEFAULT '[]',
    gaps jsonb NOT NULL DEFAULT '[]',
    sources text[] NOT NULL DEFAULT '{}',
    manifest text,
    ready_at timestamptz,
    problem text,
    problem_at timestamptz
);

CREATE TABLE supervisions (
    id text PRIMARY KEY,
    application text NOT NULL REFERENCES applications,
    supervisor text NOT NULL REFERENCES people,
    name text NOT NULL,
    unit text NOT NULL,
    present text[] NOT NULL,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    until timestamptz NOT NULL,
    ended_because text
);
CREATE UNIQUE INDEX supervisions_open ON supervisions (application) WHERE closed_at IS NULL;
-- Who is in the room comes and goes.
CREATE TABLE presences (
    supervision text NOT NULL REFERENCES supervisions,
    name text NOT NULL,
    arrived_at timestamptz NOT NULL,
    left_at timestamptz,
    PRIMARY KEY (supervision, name, arrived_at)
);
CREATE TABLE viewings (
    id text PRIMARY KEY,
    application text NOT NULL REFERENCES applications,
    supervision text NOT NULL REFERENCES supervisions,
    retriever text NOT NULL REFERENCES people,
    name text NOT NULL,
    unit text NOT NULL,
    started_at timestamptz NOT NULL,
    stopped_at timestamptz,
    stopped_by text,
    reason text
);
CREATE INDEX viewings_application ON viewings (application);
-- What was really watched: one row per viewing and file, counted up by each range request.
CREATE TABLE viewed (
    viewing text NOT NULL REFERENCES viewings,
    file text NOT NULL,
    requests bigint NOT NULL,
    bytes bigint NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (viewing, file)
);

-- What the player says: begun, paused, moved, still there. The range requests in `viewed` are the truth beside it.
CREATE TABLE marks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    viewing text NOT NULL REFERENCES viewings,
    at timestamptz NOT NULL,
    kind text NOT NULL CHECK (kind IN ('play', 'at', 'pause', 'seek', 'ended')),
    file text NOT NULL,
    position_ms bigint NOT NULL,
    from_ms bigint
);
CREATE INDEX marks_viewing ON marks (viewing, id);
-- A frame with the recipient's mark burnt in; its picture goes when the application is over.
CREATE TABLE stills (
    viewing text NOT NULL REFERENCES viewings,
    number int NOT NULL,
    application text NOT NULL REFERENCES applications,
    file text NOT NULL,
    position_ms bigint NOT NULL,
    camera text,
    shown_at timestamptz,
    taken_at timestamptz NOT NULL,
    digest text NOT NULL,
    picture bytea,
    PRIMARY KEY (viewing, number)
);
CREATE INDEX stills_application ON stills (application);

CREATE TABLE releases (
    application text PRIMARY KEY REFERENCES applications,
    claim text NOT NULL,
    claimed_at timestamptz NOT NULL,
    retriever text NOT NULL REFERENCES people,
    supervision text NOT NULL REFERENCES supervisions,
    recipient text NOT NULL,
    medium text NOT NULL,
    digest text,
    size bigint,
    released_at timestamptz,
    handed_over_at timestamptz,
    manifest text
);
CREATE TABLE records (
    application text PRIMARY KEY REFERENCES applications,
    form jsonb NOT NULL,
    digest text NOT NULL,
    retriever text NOT NULL REFERENCES people,
    supervisor text NOT NULL REFERENCES people,
    filled_at timestamptz NOT NULL,
    complete_at timestamptz
);

-- Those who may not decide because of an interest of their own (R4.2).
CREATE TABLE conflicts (
    application text NOT NULL REFERENCES applications,
    actor text NOT NULL REFERENCES people,
    declared_at timestamptz NOT NULL,
    PRIMARY KEY (application, actor)
);
-- Two parts by one person at a school that is too small: flagged, and looked at by the district (R4.3).
CREATE TABLE combined_parts (
    application text NOT NULL REFERENCES applications,
    actor text NOT NULL REFERENCES people,
    name text NOT NULL,
    parts text[] NOT NULL,
    at timestamptz NOT NULL,
    reviewed_by text REFERENCES people,
    reviewer_name text,
    opinion text,
    reviewed_at timestamptz,
    PRIMARY KEY (application, actor)
);
-- What was said of a task: that it is due, and that it is overdue; once each.
CREATE TABLE told_tasks (
    application text NOT NULL REFERENCES applications,
    task text NOT NULL,
    deadline timestamptz NOT NULL,
    due_told_at timestamptz,
    overdue_told_at timestamptz,
    done_at timestamptz,
    PRIMARY KEY (application, task)
);

CREATE TABLE denials (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL REFERENCES people,
    school text NOT NULL,
    act text NOT NULL,
    code text NOT NULL,
    rule text NOT NULL,
    application text,
    slip boolean NOT NULL DEFAULT false
);
CREATE INDEX denials_school ON denials (school, at DESC);
CREATE INDEX denials_repeated ON denials (actor, code, at);

CREATE TABLE sweeps (
    school text NOT NULL,
    id text NOT NULL,
    reason text NOT NULL,
    segments int NOT NULL,
    bytes bigint NOT NULL,
    oldest timestamptz NOT NULL,
    newest timestamptz NOT NULL,
    stopped_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    confirmed_by text REFERENCES people,
    PRIMARY KEY (school, id)
);
CREATE TABLE lost (
    school text NOT NULL,
    segment text NOT NULL,
    camera text NOT NULL,
    start_at timestamptz NOT NULL,
    end_at timestamptz NOT NULL,
    noticed_at timestamptz NOT NULL,
    asked_at timestamptz,
    asked_by text REFERENCES people,
    restored_at timestamptz,
    erased_at timestamptz,
    PRIMARY KEY (school, segment)
);

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

-- Papers that belong to a form, in parts, so that none is ever whole in memory. `subject`: the application or
-- extension, also one that is to be filed. Signed: since when it stands in the form that is signed.
CREATE TABLE attachments (
    id text PRIMARY KEY,
    subject text NOT NULL,
    owner text NOT NULL REFERENCES people,
    name text NOT NULL,
    media_type text NOT NULL,
    size bigint NOT NULL,
    digest text NOT NULL,
    added_at timestamptz NOT NULL,
    signed_at timestamptz,
    erased_at timestamptz,
    UNIQUE (subject, owner, digest)
);
CREATE INDEX attachments_waiting ON attachments (owner, added_at) WHERE signed_at IS NULL;
CREATE TABLE attachment_parts (
    attachment text NOT NULL REFERENCES attachments ON DELETE CASCADE,
    number int NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (attachment, number)
);
-- Forms as they were signed before something was added to them.
CREATE TABLE earlier_forms (
    subject text NOT NULL,
    digest text NOT NULL,
    form jsonb NOT NULL,
    signed_at timestamptz NOT NULL,
    replaced_at timestamptz NOT NULL,
    PRIMARY KEY (subject, replaced_at)
);

-- A picture of each school, drawn anew by the desk, and where its cameras are on it: hundredths of width and height.
CREATE TABLE floor_plans (
    school text PRIMARY KEY,
    picture bytea NOT NULL,
    media_type text NOT NULL,
    width int NOT NULL,
    height int NOT NULL,
    digest text NOT NULL,
    put_by text NOT NULL REFERENCES people,
    put_at timestamptz NOT NULL
);
CREATE TABLE plan_marks (
    school text NOT NULL,
    camera text NOT NULL,
    x real NOT NULL CHECK (x BETWEEN 0 AND 100),
    y real NOT NULL CHECK (y BETWEEN 0 AND 100),
    put_by text NOT NULL REFERENCES people,
    put_at timestamptz NOT NULL,
    PRIMARY KEY (school, camera)
);

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

-- Second factors (TOTP, RFC 6238): the secret encrypted; the step of the last code used, so that none counts twice.
CREATE TABLE second_factors (
    actor text PRIMARY KEY REFERENCES people,
    secret bytea NOT NULL,
    made_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    last_step bigint NOT NULL DEFAULT 0
);
CREATE TABLE recovery_codes (
    actor text NOT NULL REFERENCES people,
    digest text NOT NULL,
    PRIMARY KEY (actor, digest)
);
CREATE TABLE second_factor_acts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL REFERENCES people,
    whom text NOT NULL REFERENCES people,
    act text NOT NULL,
    reason text NOT NULL
);

-- Whose access was ended, by whom and why; one without an end of its own is in force.
CREATE TABLE departures (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account text NOT NULL,
    ended_at timestamptz NOT NULL,
    ended_by text NOT NULL REFERENCES people,
    reason text NOT NULL,
    back_at timestamptz,
    back_by text REFERENCES people,
    back_reason text
);
CREATE UNIQUE INDEX departures_in_force ON departures (account) WHERE back_at IS NULL;

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
CREATE TABLE package_keys (
    since timestamptz PRIMARY KEY,
    key text NOT NULL
);
