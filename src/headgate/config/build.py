"""From a normalised mapping to a model, telling every value that does not fit.

pydantic tells all misfits of one mapping, but then gives no model, and without a model nothing later can be checked. So what does
not fit is cut out and the rest is built, only to be looked at further: the errors stand, and the configuration stays refused.
"""

from __future__ import annotations

import copy
from typing import Final, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from headgate.config.findings import Findings
from headgate.config.models.base import FROM_FILE, ConfigModel

ModelT = TypeVar("ModelT", bound=ConfigModel)

_ROUNDS: Final = 8
"""Each round cuts out at least one value more; a mapping that needs more rounds is given up."""


def build(model: type[ModelT], mapping: dict[str, object], path: str, findings: Findings) -> ModelT | None:
    """The model of a normalised mapping, as far as one can be built.

    :param path: where the mapping stands
    :param findings: takes an error for each value that does not fit
    :returns: the model; where there were errors, without the values that do not fit; None if nothing is left
    """
    try:
        return model.model_validate(mapping, context=FROM_FILE)
    except ValidationError as error:
        details = error.errors(include_url=False)
    remains = copy.deepcopy(mapping)
    for number in range(_ROUNDS):
        for detail in details:
            if number == 0:
                findings.reject(path, detail)
            _cut(remains, detail)
        try:
            return model.model_validate(remains, context=FROM_FILE)
        except ValidationError as error:
            details = error.errors(include_url=False)
    return None


def _cut(root: dict[str, object], detail: ErrorDetails) -> None:
    """Remove what an error is about: a key of a mapping, or an item of a list, whose place is kept for the sake of later paths."""
    holder: object = root
    container: dict[str, object] | None = None
    container_key = ""
    location = detail["loc"]
    for part in location[:-1]:
        if isinstance(holder, dict) and part in holder:
            container, container_key = holder, str(part)
            holder = holder[str(part)]
        elif isinstance(holder, list) and isinstance(part, int) and part < len(holder):
            holder = holder[part]
        else:
            break
    last = location[-1] if location else ""
    if isinstance(holder, dict) and isinstance(last, str) and last in holder:
        del holder[last]
    elif isinstance(holder, list) and isinstance(last, int) and last < len(holder) and holder[last] != {}:
        holder[last] = {}
    elif container is not None:
        container.pop(container_key, None)
