"""The front end for scripts: arguments in, tables, JSON lines and exit codes out."""
