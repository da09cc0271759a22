"""Files of a recipe: the recipe itself, the library, and what lies beside it; nothing outside of the two folders."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from recipec import ast
from recipec.ast import Span
from recipec.diagnostics import Diagnostic, Edit, Fix, Label, listing, nearest
from recipec.parse import Parsed, parse

MAX_FILE_BYTES = 16_000_000

NAMED = (
    ast.Param,
    ast.Tokenizer,
    ast.Endpoint,
    ast.Prompt,
    ast.Filter,
    ast.Block,
    ast.Table,
    ast.Source,
    ast.Derive,
    ast.Merge,
    ast.Rounds,
    ast.Mix,
)


def library_folder() -> Path:
    """`recipes/` of the checkout, or the copy inside the installed package."""
    here = Path(__file__).resolve().parent
    packaged = here / "recipes"
    return packaged if packaged.is_dir() else here.parents[1] / "recipes"


class Module:
    """One file of a recipe. `name` is what spans and messages call it: `std/gopher.recipe`, `./mine.recipe`."""

    def __init__(
        self, name: str, text: str, tree: ast.File, path: Path | None, broken: frozenset[str] = frozenset()
    ):
        self.name, self.text, self.tree, self.path, self.broken = name, text, tree, path, broken
        self.items: dict[str, ast.Item] = {}
        self.imports: dict[str, Module] = {}
        self.plugins: dict[str, str] = {}
        self.uses: dict[str, ast.Use] = {}

    @property
    def header(self) -> ast.Header | None:
        return next((item for item in self.tree.items if isinstance(item, ast.Header)), None)


def decode(name: str, data: bytes) -> tuple[str, Diagnostic | None]:
    """The text of a file; a byte-order mark goes, anything but UTF-8 is refused with its line."""
    if len(data) > MAX_FILE_BYTES:
        return "", Diagnostic(
            "E0101",
            f"`{name}` has {len(data):,} bytes; a recipe has at most {MAX_FILE_BYTES:,}",
            Span(name, 0, 0),
            help="is this a recipe?",
        )
    try:
        return data.decode("utf-8-sig"), None
    except UnicodeDecodeError as error:
        readable = data[: error.start].decode("utf-8-sig", "ignore")
        at = len(readable)
        return readable + "\ufffd", Diagnostic(
            "E0101",
            "the file is not UTF-8",
            Span(name, at, at + 1),
            f"byte 0x{data[error.start]:02x}",
            help="save the file as UTF-8",
        )


class Loader:
    """Reads a recipe and everything it uses, each file once."""

    def __init__(self, folder: Path | None, library: Path | None = None):
        self.folder = folder
        self.library = library or library_folder()
        self.modules: dict[str, Module] = {}
        self.found: list[Diagnostic] = []

    def load(self, name: str, text: str, path: Path | None, chain: tuple[str, ...] = ()) -> Module:
        """The module of a text, its imports loaded."""
        parsed = parse(name, text)
        self.found.extend(parsed.diagnostics)
        module = Module(name, text, parsed.file, path, broken=_broken_names(text, parsed))
        self.modules[name] = module
        for item in parsed.file.items:
            if isinstance(item, ast.Use):
                self._use(module, item, (*chain, name))
            elif isinstance(item, NAMED):
                self._name(module, item)
        return module

    def _name(self, module: Module, item: ast.Item) -> None:
        first = module.items.setdefault(item.name.text, item)
        if first is not item:
            self.found.append(
                Diagnostic(
                    "E0220",
                    f"two items are called `{item.name.text}`",
                    item.name.span,
                    "the second",
                    (Label(first.name.span, "the first"),),
                    "give one of them another name",
                )
            )

    def _use(self, module: Module, item: ast.Use, chain: tuple[str, ...]) -> None:
        target = item.target.plain
        span = item.target.span
        if target is None:
            self.found.append(
                Diagnostic("E0210", "the name of a file to use is written out", span, help="`${…}` cannot stand here")
            )
            return
        if item.plugin:
            if item.alias is None:
                self.found.append(
                    Diagnostic("E0210", "a plug-in needs a name here", item.span, help=f'use plugin "{target}" as name')
                )
                return
            self._alias(module, item, item.alias.text)
            module.plugins[item.alias.text] = target
            return
        alias = item.alias.text if item.alias else PurePosixPath(target).name.removesuffix(".recipe")
        if target.endswith(".recipe"):
            plain = f'"{target.removesuffix(".recipe")}"'
            self.found.append(
                Diagnostic(
                    "E0210",
                    "a file is used by its name without `.recipe`",
                    span,
                    help=f"write `{plain}`",
                    fixes=(Fix(f"write `{plain}`", (Edit(span, plain),)),),
                )
            )
        name, path = self._find(target, span, module)
        if path is None:
            module.uses.setdefault(alias, item)  # known to be wanted: what is asked of it is no second error
            return
        if name in chain:
            circle = " → ".join([*chain[chain.index(name) :], name])
            self.found.append(
                Diagnostic(
                    "E0211",
                    "the files use each other in a circle",
                    span,
                    circle,
                    help="put what both need into a third file",
                )
            )
            module.uses.setdefault(alias, item)
            return
        self._alias(module, item, alias)
        used = self.modules.get(name)
        if used is None:
            try:
                data = path.read_bytes()
            except OSError as error:
                self.found.append(Diagnostic("E0210", f"`{target}` cannot be read: {error.strerror}", span))
                return
            text, problem = decode(name, data)
            if problem:
                self.found.append(problem)
            used = self.load(name, text, path, chain)
        if used.header and used.header.kind == "recipe":
            self.found.append(
                Diagnostic(
                    "E0213",
                    f"`{target}` is a recipe, and only a library can be used",
                    span,
                    help="begin that file with `library name`",
                )
            )
        module.imports[alias] = used

    def _alias(self, module: Module, item: ast.Use, alias: str) -> None:
        first = module.uses.setdefault(alias, item)
        if first is not item:
            self.found.append(
                Diagnostic(
                    "E0220",
                    f"two files are called `{alias}` here",
                    item.span,
                    "the second",
                    (Label(first.span, "the first"),),
                    "name one with `as`",
                )
            )

    def _find(self, target: str, span: Span, module: Module) -> tuple[str, Path | None]:
        """The name and path of a used file; (.., None) after a diagnostic."""
        parts = PurePosixPath(target).parts
        beside = target.startswith("./")
        if not target or "\\" in target or ".." in parts or PurePosixPath(target).is_absolute() or "\n" in target:
            self.found.append(
                Diagnostic(
                    "E0212",
                    f"`{target[:60]}` leaves the project",
                    span,
                    help='a file is used by its name in the library, "std/gopher", or beside the recipe, "./mine"',
                )
            )
            return "", None
        root = self.folder if beside else self.library
        base = module.path.parent if beside and module.path else root
        relative = PurePosixPath(*[part for part in parts if part != "."])
        stem = str(relative).removesuffix(".recipe")
        if root is None or base is None:
            self.found.append(
                Diagnostic(
                    "E0210",
                    f"`{target}` cannot be found: this recipe is no file",
                    span,
                    help="save the recipe; files beside it can then be used",
                )
            )
            return "", None
        path = base / f"{stem}.recipe"
        try:
            real, real_root = path.resolve(), root.resolve()
            there = path.is_file()
        except (OSError, ValueError):
            there, real, real_root = False, path, root
        if there and not real.is_relative_to(real_root):
            self.found.append(
                Diagnostic(
                    "E0212",
                    f"`{target}` is a link that leaves the project",
                    span,
                    help="copy the file into the folder of the recipe",
                )
            )
            return "", None
        if not there:
            self.found.append(self._missing(target, stem, span, base, beside))
            return "", None
        if beside:
            return f"./{real.relative_to(real_root).as_posix()}", path
        return f"{stem}.recipe", path

    @staticmethod
    def _missing(target: str, stem: str, span: Span, base: Path, beside: bool) -> Diagnostic:
        pattern = "*.recipe" if beside else "*/*.recipe"
        names = sorted(path.relative_to(base).as_posix().removesuffix(".recipe") for path in base.glob(pattern))
        guess = nearest(stem, names)
        prefix = "./" if beside else ""
        where = "beside the recipe" if beside else "in the library"
        help_ = f'did you mean "{prefix}{guess}"? ' if guess else ""
        help_ += f"{where}: {listing(names)}" if names else f"there is no recipe {where}"
        if not beside and (base / f"{stem}.recipe") and not guess:
            help_ += '; a file beside the recipe is used as "./name"'
        return Diagnostic("E0210", f"there is no `{target}` {where}", span, help=help_)


_BEGUN = re.compile(r"^([a-z_]+)\b([^\n]*)", re.MULTILINE)
_FIRST_NAME = re.compile(r"[^a-z_\":={]*([a-z_][a-z0-9_]*)")
_USED = re.compile(r'"(?:[^"\n]*/)?([^"/\n]*)"(?:.*\bas\b[^a-z_]*([a-z_][a-z0-9_]*))?')


def _broken_names(text: str, parsed: Parsed) -> frozenset[str]:
    """Names of items that could not be read: whoever uses them is not told that they do not exist. Empty where all
    could be read; an item without a name stands there as its keyword."""
    if not parsed.diagnostics:
        return frozenset()
    names: set[str] = set()
    read = [(item.span.start, item.span.end) for item in parsed.file.items]
    at = 0
    for begun in _BEGUN.finditer(text):
        while at < len(read) and read[at][1] <= begun.start():
            at += 1
        if at < len(read) and read[at][0] <= begun.start():
            continue
        keyword, rest = begun.groups()
        names.add(keyword)
        name = _FIRST_NAME.match(rest)
        used = _USED.search(rest) if keyword == "use" else None
        if used:
            names.add(used[2] or used[1])
        elif name:
            names.add(name[1])
    return frozenset(names)
