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
