"""What intake is told from outside."""

from pydantic import Field, SecretStr

from reelwarden_common.settings import RoleSettings


class Settings(RoleSettings):
    """Intake has no database: what it must remember, it keeps on the bus."""

    intake_seeds: dict[str, SecretStr] = Field(default_factory=dict)
    """JSON: school → seed of its user `intake-<school>`. It opens every school's account: guard it."""
    intake_messages_per_second: float = Field(default=2000, gt=0)
    """For each school and stream; a school that says more waits, the others do not."""
    intake_bytes_per_second: float = Field(default=16 * 1024 * 1024, ge=512 * 1024)
    """For each school and stream."""
    intake_bytes_per_day: float = Field(default=4 * 1024**3, ge=1024**2)
    """For each school and stream, eight times what 200 cameras say. Who has used it up comes in at that rate,
    and cannot push what others said out of the hub's streams."""
    intake_refusals_per_second: float = Field(default=5, gt=0)
    """For each school and stream: a school that sends rubbish is slowed down before it fills the DLQ."""
