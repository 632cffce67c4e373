"""Text that comes from elsewhere, made safe to show."""

MAX_LENGTH = 300  # of a text that comes from the source


def plain(value: object) -> str:
    """Return a text without what could turn it around or hide it, such as U+202E, and not longer than a few lines."""
    text = str(value)
    short = text if len(text) <= MAX_LENGTH else text[:MAX_LENGTH] + "…"
    return "".join(character if character.isprintable() else "\ufffd" for character in short)
