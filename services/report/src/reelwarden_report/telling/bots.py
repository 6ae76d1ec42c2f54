"""What the bots of 企业微信 and 钉钉 read, how their address is signed, and what they answer."""

import base64
import hashlib
import hmac
import json
from datetime import datetime
from urllib.parse import quote_plus

from reelwarden_report.telling.deliveries import Format

MOST_BYTES = {Format.WECOM: 4096, Format.DINGTALK: 18_000}
"""Of a text, as their documents say (企业微信 markdown 4096 bytes; 钉钉 20,000 with all around it)."""


def body(form: Format, title: str, text: str) -> str:
    """A markdown message, cut where the bot would refuse it."""
    cut = _cut(text, MOST_BYTES[form])
    if form is Format.WECOM:
        return json.dumps({"msgtype": "markdown", "markdown": {"content": cut}}, ensure_ascii=False)
    return json.dumps({"msgtype": "markdown", "markdown": {"title": title, "text": cut}}, ensure_ascii=False)


def _cut(text: str, most: int) -> str:
    raw = text.encode()
    return text if len(raw) <= most else raw[: most - 4].decode(errors="ignore") + "…"


def address(form: Format, url: str, secret: str, now: datetime) -> str:
    """Where to send it now: 钉钉 wants a signature in the address, when the bot has a secret."""
    if form is not Format.DINGTALK or not secret:
        return url
    stamp = str(int(now.timestamp() * 1000))
    digest = hmac.new(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256).digest()
    return f"{url}&timestamp={stamp}&sign={quote_plus(base64.b64encode(digest))}"


def refusal(answer: bytes) -> str | None:
    """Why a bot that answered 200 did not take it, or None: both say so by `errcode`."""
    try:
        said = json.loads(answer)
        code = int(said.get("errcode", 0))
    except (ValueError, TypeError, AttributeError):
        return "its answer is none of a bot"
    return None if code == 0 else f"errcode {code}: {str(said.get('errmsg', ''))[:200]}"
