"""Every code of a diagnostic: its title and, in a few sentences, why it exists and what to do.

A code keeps its meaning for ever; one that is given up is not used again.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    title: str
    explanation: str


CODES: dict[str, Code] = {
    # Reading and syntax.
    "E0101": Code(
        "not a text",
        "A recipe is UTF-8 text without NUL characters and lone surrogates. A byte-order mark "
        "and Windows line ends are fine.",
    ),
    "E0102": Code(
        "syntax",
        "The words do not make a sentence of the language at this place. The message names what was "
        "found and what could stand there. Reading goes on with the next item, so other errors are shown too.",
    ),
    "E0103": Code("unclosed text", 'A text in `"…"` ends on its line; one of several lines stands in `"""…"""`.'),
    "E0104": Code(
        "too deep or too long",
        "Expressions nest at most 64 levels, and an item has at most 50,000 words and signs: beyond that nobody "
        "can read them, and a program that wrote them should make filters, several statements, or a table's file.",
    ),
    "E0105": Code("number too large", "Numbers have at most 30 digits and are below 10 to the 30th."),
    "E0106": Code("wrong escape", 'Known escapes are \\n \\t \\r \\" \\\\ \\$ and \\u{…}; `${name}` puts in a value.'),
    "E0107": Code(
        "no item",
        "What begins in column 1 is an item, and an item begins with its keyword. Lines of a block are indented.",
    ),
    "E0108": Code("unclosed bracket", "The next item begins before a bracket was closed."),
    # Names.
    "E0201": Code("unknown name", "Nothing of this name and kind is declared in the file."),
    "E0202": Code(
        "unknown column",
        "Neither the source nor an earlier statement makes this column. Columns come from the "
        "document, the source's block, `lang by`, `score`, `tier by` and `ask`. A table that is written has fewer: "
        "scores stand in its map `scores`, and what only the lines need, such as `text_hash`, is left out.",
    ),
    "E0203": Code("unknown operator", "No installed package registers an operator of this name that could stand here."),
    "E0204": Code(
        "unknown argument or setting",
        "The operator or block takes no argument of this name. A misspelt name is never ignored.",
    ),
    "E0205": Code("unknown relation", "No source, select, transform, generate, merge or mix of this name exists."),
    "E0206": Code("unknown name in a library", "The file is there, but it declares nothing of this name."),
    "E0210": Code(
        "file to use not found", 'A library file is used as "std/gopher", a file beside the recipe as "./mine".'
    ),
    "E0211": Code("files use each other", "Two files that use each other have no order in which they could be read."),
    "E0212": Code(
        "path leaves the project",
        "A recipe reads nothing outside its own folder and the library by `use`: no "
        "absolute path, no `..`, no symbolic link that leads out.",
    ),
    "E0213": Code("a recipe is used", "Only a library can be used; a recipe makes tables of its own."),
    "E0220": Code("two of one name", "Items share one space of names, so that a name means one thing."),
    "E0221": Code("set twice", "A setting has one value. A block that is put in with `use` cannot be overridden."),
    "E0222": Code(
        "ambiguous name",
        "A bare word could be a text or a column (or an item) of that name. Quote the text or rename the item.",
    ),
    "E0223": Code(
        "tokens of which tokenizer",
        "A recipe with several tokenizers counts a text's tokens by each of them, so a bare `tokens` has no meaning "
        "there: `tokens(small)` says whose. An answer's tokens are those of its endpoint's tokenizer, a mix's those of "
        "the tokenizer it names.",
    ),
    "E0230": Code("parameter not given", "A parameter without a value in the recipe is given with --param name=value."),
    "E0231": Code("parameter of the wrong type", "The value given on the command line does not fit the declared type."),
    "E0232": Code("no such parameter", "A value was given for a parameter that the recipe does not declare."),
    "E0240": Code(
        "operator package broken",
        "A package registers operators that cannot be loaded; nothing is compiled while it is unknown what they are.",
    ),
    "E0241": Code("two operators of one name", "Two packages register an operator of the same kind and name."),
    "E0250": Code("circle", "Something is made from itself."),
    # Types, units, arguments.
    "E0301": Code("wrong type", "The value is of another type than the place wants."),
    "E0302": Code("wrong unit", "Numbers carry what they count: a share is no count, words are no characters."),
    "E0303": Code(
        "argument missing",
        "Published numbers have no defaults: what an operator or filter needs is written in the recipe.",
    ),
    "E0304": Code("too many arguments", "An argument is given twice, or there are more than the operator takes."),
    "E0305": Code("unknown word", "The place takes one of a few bare words."),
    "E0306": Code(
        "cannot be compared",
        "The two sides are of different types, or the operator does not order them. A column that is a list is asked "
        "about with `all(license) in […]` or `any(license) in […]`.",
    ),
    "E0307": Code(
        "threshold out of reach",
        "A share lies between 0% and 100% and a count is not negative: the comparison is always true or always false.",
    ),
    "E0308": Code(
        "argument without effect",
        "Another argument of the operator leaves this one nothing to say: the row that stays is looked for by a column "
        "only with `keep = highest`. One of the two is a mistake.",
    ),
    "E0309": Code(
        "limit that lets nothing through",
        "A number of calls at once, a rate, a length or a time is more than 0: at 0 nothing would ever be asked. What "
        "may be spent is 0 or more, where 0 makes no new call, and so is a price.",
    ),
    "E0310": Code(
        "statement in the wrong place",
        "Each kind of block has its own statements: a select keeps and scores, "
        "a transform asks and verifies, a mix takes and caps.",
    ),
    "E0311": Code("setting missing", "The block needs this setting."),
    "E0320": Code("empty range or list", "No value can satisfy the rule, so every row would be dropped."),
    # Relations.
    "E0401": Code(
        "tiers overlap",
        "A row belongs to the first tier whose bound it meets; a tier that an earlier one "
        "already takes can never have a row.",
    ),
    "E0402": Code(
        "tiers out of order",
        "Tiers stand from the best down with `>=`, or from the worst up with `<=`; mixing "
        "the two leaves gaps or overlaps.",
    ),
    "E0403": Code("tiers leave a gap", "Some value belongs to no tier. The last row says `otherwise`."),
    "E0404": Code("no such tier", "The relation's tiers do not include this one."),
    "E0410": Code(
        "weights do not sum to 100%",
        "Weights are shares of one mix. They may miss 100% by no more than the "
        "rounding of the digits they are written with.",
    ),
    "E0411": Code(
        "cap broken by what is asked for",
        "The weights or amounts already ask for more than the cap allows, whatever the data.",
    ),
    "E0412": Code(
        "kinds of quantities mixed",
        "Weights are shares of a whole; rates and amounts make the whole. A mix has one or the other.",
    ),
    "E0413": Code(
        "bounds of an ingredient contradict", "The weight lies outside of the ingredient's own share bounds."
    ),
    "E0414": Code(
        "sizes do not add up",
        "The phases of a mix, or amounts that are all it takes, come to another size than it is to hold.",
    ),
    "E0420": Code(
        "prompt variable not supplied",
        "A prompt's parameter has no default, is not given where the prompt is "
        "used, and no column of that name is there.",
    ),
    "E0421": Code("prompt variable not declared", "Every `${name}` in a prompt is one of its parameters."),
    "E0422": Code(
        "text never seen",
        "A model knows of a row only what the prompt's `${name}` put in. A prompt that declares `text`, or makes a "
        "transform, and puts in nothing of the row has the same question for every page.",
    ),
    "E0423": Code(
        "longer than the context",
        "An endpoint's `context` is the longest prompt and answer together. What an `ask` allows of both does not fit "
        "into it, so long pages would be refused or their answers cut.",
    ),
    "E0424": Code(
        "form of a reply",
        "What a prompt wants as its answer can be asked for and met: a regular expression of Python's, a JSON schema "
        "that refers to nothing outside of itself, choices that differ.",
    ),
    "E0431": Code(
        "secret in the recipe",
        'Recipes are stored with every run and shown in reports. A key is read where it is used: key = env("NAME").',
    ),
    "E0432": Code(
        "environment read elsewhere",
        "Only a key or URL of an endpoint is read from the environment: anything "
        "else would make one recipe mean different things.",
    ),
    "E0433": Code("nothing asked, or asked twice", "A transform or generate asks an endpoint, once."),
    "E0434": Code(
        "statement out of order",
        "In a transform or generate rows are kept, asked about, the answers scored and verified, the best chosen, the "
        "text put together and the documents compared, in this order. A statement that stands elsewhere would be "
        "carried out in another order than it is read in.",
    ),
    "E0436": Code(
        "failure dealt with twice",
        "What becomes of answers that fail is said once: rounds of questions, then one action for what still fails. "
        "So is the share of units that may go on waiting.",
    ),
    "E0437": Code(
        "addresses do not fit",
        "A `url` may be a list of addresses of one model, each named once and asked as often as `weights` says: a "
        "number above 0 for each. The built-in rewriter is one server, started for the run, and answers chat alone.",
    ),
    "E0438": Code(
        "price not said",
        "What a call costs is booked, and bounded by `max_cost`, by one price: `input_price` and `output_price`, in "
        "dollars for a million tokens, or `gpu_hour_price` with `tokens_per_gpu_second`.",
    ),
    "E0440": Code(
        "file not found", "A model, tokenizer, list or schema is looked for beside the recipe, then in the library."
    ),
    "E0441": Code(
        "unsafe path", "A file named in a recipe is relative and stays in its folder, or is given as a parameter."
    ),
    "E0442": Code(
        "table does not fit",
        "A row finds one entry, and what stands there fits where the table is used. A table's file is UTF-8 CSV with a "
        "header: a column of the name of each column it goes by, and one with the values. Where the values name files, "
        "those are there too.",
    ),
    "E0443": Code(
        "file differs from the frozen one",
        "With --frozen, every library, prompt, model, tokenizer, list and table has the SHA-256 that stands in the "
        "lock beside the recipe, a model that an operator's package carries too. Another file means other data, so "
        "`recipec freeze` accepts it in the open: the lock is kept with the recipe.",
    ),
    "E0444": Code(
        "not what was frozen",
        "With --frozen, the recipe uses the files and operators of its lock, none more and none less. A parameter "
        "that names a file is given as it was to `recipec freeze`.",
    ),
    "E0445": Code(
        "operator of another version",
        "An operator's version changes where its results do. With --frozen, each has the version of the lock.",
    ),
    "E0446": Code(
        "no usable lock",
        "With --frozen, a lock stands beside the recipe: `web.recipe.lock` for `web.recipe`, as `recipec freeze` "
        "writes it. One that was edited or merged by halves is not guessed at.",
    ),
    "E0450": Code(
        "name of a document column", "A score or measure may not take the name of a column that every document has."
    ),
    "E0451": Code("column made twice", "Two statements make a column of the same name."),
    "E0460": Code("no recipe", "A recipe begins with `recipe name`."),
    "E0461": Code("no such edition", "The edition fixes what the words mean."),
    "E0462": Code("nothing is written", "A recipe without `write` makes no table."),
    "E0900": Code("not possible yet", "The language can say it, this version cannot run it."),
    # Warnings.
    "W0501": Code(
        "synthetic rows unverified",
        "A transform or generate without `verify` lets every answer through, cut and refused ones included.",
    ),
    "W0502": Code(
        "unused",
        "Nothing refers to this item, and it has no effect. A recipe's only tokenizer has one where rows are selected: "
        "it counts their `tokens`.",
    ),
    "W0503": Code("model not pinned", "A model name can mean other weights tomorrow; `revision` pins it."),
    "W0504": Code(
        "answers longer than the gate keeps", "max_tokens allows answers that the length gate then throws away."
    ),
    "W0505": Code(
        "parameter of a prompt not used",
        "What a prompt is given stands in its texts as `${name}`; `{name}` without the dollar sign is sent as it is.",
    ),
}
