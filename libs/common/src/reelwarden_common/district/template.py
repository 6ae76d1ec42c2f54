"""Does a recorder's strftime template say when a segment began?"""

import re

DIRECTIVES = frozenset("YymdjHIpMSsfFTz%")
"""What may follow a % in a template: no names of months or days, which depend on a language."""

_DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)
_SHORT = {"F": "Ymd", "T": "HMS"}
_MINUTE, _HOUR = 60, 3600


def undetermined(template: str, segment_seconds: int) -> tuple[str, str] | None:
    """Return why the template does not determine a segment's start (Chinese, English), or None if it does.

    Minutes and seconds may be left out where every segment begins on a whole hour or minute.
    """
    used = _DIRECTIVE.findall(template)
    if unknown := [f"%{letter}" for letter in used if letter not in DIRECTIVES or not letter]:
        known = " ".join(f"%{letter}" for letter in sorted(DIRECTIVES, key=str.lower))
        return (
            f"template 含有不支持的 {' '.join(unknown)}；可用：{known}",
            f"template holds {' '.join(unknown)}, which is not supported; use {known}",
        )
    has = set("".join(_SHORT.get(letter, letter) for letter in used))
    if "s" in has:
        return None
    missing = [
        name
        for name, there in [
            ("年 year (%Y)", bool(has & {"Y", "y"})),
            ("月日 month and day (%m %d)", "j" in has or {"m", "d"} <= has),
            ("时 hour (%H)", "H" in has or {"I", "p"} <= has),
            ("分 minute (%M)", "M" in has or segment_seconds % _HOUR == 0),
            ("秒 second (%S)", "S" in has or segment_seconds % _MINUTE == 0),
        ]
        if not there
    ]
    if not missing:
        return None
    return (
        f"template {template!r} 不能确定片段的开始时间，缺少：{'、'.join(missing)}。",
        f"template {template!r} does not determine when a segment began; it lacks {', '.join(missing)}.",
    )
