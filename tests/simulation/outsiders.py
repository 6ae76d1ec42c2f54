"""What recorders, people at the disk and bad luck do to files and copies."""

import hashlib
import os
import random
from datetime import timedelta

from tests.simulation.clock import Time
from tests.simulation.invariants import Oracle
from tests.simulation.objects import Objects
from tests.simulation.school import School
from tests.simulation.storage import CAMERAS, LENGTH, Piece, piece, write


class Outsiders:
    """Those who touch a school's storage besides us."""

    def __init__(
        self, school: School, oracle: Oracle, objects: Objects, time: Time, dice: random.Random
    ) -> None:
        self.school, self.oracle, self.objects, self.time, self.dice = school, oracle, objects, time, dice
        self.written = 0

    def act(self) -> str:
        """One of them does something."""
        number = self.dice.random()
        if number < 0.6:
            return self.record(days_ago=0 if self.dice.random() < 0.7 else self.dice.randint(1, 31))
        if number < 0.75:
            return self._delete()
        if number < 0.85:
            return self._alter()
        if number < 0.92:
            return self._move()
        return self._rot()

    def record(self, days_ago: int) -> str:
        """A recorder closes one to three files."""
        camera, told = self.dice.choice(CAMERAS), []
        start = self.time.now - timedelta(days=days_ago, minutes=self.dice.randint(31, 600))
        start = start.replace(second=0, microsecond=0)
        for _ in range(self.dice.randint(1, 3)):
            self.written += 1
            locator = f"gate/{start:%Y%m%d-%H%M%S}.mp4" if camera == "gate" else f"yard/r{self.written}.mp4"
            one = piece(self.school.name, camera, start, locator, self.written)
            if not (self.school.root / locator).exists():
                self.oracle.pieces[one.id] = one
                write(self.school.root, one)
                told.append(locator)
            start += LENGTH
        return f"recorded {told}"

    def _one(self) -> Piece | None:
        there = [p for p in self.oracle.pieces.values() if (self.school.root / p.locator).exists()]
        return self.dice.choice(there) if there else None

    def _delete(self) -> str:
        if (one := self._one()) is None:
            return ""
        (self.school.root / one.locator).unlink()
        return f"deleted {one.locator}"

    def _alter(self) -> str:
        """Changed where it lies, where recorders rewrite; else another file in its place."""
        if (one := self._one()) is None:
            return ""
        path, changed = self.school.root / one.locator, one.content[::-1]
        if self.school.write_once or self.dice.random() < 0.5:
            path.unlink()
        path.write_bytes(changed)
        os.utime(path, (self.time.now.timestamp(),) * 2)
        self.oracle.junk[hashlib.sha256(changed).hexdigest()] = self.time.now
        return f"altered {one.locator}"

    def _move(self) -> str:
        return ""

    def _rot(self) -> str:
        """A byte of a copy in the store is another one."""
        copies = [o for versions in self.objects.versions_of.values() for o in versions.values()]
        if not copies:
            return ""
        one = self.dice.choice(copies)
        one.content = b"rotten" + one.content
        return "a copy rots in the store"
