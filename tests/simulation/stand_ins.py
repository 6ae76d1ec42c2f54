"""What the index's statements say that SQLite cannot: arrays, and changes inside of WITH, in its own words.

Each stands for the statement of the same name in the index's stores; parameters keep their numbers.
"""

from hashlib import sha256

from reelwarden_ingest.district.index import footage, store, upkeep

EMPTY = sha256().hexdigest()
STAND_INS: dict[str, tuple[str, ...]] = {
    footage._STAGE: (
        """
        CREATE TEMPORARY TABLE IF NOT EXISTS staged AS SELECT * FROM segments LIMIT 0""",
        """
        DELETE FROM staged""",
    ),
    footage._MATCH_STAGED: (
        """
        UPDATE segments AS s SET status = 'erased', changed_at = e.erased_at FROM staged t, erasures
        e WHERE s.school = t.school AND s.camera = t.camera AND s.start_at = t.start_at AND s.digest
        = t.digest AND e.school = t.school AND e.id = t.id AND s.start_at >= ?1 AND s.start_at < ?2
        AND s.status <> 'erased'""",
        """
        UPDATE erasures AS e SET matched = true FROM staged t WHERE e.school = t.school AND e.id =
        t.id AND ?1 < ?2""",
    ),
    footage._MAY_BE_ERASED: (
        """
        SELECT EXISTS (SELECT 1 FROM erasures WHERE NOT matched) OR EXISTS (SELECT 1 FROM
        shrunk_days WHERE day IN (SELECT value FROM json_each(?1)))""",
    ),
    store._FORGET_COUNTED: (
        """
        UPDATE hours SET cover = NULL WHERE school = ?1 AND camera IN (SELECT value FROM json_each(?2))
        AND hour IN (SELECT value FROM json_each(?3))""",
    ),
    store._MATCH: (
        """
        UPDATE segments AS s SET status = 'erased', changed_at = e.erased_at FROM erasures e WHERE
        e.school = ?1 AND hex(e.id) IN (SELECT value FROM json_each(?2)) AND NOT e.matched AND
        s.school = e.school AND s.camera = e.camera AND s.start_at = e.start_at AND s.id = e.id AND
        s.start_at >= ?3 AND s.start_at <= ?4""",
        """
        UPDATE erasures AS e SET matched = true FROM segments s WHERE e.school = ?1 AND hex(e.id) IN
        (SELECT value FROM json_each(?2)) AND s.school = e.school AND s.id = e.id AND s.camera =
        e.camera AND s.start_at = e.start_at AND ?3 <= ?4""",
    ),
    store._MATCH_REJECTED: (
        """
        UPDATE rejected AS r SET erased_at = e.erased_at FROM erasures e WHERE e.school = ?1 AND
        hex(e.id) IN (SELECT value FROM json_each(?2)) AND r.school = e.school AND r.id = e.id""",
        """
        UPDATE erasures AS e SET matched = true FROM rejected r WHERE e.school = ?1 AND hex(e.id) IN
        (SELECT value FROM json_each(?2)) AND r.school = e.school AND r.id = e.id""",
    ),
    store._ALTER: (
        """
        UPDATE segments SET status = 'altered', found = ?5, changed_at = ?6 WHERE school = ?1 AND
        camera = ?2 AND start_at = ?3 AND id = ?4 AND status <> 'erased' AND (changed_at IS NULL OR
        changed_at <= ?6)""",
        """
        SELECT changes() > 0 AS changed FROM segments WHERE school = ?1 AND camera = ?2 AND start_at
        = ?3 AND id = ?4 AND ?5 IS NOT NULL AND ?6 IS NOT NULL""",
    ),
    store._RESTORE: (
        """
        UPDATE segments SET status = 'recorded', found = NULL, locator = ?5, changed_at = ?6 WHERE
        school = ?1 AND camera = ?2 AND start_at = ?3 AND id = ?4 AND status IN ('lost', 'altered')
        AND changed_at < ?6""",
        """
        SELECT start_at, end_at, changes() > 0 AS changed FROM segments WHERE school = ?1 AND camera
        = ?2 AND start_at = ?3 AND id = ?4 AND ?5 IS NOT NULL AND ?6 IS NOT NULL""",
    ),
    upkeep.COUNT_DAY: (
        f"""
        SELECT count(*) AS count, coalesce(digest_of_lines(hex(id)), x'{EMPTY}') AS digest,
        coalesce(digest_of_lines(hex(id) || ' ' || status), x'{EMPTY}') AS states FROM segments
        WHERE school = ?1 AND camera = ?2 AND start_at >= ?3 AND start_at < ?4 AND status <>
        'erased'""",
    ),
}
EACH_OF_ARRAYS: dict[str, str] = {
    footage._LONGEST: """
        INSERT INTO cameras (school, camera, longest_ms) SELECT ?1, ?2, ?3 WHERE true ON CONFLICT
        (school, camera) DO UPDATE SET longest_ms = max(longest_ms, excluded.longest_ms)""",
    footage._TOUCH: """
        INSERT INTO hours (school, camera, hour) SELECT ?1, ?2, ?3 WHERE true ON CONFLICT (school,
        camera, hour) DO UPDATE SET to_check = true, to_count = true, cover = NULL""",
}
"""Said once for each row of the arrays."""
