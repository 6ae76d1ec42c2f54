"""Values of events as JSON columns."""

import json
from datetime import date, datetime

from reelwarden_common.events.base import Model


def as_json(value: object) -> str:
    """JSON of models, spans and plain values."""

    def plain(item: object) -> object:
        if isinstance(item, Model):
            return item.model_dump(mode="json")
        if isinstance(item, datetime | date):
            return item.isoformat()
        raise TypeError(type(item).__name__)

    return json.dumps(value, default=plain, ensure_ascii=False)
