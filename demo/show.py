"""What a person sees: numbered steps with elapsed time, real commands and their output, pages as they read on call."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.panel import Panel
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from demo.pager import Page

_INDENT = 5
_PLAIN_WIDTH = 120
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
        began = time.monotonic()
        number = f"{self._step:2}/{self._steps} "
        self._console.print()
        self._console.print(Text.assemble(self._clock(), (number, "cyan"), (title, "bold"), overflow="fold"))
        try:
            with self._spinner():
                yield
        except BaseException:
            self._console.print(Text.assemble(self._clock(), " " * len(number), ("✘ did not happen", "bold red")))
            raise
        took = f" {time.monotonic() - began:.1f} s"
        self._console.print(Text.assemble(self._clock(), " " * len(number), ("✔", "bold green"), (took, "dim")))

    def waiting(self, what: str) -> None:
        """Say what the present step waits for."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, description=f"waiting for {escape(what)}")
        else:
            self._console.print(Text.assemble(self._clock(), f"      waiting for {what}"))

    def say(self, text: str) -> None:
        """A sentence, with rich's markup."""
        self._below(Text.from_markup(text))

    def command(self, line: str, output: str) -> None:
        """A command that was run, and what it printed."""
        self._quoted(("$ ", line), output)

    def request(self, line: str, answer: str) -> None:
        """An HTTP request that was made, and its answer."""
        self._quoted(("> ", line), answer)

    def file(self, path: Path, shown_as: str) -> None:
        """A YAML file, wholly."""
        code = Syntax(path.read_text().rstrip(), "yaml", theme="ansi_dark", background_color="default", word_wrap=True)
        self._below(Panel(code, title=shown_as, title_align="left", border_style="dim", expand=False), above=1)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table; empty cells are shown as a dash."""
        table = Table(*columns, box=None, header_style="dim", padding=(0, 2, 0, 0))
        for row in rows:
            table.add_row(*(escape(cell) or "-" for cell in row))
        self._below(table, above=1)

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
        self._below(panel, above=1)

    def failed(self, what: str, account: str) -> None:
        """Why the demo ends, and what is known about it."""
        self._console.print(account, markup=False)
        self._console.print(Panel(Text(what), title="the demo failed", border_style="red"))

    def _quoted(self, line: tuple[str, str], output: str) -> None:
        mark, asked = line
        self._below(Text.assemble((mark, "green"), (asked, "bold"), overflow="fold"), above=1)
        self._below(Text(output.rstrip(), overflow="fold"))

    def _below(self, what: RenderableType, *, above: int = 0) -> None:
        """Show `what` indented, as part of the present step, with so many empty lines above."""
        self._console.print("\n" * above, end="")
        self._console.print(Padding(what, (0, 0, 0, _INDENT), expand=False))

    def _clock(self) -> tuple[str, str]:
        return f"{time.monotonic() - self._began:5.1f} s ", "dim"

    @contextlib.contextmanager
    def _spinner(self) -> Iterator[None]:
        if not self.lively:
            yield
            return
        columns = (
            TextColumn(" " * (_INDENT - 1)),
            SpinnerColumn(),
            TextColumn("[dim]{task.description}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self._console, transient=True) as progress:
            self._progress, self._task = progress, progress.add_task("working", total=None)
            try:
                yield
            finally:
                self._progress = self._task = None
