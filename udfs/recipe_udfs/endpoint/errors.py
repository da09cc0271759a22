"""What ends a stream of calls. Nothing here ever holds a key, a request or a server's response object."""

from __future__ import annotations


class EndpointError(Exception):
    """Asking on would not help: `message` says what happened, `remedy` what to do, each one line."""

    def __init__(self, message: str, remedy: str):
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  help: {self.remedy}"


class EndpointRefused(EndpointError):
    """The endpoint will not serve such requests: wrong key, unknown model, malformed request."""


class ServedModelChanged(EndpointError):
    """A model answered that is not the one asked for, or no longer the one that answered before."""


class CoordinatorUnreachable(EndpointError):
    """The driver's coordinator did not answer, or would not have this worker; nothing was asked."""
