"""The replicator's tables: a SQLite file of its own per school; times are microseconds since 1970 UTC."""

MIGRATIONS = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    INSERT INTO meta VALUES ('made_us', CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));

    -- Every segment heard of. `state`: unwanted (policy), waiting (to be copied), kept (a copy is stored),
    -- gone (erased on its day). `believed_us`: the end that its period counts from. `putting`: a put was
    -- begun whose end was not seen. `lost`: not on the disk.
    CREATE TABLE segments (
        id TEXT PRIMARY KEY,
        camera TEXT NOT NULL,
        start_us INTEGER NOT NULL,
        end_us INTEGER NOT NULL,
        digest TEXT NOT NULL,
        size INTEGER NOT NULL,
        locator TEXT NOT NULL,
        file_time_us INTEGER NOT NULL,
        believed_us INTEGER NOT NULL,
        due_us INTEGER NOT NULL,
        state TEXT NOT NULL,
        held INTEGER NOT NULL DEFAULT 0,
        lost INTEGER NOT NULL DEFAULT 0,
        putting INTEGER NOT NULL DEFAULT 0,
        tries INTEGER NOT NULL DEFAULT 0,
        retry_us INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX segments_waiting ON segments (held DESC, start_us) WHERE state = 'waiting';
    CREATE INDEX segments_time ON segments (camera, start_us, end_us);
    CREATE INDEX segments_believed ON segments (camera, believed_us);
    CREATE INDEX segments_due ON segments (due_us) WHERE state IN ('kept', 'gone');

    -- Every version that lies in the store. `todo`: '' | protect (lock or hold to be set) | erase.
    CREATE TABLE copies (
        version TEXT NOT NULL,
        key TEXT NOT NULL,
        segment TEXT NOT NULL REFERENCES segments (id),
        stored_us INTEGER NOT NULL,
        locked_us INTEGER,
        held INTEGER NOT NULL DEFAULT 0,
        bad INTEGER NOT NULL DEFAULT 0,
        todo TEXT NOT NULL DEFAULT '',
        tries INTEGER NOT NULL DEFAULT 0,
        retry_us INTEGER NOT NULL DEFAULT 0,
        run TEXT,
        PRIMARY KEY (key, version)
    ) WITHOUT ROWID;
    CREATE INDEX copies_segment ON copies (segment);
    CREATE INDEX copies_todo ON copies (todo, retry_us) WHERE todo <> '';
    CREATE INDEX copies_without_run ON copies (stored_us) WHERE run IS NULL;
    CREATE INDEX copies_run ON copies (run);

    -- What the reaper last said: the holds that it keeps, and the periods that it counts by.
    CREATE TABLE holds (
        id TEXT PRIMARY KEY, camera TEXT NOT NULL, start_us INTEGER NOT NULL, end_us INTEGER NOT NULL,
        until_us INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE periods (
        camera TEXT PRIMARY KEY, days INTEGER NOT NULL, grace_minutes INTEGER NOT NULL, zone TEXT NOT NULL,
        managed INTEGER NOT NULL
    ) WITHOUT ROWID;

    -- Backup records: `told` once the event left. Exceptions belong to the run that is written up next.
    CREATE TABLE runs (
        id TEXT PRIMARY KEY, started_us INTEGER NOT NULL, ended_us INTEGER NOT NULL, kind TEXT NOT NULL,
        told INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE exceptions (
        seq INTEGER PRIMARY KEY, segment TEXT, detail TEXT NOT NULL, at_us INTEGER NOT NULL, run TEXT
    );

    -- Segments to be brought back.
    CREATE TABLE restores (
        segment TEXT PRIMARY KEY, digest TEXT NOT NULL, bucket TEXT NOT NULL, key TEXT NOT NULL,
        version TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0, retry_us INTEGER NOT NULL DEFAULT 0,
        detail TEXT NOT NULL DEFAULT ''
    ) WITHOUT ROWID;
    """,
    """
    -- What is exported for an application is copied too, whatever the policy; `priority`: its camera's.
    ALTER TABLE segments ADD COLUMN exported INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE segments ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
    DROP INDEX segments_waiting;
    CREATE INDEX segments_waiting ON segments (held DESC, exported DESC, priority DESC, start_us)
        WHERE state = 'waiting';
    DROP INDEX segments_due;
    CREATE INDEX segments_due ON segments (due_us) WHERE state <> 'gone';
    CREATE INDEX segments_gone ON segments (due_us) WHERE state = 'gone';
    CREATE TABLE exports (
        application TEXT NOT NULL, camera TEXT NOT NULL, start_us INTEGER NOT NULL, end_us INTEGER NOT NULL,
        deadline_us INTEGER NOT NULL, PRIMARY KEY (application, camera, start_us, end_us)
    ) WITHOUT ROWID;
    """,
    """
    -- What fragments need before them, kept with each copy.
    CREATE TABLE inits (digest TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID;
    ALTER TABLE segments ADD COLUMN init TEXT REFERENCES inits;
    CREATE INDEX segments_init ON segments (init) WHERE init IS NOT NULL;
    CREATE VIEW known AS
        SELECT segments.*, inits.data AS init_data FROM segments LEFT JOIN inits ON inits.digest = init;
    """,
    """
    -- Let go without a certificate: called back when a hold or a longer period comes before the copies went.
    ALTER TABLE segments ADD COLUMN retired INTEGER NOT NULL DEFAULT 0;
    """,
)
