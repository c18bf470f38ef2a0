"""What a person sees: numbered steps with elapsed time, real commands and their output, pages as they read on call."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.panel import Panel
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from demo.pager import Page

_INDENT = 5
_PLAIN_WIDTH = 160
_STYLES = {"critical": "red", "warning": "yellow", "info": "cyan"}


class Screen:
    """A terminal gets colours and a spinner with what is being waited for; anything else gets plain lines."""

    def __init__(self, steps: int, *, plain: bool) -> None:
        """`steps` is how many there will be; `plain` even if this is a terminal."""
        self._console = Console(highlight=False)
        if plain or not self._console.is_terminal:
            self._console = Console(highlight=False, no_color=True, force_terminal=False, width=_PLAIN_WIDTH)
        self._steps = steps
        self._step = 0
        self._began = time.monotonic()
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    @property
    def lively(self) -> bool:
        """Whether a spinner can turn."""
        return self._console.is_terminal

    def title(self, text: str, below: str) -> None:
        """The first thing on the screen."""
        self._console.print(Panel(f"[bold]{escape(text)}[/]\n{escape(below)}", border_style="cyan", padding=(0, 2)))

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        """A numbered step, done when the block ends; what is shown inside stands below its line."""
        self._step += 1
        number = f"{self._step:2}/{self._steps}"
        began = time.monotonic()
        if not self.lively:
            self._console.print(f"{self._clock()} {number} {title} ...", markup=False)
        try:
            with self._spinner(f"{number} {title}"):
                yield
        except BaseException:
            self._console.print(Text.assemble(("✘", "bold red"), f" {number} {title}"))
            raise
        took = f"({time.monotonic() - began:.1f} s)"
        if self.lively:
            self._console.print(Text.assemble(("✔", "bold green"), f" {number} ", (title, "bold"), " ", (took, "dim")))
        else:
            self._console.print(f"{self._clock()} {number} done {took}", markup=False)

    def waiting(self, what: str) -> None:
        """Say what the present step waits for."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, waiting=f"waiting for {what}")
        else:
            self._console.print(f"{self._clock()}       waiting for {what}", markup=False)

    def say(self, text: str) -> None:
        """A sentence, with rich's markup."""
        self._console.print(Padding(Text.from_markup(text), (0, 0, 0, _INDENT)))

    def command(self, line: str, output: str) -> None:
        """A command that was run, and what it printed."""
        self._console.print(Padding(Text.assemble(("$ ", "green"), (line, "bold")), (1, 0, 0, _INDENT)))
        self._console.print(Padding(Text(output.rstrip(), overflow="fold"), (0, 0, 1, _INDENT)))

    def file(self, path: Path, shown_as: str) -> None:
        """A YAML file, wholly."""
        code = Syntax(path.read_text().rstrip(), "yaml", theme="ansi_dark", background_color="default", word_wrap=True)
        self._console.print(Padding(Panel(code, title=shown_as, title_align="left", border_style="dim"), (0, 0, 0, 4)))

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table; empty cells are shown as a dash."""
        table = Table(*columns, box=None, header_style="dim", padding=(0, 2, 0, 0))
        for row in rows:
            table.add_row(*(escape(cell) or "-" for cell in row))
        self._console.print(Padding(table, (1, 0, 1, _INDENT)))

    def page(self, page: Page) -> None:
        """A page as the person on call would read it."""
        labels = page.alert["labels"]
        annotations = page.alert["annotations"]
        style = _STYLES.get(labels.get("severity", ""), "white") if page.firing else "green"
        state = "FIRING" if page.firing else "RESOLVED"
        named = " ".join(f"{name}={value}" for name, value in sorted(labels.items()) if name != "alertname")
        lines = [
            (annotations.get("summary", labels["alertname"]), "bold"),
            (annotations.get("description", ""), ""),
            (named, "dim"),
            (f"runbook: {annotations['runbook_url']}" if "runbook_url" in annotations else "", "underline"),
        ]
        body = Text("\n").join(Text(" ".join(text.split()), style) for text, style in lines if text)
        title = f"[{style}]● {state}  {labels.get('priority', '')}  {labels['alertname']}[/]"
        subtitle = f"to {page.receiver}"
        panel = Panel(body, title=title, subtitle=subtitle, title_align="left", subtitle_align="right")
        panel.border_style = style
        self._console.print(Padding(panel, (1, 0, 1, 4)))

    def failed(self, what: str, account: str) -> None:
        """Why the demo ends, and what is known about it."""
        self._console.print(account, markup=False)
        self._console.print(Panel(Text(what), title="the demo failed", border_style="red"))

    def _clock(self) -> str:
        return f"[{time.monotonic() - self._began:5.1f} s]"

    @contextlib.contextmanager
    def _spinner(self, text: str) -> Iterator[None]:
        if not self.lively:
            yield
            return
        columns = (
            SpinnerColumn(),
            TextColumn("[bold]{task.description}"),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[waiting]}"),
        )
        with Progress(*columns, console=self._console, transient=True) as progress:
            self._progress, self._task = progress, progress.add_task(escape(text), total=None, waiting="")
            try:
                yield
            finally:
                self._progress = self._task = None
