-- What footage exists, where, with which digest. One partition per UTC day of start; no default partition,
-- so that a day can leave as a whole: wild clocks go to quarantine.

CREATE TABLE inbox (
    role text NOT NULL,
    id text NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (role, id)
);
CREATE INDEX inbox_seen_at ON inbox (seen_at);
CREATE TABLE outbox (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    role text NOT NULL,
    subject text NOT NULL,
    headers text NOT NULL,
    body bytea NOT NULL
);

CREATE TABLE segments (
    school text NOT NULL,
    camera text NOT NULL,
    start_at timestamptz NOT NULL,
    end_at timestamptz NOT NULL,
    digest bytea NOT NULL,
    id bytea NOT NULL,
    duration_ms integer NOT NULL,
    size bigint NOT NULL,
    codec text NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    time_source text NOT NULL,
    uncertainty_ms integer NOT NULL,
    locator text NOT NULL,
    file_time timestamptz NOT NULL,
    said_at timestamptz NOT NULL,
    status text NOT NULL DEFAULT 'recorded' CHECK (status IN ('recorded', 'altered', 'lost', 'erased')),
    changed_at timestamptz,
    found bytea,
    -- When the school found it at its place; NULL: when it was recorded.
    located_at timestamptz,
    PRIMARY KEY (school, camera, start_at, digest)
) PARTITION BY RANGE (start_at);
-- Few, and looked for whenever a school says segments again.
CREATE INDEX segments_missing ON segments (school, camera, start_at) WHERE status IN ('lost', 'altered');

-- Every change of a segment's state, with its time as the school tells it.
CREATE TABLE changes (
    school text NOT NULL,
    id bytea NOT NULL,
    at timestamptz NOT NULL,
    status text NOT NULL,
    detail text NOT NULL DEFAULT '',
    PRIMARY KEY (school, id, at, status)
);

-- Certificates stay when the day's partition goes. Not matched: no row of segments carries it (yet).
CREATE TABLE erasures (
    school text NOT NULL,
    id bytea NOT NULL,
    camera text NOT NULL,
    start_at timestamptz NOT NULL,
    end_at timestamptz NOT NULL,
    digest bytea NOT NULL,
    size bigint NOT NULL,
    locator text NOT NULL,
    due timestamptz NOT NULL,
    erased_at timestamptz NOT NULL,
    plan bytea NOT NULL,
    copies text[] NOT NULL,
    matched boolean NOT NULL DEFAULT false,
    PRIMARY KEY (school, id)
);
CREATE INDEX erasures_unmatched ON erasures (school, id) WHERE NOT matched;
CREATE INDEX erasures_start_at ON erasures (start_at);

CREATE TABLE rejected (
    school text NOT NULL,
    id bytea NOT NULL,
    camera text,
    locator text NOT NULL,
    size bigint NOT NULL,
    file_time timestamptz NOT NULL,
    digest bytea,
    reason text NOT NULL,
    detail text NOT NULL,
    said_at timestamptz NOT NULL,
    erased_at timestamptz,
    PRIMARY KEY (school, id)
);

CREATE TABLE quarantine (
    school text NOT NULL,
    id bytea NOT NULL,
    reason text NOT NULL,
    segment jsonb NOT NULL,
    said_at timestamptz NOT NULL,
    PRIMARY KEY (school, id)
);

-- What the school counted of a camera-day, to be compared once it had time to arrive.
CREATE TABLE days (
    school text NOT NULL,
    camera text NOT NULL,
    day date NOT NULL,
    count integer NOT NULL,
    digest bytea NOT NULL,
    said_at timestamptz NOT NULL,
    asked integer NOT NULL DEFAULT 0,
    look_at timestamptz,
    -- Over the ids with their states. NULL: the school does not tell it.
    states bytea,
    PRIMARY KEY (school, camera, day)
);
CREATE INDEX days_look_at ON days (look_at) WHERE look_at IS NOT NULL;

-- Camera-hours that changed: to be looked through for conflicts, and counted once they are complete.
CREATE TABLE hours (
    school text NOT NULL,
    camera text NOT NULL,
    hour timestamptz NOT NULL,
    to_check boolean NOT NULL DEFAULT true,
    to_count boolean NOT NULL DEFAULT true,
    -- What it came to when it was counted. NULL: to be taken from the segments.
    segments integer,
    first timestamptz,
    last timestamptz,
    recorded interval,
    cover tstzmultirange,
    wide tstzmultirange,
    PRIMARY KEY (school, camera, hour)
);
CREATE INDEX hours_to_check ON hours (school, camera, hour) WHERE to_check;
CREATE INDEX hours_to_count ON hours (school, camera, hour) WHERE to_count;

CREATE TABLE conflicts (
    school text NOT NULL,
    camera text NOT NULL,
    start_at timestamptz NOT NULL,
    digests bytea[] NOT NULL,
    PRIMARY KEY (school, camera, start_at)
);

-- The register (art. 13, 14), and how far each camera's footage is known.
CREATE TABLE cameras (
    school text NOT NULL,
    camera text NOT NULL,
    place_kind text,
    keep_days integer,
    managed boolean,
    complete_to timestamptz,
    -- The longest segment that it ever had: so far back a segment may begin that reaches into a span.
    longest_ms integer NOT NULL DEFAULT 0,
    PRIMARY KEY (school, camera)
);

CREATE TABLE dropped_days (
    day date PRIMARY KEY,
    dropped_at timestamptz NOT NULL DEFAULT now(),
    segments bigint NOT NULL
);

-- Days of which part stays: what was erased of them is known by its certificate alone.
CREATE TABLE shrunk_days (
    day date PRIMARY KEY,
    shrunk_at timestamptz NOT NULL DEFAULT now(),
    segments bigint NOT NULL
);

-- How a camera's span is covered by segments on the disk: how many begin in it, the first's start and the last's
-- end, how long is recorded, and what is covered: exactly, but for gaps within the span that are no longer than
-- both sides' uncertainty; and widened by that uncertainty, which tells so of gaps at its borders.
CREATE FUNCTION cover_of(of_school text, of_camera text, from_at timestamptz, to_at timestamptz, longest interval,
    jitter_ms double precision)
RETURNS TABLE (segments bigint, first timestamptz, last timestamptz, recorded interval, cover tstzmultirange,
    wide tstzmultirange)
LANGUAGE sql STABLE ROWS 1 AS $$
    WITH held AS (
        SELECT start_at, end_at, make_interval(secs => (uncertainty_ms + jitter_ms / 2) / 1000.0) AS unsure
        FROM segments
        WHERE school = of_school AND camera = of_camera AND status IN ('recorded', 'altered')
          AND start_at >= from_at - longest AND start_at < to_at AND end_at > from_at
    ), found AS (
        SELECT count(*) FILTER (WHERE start_at >= from_at) AS segments,
            min(start_at) AS first, max(end_at) AS last,
            coalesce(range_agg(tstzrange(start_at, end_at)), '{}') * tstzmultirange(tstzrange(from_at, to_at)) AS exact,
            coalesce(range_agg(tstzrange(start_at - unsure, end_at + unsure)), '{}') AS wide
        FROM held
    )
    SELECT segments, first, last,
        (SELECT coalesce(sum(upper(r) - lower(r)), '0') FROM unnest(exact) r),
        exact + coalesce((SELECT range_agg(g) FROM unnest(tstzmultirange(range_merge(exact)) - exact) g
            WHERE g <@ wide), '{}'),
        wide
    FROM found
$$;

-- The service's role may not change tables; these change them for it, within bounds.
-- True: the day was there before, and may be relied upon outside of this transaction too.
CREATE FUNCTION make_day(wanted date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    partition text := 'segments_' || to_char(wanted, 'YYYYMMDD');
BEGIN
    PERFORM set_config('search_path', current_schema() || ', pg_temp', true);
    IF wanted < date '2000-01-01' OR wanted > current_date + 2 THEN
        RAISE EXCEPTION 'no partition is made for %', wanted;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('ingest'), hashtext('days'));
    IF to_regclass(partition) IS NOT NULL THEN
        RETURN true;
    END IF;
    -- Attached, not created in place: that would lock every reader and writer out.
    EXECUTE format('CREATE TABLE %I (LIKE segments INCLUDING ALL)', partition);
    EXECUTE format('ALTER TABLE segments ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', partition,
        to_char(wanted, 'YYYY-MM-DD') || ' 00:00:00+00', to_char(wanted + 1, 'YYYY-MM-DD') || ' 00:00:00+00');
    DELETE FROM dropped_days WHERE day = wanted;
    IF FOUND THEN
        -- What is said again of a day that has left was erased all the same.
        UPDATE erasures SET matched = false
        WHERE start_at >= to_timestamp(extract(epoch FROM wanted))
          AND start_at < to_timestamp(extract(epoch FROM wanted + 1));
    END IF;
    RETURN false;
END $$;

-- How much of a day is certified erased, from 0 to 1: counted where that is quick, else what PostgreSQL's own
-- statistics say. A hint: nothing is dropped because of it.
CREATE FUNCTION erased_share(partition text) RETURNS double precision
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    share double precision;
BEGIN
    PERFORM set_config('search_path', current_schema() || ', pg_temp', true);
    IF pg_table_size(to_regclass(partition)) < 32 * 1024 * 1024 THEN
        EXECUTE format('SELECT avg((status = ''erased'')::integer) FROM %I', partition) INTO share;
    ELSE
        SELECT freq INTO share FROM pg_stats, unnest(most_common_vals::text::text[], most_common_freqs) AS v (val, freq)
        WHERE schemaname = current_schema() AND tablename = partition AND attname = 'status' AND val = 'erased';
    END IF;
    RETURN coalesce(share, 0);
END $$;

-- Let what is erased of a day go; how many segments went, NULL if it is not time for that.
CREATE FUNCTION shrink_day(wanted date) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    partition text := 'segments_' || to_char(wanted, 'YYYYMMDD');
    total bigint;
    stay bigint;
BEGIN
    PERFORM set_config('search_path', current_schema() || ', pg_temp', true);
    IF wanted > current_date - 2 OR to_regclass(partition) IS NULL OR erased_share(partition) < 0.9 THEN
        RETURN NULL;
    END IF;
    IF NOT pg_try_advisory_xact_lock(hashtext('ingest'), hashtext(partition)) THEN
        RETURN NULL;
    END IF;
    PERFORM set_config('lock_timeout', '2s', true);
    -- A day may leave slowly: the other processors are for those who look for footage.
    PERFORM set_config('max_parallel_workers_per_gather', '0', true);
    EXECUTE format('LOCK TABLE %I IN SHARE MODE', partition);
    EXECUTE format('SELECT count(*) FROM %I', partition) INTO total;
    EXECUTE format('CREATE TEMPORARY TABLE staying ON COMMIT DROP AS SELECT * FROM %I WHERE status <> ''erased''',
        partition);
    GET DIAGNOSTICS stay = ROW_COUNT;
    IF stay = total THEN
        DROP TABLE pg_temp.staying;
        RETURN NULL;
    END IF;
    -- Its readers wait from here on, for as long as it takes to write what stays.
    EXECUTE format('TRUNCATE %I', partition);
    EXECUTE format('INSERT INTO %I SELECT * FROM pg_temp.staying', partition);
    DROP TABLE pg_temp.staying;
    INSERT INTO shrunk_days (day, segments) VALUES (wanted, total - stay)
        ON CONFLICT (day) DO UPDATE SET shrunk_at = now(), segments = shrunk_days.segments + excluded.segments;
    RETURN total - stay;
END $$;

-- Drop a day of which nothing is left; how many segments it had, NULL if there is something, or no such day.
CREATE FUNCTION drop_day(wanted date) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    partition text := 'segments_' || to_char(wanted, 'YYYYMMDD');
    alive boolean;
    total bigint;
BEGIN
    PERFORM set_config('search_path', current_schema() || ', pg_temp', true);
    IF wanted > current_date - 2 OR to_regclass(partition) IS NULL THEN
        RETURN NULL;
    END IF;
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I)', partition) INTO alive;
    IF alive THEN
        RETURN NULL;
    END IF;
    PERFORM set_config('lock_timeout', '2s', true);
    PERFORM pg_advisory_xact_lock(hashtext('ingest'), hashtext('days'));
    LOCK TABLE segments IN ACCESS EXCLUSIVE MODE;
    IF to_regclass(partition) IS NULL THEN
        RETURN NULL;
    END IF;
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I)', partition) INTO alive;
    IF alive THEN
        RETURN NULL;
    END IF;
    EXECUTE format('DROP TABLE %I', partition);
    DELETE FROM shrunk_days WHERE day = wanted RETURNING segments INTO total;
    INSERT INTO dropped_days (day, segments) VALUES (wanted, coalesce(total, 0))
        ON CONFLICT (day) DO UPDATE SET dropped_at = now(), segments = excluded.segments;
    RETURN coalesce(total, 0);
END $$;
