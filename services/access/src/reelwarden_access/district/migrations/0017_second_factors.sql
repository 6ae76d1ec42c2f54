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
