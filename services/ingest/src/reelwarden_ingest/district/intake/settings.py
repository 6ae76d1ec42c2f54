"""What intake is told from outside."""

import json
from pathlib import Path

from pydantic import Field

from reelwarden_common.errors import Refused
from reelwarden_common.settings import RoleSettings


class Settings(RoleSettings):
    """Intake has no database: what it must remember, it keeps on the bus."""

    intake_passwords_file: Path
    """JSON: school → password of its user `intake-<school>`. It opens every school's account: guard it."""
    intake_messages_per_second: float = Field(default=2000, gt=0)
    """For each school and stream; a school that says more waits, the others do not."""
    intake_bytes_per_second: float = Field(default=16 * 1024 * 1024, ge=512 * 1024)
    """For each school and stream."""
    intake_refusals_per_second: float = Field(default=5, gt=0)
    """For each school and stream: a school that sends rubbish is slowed down before it fills the DLQ."""

    def passwords(self) -> dict[str, str]:
        """Read the passwords.

        Raises:
            Refused: the file cannot be read, or is no JSON object of strings.
        """
        try:
            read = json.loads(self.intake_passwords_file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise Refused(f"RW_INTAKE_PASSWORDS_FILE {self.intake_passwords_file}: {error}") from error
        if not isinstance(read, dict) or not all(isinstance(value, str) for value in read.values()):
            raise Refused(f"RW_INTAKE_PASSWORDS_FILE {self.intake_passwords_file}: no object of strings")
        return read
