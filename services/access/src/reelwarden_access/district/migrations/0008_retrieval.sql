-- A supervision lasts until a time that was set; who is in the room comes and goes (R4.3).
ALTER TABLE supervisions ADD COLUMN until timestamptz;
UPDATE supervisions SET until = opened_at + interval '4 hours';
ALTER TABLE supervisions ALTER COLUMN until SET NOT NULL;
ALTER TABLE supervisions ADD COLUMN ended_because text;
CREATE TABLE presences (
    supervision text NOT NULL REFERENCES supervisions,
    name text NOT NULL,
    arrived_at timestamptz NOT NULL,
    left_at timestamptz,
    PRIMARY KEY (supervision, name, arrived_at)
);
INSERT INTO presences (supervision, name, arrived_at, left_at)
    SELECT DISTINCT id, unnest(present), opened_at, closed_at FROM supervisions;

-- What the player says: begun, paused, moved, still there. The range requests in `viewed` are the truth beside it.
CREATE TABLE marks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    viewing text NOT NULL REFERENCES viewings,
    at timestamptz NOT NULL,
    kind text NOT NULL CHECK (kind IN ('play', 'at', 'pause', 'seek', 'ended')),
    file text NOT NULL,
    position_ms bigint NOT NULL,
    from_ms bigint
);
CREATE INDEX marks_viewing ON marks (viewing, id);
-- A frame with the recipient's mark burnt in; its picture goes when the application is over.
CREATE TABLE stills (
    viewing text NOT NULL REFERENCES viewings,
    number int NOT NULL,
    application text NOT NULL REFERENCES applications,
    file text NOT NULL,
    position_ms bigint NOT NULL,
    camera text,
    shown_at timestamptz,
    taken_at timestamptz NOT NULL,
    digest text NOT NULL,
    picture bytea,
    PRIMARY KEY (viewing, number)
);
CREATE INDEX stills_application ON stills (application);

-- Decisions: urgent ones, those who may not because of an interest of their own (R4.2).
ALTER TABLE applications ADD COLUMN urgent boolean NOT NULL DEFAULT false;
CREATE TABLE conflicts (
    application text NOT NULL REFERENCES applications,
    actor text NOT NULL REFERENCES people,
    declared_at timestamptz NOT NULL,
    PRIMARY KEY (application, actor)
);
-- Two parts by one person at a school that is too small: flagged, and looked at by the district (R4.3).
CREATE TABLE combined_parts (
    application text NOT NULL REFERENCES applications,
    actor text NOT NULL REFERENCES people,
    name text NOT NULL,
    parts text[] NOT NULL,
    at timestamptz NOT NULL,
    reviewed_by text REFERENCES people,
    reviewer_name text,
    opinion text,
    reviewed_at timestamptz,
    PRIMARY KEY (application, actor)
);

-- What was said of a task: that it is due, and that it is overdue; once each.
CREATE TABLE told_tasks (
    application text NOT NULL REFERENCES applications,
    task text NOT NULL,
    deadline timestamptz NOT NULL,
    due_told_at timestamptz,
    overdue_told_at timestamptz,
    done_at timestamptz,
    PRIMARY KEY (application, task)
);
