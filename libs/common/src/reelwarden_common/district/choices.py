"""The values that `district.toml` chooses from."""

from enum import StrEnum
from typing import NamedTuple

KEY_TARGET_DAYS = 90
"""What a designated key target of terrorism keeps at least (反恐怖主义法 art. 32)."""
FORBIDDEN_PLACES = {
    "toilet": "卫生间",
    "bathroom": "浴室",
    "changing_room": "更衣室",
    "dormitory_room": "学生宿舍房间",
}


class PlaceKind(StrEnum):
    """What kind of place a camera watches; places where people undress or sleep are not among them."""

    ENTRANCE = "entrance"
    PERIMETER = "perimeter"
    PLAYGROUND = "playground"
    CORRIDOR = "corridor"
    STAIRCASE = "staircase"
    CLASSROOM = "classroom"
    LABORATORY = "laboratory"
    LIBRARY = "library"
    GYMNASIUM = "gymnasium"
    CANTEEN = "canteen"
    KITCHEN = "kitchen"
    OFFICE = "office"
    DORMITORY_ENTRANCE = "dormitory_entrance"
    PARKING = "parking"
    ROAD = "road"
    OTHER = "other"


class Layout(StrEnum):
    """How a recorder lays out its files."""

    FRIGATE = "frigate"
    MEDIAMTX = "mediamtx"
    MOTION = "motion"
    SHINOBI = "shinobi"
    ZONEMINDER = "zoneminder"
    DAHUA = "dahua"
    VISERON = "viseron"
    TEMPLATE = "template"


class Erasure(StrEnum):
    """Who erases footage that is due: we, or its recorder, whom we only watch."""

    MANAGED = "managed"
    RECORDER_MANAGED = "recorder-managed"


class BackupPolicy(StrEnum):
    """Which footage goes off-site (R3.2): all, priority cameras, or only what is held or exported."""

    EVERYTHING = "everything"
    PRIORITY = "priority"
    HELD = "held"


class PersonRole(StrEnum):
    """What a person may do at a school; the last two are of the district."""

    APPLICANT = "applicant"
    LEADER = "leader"
    SAFETY = "safety"
    RETRIEVER = "retriever"
    RECEPTION = "reception"
    AUDITOR = "auditor"
    DISTRICT_OFFICER = "district_officer"
    DISTRICT_OPERATOR = "district_operator"

    @property
    def of_district(self) -> bool:
        """Whether it is held at the district and not at a school."""
        return self.value.startswith("district_")


class Grant(NamedTuple):
    """A role at a school (or at `district`)."""

    school: str
    role: PersonRole
