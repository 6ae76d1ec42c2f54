"""Sentences for people, kept untranslated until it is known who reads them; imports no framework."""

from collections.abc import Callable


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for it
    """Mark a sentence for the catalogues; it is translated where it is shown."""
    return message


class Text:
    """A sentence with values for its `%(name)s`; a value may be such a text too."""

    def __init__(self, message: str, **values: object) -> None:
        self.message = message
        self.values = values

    def said(self, translate: Callable[[str], str]) -> str:
        """In the language of `translate`, with the values filled in."""
        filled = {k: v.said(translate) if isinstance(v, Text) else v for k, v in self.values.items()}
        return translate(self.message) % filled if filled else translate(self.message)

    def plain(self) -> str:
        """In English: for logs."""
        return self.said(lambda message: message)
