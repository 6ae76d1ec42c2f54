-- Versions of the rule set that set how long footage is kept (R3.1, R6).
CREATE TABLE rules (
    version int PRIMARY KEY,
    effective_from timestamptz NOT NULL,
    keep_days int
);
