"""How the command speaks."""

from rich.console import Console
from rich.text import Text

console = Console()


def say(message: str) -> None:
    """Print a message as it is."""
    console.print(Text(shown(message)), soft_wrap=True)


def shown(text: str) -> str:
    """Return a text with a mark in place of every character that could steer a terminal; line ends stay."""
    return "".join(character if character.isprintable() or character == "\n" else "\ufffd" for character in text)
