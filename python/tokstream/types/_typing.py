"""The typing names that parameter types need on every supported Python.

pydantic refuses `typing.TypedDict` before Python 3.12, so the `typing_extensions` that it
brings along is used when it is there. Without it, Python 3.10 has no `Required`: the stand-in
keeps the type and forgets the mark, which only tools that read annotations would miss.
"""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Required, TypedDict
else:
    try:
        from typing_extensions import Required, TypedDict
    except ImportError:
        from typing import TypedDict

        if sys.version_info >= (3, 11):
            from typing import Required
        else:

            class Required:
                def __class_getitem__(cls, item):
                    return item


__all__ = ["Required", "TypedDict"]
