"""The district's sign-in service: OpenID Connect, authorization code flow with PKCE.

OpenID Connect Core 1.0 (3.1) and Discovery 1.0; RFC 7636 for PKCE.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import quote_plus, urlencode

import httpx
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from reelwarden_common.district import OIDC_ACCOUNT, Oidc, OidcGrant
from reelwarden_common.errors import Refused, Transient
from reelwarden_common.web.people import People, Person, Voucher
from reelwarden_common.web.settings import WebSettings, is_safe_address

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
"""Of signatures: none with a shared secret, and never `none`."""
SECOND_FACTORS = {"mfa", "otp", "hwk"}
"""RFC 8176: what a service that asked for more than a password says."""
LEEWAY = 60
"""Seconds that clocks may differ."""
SECONDS = 10
LONGEST_NAME = 100


class NotAccepted(Refused):
    """The service's answer proves nothing; the message is for the log."""


@dataclass(frozen=True)
class Begun:
    """A sign-in on its way; it waits in a signed cookie."""

    next: str
    state: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))


@dataclass(frozen=True)
class Provider:
    """The service, as it is set up here."""

    issuer: str
    client_id: str
    client_secret: str
    scopes: str
    claims: Oidc

    @classmethod
    def of(cls, settings: WebSettings, claims: Oidc) -> Self:
        """From the settings."""
        secret = settings.oidc_client_secret.get_secret_value()
        return cls(settings.oidc_issuer, settings.oidc_client_id, secret, settings.oidc_scopes, claims)

    async def address(self, begun: Begun, back: str, *, fresh: bool = False) -> str:
        """Where the browser goes to sign in.

        Args:
            begun: What its answer must fit.
            back: Where the service sends it afterwards.
            fresh: The service must ask anew who sits there.

        Raises:
            Transient, NotAccepted: see `_discover`.
        """
        async with httpx.AsyncClient(timeout=SECONDS) as http:
            known = await self._discover(http)
        wanted = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": back,
            "scope": self.scopes,
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": create_s256_code_challenge(begun.verifier),
            "code_challenge_method": "S256",
        }
        if fresh:
            wanted |= {"prompt": "login", "max_age": "0"}
        where = str(known["authorization_endpoint"])
        return where + ("&" if "?" in where else "?") + urlencode(wanted)

    async def claims_for(self, code: str, begun: Begun, back: str) -> Mapping[str, Any]:
        """Exchange a code for what the service says of somebody, checked.

        Raises:
            Transient: it is away.
            NotAccepted: its answer proves nothing.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "client_id": self.client_id,
            "code_verifier": begun.verifier,
        }
        async with httpx.AsyncClient(timeout=SECONDS) as http:
            known = await self._discover(http)
            auth = self._authentication(known, form)
            token = await _asked(http, "POST", str(known["token_endpoint"]), data=form, auth=auth)
            keys = await _asked(http, "GET", str(known["jwks_uri"]))
        return checked(str(token.get("id_token", "")), keys, self.issuer, self.client_id, begun.nonce)

    def _authentication(self, known: Mapping[str, Any], form: dict[str, str]) -> httpx.BasicAuth | None:
        """How the service wants the secret: in the header, else in the form (RFC 6749, 2.3.1)."""
        if not self.client_secret:
            return None
        if "client_secret_basic" in known.get(
            "token_endpoint_auth_methods_supported", ["client_secret_basic"]
        ):
            return httpx.BasicAuth(quote_plus(self.client_id), quote_plus(self.client_secret))
        form["client_secret"] = self.client_secret
        return None

    async def _discover(self, http: httpx.AsyncClient) -> Mapping[str, Any]:
        """The service's addresses.

        Raises:
            Transient: it is away.
            NotAccepted: they are another's, or secrets would travel in the open.
        """
        where = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
        known = await _asked(http, "GET", where)
        if known.get("issuer") != self.issuer:
            raise NotAccepted(f"RW_OIDC_ISSUER is {self.issuer!r}, the service says {known.get('issuer')!r}")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not is_safe_address(str(known.get(name, ""))):
                raise NotAccepted(f"{name} of the service is no https address: {known.get(name)!r}")
        return known

    def person(self, claims: Mapping[str, Any], people: People) -> Person:
        """Who it is; without roles where no claim means anything."""
        proven = claims.get("auth_time")
        proven_at = datetime.fromtimestamp(proven, UTC) if isinstance(proven, int) else None
        account = account_of(self.issuer, str(claims["sub"]))
        name = str(claims.get(self.claims.name_claim) or claims["sub"])[:LONGEST_NAME]
        unit = str(claims.get(self.claims.unit_claim) or "")[:LONGEST_NAME]
        voucher = Voucher(rules_that_fit(claims, self.claims.grants), proven_at)
        return people.vouched_for(account, name, unit, voucher)


def account_of(issuer: str, sub: str) -> str:
    """The account of somebody: the same as long as the service knows them (Core 5.7: issuer and `sub`)."""
    return OIDC_ACCOUNT + hashlib.sha256(f"{issuer}\n{sub}".encode()).hexdigest()[:32]


def rules_that_fit(claims: Mapping[str, Any], rules: Sequence[OidcGrant]) -> tuple[int, ...]:
    """Which of `[[oidc.grants]]` somebody's claims fulfil, counted from 0."""

    def fits(rule: OidcGrant) -> bool:
        said = claims.get(rule.claim)
        return rule.value in said if isinstance(said, list) else rule.value == said

    return tuple(number for number, rule in enumerate(rules) if fits(rule))


def has_second_factor(claims: Mapping[str, Any]) -> bool:
    """Whether the service says that it asked for more than a password."""
    said = claims.get("amr")
    return isinstance(said, list) and any(one in SECOND_FACTORS for one in said)


def checked(
    id_token: str, keys: Mapping[str, Any], issuer: str, client_id: str, nonce: str
) -> Mapping[str, Any]:
    """The claims of an ID token: signed by the issuer, for us, for this sign-in, not expired (Core 3.1.3.7).

    Raises:
        NotAccepted: it is not.
    """
    rules = jwt.JWTClaimsRegistry(
        leeway=LEEWAY,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    try:
        claims = jwt.decode(id_token, KeySet.import_key_set(dict(keys)), algorithms=ALGORITHMS).claims  # type: ignore[arg-type]
        rules.validate(claims)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise NotAccepted(f"the ID token is not accepted: {error}") from error
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if several else client_id) != client_id:
        raise NotAccepted("the ID token was made for another program (azp)")
    if not isinstance(claims["sub"], str):
        raise NotAccepted("the ID token's sub is no text")
    return claims


async def _asked(http: httpx.AsyncClient, method: str, where: str, **sent: object) -> dict[str, Any]:
    try:
        answer = await http.request(method, where, **sent)  # type: ignore[arg-type]
        said = answer.json() if answer.is_success else None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Transient(f"{where}: {type(error).__name__}") from error
    except ValueError as error:
        raise NotAccepted(f"{where} answered no JSON") from error
    if answer.is_server_error:
        raise Transient(f"{where} answered {answer.status_code}")
    if not isinstance(said, dict):
        raise NotAccepted(f"{where} answered {answer.status_code}")
    return said
