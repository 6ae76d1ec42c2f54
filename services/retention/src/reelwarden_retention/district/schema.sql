-- Inbox and outbox: an event's effect and what follows from it are one transaction.
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

-- Every plan that was ever issued, as it was signed. The newest of a school is what its site should go by.
CREATE TABLE plans (
    school text NOT NULL,
    epoch bigint NOT NULL,
    version bigint NOT NULL,
    digest text NOT NULL,
    text text NOT NULL,
    signature text NOT NULL,
    key text NOT NULL,
    issued_at timestamptz NOT NULL,
    PRIMARY KEY (school, epoch, version)
);

-- What counts for each camera, with the periods that still count beside it (a CameraPolicy).
CREATE TABLE policies (
    school text NOT NULL,
    camera text NOT NULL,
    policy text NOT NULL,
    PRIMARY KEY (school, camera)
);

-- Every hold that was ever asked for. `body` is the hold; `ends_at` its end date.
CREATE TABLE holds (
    school text NOT NULL,
    id text NOT NULL,
    cause text NOT NULL,
    state text NOT NULL CHECK (state IN ('asked', 'decided', 'released', 'lapsed')),
    body text NOT NULL,
    ends_at timestamptz NOT NULL,
    released_at timestamptz,
    PRIMARY KEY (school, id)
);
CREATE INDEX holds_cause ON holds (school, cause);
CREATE INDEX holds_ending ON holds (ends_at) WHERE state <> 'lapsed';

-- How far each application's events were applied.
CREATE TABLE applications (
    school text NOT NULL,
    id text NOT NULL,
    version integer NOT NULL,
    PRIMARY KEY (school, id)
);

-- Sweeps that a person let go on; they travel in the plans for a while.
CREATE TABLE confirmed_sweeps (
    school text NOT NULL,
    sweep text NOT NULL,
    confirmed_at timestamptz NOT NULL,
    PRIMARY KEY (school, sweep)
);

-- Which plan each site last said it goes by.
CREATE TABLE sites (
    school text PRIMARY KEY,
    epoch bigint NOT NULL,
    version bigint NOT NULL,
    digest text NOT NULL,
    said_at timestamptz NOT NULL
);

-- Versions of the rule set, and how long each lets footage be kept where district.toml says nothing of its own.
CREATE TABLE rules (
    version int PRIMARY KEY,
    effective_from timestamptz NOT NULL,
    keep_days int
);
