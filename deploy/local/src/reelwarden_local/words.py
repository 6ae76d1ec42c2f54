"""What the command says to people: each sentence in Chinese and English, one of them shown."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """One sentence in both languages."""

    zh: str
    en: str

    def __str__(self) -> str:
        return self.zh if language() == "zh" else self.en


def language() -> str:
    """`RW_LANG`: `en`, else Chinese (`zh`)."""
    return "en" if os.environ.get("RW_LANG", "zh").startswith("en") else "zh"
