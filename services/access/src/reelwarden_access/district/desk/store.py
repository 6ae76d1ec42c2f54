"""The desk's schema, by theme, behind one unit of work."""

from reelwarden_access.district.desk.tables.alarms import AlarmsTable
from reelwarden_access.district.desk.tables.applications import ApplicationsTable
from reelwarden_access.district.desk.tables.attachments import AttachmentsTable
from reelwarden_access.district.desk.tables.combined import CombinedTable
from reelwarden_access.district.desk.tables.departures import DeparturesTable
from reelwarden_access.district.desk.tables.deputies import DeputiesTable
from reelwarden_access.district.desk.tables.drafts import DraftsTable
from reelwarden_access.district.desk.tables.extensions import ExtensionsTable
from reelwarden_access.district.desk.tables.footage import ExportsTable, HoldsTable
from reelwarden_access.district.desk.tables.paper_forms import PaperFormsTable
from reelwarden_access.district.desk.tables.people import PeopleTable
from reelwarden_access.district.desk.tables.plans import PlansTable
from reelwarden_access.district.desk.tables.retrievals import RetrievalsTable
from reelwarden_access.district.desk.tables.second_factors import SecondFactorsTable
from reelwarden_access.district.desk.tables.signed_acts import SignedActsTable
from reelwarden_access.district.desk.tables.supervised import SupervisedTable
from reelwarden_access.district.desk.tables.tasks import TasksTable
from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.messaging.postgres import Connection
from reelwarden_common.messaging.units import Store
from reelwarden_common.web.signing.table import PasskeysTable


class DeskStore(Store):
    """What one transaction of the desk reads and writes."""

    def __init__(self, conn: Connection, clock: Clock = system_clock) -> None:
        super().__init__("desk", clock)
        self.second_factors = SecondFactorsTable(conn)
        self.people = PeopleTable(conn)
        self.departures = DeparturesTable(conn)
        self.deputies = DeputiesTable(conn)
        self.passkeys = PasskeysTable(conn)
        self.applications = ApplicationsTable(conn)
        self.drafts = DraftsTable(conn)
        self.attachments = AttachmentsTable(conn)
        self.extensions = ExtensionsTable(conn)
        self.paper_forms = PaperFormsTable(conn)
        self.plans = PlansTable(conn)
        self.holds = HoldsTable(conn)
        self.exports = ExportsTable(conn)
        self.retrievals = RetrievalsTable(conn)
        self.supervised = SupervisedTable(conn)
        self.combined = CombinedTable(conn)
        self.tasks = TasksTable(conn)
        self.signed_acts = SignedActsTable(conn)
        self.alarms = AlarmsTable(conn)

    async def school_of(self, cause: str) -> str | None:
        """The school of an application or extension; None where it is none of ours."""
        return await self.applications.school_of(cause) or await self.extensions.school_of(cause)
