"""`python -m analysis` is the command `pauses`."""

from analysis.cli import main

main(prog_name="pauses")
