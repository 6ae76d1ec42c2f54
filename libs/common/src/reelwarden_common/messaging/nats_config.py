"""Server configurations of hub and leaves, made from the topology table.

Users and permissions cannot drift from what the code publishes and hears, because both read one table.
Why each line stands: docs/architecture.md, "The bus".
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reelwarden_common.messaging.topology import (
    FOLLOWED,
    OPERATOR,
    OPERATOR_ASKS,
    Place,
    Role,
    Stream,
    answered_by,
    follower,
    published_subjects,
    question_subject,
    roles_at,
    school_fact_subjects,
    stream_subjects,
    subscriptions,
)

UP = (Stream.FOOTAGE, Stream.SITE)
"""The streams that intake pulls from every school."""
TOPOLOGY_USER = "topology"
"""The only user that declares streams and consumers."""


@dataclass(frozen=True)
class Passwords:
    """Passwords by user, one set for the hub and one per school's leaf. Never logged."""

    hub: Mapping[str, str] = field(repr=False)
    leaves: Mapping[str, Mapping[str, str]] = field(repr=False)
    uplinks: Mapping[str, str] = field(repr=False)
    """Per school, the password with which its leaf connects to the hub."""
    intakes: Mapping[str, str] = field(repr=False)
    """Per school, the password with which intake enters that school's account at the hub."""
    followers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Per school (or `district`, for all) that programs may follow, the password of its user at the hub."""

    @staticmethod
    def hub_users() -> tuple[str, ...]:
        """Who needs a password at the hub."""
        return ("sys", TOPOLOGY_USER, OPERATOR, *(r.name for r in roles_at(Place.DISTRICT)))

    @staticmethod
    def leaf_users() -> tuple[str, ...]:
        """Who needs a password at a school's leaf."""
        return (TOPOLOGY_USER, *(r.name for r in roles_at(Place.SCHOOL)))


@dataclass(frozen=True)
class ServerPlace:
    """Where one server listens and keeps its streams."""

    host: str
    port: int
    store: Path
    max_store_bytes: int = 16 * 1024**3


def _list(items: Iterable[str]) -> str:
    return "[" + ", ".join(json.dumps(item) for item in items) + "]"


def _user(
    name: str,
    password: str,
    publish: Sequence[str],
    subscribe: Sequence[str],
    *,
    connection: str = "",
    responses: bool = False,
) -> str:
    kind = f", allowed_connection_types: [{connection}]" if connection else ""
    answer = "\n      allow_responses: true" if responses else ""
    return (
        f"    {{user: {json.dumps(name)}, password: {json.dumps(password)}{kind}, permissions: {{\n"
        f"      publish: {{allow: {_list(publish)}}}\n"
        f"      subscribe: {{allow: {_list(subscribe)}}}{answer}\n"
        f"    }}}}"
    )


def role_permissions(actor: Role, school: str) -> tuple[list[str], list[str]]:
    """What a role's user may publish and subscribe to, and nothing else."""
    publish = list(published_subjects(actor, school))
    publish += [question_subject(q, "*" if actor.place is Place.DISTRICT else school) for q in actor.asks]
    publish += [
        f"dlq.{actor.name}.>",
        f"$JS.API.DIRECT.GET.{Stream.DLQ}.dlq.{actor.name}.>",
        f"$JS.API.STREAM.INFO.{Stream.DLQ}",
    ]
    for stream in subscriptions(actor):
        publish += [
            f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{actor.name}",
            f"$JS.API.CONSUMER.INFO.{stream}.{actor.name}",
            f"$JS.API.STREAM.INFO.{stream}",
            f"$JS.ACK.{stream}.{actor.name}.>",
        ]
    publish += [f"$JS.API.DIRECT.GET.{stream}" for stream in actor.reads]
    if actor.name == "intake":
        publish += [s for stream in UP for s in stream_subjects(stream)]
        publish += ["intake.pos.>", "$JS.API.DIRECT.GET.INTAKE.>"]
        publish += [f"$JS.API.STREAM.MSG.GET.{s}" for s in (*UP, Stream.INTAKE)]
        publish += [f"$JS.API.STREAM.INFO.{s}" for s in (*UP, Stream.INTAKE)]
    subscribe = [f"_INBOX.{actor.name}.>"]
    subscribe += [question_subject(q, school, actor.name) for q in answered_by(actor)]
    return publish, subscribe


def _role_user(actor: Role, password: str, school: str) -> str:
    publish, subscribe = role_permissions(actor, school)
    return _user(actor.name, password, publish, subscribe, responses=True)


def operator_permissions() -> tuple[list[str], list[str]]:
    """What the operators' user may publish (questions to any role of any school) and subscribe to."""
    return [question_subject(q, "*") for q in OPERATOR_ASKS], [f"_INBOX.{OPERATOR}.>"]


def follower_calls(school: str) -> list[str]:
    """What a following program may ask of the hub: what its own durables hold for it, and to confirm it.

    It makes no consumer: one that pushes could have the server say old words under any subject.
    """
    name = follower(school)
    calls = []
    for stream in FOLLOWED:
        calls += [
            f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}",
            f"$JS.API.CONSUMER.INFO.{stream}.{name}",
            f"$JS.ACK.{stream}.{name}.>",
        ]
    return calls


def _follower_account(school: str, password: str) -> str:
    """An account of its own: in the hub's, whoever asks with a stream's subject as reply writes into it."""
    name, calls = follower(school), follower_calls(school)
    imports = "\n".join(f'    {{service: {{account: HUB, subject: "{call}"}}}}' for call in calls)
    user = _user(name, password, calls, [f"_INBOX.{name}.>"], connection="STANDARD")
    return f"""
 F_{school} {{
  limits {{max_connections: 20, max_subscriptions: 200, max_payload: 4KB}}
  users: [
{user}
  ]
  imports: [
{imports}
  ]
 }}"""


def school_questions() -> tuple[str, ...]:
    """Questions that a role at a school answers and the hub may ask through its link."""
    return tuple(dict.fromkeys(q for r in roles_at(Place.SCHOOL) for q in answered_by(r)))


def _pull_api(school: str) -> list[str]:
    prefix = f"$JS.{school}.API"
    calls = []
    for stream in UP:
        calls += [
            f"{prefix}.STREAM.INFO.{stream}",
            f"{prefix}.CONSUMER.CREATE.{stream}.*",
            f"{prefix}.CONSUMER.INFO.{stream}.*",
            f"{prefix}.CONSUMER.MSG.NEXT.{stream}.*",
        ]
    return calls


def _school_account(school: str, uplink: str, intake: str) -> str:
    reset = f"$JS.API.CONSUMER.RESET.DISTRICT.{school}"
    flow = f"$JS.FC.DISTRICT.{school}.*"
    deliver = f"deliver.{school}.DISTRICT"
    questions = [question_subject(q, school) for q in school_questions()]
    leaf_publish = ["_INBOX.intake.>", "_R_.>", f"JS.hub.API.CONSUMER.RESET.DISTRICT.{school}", flow]
    leaf_subscribe = [*_pull_api(school), deliver, "$JSC.R.*", *questions]
    exports = "\n".join(f'    {{service: "{q}", accounts: [HUB]}}' for q in questions)
    leaf = _user(f"leaf-{school}", uplink, leaf_publish, leaf_subscribe, connection="LEAFNODE")
    puller = _user(f"intake-{school}", intake, _pull_api(school), ["_INBOX.intake.>"], connection="STANDARD")
    return f"""
 S_{school} {{
  limits {{max_leafnodes: 1, max_connections: 2, max_subscriptions: 60, max_payload: 256KB}}
  users: [
{leaf}
{puller}
  ]
  exports: [
{exports}
  ]
  imports: [
    {{service: {{account: HUB, subject: "{reset}"}}, to: "JS.hub.API.CONSUMER.RESET.DISTRICT.{school}"}}
    {{service: {{account: HUB, subject: "{flow}"}}}}
    {{stream: {{account: HUB, subject: "{deliver}"}}}}
  ]
 }}"""


def hub_accounts(schools: Sequence[str], passwords: Passwords) -> str:
    """`accounts.conf` of the hub: one account per school, one user per district role, one for operators.

    What programs follow has an account each besides.

    Adding a school means writing this file anew and reloading twice, 1.5 s apart.
    """
    roles = [_role_user(r, passwords.hub[r.name], "*") for r in roles_at(Place.DISTRICT)]
    users = "\n".join([*roles, _user(OPERATOR, passwords.hub[OPERATOR], *operator_permissions())])
    exports = "\n".join(
        f'    {{service: "$JS.API.CONSUMER.RESET.DISTRICT.{s}", accounts: [S_{s}]}}\n'
        f'    {{service: "$JS.FC.DISTRICT.{s}.*", accounts: [S_{s}]}}\n'
        f'    {{stream: "deliver.{s}.DISTRICT", accounts: [S_{s}]}}'
        for s in schools
    )
    exports += "".join(
        f'\n    {{service: "{call}", response_type: stream, accounts: [F_{s}]}}'
        for s in passwords.followers
        for call in follower_calls(s)
    )
    imports = "\n".join(
        f'    {{service: {{account: S_{s}, subject: "{question_subject(q, s)}"}}}}'
        for s in schools
        for q in school_questions()
    )
    accounts = "".join(_school_account(s, passwords.uplinks[s], passwords.intakes[s]) for s in schools)
    accounts += "".join(_follower_account(s, password) for s, password in passwords.followers.items())
    return f"""# Generated from the topology table. Do not edit.
system_account: SYS
accounts {{
 SYS {{users: [{{user: sys, password: {json.dumps(passwords.hub["sys"])}}}]}}
 HUB {{
  jetstream: enabled
  users: [
    {{user: {TOPOLOGY_USER}, password: {json.dumps(passwords.hub[TOPOLOGY_USER])}}}
{users}
  ]
  exports: [
{exports}
  ]
  imports: [
{imports}
  ]
 }}{accounts}
}}
"""


def hub_config(place: ServerPlace, leaf_port: int, accounts_file: str = "accounts.conf") -> str:
    """The hub's main file; `accounts_file` lies beside it."""
    return f"""# Generated from the topology table. Do not edit.
server_name: hub
host: {json.dumps(place.host)}
port: {place.port}
max_payload: 1MB
max_pending: 8MB
ping_interval: "5s"
ping_max: 2
jetstream {{domain: hub, store_dir: {json.dumps(str(place.store))}, max_file_store: {place.max_store_bytes}}}
leafnodes {{listen: "{place.host}:{leaf_port}", no_advertise: true}}
include {json.dumps(accounts_file)}
"""


def leaf_config(school: str, place: ServerPlace, hub: str, passwords: Passwords) -> str:
    """A school's server: its own JetStream domain, its role users, one uplink. `hub` is host:port."""
    own = passwords.leaves[school]
    users = "\n".join(_role_user(r, own[r.name], school) for r in roles_at(Place.SCHOOL))
    denied = [f"$JS.{school}.API.STREAM.{verb}.>" for verb in _STREAM_VERBS]
    denied += [f"$JS.{school}.API.CONSUMER.{verb}.>" for verb in ("DELETE", "DURABLE")]
    denied += [s for stream in UP for s in sorted(school_fact_subjects(stream, school))]
    store = json.dumps(str(place.store))
    url = json.dumps(f"nats-leaf://leaf-{school}:{passwords.uplinks[school]}@{hub}")
    return f"""# Generated from the topology table. Do not edit.
server_name: leaf-{school}
host: {json.dumps(place.host)}
port: {place.port}
max_payload: 256KB
jetstream {{
 domain: {school}
 store_dir: {store}
 max_file_store: {place.max_store_bytes}
 sync_interval: always
}}
accounts {{
 SCHOOL {{
  jetstream: enabled
  users: [
    {{user: {TOPOLOGY_USER}, password: {json.dumps(own[TOPOLOGY_USER])}}}
{users}
  ]
 }}
}}
leafnodes {{
 reconnect: "1s"
 remotes: [{{url: {url}, account: SCHOOL
  deny_imports: {_list(denied)}
 }}]
}}
"""


_STREAM_VERBS = ("CREATE", "UPDATE", "DELETE", "PURGE", "MSG", "TEMPLATE", "SNAPSHOT", "RESTORE")
