"""The reaper's tables: a SQLite file of its own per school. Times are microseconds since 1970 UTC."""

MIGRATIONS = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

    -- The plan in force: one row.
    CREATE TABLE plan (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        epoch INTEGER NOT NULL,
        version INTEGER NOT NULL,
        digest TEXT NOT NULL,
        issued_us INTEGER NOT NULL,
        text TEXT NOT NULL
    );

    -- What counts for each camera (a CameraPolicy), and how far its clock is off.
    CREATE TABLE policies (camera TEXT PRIMARY KEY, policy TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE clocks (camera TEXT PRIMARY KEY, offset_ms INTEGER NOT NULL) WITHOUT ROWID;

    -- Every hold that was ever received and is not long over. `look_us`: when to look after it next;
    -- `told`: what was said last of how far it is in force.
    CREATE TABLE holds (
        id TEXT PRIMARY KEY,
        body TEXT NOT NULL,
        camera TEXT NOT NULL,
        start_us INTEGER NOT NULL,
        end_us INTEGER NOT NULL,
        until_us INTEGER NOT NULL,
        released_us INTEGER,
        look_us INTEGER NOT NULL DEFAULT 0,
        told TEXT
    ) WITHOUT ROWID;

    -- Every file that the scanner told of. `vault`: its place below the vault's folder.
    -- `not_before_us`: it was not as expected when it should be erased; look again then.
    CREATE TABLE footage (
        id TEXT PRIMARY KEY,
        camera TEXT NOT NULL,
        start_us INTEGER NOT NULL,
        end_us INTEGER NOT NULL,
        believed_end_us INTEGER NOT NULL,
        size INTEGER NOT NULL,
        digest TEXT,
        locator TEXT NOT NULL,
        kind TEXT NOT NULL,
        presence TEXT NOT NULL,
        vault TEXT,
        not_before_us INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX footage_time ON footage (camera, start_us, end_us);
    CREATE INDEX footage_place ON footage (locator);
    CREATE INDEX footage_due ON footage (camera, believed_end_us) WHERE presence = 'present';
    CREATE INDEX footage_gone ON footage (believed_end_us) WHERE presence <> 'present';
    CREATE INDEX footage_vault ON footage (vault) WHERE vault IS NOT NULL;

    -- Sweeps that the brake stopped.
    CREATE TABLE sweeps (
        id TEXT PRIMARY KEY,
        reason TEXT NOT NULL,
        confirmed INTEGER NOT NULL DEFAULT 0,
        at_us INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE sweep_items (
        sweep TEXT NOT NULL REFERENCES sweeps ON DELETE CASCADE, footage TEXT NOT NULL,
        PRIMARY KEY (sweep, footage)
    ) WITHOUT ROWID;

    -- What is being erased: written before the file is touched, dropped with the certificate.
    -- step: intended (it may lie at its place or in the trash) or condemned (what is not in the trash was
    -- unlinked by us).
    CREATE TABLE journal (
        footage TEXT PRIMARY KEY REFERENCES footage,
        step TEXT NOT NULL,
        on_disk INTEGER NOT NULL,
        due_us INTEGER NOT NULL,
        digest TEXT,
        plan TEXT NOT NULL
    ) WITHOUT ROWID;
    """,
    """
    -- What is being laid into the vault: written before a draft is made there, dropped with the note in
    -- `footage`. `place`: where it will lie; null until its draft was read.
    CREATE TABLE laying (footage TEXT PRIMARY KEY REFERENCES footage, place TEXT) WITHOUT ROWID;
    """,
)
