"""SQL statements, one a file, named after the table they make."""
