"""How often do the tests cry wolf, and what can they see?

`simulate` draws series of known truth, `eras` fits them to the war, `study` counts what a test does on them, `trials`
are the tests themselves; `plan` lists the cells, `table` computes and stores them, `realseries` does the same on the
real series; `promises` reads the table, `figures` draws it.
"""
