"""One seed's world: what happens in it step by step, and the calm in which everything must come right."""

import random
import shutil
import tempfile
from collections.abc import Callable, Collection
from datetime import timedelta
from pathlib import Path

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.simulation.bus import Bus
from tests.simulation.clock import Machine, Time
from tests.simulation.district import District
from tests.simulation.faults import Crash, Faults, done, one_at_a_time
from tests.simulation.invariants import Oracle
from tests.simulation.objects import Objects, Trouble
from tests.simulation.outsiders import Outsiders
from tests.simulation.people import People
from tests.simulation.processes import Process
from tests.simulation.school import Around, School

STEPS = 120
CALM = (0, 26, 73, 1, 25, 1, 25, 1)
"""Hours between the last rounds: longer than a release or a shortening waits, and what was put off."""
FAST = Path("/dev/shm")
"""Memory, where there is any."""
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SAID_ONCE = ("count", "kept", "lapse", "refresh", "sample", "record", "retire", "walk", "settle", "missing")
"""Turns that need not be repeated within a moment."""
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))


class World(Around):
    """Everything there is."""

    def __init__(self, seed: int, *, steps: int = STEPS, trace: Callable[[str], None] | None = None) -> None:
        self.dice, self.steps = random.Random(seed), steps
        self.trace = trace or (lambda _line: None)
        self.time, self.silence = Time(), 0.02
        self.faults = Faults(self.dice)
        self.bus = Bus(("s001",), self.dice)
        self.objects = Objects(self.time, self.dice.random, self._pause)
        self.policy = self.dice.choice(("everything", "everything", "priority", "held"))
        folder = FAST if FAST.is_dir() else None
        self.folder = Path(tempfile.mkdtemp(prefix="rw-simulation-", dir=folder))
        machine, write_once = Machine(self.time), self.dice.random() < 0.5
        self.school = School("s001", self.folder, machine, KEY.public_key(), self, write_once=write_once)
        self.district = District(self.time, KEY, self)
        self.oracle = Oracle(self.school, self.time, self.objects)
        self.faults.hear = self.oracle.hears
        self.people = People(self.school, self.oracle, self.bus, self.time, self.dice, KEY)
        self.outsiders = Outsiders(self.school, self.oracle, self.objects, self.time, self.dice)
        self.processes = [*self.school.processes.values(), *self.district.processes.values()]
        self.busy: list[Process] = []
        """Whose work is under way; the last one waits for what happens meanwhile."""
        self.old_copy: dict[str, bytes] | None = None
        self.touched = True
        self.quiet = False
        """No more faults."""

    def close(self) -> None:
        for one in self.processes:
            one.conn.close()
        shutil.rmtree(self.folder)

    # what processes do

    def work(self, process: Process, what: str) -> None:
        """A turn of a loop, or `hear`, or `say`; the process may die of it."""
        self.busy.append(process)
        self.touched = self.touched or what in ("vault", "restore")
        sweeps = what == "sweep"
        if sweeps:
            self.oracle.sweep_begins()
        try:
            result = done(self._do(process, what))
        except Crash as crash:
            result = "dies"
            process.restart()
            if process in self.busy[:-1] or crash.role != process.name:
                raise  # what waited in the same process dies too
        finally:
            self.busy.pop()
        if sweeps:
            self.oracle.look()
            self.oracle.sweep_ended()
        if result:
            self.trace(f"  {process.name} {what}: {result}")

    async def _do(self, process: Process, what: str) -> str:
        if what == "hear":
            return await process.hear(
                self.bus, 1000 if self.quiet else self.dice.randint(1, 12), lambda: self._badly(0.12)
            )
        if what == "say":
            said = await process.say(
                self.bus, 1000 if self.quiet else self.dice.randint(1, 20), unseen=self._badly(0.05)
            )
            return str(said or "")
        return await process.turn(what)

    def _badly(self, likely: float) -> bool:
        return not self.quiet and self.dice.random() < likely

    def in_danger(self, process: Process, what: str) -> None:
        """A turn that may be the last of its process; an erasure above all."""
        if self._badly(0.3 if what == "sweep" else 0.08):
            self.faults.die_soon(process.name)
        self.work(process, what)

    def meanwhile(self) -> None:
        """While a role waits for disk, store or another role, others act."""
        if self.quiet or len(self.busy) != 1 or self.dice.random() > 0.06:
            return
        waiting = self.busy[-1]
        if waiting.role == "reaper" and self.dice.random() < 0.5:
            self.trace(f"    meanwhile somebody freezes {self.people.freeze()}")
            self.work(waiting, "freezes")
            return
        if self.dice.random() < 0.3:
            self.happen(self.outsiders.act)
            return
        other = self.dice.choice(self.processes)
        what = self.dice.choice(
            ("hear", "say") if other is waiting else ("hear", "say", *other.running.loops)
        )
        self.trace(f"    meanwhile {other.name} {what}")
        self.work(other, what)

    async def _pause(self) -> None:
        self.meanwhile()

    def happen(self, act: Callable[[], str]) -> None:
        """Something outside of our roles."""
        before, self.touched = self.oracle.left(), True
        if told := act():
            self.trace(f"  {told}")
        self.oracle.outside(before)

    # the story

    def run(self) -> None:
        """All steps, then calm.

        Raises:
            Broken: an invariant does not hold.
        """
        with one_at_a_time(self.dice, self.meanwhile):
            self.begin()
            for step in range(self.steps):
                self.trace(f"{step} {self.time.now:%m-%d %H:%M}")
                self.step()
                self.look()
            self.calm()

    def begin(self) -> None:
        """A school with a month of footage, and a first plan."""
        self.district.wanted["s001"] = self.people.days
        self.work(self.district.processes["keeper"], "policies")
        for _ in range(self.dice.randint(6, 14)):
            self.outsiders.record(days_ago=self.dice.randint(28, 33))
        if self.dice.random() < 0.8:
            self.settle()
            self.school.processes["reaper"].conn.execute("INSERT INTO meta VALUES ('erased', 'yes')")
            self.oracle.erased_before = True

    def step(self) -> None:
        """One thing happens."""
        number = self.dice.random()
        if number < 0.66:
            process = self.dice.choice((*self.processes, self.school.processes["reaper"]))
            what = self.dice.choice(("hear", "hear", "say", *process.running.loops))
            self.in_danger(process, what)
            self.bus.carry("s001", self.dice.randint(1, 30))
        elif number < 0.69:
            self.round()
        elif number < 0.78:
            self.time.pass_(timedelta(minutes=self.dice.choice((1, 20, 60, 300, 1440, 4330))))
        elif number < 0.85:
            self.happen(self.outsiders.act)
        elif number < 0.94:
            self.person()
        else:
            self.mishap()

    def look(self) -> None:
        """At the disk, where somebody touched it."""
        if self.touched:
            self.touched = False
            self.oracle.look()

    def person(self) -> None:
        """Somebody decides something."""
        people, number = self.people, self.dice.random()
        if number < 0.35:
            told = "applies " + people.apply()
        elif number < 0.6:
            told = people.decide()
        elif number < 0.7:
            told = "freezes " + people.freeze()
        elif number < 0.85:
            told = "confirms " + people.confirm()
        elif number < 0.9:
            told = "asks for " + people.ask_for_lost()
        elif number < 0.96:
            told = f"wants {people.other_days()}"
        else:
            told = "steals: " + people.steal()
        self.trace(f"  somebody {told}")

    def mishap(self) -> None:
        """Something breaks, or is whole again."""
        name, dice, machine = "s001", self.dice, self.school.machine
        what = dice.choice(("line", "disk", "store", "clock", "clock", "boot", "database", "intake"))
        if what == "line":
            self.bus.cut ^= {name}
        elif what == "disk":
            self.faults.full ^= {name}
        elif what == "store":
            trouble = self.objects.trouble
            trouble.down = not trouble.down and dice.random() < 0.5
            trouble.fails, trouble.forgets = dice.choice(((0, 0), (0.2, 0), (0, 0.2)))
        elif what == "clock":
            if machine.ahead:
                machine.heal()
            else:
                ahead = dice.choice((-24, -3, 3, 24, 24))
                machine.jump(timedelta(hours=ahead))
        elif what == "boot":
            machine.boot(synchronised=dice.random() < 0.5)
            for one in self.school.processes.values():
                one.restart()
        elif what == "database":
            self._database()
        else:
            self.bus.intake_forgets(name, dice.randint(1, 20))
        self.trace(
            f"  trouble with {what}: cut {self.bus.cut} full {self.faults.full} {self.objects.trouble}"
            f" clock {machine.ahead} {machine.synchronised}"
        )

    def _database(self) -> None:
        """Copied, or set back to the copy; the operator lets index and ledger hear again what came since."""
        if self.old_copy is None:
            self.old_copy = self.district.copy()
        else:
            self.district.set_back(self.old_copy)
            self.bus.play_again(("index", "ledger", "keeper")[: self.dice.randint(2, 3)])
            self.old_copy = None

    def round(self, without: Collection[str] = ()) -> None:
        """Every process takes its turns."""
        for process in self.processes:
            for what in process.running.loops:
                if what not in without:
                    self.in_danger(process, what)
        self.drain()

    def drain(self) -> None:
        """Everybody says what is to be said and hears what there is."""
        for _ in range(8):
            for process in self.processes:
                if self._outbox(process):
                    self.work(process, "say")
            self.bus.carry("s001", 1000)
            listeners = [one for one in self.processes if self.bus.pending(one.place, one.role)]
            for process in listeners:
                self.work(process, "hear")
            if not listeners and not any(self._outbox(one) for one in self.processes):
                return

    def settle(self) -> None:
        """Two rounds: what the first one led to is done in the second."""
        self.round()
        self.round(SAID_ONCE)

    def _outbox(self, process: Process) -> int:
        return int(process.conn.execute("SELECT count(*) FROM outbox").fetchone()[0])

    # the calm

    def calm(self) -> None:
        """All faults are mended, days go by, everything must come right.

        Raises:
            Broken: it did not.
        """
        self.heal()
        for hours in CALM:
            self.time.pass_(timedelta(hours=hours))
            self.round(SAID_ONCE if hours == 1 else ())
            self.look()
            while self.people.confirm():
                self.round(SAID_ONCE)  # the plan that lets the sweep go on
                self.round(SAID_ONCE)
        self.trace(f"calm {self.time.now:%m-%d %H:%M}")
        self.oracle.came_right(self.district.processes["index"].conn, self.district.processes["keeper"].conn)

    def heal(self) -> None:
        """Line, disk, store and clock are as they should be; the key was changed back."""
        self.bus.cut.clear()
        self.faults.full.clear()
        self.faults.dying, self.silence = None, 0
        self.objects.trouble = Trouble()
        self.school.machine.heal()
        self.people.replay()
        self.quiet = True
