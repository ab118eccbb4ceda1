"""Labels that travel with a request."""

from typing import TypeAlias

__all__ = ["Metadata"]

Metadata: TypeAlias = dict[str, str]
"""Labels of the caller's own, kept beside a request by servers that know them."""
