"""What a page says of its own licence and of opting out of text and data mining, with the evidence.

A declaration is not a right: nothing is inferred, every statement is kept as found. What a header said is
added by the reader of the record. Read are, in the parsed page: `rel=license` links, links to Creative
Commons deeds, Dublin Core and schema.org licence statements (meta, microdata, JSON-LD), meta robots, and
the meta elements of the TDM Reservation Protocol (W3C community group, 2024).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import pyarrow as pa

from recipe_udfs.buffers import Strings
from recipe_udfs.operator import Call
from recipe_udfs.page_limits import too_complex

MAX_VALUE = 500
"""Characters of a single value kept as evidence; what a page says here is short unless it is hostile."""
MAX_VALUES = 10
"""Values kept of one kind of statement."""

_CC = re.compile(
    r"creativecommons\.org/(?:licenses/(?P<terms>by(?:-nc)?(?:-nd|-sa)?|(?:nc|nd|sa)(?:-(?:nc|nd|sa))*)/"
    r"(?P<version>\d\.\d)|publicdomain/(?P<public>zero|mark)/(?P<public_version>\d\.\d))",
    re.IGNORECASE,
)
_OTHER = tuple(
    (re.compile(pattern, re.IGNORECASE), template)
    for pattern, template in (
        (r"gnu\.org/(?:copyleft|licenses)/fdl|gnu free documentation license", "gfdl"),
        (r"spdx\.org/licenses/([a-z0-9.+-]*[a-z0-9+])(?:\.html|\.json|\.txt)", "{}"),
        (r"opensource\.org/licenses?/mit\b", "mit"),
        (r"apache\.org/licenses/license-2\.0", "apache-2.0"),
        (r"opendatacommons\.org/licenses/(odbl|by|pddl)", "odc-{}"),
        (r"nationalarchives\.gov\.uk/doc/open-government-licence/version/(\d)", "ogl-uk-{}"),
    )
)
_LICENSE_META = (
    "dc.rights", "dcterms.rights", "dc.rights.license", "dcterms.license", "license", "copyright-license",
)  # fmt: skip
_ROBOTS_META = ("robots", "googlebot", "bingbot", "gptbot", "ccbot", "google-extended")
_TDM_META = ("tdm-reservation", "tdm-policy")


def page_license(inputs: Mapping[str, Strings], calls: Sequence[Call]) -> list[list[pa.Array]]:
    """`page_license(html)` → license (sorted set of ids), evidence (kind of statement → values found)."""
    licenses: list[list[str] | None] = []
    evidence: list[list[tuple[str, str]] | None] = []
    for page in inputs["html"]:
        html = page.as_py()
        ids, found = (None, None) if html is None else declared(html)
        licenses.append(ids)
        evidence.append(found and list(found.items()))
    columns = [
        pa.array(licenses, pa.list_(pa.string())),
        pa.array(evidence, pa.map_(pa.string(), pa.string())),
    ]
    return [columns for _ in calls]


def declared(html: str) -> tuple[list[str], dict[str, str]]:
    """(sorted ids, evidence) of one page. Several values of one kind are joined by newlines, as found."""
    found: dict[str, list[str]] = {}
    ids: set[str] = set()
    for kind, value in _statements(html):
        value = " ".join(value.split())[:MAX_VALUE]
        values = found.setdefault(kind, [])
        if value and value not in values and len(values) < MAX_VALUES:
            values.append(value)
        if kind.startswith("license"):
            ids.update(license_ids(value))
    return sorted(ids), {kind: "\n".join(values) for kind, values in sorted(found.items()) if values}


def license_ids(statement: str) -> set[str]:
    """SPDX-like ids, in lower case, of the licences a URL or sentence names: `cc-by-sa-4.0`, `cc0-1.0`."""
    ids = set()
    for match in _CC.finditer(statement):
        if match["terms"]:
            ids.add(f"cc-{match['terms'].lower()}-{match['version']}")
        elif match["public"].lower() == "zero":
            ids.add(f"cc0-{match['public_version']}")
        else:
            ids.add(f"pdm-{match['public_version']}")  # Creative Commons' Public Domain Mark
    for pattern, template in _OTHER:
        ids.update(template.format(*match.groups()).lower() for match in pattern.finditer(statement))
    return ids


def _statements(html: str) -> Iterator[tuple[str, str]]:
    """(kind, value) of every statement, in the order of the page."""
    if not _HINT.search(html):
        return
    utf8 = html.encode()
    if reason := too_complex(utf8):
        yield "not_read", reason
        return
    from lxml import etree

    root = etree.HTML(utf8, _parser())
    if root is None:  # nothing but comments
        return
    for element in _declaring()(root):
        attributes = element.attrib
        href = attributes.get("href", "")
        if _has_word("license", attributes, "rel") or _has_word("license", attributes, "itemprop"):
            yield "license_link", href or attributes.get("content") or attributes.get("src") or ""
        if element.tag == "a" and _CC.search(href):
            yield "license_creative_commons", href
        elif element.tag == "meta" and "content" in attributes:
            name = (attributes.get("name") or attributes.get("property") or "").strip().lower()
            if name in _LICENSE_META:
                yield "license_meta", attributes["content"]
            elif name in _ROBOTS_META:
                yield f"meta_{name.replace('-', '_')}", attributes["content"]
            elif name in _TDM_META:
                yield name.replace("-", "_"), attributes["content"]
        elif element.tag == "script" and attributes.get("type", "").strip().lower() == "application/ld+json":
            for value in _json_licenses(element.text or ""):
                yield "license_schema_org", value


@cache
def _parser():
    """For bytes we have made ourselves; without its limits on size, since pages are bounded before."""
    from lxml import etree

    return etree.HTMLParser(encoding="utf-8", huge_tree=True)


@cache
def _declaring():
    """The elements that may declare something, in one walk over the tree."""
    from lxml import etree

    return etree.XPath("//*[@rel or @itemprop or self::a[@href] or self::meta or self::script[@type]]")


def _has_word(word: str, attributes: Mapping[str, str], name: str) -> bool:
    return word in attributes.get(name, "").lower().split()


_HINT = re.compile(r"licen[sc]e|creativecommons|rights|robots|bot\b|google-extended|tdm-", re.IGNORECASE)
"""A page without any of these words declares nothing: most need no parsing."""


def _json_licenses(text: str) -> Iterator[str]:
    """Values of `license` anywhere in a JSON-LD block: texts, or the address of an object."""
    if "license" not in text:
        return
    try:
        stack: list[Any] = [json.loads(text)]
    except (ValueError, RecursionError):  # a page's own broken JSON says nothing
        return
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(reversed(node))
        elif isinstance(node, dict):
            for key, value in node.items():
                if key == "license":
                    for item in value if isinstance(value, list) else [value]:
                        if isinstance(item, dict):
                            item = item.get("url") or item.get("@id") or item.get("name")
                        if isinstance(item, str):
                            yield item
                else:
                    stack.append(value)
