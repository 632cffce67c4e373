"""Texts as they are shown: those from elsewhere made safe, and changes in words."""

MAX_LENGTH = 300  # of a text that comes from the source


def plain(value: object) -> str:
    """Return a text without what could turn it around or hide it, such as U+202E, and not longer than a few lines."""
    text = str(value)
    short = text if len(text) <= MAX_LENGTH else text[:MAX_LENGTH] + "…"
    return "".join(character if character.isprintable() else "\ufffd" for character in short)


def share_in_words(share: float) -> str:
    """Return a change as per cent with its sign."""
    return f"{100 * share:+.1f} %".replace("-", "\N{MINUS SIGN}")
