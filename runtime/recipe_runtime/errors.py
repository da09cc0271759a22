"""Errors a job can end with: each says what happened, what to do, and which exit code it is."""

from __future__ import annotations

DONE, RECIPE_WRONG, USAGE, INCOMPLETE, FAILED, DEFECT = 0, 1, 2, 3, 4, 70


class StepError(Exception):
    """A step could not do its work: exit code 4. `remedy` is one sentence a user can act on."""

    exit_code = FAILED

    def __init__(self, message: str, *, remedy: str = ""):
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  help: {self.remedy}" if self.remedy else self.message


class Incomplete(StepError):
    """Work is waiting; running again goes on: exit code 3."""

    exit_code = INCOMPLETE
