"""What is needed of `typing` at run time, whose import would cost most of this package's own."""

__all__ = ["override"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import override
else:

    def override(method: object) -> object:
        """Mark a method that overrides one of a base class, for type checkers."""
        return method
