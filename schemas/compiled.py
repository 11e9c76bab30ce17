"""A JSON Schema compiled: it decides the passing case, which nearly all events are.

jsonschema is the reference. A value that the compiled check accepts is accepted; any other goes to
the reference, which may accept it after all. So the two must agree wherever the compiled one says
yes, also about a part of a schema, since a `not` turns its no into a yes. What they are known to
see differently goes to the reference alone, as whole schemas:

- `multipleOf`: 0.3 is a multiple of 0.1 for one, in binary fractions it is not for the other;
- `uniqueItems`, and numbers of 2^53 or more in `const`, `enum` and limits: whether a great
  integer is equal to the same number as a double;
- `unevaluatedProperties`, `unevaluatedItems`, `$dynamicRef`, `$recursiveRef`: the reference is
  known not to follow the specification in corners;
- `dependencies` beyond draft 7, `contentEncoding` and `contentMediaType` in drafts 6 and 7, and
  whatever keyword belongs to another draft: one of them may know it and the other not;
- drafts 3 and 4, and dialects of one's own;
- anchors, and an `$id` inside a schema, over some of which the compiler panics;
- schemas that refer to themselves, since nothing bounds how often they are applied to one value.

Patterns are the same in both, see `patterns`. Formats are annotations in both. Numbers, however
large, and `1.0` where an integer is wanted, are the same to both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import jsonschema_rs
from jsonschema.validators import (
    Draft6Validator,
    Draft7Validator,
    Draft201909Validator,
    Draft202012Validator,
)

from .patterns import LINEAR
from .places import schemas_in

__all__ = ["accepts"]

_EXACT: Final = 1 << 53

_COMPILERS: Final[Mapping[Any, tuple[Any, int]]] = {
    Draft6Validator: (jsonschema_rs.Draft6Validator, jsonschema_rs.Draft6),
    Draft7Validator: (jsonschema_rs.Draft7Validator, jsonschema_rs.Draft7),
    Draft201909Validator: (jsonschema_rs.Draft201909Validator, jsonschema_rs.Draft201909),
    Draft202012Validator: (jsonschema_rs.Draft202012Validator, jsonschema_rs.Draft202012),
}

_ALIKE: Final = frozenset(
    (
        *("$ref", "allOf", "anyOf", "oneOf", "not", "if", "type", "const", "enum", "format"),
        *("properties", "required", "additionalProperties", "patternProperties", "propertyNames"),
        *("minProperties", "maxProperties", "dependentRequired", "dependentSchemas"),
        *("items", "prefixItems", "additionalItems", "contains", "minItems", "maxItems"),
        *("minLength", "maxLength", "pattern"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    )
)
_BESIDE: Final = frozenset(("then", "else", "minContains", "maxContains"))
"""Keywords that say something to another one only."""
_NUMBERS: Final = (
    "const", "enum", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
)  # fmt: skip
_ASSERT: Final = frozenset(
    {
        *_ALIKE,
        *_BESIDE,
        *(name for kind in _COMPILERS for name in kind.VALIDATORS),
        *("contentEncoding", "contentMediaType", "contentSchema"),
        *("$anchor", "$dynamicAnchor", "$recursiveAnchor"),
    }
)
"""Keywords that either of them may hold a value against, or stumble over."""


def accepts(kind: Any, uri: str, resources: Mapping[str, Any]) -> Callable[[object], bool] | None:
    """Return what says whether a value matches for certain; None: only the reference may tell.

    What it returns may raise ValueError on a value that is not JSON.

    Args:
        kind: the reference's validator class.
        uri: which of the resources the schema is.
        resources: all that `$ref` may lead to, by absolute URI; nothing is fetched.
    """
    if kind not in _COMPILERS or not all(_same(kind, each) for each in resources.values()):
        return None
    compiler, draft = _COMPILERS[kind]
    try:
        registry = jsonschema_rs.Registry(resources.items(), draft=draft, retriever=_refuse)
        accept: Callable[[object], bool] = compiler(
            {"$ref": uri},
            registry=registry,
            offline=True,
            validate_formats=False,
            pattern_options=LINEAR,
        ).is_valid
    except (ValueError, jsonschema_rs.ReferencingError):  # also what is deeper than it can go
        return None
    return accept


def _same(kind: Any, schema: object) -> bool:
    """Say whether both see every keyword in the same way."""
    known = {*(_ALIKE & kind.VALIDATORS.keys()), *_BESIDE}
    return not any(
        any(key in _ASSERT and key not in known for key in each)
        or ("$id" in each and (path or "#" in each["$id"]))
        or _great([each.get(key) for key in _NUMBERS])
        for path, each in schemas_in(schema)
    )


def _great(value: object) -> bool:
    """Say whether there is a number in it that a double may not hold exactly."""
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, Mapping):
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
        elif isinstance(item, int | float) and not -_EXACT < item < _EXACT:
            return True
    return False


def _refuse(uri: str) -> Any:
    raise LookupError(f"{uri} is not part of the contract")
