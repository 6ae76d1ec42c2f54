"""The catalogue's longer statements."""

PRESENT_AT = """
    SELECT size, mtime_ns, inode FROM segments
    WHERE folder = ? AND name = ? AND state IN ('altered', 'present')
"""
PRESENT_IN_FOLDER = """
    SELECT name, size, mtime_ns, inode FROM segments
    WHERE folder = ? AND name > ? AND name <= ? AND state IN ('altered', 'present')
"""
REJECTED_AT = """
    SELECT size, mtime_ns, inode FROM rejected
    WHERE locator = ? AND (look_again_us IS NULL OR look_again_us > ?)
"""
REJECTED_IN_FOLDER = """
    SELECT locator, size, mtime_ns, inode FROM rejected
    WHERE folder = ? AND locator > ? AND locator <= ? AND (look_again_us IS NULL OR look_again_us > ?)
"""
FOLDERS = """
    SELECT DISTINCT folder FROM segments WHERE state IN ('altered', 'present')
    UNION SELECT DISTINCT folder FROM rejected
"""
OVERLAPPING = """
    SELECT * FROM recorded
    WHERE camera = ? AND start_us > ? AND start_us < ? AND end_us > ? AND (start_us, id) > (?, ?)
        AND state IN ('altered', 'lost', 'present')
    ORDER BY start_us, id LIMIT ?
"""
COVERED_TO = """
    SELECT max(end_us) AS end_us FROM segments
    WHERE camera = ? AND start_us > ? AND (start_us, id) <= (?, ?) AND state IN ('altered', 'present')
"""
AT_PLACE = """
    SELECT * FROM segments WHERE folder = ? AND name = ?
    ORDER BY state IN ('altered', 'present') DESC, changed_us DESC LIMIT 1
"""
KEPT_AFTER = """
    SELECT * FROM recorded WHERE (folder, name, id) > (?, ?, ?) AND state IN ('altered', 'lost', 'present')
    ORDER BY folder, name, id LIMIT ?
"""
DISPLACED = "SELECT id FROM segments WHERE state = 'displaced' AND state <> 'present' LIMIT ?"
BY_ID = "SELECT * FROM recorded WHERE id = ?"
OLDEST = """
    SELECT min(start_us) AS start_us FROM segments
    WHERE camera = ? AND start_us >= ? AND start_us < ? AND state IN ('altered', 'present')
"""
OVERWRITING = """
    SELECT DISTINCT camera FROM segments WHERE state IN ('lost', 'overwritten') AND changed_us > ?
"""
UNNEEDED_INITS = """
    DELETE FROM inits WHERE NOT EXISTS (SELECT 1 FROM segments WHERE segments.init = inits.digest)
"""
PUT_BACK = """
    UPDATE segments SET state = 'present', found_digest = NULL, folder = ?, name = ?, changed_us = ?
    WHERE id = ?
"""
