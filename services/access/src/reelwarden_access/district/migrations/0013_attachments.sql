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
