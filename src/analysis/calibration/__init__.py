"""How often do the tests cry wolf, and what can they see?

`processes` draws series of known truth, `study` counts what the tests do on them, `cells` plans, computes and stores
the tables, of the real series too, and `reading` says and draws what they show.
"""
