"""Was energy spared? Day-level `shares` and their size, `firth`, and three `measures` that stay apart.

`reciprocity` asks the same of the other side's drones; `procedure` runs one pause, `assessment` words it.
"""
