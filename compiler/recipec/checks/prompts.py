"""Prompts: what a prompt is given stands in its texts, a model that is asked about a text sees it, and what it
answers gets into the document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import dropwhile

from recipec import resolved as r
from recipec.ast import Span
from recipec.checks.walk import derived, inside, of_kind
from recipec.diagnostics import Diagnostic, Edit, Fix, Label

_VARYING = r.Col | r.OpCall | r.Unknown


def check(resolved: r.Resolved, place: object) -> Iterator[Diagnostic]:
    unseen: set[tuple[str, str]] = set()
    for one in derived(resolved):
        for ask in of_kind(one.statements, r.Ask):
            for call in ask.prompts:
                prompt = resolved.prompts.get(call.prompt)
                if prompt is not None and _blind(one, prompt, call):
                    unseen.add((prompt.key, "text"))
                    yield _never_seen(resolved, one, prompt, call)
        asked = list(dropwhile(lambda statement: not isinstance(statement, r.Ask), one.statements))
        for text in of_kind(asked, r.Set):
            if text.column == "text" and not any(isinstance(part, _VARYING) for part in inside(text.expr)):
                yield _same_text(one, text)
    for prompt in resolved.prompts.values():
        if _whole(prompt):
            for name in prompt.parameters:
                if name not in _used(prompt) and (prompt.key, name) not in unseen:
                    yield _unused(resolved, prompt, name)


def _texts(prompt: r.Prompt) -> Iterator[r.Template]:
    yield from (one for one in (prompt.system, prompt.user) if one is not None)


def _whole(prompt: r.Prompt) -> bool:
    """Could all of its texts be read?"""
    return prompt.user.parts != () and not any(
        isinstance(part, r.Unknown) for text in _texts(prompt) for part in text.parts
    )


def _used(prompt: r.Prompt) -> set[str]:
    return {part.name for text in _texts(prompt) for part in text.parts if isinstance(part, r.Col)}


def _blind(made: r.Derived, prompt: r.Prompt, call: r.PromptCall) -> bool:
    """Does nothing of the row reach the model, though the prompt declares `text`, or the page is to be rewritten?"""
    if not _whole(prompt):
        return False
    used = _used(prompt)
    if "text" in used or any(isinstance(one, r.Col) for name in used for one in inside(call.args.get(name))):
        return False
    return "text" in prompt.parameters or made.kind == "transform"


def _never_seen(resolved: r.Resolved, made: r.Derived, prompt: r.Prompt, call: r.PromptCall) -> Diagnostic:
    declared = "text" in prompt.parameters
    help_ = "write `${text}` where the text belongs"
    return Diagnostic(
        "E0422",
        f"the model never sees the text: no `${{text}}` stands in prompt `{prompt.key}`",
        call.span,
        f"`{made.name}` is made by it",
        (Label(_place(prompt, "text"), "declared here, and not used" if declared else "the prompt"),),
        help_ if declared else f"declare it, `prompt {prompt.key.rpartition('.')[2]}(text)`, and {help_}",
        _dollars(resolved, prompt, "text") if declared else (),
    )


def _same_text(made: r.Derived, text: r.Set) -> Diagnostic:
    return Diagnostic(
        "E0422",
        f"every document of `{made.name}` would have this text: it puts in nothing of the answer",
        text.expr.span,
        help="write `${answer}` where the answer belongs",
    )


def _unused(resolved: r.Resolved, prompt: r.Prompt, name: str) -> Diagnostic:
    fixes = _dollars(resolved, prompt, name)
    label = f"`{{{name}}}` in the text is no variable" if fixes else ""
    return Diagnostic(
        "W0505",
        f"parameter `{name}` of prompt `{prompt.key}` is not used",
        _place(prompt, name),
        label,
        help=f"write `${{{name}}}`" if fixes else f"write `${{{name}}}` where it belongs, or leave it out",
        fixes=fixes,
    )


def _place(prompt: r.Prompt, name: str) -> Span:
    return (prompt.places or {}).get(name, prompt.span)


def _dollars(resolved: r.Resolved, prompt: r.Prompt, name: str) -> tuple[Fix, ...]:
    """Put the sign before each `{name}`."""
    edits = []
    for text in _texts(prompt):
        written = resolved.files.get(text.span.file, "")[text.span.start : text.span.end]
        for found in re.finditer(rf"(?<!\$)\{{{re.escape(name)}\}}", written):
            at = text.span.start + found.start()
            edits.append(Edit(Span(text.span.file, at, at), "$"))
    return (Fix(f"write `${{{name}}}`", tuple(edits)),) if edits else ()
