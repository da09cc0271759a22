"""Prompts: their texts and reply, and what a use of one gives each of its variables."""

from __future__ import annotations

from collections.abc import Mapping

from recipec import ast
from recipec import resolved as r
from recipec.diagnostics import Label, did_you_mean, listing
from recipec.imports import Module
from recipec.record import replace
from recipec.resolving import calls, expressions
from recipec.resolving.blocks import spliced
from recipec.resolving.forgotten import forgotten
from recipec.resolving.replies import reply
from recipec.resolving.scope import Scope, bind_parameters
from recipec.settings import PROMPT


class Prompts:
    """The part of `Items` that knows prompts."""

    scope: Scope
    prompts: dict[str, r.Prompt]

    def prompt_call(self, scope: Scope, node: ast.Name | ast.Call) -> r.PromptCall | r.Unknown:
        """A prompt used where `scope.row` is the row its variables may come from."""
        name = node.function if isinstance(node, ast.Call) else node
        found = self._find_prompt(scope, name)
        if found is None:
            return r.Unknown(node.span)
        module, item = found
        prompt = self.prompt(module, item)
        arguments = node.arguments if isinstance(node, ast.Call) else ()
        bound = bind_parameters(scope, name.text, item.parameters, arguments, node.span, self._inside(module))
        if bound is None or prompt is None:
            return r.Unknown(node.span)
        args: dict[str, r.Expr] = {}
        missing = []
        for parameter in item.parameters:
            word = parameter.name.text
            if word in bound:
                args[word] = expressions.expression(bound[word].scope, bound[word].expr)
            elif scope.row is not None and word in scope.row:
                args[word] = r.Col(word, scope.row[word], None, node.span)
            elif scope.complete:
                missing.append(word)
        if missing:
            return scope.report(
                "E0420",
                f"prompt `{name.text}` needs {listing(missing)}, which nothing here supplies",
                node.span,
                help=f"give it: `{name.text}({missing[0]} = …)`",
                secondary=(Label(item.name.span, "declared here"),),
            )
        if any(isinstance(value, r.Unknown) for value in args.values()):
            return r.Unknown(node.span)
        return r.PromptCall(prompt.key, args, node.span)

    def _inside(self, module: Module) -> Scope:
        return replace(self.scope.without_row(), module=module)

    def _find_prompt(self, scope: Scope, name: ast.Name) -> tuple[Module, ast.Prompt] | None:
        module = scope.module
        if len(name.parts) == 2 and name.parts[0] in scope.module.uses:
            module = scope.imported(name.parts[0])
        elif len(name.parts) > 1:
            module = None if scope.known_broken(name.parts[0]) else scope.module
        if module is None:
            return None
        item = module.items.get(name.parts[-1])
        if isinstance(item, ast.Prompt):
            scope.context.used.add((module.name, item.name.text))
            return module, item
        if name.parts[-1] in module.broken or forgotten(scope, name, ast.Prompt) is not None:
            return None
        there = [one for one, other in module.items.items() if isinstance(other, ast.Prompt)]
        where = f"`{module.name}` has" if module is not scope.module else "there is"
        scope.report(
            "E0206" if module is not scope.module else "E0201",
            f"{where} no prompt `{name.parts[-1]}`",
            name.span,
            help=did_you_mean(name.parts[-1], there, "prompts"),
            fixes=scope.spelling(name.span, name.parts[-1], there),
        )
        return None

    def prompt(self, module: Module, item: ast.Prompt) -> r.Prompt | None:
        """The prompt itself, resolved once."""
        header = module.header
        own = module is self.scope.module
        key = item.name.text if own else f"{header.name.text if header else module.name}.{item.name.text}"
        if key not in self.prompts:
            self.prompts[key] = self._prompt(module, item, key)
        return self.prompts[key]

    def _prompt(self, module: Module, item: ast.Prompt, key: str) -> r.Prompt:
        scope = self._inside(module)
        parameters: dict[str, r.Expr | None] = {
            one.name.text: expressions.expression(scope, one.default) if one.default is not None else None
            for one in item.parameters
        }
        texts: dict[str, r.Template] = {}
        form = r.Reply("text", (), item.name.span)
        cleans: list[r.OpCall] = []
        seen: set[str] = set()
        for inner, line in spliced(scope, item.body):
            if isinstance(line, ast.Clean):
                call = calls.operator_call(inner, line.operator, ("clean",), "a cleaning step")
                cleans += [call] if isinstance(call, r.OpCall) else []
            elif isinstance(line, ast.Setting):
                name = line.name.text
                if name in seen:
                    inner.report("E0221", f"`{name}` is set twice", line.name.span, help="leave one out")
                elif name == "reply":
                    form = reply(inner, line.value)
                elif name in ("system", "user"):
                    texts[name] = self._template(inner, line, parameters)
                else:
                    inner.report(
                        "E0204",
                        f"a prompt has no setting `{name}`",
                        line.name.span,
                        help=did_you_mean(name, PROMPT, "settings"),
                    )
                seen.add(name)
            else:
                inner.report(
                    "E0310",
                    f"`{type(line).__name__.lower()}` does not stand in a prompt",
                    line.span,
                    help="a prompt has `system`, `user`, `reply` and `clean`",
                )
        if "user" not in seen:
            scope.report(
                "E0311", f"prompt `{item.name.text}` has no text", item.name.span, help='write `user = """…"""`'
            )
        empty = r.Template((), item.name.span)
        return r.Prompt(
            key,
            parameters,
            texts.get("system"),
            texts.get("user", empty),
            form,
            tuple(cleans),
            item.name.span,
            item.doc,
            {one.name.text: one.name.span for one in item.parameters},
        )

    @staticmethod
    def _template(scope: Scope, line: ast.Setting, parameters: Mapping[str, object]) -> r.Template:
        if not isinstance(line.value, ast.Text):
            scope.report("E0301", f"`{line.name.text}` is a text, written out", line.value.span)
            return r.Template((), line.value.span)
        parts: list[str | r.Expr] = []
        for part in line.value.parts:
            if isinstance(part, str):
                parts.append(part)
            elif part.text in parameters:
                parts.append(r.Col(part.text, "string", "prompt", part.span))
            else:
                unknown = scope.report(
                    "E0421",
                    f"the prompt has no parameter `{part.text}`",
                    part.span,
                    help=did_you_mean(part.text, parameters, "parameters"),
                )
                parts.append(unknown)
        return r.Template(tuple(parts), line.value.span)
