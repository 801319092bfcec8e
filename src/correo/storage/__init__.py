"""Where things are kept: the database, its schema, the index of texts, and the bus that tells of changes.

`storage.db` holds the two protocols every other package works with, `Database` and `Tx`, and the engines behind them.
`storage/schema/` holds the tables, one numbered file per owning package. `storage.bus` carries "something changed" from the
one who committed to the sessions that wait. `storage.index` says which documents may hold some text. Nothing outside this
package knows which engine is running.
"""
