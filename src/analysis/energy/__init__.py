"""Was energy spared? Day-level `shares` and their size, `firth`, and three `measures` that stay apart.

`coding` says how far coded reports can be trusted, `reciprocity` asks the same of the other side's drones; `procedure`
runs one pause, `assessment` arranges it in the words of `wording`, `overview` sets all pauses side by side.
"""
