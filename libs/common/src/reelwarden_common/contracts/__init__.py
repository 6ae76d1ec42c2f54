"""What travels on the bus, for people and programs outside: generated, committed, compared with each release.

`python -m reelwarden_common.contracts --write` makes the files, `--check` tells whether they are in step.
"""
