"""The notary's SQLite file. Entries and nodes are only ever added."""

MIGRATIONS = (
    """
    CREATE TABLE entry (
        position INTEGER PRIMARY KEY, event TEXT NOT NULL UNIQUE, text TEXT NOT NULL
    );
    CREATE TABLE about (
        about TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (about, position)
    ) WITHOUT ROWID;
    CREATE TABLE node (
        level INTEGER NOT NULL, position INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (level, position)
    ) WITHOUT ROWID;
    CREATE TABLE frontier (
        one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL, peaks BLOB NOT NULL
    );
    INSERT INTO frontier VALUES (1, 0, x'');
    CREATE TABLE checkpoint (
        size INTEGER PRIMARY KEY, root BLOB NOT NULL, note TEXT NOT NULL, cosigned INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE peer (
        one INTEGER PRIMARY KEY CHECK (one = 1), key TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL,
        note TEXT NOT NULL
    );
    CREATE TABLE measured (
        one INTEGER PRIMARY KEY CHECK (one = 1), plan_epoch INTEGER, plan_version INTEGER,
        disk_total INTEGER, disk_free INTEGER, backlog INTEGER NOT NULL DEFAULT 0
    );
    INSERT INTO measured (one) VALUES (1);
    """,
    "ALTER TABLE measured ADD COLUMN clock_doubt TEXT DEFAULT 'clock-unheard'",
    """
    CREATE TABLE hour (
        hour TEXT NOT NULL, event TEXT NOT NULL, lines TEXT NOT NULL, heard_at TEXT NOT NULL,
        PRIMARY KEY (hour, event)
    ) WITHOUT ROWID;
    """,
)
