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
ALTER TABLE report_signature ADD COLUMN own_key jsonb;
ALTER TABLE morning ADD COLUMN own_key jsonb;
ALTER TABLE rules ADD COLUMN own_key jsonb;
