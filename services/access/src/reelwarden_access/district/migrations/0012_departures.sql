-- Whose access was ended, by whom and why; one without an end of its own is in force.
CREATE TABLE departures (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account text NOT NULL,
    ended_at timestamptz NOT NULL,
    ended_by text NOT NULL REFERENCES people,
    reason text NOT NULL,
    back_at timestamptz,
    back_by text REFERENCES people,
    back_reason text
);
CREATE UNIQUE INDEX departures_in_force ON departures (account) WHERE back_at IS NULL;
