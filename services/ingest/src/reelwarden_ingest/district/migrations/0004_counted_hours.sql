-- What a camera-hour came to when it was counted, so that a school's day is added up from hours and not from its
-- segments. NULL: to be taken from the segments.
ALTER TABLE hours
    ADD COLUMN segments integer,
    ADD COLUMN first timestamptz,
    ADD COLUMN last timestamptz,
    ADD COLUMN recorded interval,
    ADD COLUMN cover tstzmultirange,
    ADD COLUMN wide tstzmultirange;

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

-- As before, but on one processor.
CREATE OR REPLACE FUNCTION shrink_day(wanted date) RETURNS bigint
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
