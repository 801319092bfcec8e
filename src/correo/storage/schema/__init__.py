"""The tables, one numbered file per owning package; `storage.db.migrate` applies them.

The names of tables begin with the package that owns them, and only that package writes them. INTEGER is 64 bits wide,
times are microseconds UTC. A file that was released is never edited: changes are new files.
"""
