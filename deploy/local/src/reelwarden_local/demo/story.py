"""How the story is told: steps, each with its rules and what proves them, and a verdict at the end."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from reelwarden_common.errors import ReelwardenError
from reelwarden_local.demo import facts as measured
from reelwarden_local.words import Words


class Verdict(StrEnum):
    """What a proof came to."""

    SHOWN = "shown"
    FAILED = "failed"
    NOT_SHOWN = "not shown"


_NOT_SHOWN = Words("未展示", "not shown")


class StoryError(ReelwardenError):
    """The story cannot go on: what it waited for did not come."""


class StepFailedError(ReelwardenError):
    """A step broke off; it is told already, and the story ends."""


@dataclass
class Proof:
    """One thing that the rules demand, and what was seen."""

    step: int
    rules: tuple[str, ...]
    claim: str
    verdict: Verdict
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass
class Story:
    """Collects and prints proofs."""

    console: Console
    proofs: list[Proof] = field(default_factory=list)
    _step: int = 0
    _started: float = field(default_factory=time.monotonic)

    @contextmanager
    def step(self, title: Words) -> Iterator[None]:
        """One step of the story; an error inside becomes a failed proof and ends the story."""
        self._step += 1
        elapsed = time.monotonic() - self._started
        self.console.print(f"\n[bold]{self._step}. {title}[/bold]  [dim]{elapsed:5.1f} s[/dim]")
        try:
            yield
        except Exception as error:
            reason = str(error) if isinstance(error, ReelwardenError) else f"{type(error).__name__}: {error}"
            self._add((), Words(f"本步中断：{reason}", f"the step broke off: {reason}"), Verdict.FAILED, {})
            raise StepFailedError(reason) from error

    def prove(self, rules: str, zh: str, en: str, *, holds: bool, **facts: Any) -> None:  # noqa: ANN401 - JSON facts
        """State a claim with its rules (separated by spaces), whether it holds, and what was measured."""
        self._add(tuple(rules.split()), Words(zh, en), Verdict.SHOWN if holds else Verdict.FAILED, facts)

    def not_shown(self, rules: str, zh: str, en: str) -> None:
        """Say that this footage cannot show it."""
        self._add(tuple(rules.split()), Words(zh, en), Verdict.NOT_SHOWN, {})

    def note(self, zh: str, en: str) -> None:
        """Tell something that proves nothing."""
        self.console.print(f"   [dim]{Words(zh, en)}[/dim]", highlight=False)

    def _add(self, rules: tuple[str, ...], claim: Words, verdict: Verdict, facts: dict[str, Any]) -> None:
        proof = Proof(self._step, rules, str(claim), verdict, facts)
        self.proofs.append(proof)
        mark = {Verdict.SHOWN: "[green]✓[/green]", Verdict.FAILED: "[red]✗[/red]"}.get(
            verdict, "[yellow]–[/yellow]"
        )
        suffix = f"  [yellow]{_NOT_SHOWN}[/yellow]" if verdict is Verdict.NOT_SHOWN else ""
        cited = f"[cyan]{' '.join(rules)}[/cyan] " if rules else ""
        self.console.print(f"   {mark} {cited}{proof.claim}{suffix}", highlight=False)
        if shown := measured.told(facts):
            self.console.print(f"       [dim]{shown}[/dim]", highlight=False)

    @property
    def passed(self) -> bool:
        """Whether nothing failed and something was shown."""
        verdicts = {proof.verdict for proof in self.proofs}
        return Verdict.SHOWN in verdicts and Verdict.FAILED not in verdicts

    def as_dict(self) -> dict[str, Any]:
        """The whole result, for scripts."""
        return {
            "passed": self.passed,
            "seconds": round(time.monotonic() - self._started, 1),
            "proofs": [asdict(proof) for proof in self.proofs],
        }

    def finish(self, path: Path) -> None:
        """Print the table of rules and write the same as JSON."""
        table = Table(title=str(Words("各条规则的证明", "Rules and what was shown")))
        table.add_column(str(Words("规则", "rule")))
        for heading in (Words("已证明", "shown"), Words("不符", "failed"), _NOT_SHOWN):
            table.add_column(str(heading), justify="right")
        for rule in sorted({rule for proof in self.proofs for rule in proof.rules}):
            of_rule = [proof.verdict for proof in self.proofs if rule in proof.rules]
            table.add_row(rule, *(str(of_rule.count(verdict)) for verdict in Verdict))
        self.console.print()
        self.console.print(table)
        path.write_text(
            json.dumps(self.as_dict(), ensure_ascii=False, indent=2, default=str), encoding="utf-8"
        )
        failed = [proof for proof in self.proofs if proof.verdict is Verdict.FAILED]
        verdict = (
            Words("全部符合规则。", "Everything is as the rules demand.")
            if self.passed
            else Words(f"有 {len(failed)} 项不符合规则。", f"{len(failed)} proofs failed.")
        )
        self.console.print(f"[bold]{verdict}[/bold]  JSON: {path}", highlight=False, soft_wrap=True)
