"""The catalogue's tables: a SQLite file of its own per school, rebuilt from the disk if it is lost."""

MIGRATIONS = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

    -- Every segment that was recorded and is not forgotten. `folder` and `name` are the locator, `size`,
    -- `mtime_ns` and `inode` the signature last seen; times are microseconds since 1970 UTC.
    CREATE TABLE segments (
        id TEXT PRIMARY KEY,
        camera TEXT NOT NULL,
        start_us INTEGER NOT NULL,
        end_us INTEGER NOT NULL,
        duration_ms INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        digest TEXT NOT NULL,
        codec TEXT NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        time_source TEXT NOT NULL,
        uncertainty_ms INTEGER NOT NULL,
        file_time_us INTEGER NOT NULL,
        folder TEXT NOT NULL,
        name TEXT NOT NULL,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        inode INTEGER NOT NULL,
        state TEXT NOT NULL,
        found_digest TEXT,
        changed_us INTEGER NOT NULL
    );
    CREATE INDEX segments_place ON segments (folder, name);
    CREATE INDEX segments_time ON segments (camera, start_us, end_us);
    CREATE INDEX segments_off_disk ON segments (state, changed_us) WHERE state <> 'present';

    -- Files that are no footage. `look_again_us`: the reason may pass, look then.
    CREATE TABLE rejected (
        locator TEXT PRIMARY KEY,
        folder TEXT NOT NULL,
        id TEXT NOT NULL,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        inode INTEGER NOT NULL,
        reason TEXT NOT NULL,
        look_again_us INTEGER
    ) WITHOUT ROWID;
    CREATE INDEX rejected_place ON rejected (folder);
    CREATE INDEX rejected_id ON rejected (id);
    CREATE INDEX rejected_again ON rejected (look_again_us) WHERE look_again_us IS NOT NULL;

    -- Camera-days that changed since their count was told last.
    CREATE TABLE uncounted (camera TEXT, day TEXT, PRIMARY KEY (camera, day)) WITHOUT ROWID;

    -- What was last said about a camera, and what the district's register says of it.
    CREATE TABLE cameras (
        camera TEXT PRIMARY KEY,
        silent_since_us INTEGER,
        offset_ms INTEGER NOT NULL DEFAULT 0,
        keep_days INTEGER,
        managed INTEGER
    ) WITHOUT ROWID;

    -- Paths that somebody says are ready to be read.
    CREATE TABLE ready (locator TEXT PRIMARY KEY) WITHOUT ROWID;
    """,
    """
    -- What lies on the disk of each camera-day (UTC, days since 1970), so that nobody counts the segments.
    CREATE TABLE volumes (
        camera TEXT NOT NULL,
        day INTEGER NOT NULL,
        files INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        PRIMARY KEY (camera, day)
    ) WITHOUT ROWID;
    INSERT INTO volumes SELECT camera, start_us / 86400000000, count(*), sum(bytes) FROM segments
        WHERE state IN ('altered', 'present') GROUP BY 1, 2;
    CREATE TRIGGER segment_came AFTER INSERT ON segments WHEN new.state IN ('altered', 'present') BEGIN
        INSERT INTO volumes VALUES (new.camera, new.start_us / 86400000000, 1, new.bytes)
        ON CONFLICT DO UPDATE SET files = files + 1, bytes = bytes + excluded.bytes;
    END;
    CREATE TRIGGER segment_back AFTER UPDATE OF state ON segments
    WHEN old.state NOT IN ('altered', 'present') AND new.state IN ('altered', 'present') BEGIN
        INSERT INTO volumes VALUES (new.camera, new.start_us / 86400000000, 1, new.bytes)
        ON CONFLICT DO UPDATE SET files = files + 1, bytes = bytes + excluded.bytes;
    END;
    CREATE TRIGGER segment_left AFTER UPDATE OF state ON segments
    WHEN old.state IN ('altered', 'present') AND new.state NOT IN ('altered', 'present') BEGIN
        UPDATE volumes SET files = files - 1, bytes = bytes - old.bytes
        WHERE camera = old.camera AND day = old.start_us / 86400000000;
        DELETE FROM volumes WHERE camera = old.camera AND day = old.start_us / 86400000000 AND files <= 0;
    END;

    -- The forecast that was told last, as JSON, and when.
    CREATE TABLE forecast (
        only INTEGER PRIMARY KEY CHECK (only = 1), told TEXT NOT NULL, at_us INTEGER NOT NULL
    );
    """,
    """
    -- What fragments need before them; of the segment, which one.
    CREATE TABLE inits (digest TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID;
    ALTER TABLE segments ADD COLUMN init TEXT REFERENCES inits;
    CREATE VIEW recorded AS
        SELECT segments.*, inits.data AS init_data FROM segments LEFT JOIN inits ON inits.digest = init;
    CREATE INDEX segments_init ON segments (init) WHERE init IS NOT NULL;
    """,
)
