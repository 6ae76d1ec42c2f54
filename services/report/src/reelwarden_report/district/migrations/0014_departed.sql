-- Who left and who came back, as the desk tells it without a name: the newest word about each.
CREATE TABLE departed (
    person text PRIMARY KEY,
    allowed boolean NOT NULL,
    at timestamptz NOT NULL
);
