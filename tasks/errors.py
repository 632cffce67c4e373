"""The one exception that a user sees as a message instead of a traceback."""


class CineclusterError(Exception):
    """Something that the user can mend: the message names the file, line or value and the remedy."""
