"""The exporter's SQLite file, each step applied once."""

MIGRATIONS = (
    """
    CREATE TABLE jobs (
        application TEXT PRIMARY KEY,
        request TEXT NOT NULL,        -- the RetrievalAuthorised that asked, as JSON
        serial INTEGER NOT NULL,      -- counts how often it was asked for
        state TEXT NOT NULL CHECK (state IN ('asked', 'built', 'ready', 'failed', 'erased')),
        deadline TEXT NOT NULL,       -- nothing is exported after it, and what was is erased
        asked_at TEXT NOT NULL,
        next_try TEXT NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        faults INTEGER NOT NULL DEFAULT 0,   -- tries that failed for a reason not foreseen
        problem TEXT NOT NULL DEFAULT '',
        built TEXT                    -- what is uploaded or to be, as JSON
    ) WITHOUT ROWID;
    CREATE INDEX jobs_by_turn ON jobs (state, next_try);
    """,
)
