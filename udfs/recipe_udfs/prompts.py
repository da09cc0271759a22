"""Prompts rendered: a template's parts and the values of its variables, joined into messages.

A template is the JSON object `{"system": null | [part …], "user": [part …]}`; a part is a text or
`{"var": name}`. With `"api": "completions"` it is one text for a model that goes on writing it. What a variable
holds is put in as it is: text that looks like a variable stays text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def render(template: Mapping[str, Any], variables: Mapping[str, str]) -> list[dict[str, str]]:
    """The OpenAI messages of a template: a system message where it has one, then the user's. For completions one
    message of the role `prompt`, with both texts and a blank line between them.

    Raises ValueError naming a variable that the template needs and `variables` does not give.
    """
    messages = []
    if template.get("system") is not None:
        messages.append({"role": "system", "content": _joined(template["system"], variables)})
    messages.append({"role": "user", "content": _joined(template["user"], variables)})
    if template.get("api") == "completions":
        return [{"role": "prompt", "content": "\n\n".join(message["content"] for message in messages)}]
    return messages


def lead(template: Mapping[str, Any], variables: Mapping[str, str]) -> str:
    """What stands before the first `text` of a prompt, as one comparable text: two prompts of one lead begin alike
    up to the end of the document that they are about."""
    found: list[str] = []
    for role in ("system", "user"):
        found.append(f"\0{role}\0")
        for part in template.get(role) or ():
            if part == {"var": "text"}:
                return "".join(found)
            found.append(part if isinstance(part, str) else _value(part["var"], variables))
    return "".join(found)


def names(template: Mapping[str, Any]) -> list[str]:
    """The variables that a template needs, each once, in the order in which they first occur."""
    parts = [*(template.get("system") or ()), *template["user"]]
    return list(dict.fromkeys(part["var"] for part in parts if not isinstance(part, str)))


def _joined(parts: Sequence[str | Mapping[str, str]], variables: Mapping[str, str]) -> str:
    return "".join(part if isinstance(part, str) else _value(part["var"], variables) for part in parts)


def _value(name: str, variables: Mapping[str, str]) -> str:
    if name not in variables:
        given = ", ".join(sorted(variables)) or "none"
        raise ValueError(f"the prompt needs the variable `{name}`, which has no value; given: {given}")
    return variables[name]
