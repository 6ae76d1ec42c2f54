"""What roles with pages are told from outside, beside what every district role is."""

from pydantic import Field, SecretStr

from reelwarden_common.settings import DistrictSettings


class WebSettings(DistrictSettings):
    """Sessions and links between the pages."""

    session_key: SecretStr = Field(min_length=32)
    """Signs the sessions. The same at every role with pages: who signed in at one is known to all."""
    session_hours: float = Field(default=8, gt=0, le=24)
    session_idle_minutes: float = Field(default=30, gt=0, le=1440)
    """A session in which nobody was there for so long is over; pages that renew themselves do not count."""
    desk_url: str = ""
    """Where browsers reach the desk; shown as a link on the other pages when given."""
    dashboard_url: str = ""
