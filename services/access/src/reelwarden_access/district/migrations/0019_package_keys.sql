-- By which key packages are signed, since when: a change is told.
CREATE TABLE package_keys (
    since timestamptz PRIMARY KEY,
    key text NOT NULL
);
