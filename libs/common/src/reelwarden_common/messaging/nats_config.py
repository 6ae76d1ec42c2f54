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
SYSTEM_USER = "sys"
"""Sees connections and may end them; declares and says nothing."""
ENROLLER = "enroller"
"""Answers schools that come with an invitation; hears and says nothing else."""
TOPOLOGY_USER = "topology"
"""The only user that declares streams and consumers."""


@dataclass(frozen=True)
class HubUsers:
    """Public keys of those whom the hub lets in, by user."""

    roles: Mapping[str, str]
    """Of each of `hub_users()`."""
    uplinks: Mapping[str, str]
    """Per school, the key with which its leaf connects."""
    intakes: Mapping[str, str]
    """Per school, the key with which intake enters that school's account."""
    followers: Mapping[str, str] = field(default_factory=dict)
    """Per school (or `district`, for all) that programs may follow, its user's key."""
    invited: Mapping[str, str] = field(default_factory=dict)
    """Per school that was invited and has not come yet, the key that its invitation carries."""


def hub_users() -> tuple[str, ...]:
    """Who needs a key at the hub."""
    return (SYSTEM_USER, TOPOLOGY_USER, ENROLLER, OPERATOR, *(r.name for r in roles_at(Place.DISTRICT)))


def leaf_users() -> tuple[str, ...]:
    """Who needs a key at a school's leaf."""
    return (TOPOLOGY_USER, *(r.name for r in roles_at(Place.SCHOOL)))


@dataclass(frozen=True)
class Tls:
    """Files of one server's certificate (PEM); the first is shown to whoever connects."""

    cert_file: Path
    key_file: Path
    ca_file: Path
    """Who vouches for the other servers of a cluster."""

    def block(self, *, verify: bool = False) -> str:
        """As configuration; `verify`: whoever connects must show a certificate of the same authority."""
        files = {"cert_file": self.cert_file, "key_file": self.key_file, "ca_file": self.ca_file}
        text = ", ".join(f"{name}: {json.dumps(str(path))}" for name, path in files.items())
        return f"{{{text}{', verify: true' if verify else ''}}}"


@dataclass(frozen=True)
class ServerPlace:
    """Where one server listens and keeps its streams."""

    host: str
    port: int
    store: Path
    max_store_bytes: int = 16 * 1024**3
    tls: Tls | None = None
    """None: in the clear, which is for loopback alone."""


@dataclass(frozen=True)
class Cluster:
    """One server among several that are the hub together."""

    server: str
    """Its own name, known to the others."""
    listen: str
    """`host:port` for the others."""
    routes: Sequence[str]
    """`host:port` of every one of them."""

    def block(self, tls: Tls | None) -> str:
        """As configuration; with certificates, each shows its own to the other."""
        routes = _list(f"{'tls' if tls else 'nats'}://{route}" for route in self.routes)
        secured = f", tls {tls.block(verify=True)}" if tls else ""
        return f'cluster {{name: hub, listen: "{self.listen}", routes: {routes}{secured}}}\n'


@dataclass(frozen=True)
class Uplink:
    """How a school's server enters the hub."""

    seed: str = field(repr=False)
    ca_file: Path | None = None
    """Who vouches for the hub's certificate; None: in the clear, which is for loopback alone."""


def _list(items: Iterable[str]) -> str:
    return "[" + ", ".join(json.dumps(item) for item in items) + "]"


def _user(
    name: str,
    key: str,
    publish: Sequence[str],
    subscribe: Sequence[str],
    *,
    connection: str = "",
    responses: bool = False,
) -> str:
    kind = f", allowed_connection_types: [{connection}]" if connection else ""
    answer = "\n      allow_responses: true" if responses else ""
    return (
        f"    # {name}\n"
        f"    {{nkey: {json.dumps(key)}{kind}, permissions: {{\n"
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


def _role_user(actor: Role, key: str, school: str) -> str:
    publish, subscribe = role_permissions(actor, school)
    return _user(actor.name, key, publish, subscribe, responses=True)


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


def _follower_account(school: str, key: str) -> str:
    """An account of its own: in the hub's, whoever asks with a stream's subject as reply writes into it."""
    name, calls = follower(school), follower_calls(school)
    imports = "\n".join(f'    {{service: {{account: HUB, subject: "{call}"}}}}' for call in calls)
    user = _user(name, key, calls, [f"_INBOX.{name}.>"], connection="STANDARD")
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


def enrol_subject(school: str) -> str:
    """Where a school that was invited asks to be let in."""
    return f"enrol.{school}"


def _enrolment_account(users: HubUsers) -> str:
    """Apart from everything: whoever holds an invitation can ask this one question."""
    # No `allow_responses`: the reload that lets a school in would forget whom may be answered.
    enroller = _user(ENROLLER, users.roles[ENROLLER], ["_INBOX.>"], ["enrol.*"], connection="STANDARD")
    invited = [
        _user(f"enrol-{s}", key, [enrol_subject(s)], [f"_INBOX.enrol-{s}.>"], connection="STANDARD")
        for s, key in users.invited.items()
    ]
    return f"""
 ENROL {{
  limits {{max_connections: 50, max_subscriptions: 100, max_payload: 64KB}}
  users: [
{chr(10).join([enroller, *invited])}
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


def hub_accounts(schools: Sequence[str], users: HubUsers) -> str:
    """`accounts.conf` of the hub: one account per school, one user per district role, one for operators.

    What programs follow has an account each besides.

    Adding a school means writing this file anew and reloading twice, 1.5 s apart.
    """
    roles = [_role_user(r, users.roles[r.name], "*") for r in roles_at(Place.DISTRICT)]
    let_in = "\n".join([*roles, _user(OPERATOR, users.roles[OPERATOR], *operator_permissions())])
    exports = "\n".join(
        f'    {{service: "$JS.API.CONSUMER.RESET.DISTRICT.{s}", accounts: [S_{s}]}}\n'
        f'    {{service: "$JS.FC.DISTRICT.{s}.*", accounts: [S_{s}]}}\n'
        f'    {{stream: "deliver.{s}.DISTRICT", accounts: [S_{s}]}}'
        for s in schools
    )
    exports += "".join(
        f'\n    {{service: "{call}", response_type: stream, accounts: [F_{s}]}}'
        for s in users.followers
        for call in follower_calls(s)
    )
    imports = "\n".join(
        f'    {{service: {{account: S_{s}, subject: "{question_subject(q, s)}"}}}}'
        for s in schools
        for q in school_questions()
    )
    accounts = "".join(_school_account(s, users.uplinks[s], users.intakes[s]) for s in schools)
    accounts += _enrolment_account(users)
    accounts += "".join(_follower_account(s, key) for s, key in users.followers.items())
    return f"""# Generated from the topology table. Do not edit.
system_account: SYS
accounts {{
 SYS {{users: [{{nkey: {json.dumps(users.roles[SYSTEM_USER])}}}]}}
 HUB {{
  jetstream: enabled
  users: [
    # {TOPOLOGY_USER}
    {{nkey: {json.dumps(users.roles[TOPOLOGY_USER])}}}
{let_in}
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


def hub_config(
    place: ServerPlace, leaf_port: int, accounts_file: str = "accounts.conf", cluster: Cluster | None = None
) -> str:
    """The hub's main file; `accounts_file` lies beside it. `cluster`: it is one server of several."""
    tls = f"tls {place.tls.block()}\n" if place.tls else ""
    leaf_tls = f", tls {place.tls.block()}" if place.tls else ""
    return f"""# Generated from the topology table. Do not edit.
server_name: {json.dumps(cluster.server) if cluster else "hub"}
host: {json.dumps(place.host)}
port: {place.port}
max_payload: 1MB
max_pending: 8MB
ping_interval: "5s"
ping_max: 2
{tls}jetstream {{
 domain: hub
 store_dir: {json.dumps(str(place.store))}
 max_file_store: {place.max_store_bytes}
}}
leafnodes {{listen: "{place.host}:{leaf_port}", no_advertise: true{leaf_tls}}}
{cluster.block(place.tls) if cluster else ""}include {json.dumps(accounts_file)}
"""


def leaf_config(
    school: str, place: ServerPlace, hubs: Sequence[str], users: Mapping[str, str], uplink: Uplink
) -> str:
    """A school's server: its own JetStream domain, its role users, one uplink. Holds a seed: 0600.

    Args:
        school: Its id.
        place: Where it listens: on loopback, beside the roles.
        hubs: `host:port` of the hub's servers for leaves.
        users: Public key of each of `leaf_users()`.
        uplink: Its own key to the hub, and who vouches for the hub.
    """
    roles = "\n".join(_role_user(r, users[r.name], school) for r in roles_at(Place.SCHOOL))
    denied = [f"$JS.{school}.API.STREAM.{verb}.>" for verb in _STREAM_VERBS]
    denied += [f"$JS.{school}.API.CONSUMER.{verb}.>" for verb in ("DELETE", "DURABLE")]
    denied += [s for stream in UP for s in sorted(school_fact_subjects(stream, school))]
    store = json.dumps(str(place.store))
    tls = f"\n  tls {{ca_file: {json.dumps(str(uplink.ca_file))}}}" if uplink.ca_file else ""
    urls = _list(f"{'tls' if uplink.ca_file else 'nats-leaf'}://{hub}" for hub in hubs)
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
    # {TOPOLOGY_USER}
    {{nkey: {json.dumps(users[TOPOLOGY_USER])}}}
{roles}
  ]
 }}
}}
leafnodes {{
 reconnect: "1s"
 remotes: [{{urls: {urls}, account: SCHOOL, nkey: {json.dumps(uplink.seed)}{tls}
  deny_imports: {_list(denied)}
 }}]
}}
"""


_STREAM_VERBS = ("CREATE", "UPDATE", "DELETE", "PURGE", "MSG", "TEMPLATE", "SNAPSHOT", "RESTORE")
