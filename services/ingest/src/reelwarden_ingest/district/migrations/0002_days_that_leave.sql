-- A day leaves although something of it must stay (held, lost, kept for longer): what is erased goes, the rest
-- stays in a partition that is small then. While a day is looked through, its own writers wait and those that do
-- not say which day they mean (a segment that moved); readers never wait for a day to be counted.

CREATE TABLE shrunk_days (
    day date PRIMARY KEY,
    shrunk_at timestamptz NOT NULL DEFAULT now(),
    segments bigint NOT NULL
);

DROP FUNCTION drop_day(date);

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
