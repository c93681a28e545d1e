"""Whether a resource is valid FHIR, by `fhir.resources`, said without a word of its content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chartcoder.errors import UnreadableChart

if TYPE_CHECKING:
    from pydantic import BaseModel

MOST_SAID = 3  # faults named in one message


def validate(resource: dict[str, Any]) -> None:
    """Checks a resource against R4's structure (`fhir.resources`' R4B, the same for the documents read here).

    Raises:
        UnreadableChart: naming the elements that are at fault and how, by their paths.
    """
    from pydantic import ValidationError

    kind = resource["resourceType"]
    try:
        _model(kind).model_validate(resource)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        said = [f"{_path(kind, fault['loc'], fault['type'])}: {fault['type']}" for fault in faults[:MOST_SAID]]
        more = f" and {len(faults) - MOST_SAID} more" if len(faults) > MOST_SAID else ""
        raise UnreadableChart(f"not valid FHIR R4: {'; '.join(said)}{more}") from None
    except (AttributeError, TypeError, RecursionError):  # fhir.resources trips over values of a wrong JSON type
        raise UnreadableChart(f"not valid FHIR R4: a value of the {kind} is of a wrong type") from None


def _model(kind: str) -> type[BaseModel]:
    from fhir.resources.R4B import get_fhir_model_class

    model: type[BaseModel] = get_fhir_model_class(kind)
    return model


def _path(kind: str, place: tuple[int | str, ...], fault: str) -> str:
    """Where the fault is. The name of an element that does not exist is the sender's own word, and left out."""
    known = place[:-1] if fault == "extra_forbidden" else place
    return kind + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in known)
