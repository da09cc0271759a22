"""Thresholds by language, domain and other columns: what is kept, and with which limit the rest fell out."""

from __future__ import annotations

import json

from running import run_here

RECIPE = """
recipe by_table
edition 2026
param input: path
param lake: path
param limits: path
source pages = jsonl(input) {
  id    = id
  url   = url
  lang  = lang
  topic = topic
  year  = year
  name  = name
}
table least by lang {
  de, fr    = 3
  otherwise = 5
}
table between by domain {
  "a.org", "b.org" = 1 .. 6
  otherwise        = 1 .. 8
}
table most by lang, year {
  de, 1990 .. 1999 = 4
  de, 2000         = 6
  otherwise        = 100
}
table share by topic = csv(limits, value = "least")
select web from pages {
  keep stats.words >= least
  keep stats.words in between
  keep stats.words <= most
  score scaled = stats.words / least
  keep scaled >= share and not (scaled > share + 1)
}
write web to delta(lake)
"""
LIMITS = "topic,least\nnews,100%\nlaw,1.5\n7,1x\n"


def page(name: str, words: int, lang: str | None = "de", domain: str = "c.org", topic: str = "news", year: int = 2020):
    text = " ".join(f"{name}{i}" for i in range(words))
    url = f"http://www.{domain}/{name}"
    return {"id": name, "name": name, "text": text, "url": url, "lang": lang, "topic": topic, "year": year}


PAGES = {
    "german": (page("german", 3), None),
    "german short": (page("short", 2), ("stats.words >= least", "2", ">= 3")),
    "finnish short": (page("finnish", 4, "fi"), ("stats.words >= least", "4", ">= 5")),
    "no language, short": (page("unknown", 4, None), ("stats.words >= least", "4", ">= 5")),
    "domain": (page("domain", 5, domain="a.org"), None),
    "domain long": (page("long", 7, domain="b.org", topic="law"), ("stats.words in between", "7", "in 1.0 .. 6.0")),
    "nineties": (page("nineties", 5, year=1995), ("stats.words <= most", "5", "<= 4")),
    "nineties, short": (page("nineties_short", 4, year=1999), None),
    "two thousand": (page("two", 6, year=2000, topic="law"), None),
    "law": (page("law", 4, topic="law"), ("scaled >= share", "1.3333333333333333", ">= 1.5")),
    "sports": (page("sports", 4, topic="sports"), ("scaled >= share", "1.3333333333333333", ">= an entry of share")),
    "a number": (page("number", 4, topic="7"), None),
}


def test_each_row_has_the_limit_of_its_language_domain_and_topic(quiet, spark, tmp_path):
    path, limits = tmp_path / "in.jsonl", tmp_path / "limits.csv"
    path.write_text("".join(json.dumps(row) + "\n" for row, _ in PAGES.values()))
    limits.write_text(LIMITS, encoding="utf-8-sig")
    ran = run_here(RECIPE, tmp_path / "lake", input=str(path), limits=str(limits))
    names = {row.doc_id: row["name"] for row in ran.variables["pages"].frame.select("doc_id", "name").collect()}
    assert {row["name"] for row in ran.output(spark, "web").collect()} == {
        row["name"] for row, reason in PAGES.values() if reason is None
    }
    found = {names[row["doc_id"]]: (row["rule"], row["value"], row["threshold"]) for row in ran.ledger("rejects")}
    assert found == {row["name"]: reason for row, reason in PAGES.values() if reason is not None}
