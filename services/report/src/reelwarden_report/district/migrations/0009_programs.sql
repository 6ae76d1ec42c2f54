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
