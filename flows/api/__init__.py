"""The server: an API over what is published, and pages to look at it."""
