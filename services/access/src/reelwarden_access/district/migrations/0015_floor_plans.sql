-- A picture of each school, drawn anew by the desk, and where its cameras are on it: hundredths of width and height.
CREATE TABLE floor_plans (
    school text PRIMARY KEY,
    picture bytea NOT NULL,
    media_type text NOT NULL,
    width int NOT NULL,
    height int NOT NULL,
    digest text NOT NULL,
    put_by text NOT NULL REFERENCES people,
    put_at timestamptz NOT NULL
);
CREATE TABLE plan_marks (
    school text NOT NULL,
    camera text NOT NULL,
    x real NOT NULL CHECK (x BETWEEN 0 AND 100),
    y real NOT NULL CHECK (y BETWEEN 0 AND 100),
    put_by text NOT NULL REFERENCES people,
    put_at timestamptz NOT NULL,
    PRIMARY KEY (school, camera)
);
