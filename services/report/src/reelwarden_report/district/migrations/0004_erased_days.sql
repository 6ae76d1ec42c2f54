-- What was erased, by camera, local day of the footage and plan: it stays for years, so it is counted, not listed.
CREATE TABLE erased_day (
    school text NOT NULL,
    camera text NOT NULL,
    day date NOT NULL,
    plan text NOT NULL,
    segments int NOT NULL,
    bytes bigint NOT NULL,
    start timestamptz NOT NULL,
    "end" timestamptz NOT NULL,
    due timestamptz NOT NULL,
    erased_from timestamptz NOT NULL,
    erased_to timestamptz NOT NULL,
    PRIMARY KEY (school, camera, day, plan)
);
CREATE INDEX erased_day_at ON erased_day (school, erased_to);
INSERT INTO erased_day
SELECT e.school, c->>'camera', (c->>'start')::timestamptz::date, c->>'plan', count(*), sum((c->>'size')::bigint),
    min((c->>'start')::timestamptz), max((c->>'end')::timestamptz), max((c->>'due')::timestamptz),
    min((c->>'erased_at')::timestamptz), max((c->>'erased_at')::timestamptz)
FROM erasure e, jsonb_array_elements(e.certificates) AS c GROUP BY 1, 2, 3, 4;
DROP TABLE erasure;

-- What each plan demanded of each camera, in days: by which rule something was erased.
CREATE TABLE plan (
    school text NOT NULL,
    digest text NOT NULL,
    epoch bigint NOT NULL,
    version bigint NOT NULL,
    issued_at timestamptz NOT NULL,
    keep_days jsonb NOT NULL,
    PRIMARY KEY (school, digest)
);

-- Extensions of retention, by the number that people know.
CREATE TABLE extension (
    school text NOT NULL,
    extension text NOT NULL,
    number text NOT NULL,
    PRIMARY KEY (school, extension)
);
