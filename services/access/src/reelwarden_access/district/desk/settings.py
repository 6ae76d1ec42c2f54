"""What the desk is told from outside."""

import os
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from reelwarden_access.district.desk.application import Rules
from reelwarden_access.district.desk.attachment import MB, Limits
from reelwarden_common.web import WebSettings


class Settings(WebSettings):
    """`RW_…`; the numbers of R4.4 have the defaults of the rule set."""

    desk_key: Path = Path("desk.pem")
    """Ed25519 private key (PEM) that signs evidence packages."""
    second_factor: Literal["offer", "demand"] = "offer"
    """Whether who may sign must have a second factor."""
    second_factor_key: SecretStr | None = Field(default=None, min_length=32)
    """Seals the secrets of second factors; without it the key of the sessions does."""
    packages_dir: Path = Path(tempfile.gettempdir()) / f"reelwarden-packages-{os.getuid()}"
    """Where packages wait to be handed over; shared by replicas. Each is erased once it was."""
    max_footage_hours: float = Field(default=8, gt=0)
    max_open_applications: int = Field(default=10, ge=1)
    decide_days: float = Field(default=7, gt=0)
    urgent_hours: float = Field(default=2, gt=0)
    """To decide what police or courts need at once."""
    record_days: float = Field(default=3, gt=0)
    """To fill in the record of a retrieval, and again to sign it."""
    review_days: float = Field(default=7, gt=0)
    """For the district to look at two parts held by one person."""
    paper_days: float = Field(default=3, gt=0)
    """To review a form on paper that was entered, and to account for a number that was passed over."""
    valid_days: float = Field(default=7, gt=0)
    """How long an approval may be used."""
    use_days: float = Field(default=30, gt=0)
    """By when the use of a copy must be declared."""
    hold_days: float = Field(default=30, gt=0)
    """How long footage is held for an application that is not decided yet."""
    approved_hold_days: float = Field(default=90, gt=0)
    supervision_hours: float = Field(default=4, gt=0)
    """A supervision that nobody closed ends by itself, and every viewing with it."""
    extension_days: float = Field(default=180, gt=0)
    """How far ahead an extension of retention may end (R3.1)."""
    case_days: float = Field(default=90, gt=0)
    """After how long the hold of a case needs a signed review."""
    extension_span_days: float = Field(default=31, gt=0)
    """How much footage one extension may cover."""
    attachment_mb: float = Field(default=10, gt=0, le=100)
    """Of one file that is attached to a form."""
    attachments_mb: float = Field(default=30, gt=0, le=300)
    """Of all files of one form."""
    attachments_most: int = Field(default=10, ge=1, le=50)
    attachment_days: float = Field(default=1096, gt=0)
    """How long attached files are kept once their form is over (PIPL art. 56: at least 3 years)."""
    lapse_seconds: float = Field(default=60, gt=0)
    """How often deadlines are looked at."""

    def attachment_limits(self) -> Limits:
        """How much may be attached."""
        return Limits(int(self.attachment_mb * MB), int(self.attachments_mb * MB), self.attachments_most)

    def rules(self) -> Rules:
        """The numbers as the rules take them."""
        return Rules(
            max_footage=timedelta(hours=self.max_footage_hours),
            max_open=self.max_open_applications,
            decide_within=timedelta(days=self.decide_days),
            decide_urgent_within=timedelta(hours=self.urgent_hours),
            record_within=timedelta(days=self.record_days),
            review_within=timedelta(days=self.review_days),
            paper_within=timedelta(days=self.paper_days),
            valid_for=timedelta(days=self.valid_days),
            use_within=timedelta(days=self.use_days),
            hold_when_filed=timedelta(days=self.hold_days),
            hold_when_approved=timedelta(days=self.approved_hold_days),
            supervise_at_most=timedelta(hours=self.supervision_hours),
            extend_at_most=timedelta(days=self.extension_days),
            case_at_most=timedelta(days=self.case_days),
            extend_span=timedelta(days=self.extension_span_days),
        )
