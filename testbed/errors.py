"""What goes wrong with the test bed, in words that name the log file to look at."""

from pathlib import Path

_TAIL_LINES = 25


def tail(log: Path, lines: int = _TAIL_LINES) -> str:
    """The last `lines` lines of `log`, indented, or a remark that there are none."""
    text = log.read_text(errors="replace") if log.exists() else ""
    if not text.strip():
        return "    (the log is empty)"
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])


class BedError(RuntimeError):
    """Something about the test bed itself failed; never raised for what the apiserver says about an object."""


class BuildError(BedError):
    """A program could not be built."""

    def __init__(self, program: str, log: Path) -> None:
        """`log` is what the compiler said."""
        super().__init__(f"building {program} failed; its log is {log} and ends:\n{tail(log)}")
        self.program = program
        self.log = log


class ComponentDiedError(BedError):
    """A component ended by itself, or never became ready."""

    def __init__(self, component: str, what: str, log: Path) -> None:
        """`what` completes the sentence that `component` begins; `log` is its output."""
        super().__init__(f"{component} {what}; its log is {log} and ends:\n{tail(log)}")
        self.component = component
        self.log = log


class WaitTimeoutError(BedError):
    """Something awaited did not come about in time."""
