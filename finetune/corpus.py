"""The corpus: pairs without what must not be learnt, split into training and validation.

Taken out is what the evaluation asks (its questions and its requests, however they are spelt), and what is held out of
training altogether (fields and entities, see `finetune.split`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from finetune.evaluate import Question, read_questions
from finetune.pairs import Pair
from finetune.split import held_out_entity, held_out_field, held_out_phrasing, in_validation
from finetune.synthesize import Synthesizer
from rag.documents import fields_of
from tools.catalogue import load_catalogue
from tools.lucene import Bool, Boost, LuceneSyntaxError, Node, Phrase, Term, parse
from tools.query import Query

REFUSAL = "none"
#: What a value of these fields is, as a kind of entity of `finetune.entities`.
_KINDS = {
    "symbol": "gene", "clinvar.gene.symbol": "gene", "dbsnp.gene.symbol": "gene",
    "gtopdb.interaction_targets.symbol": "gene", "disgenet.genes_related_to_disease.gene_name": "gene",
    "ensembl.gene": "ensembl", "entrezgene": "entrez", "uniprot.Swiss-Prot": "uniprot", "dbsnp.rsid": "rsid",
    "chembl.pref_name": "drug", "chembl.molecule_chembl_id": "chembl", "mondo.label": "disease",
    "mondo.xrefs.omim": "omim",
}  # fmt: skip
_ID_KINDS = {"mygene": "entrez", "myvariant": "hgvs", "mychem": "inchikey", "mydisease": "mondo"}


def normalise(question: str) -> str:
    """Reduce a question to its words, so that punctuation and case make no difference."""
    return " ".join(re.findall(r"[^\W_]+", question.lower()))


class Filter:
    """Says why a pair may not be trained on."""

    def __init__(self, questions: Iterable[Question] | None = None) -> None:
        """`questions` are those of the evaluation; by default all of `data/eval`."""
        asked = read_questions() if questions is None else list(questions)
        self._conversations = {_conversation([*row.history, row.question]) for row in asked}
        lines = {line for row in asked for line in row.requests if line != REFUSAL}
        self._requests = {Query.parse(line).canonical for line in lines}

    def reason(self, pair: Pair) -> str | None:
        """Return what is wrong with a pair, in a few words; None if it may be trained on."""
        turns = [*(turn.question for turn in pair.history), pair.question]
        # The history is learnt too, turn by turn.
        if any(_conversation(turns[: end + 1]) in self._conversations for end in range(len(turns))):
            return "question of the evaluation"
        for line in pair.requests:
            if line == REFUSAL:
                continue
            if Query.parse(line).canonical in self._requests:
                return "request of the evaluation"
            if names_held_out_field(line):
                return "held-out field"
            if names_held_out_entity(line):
                return "held-out entity"
        return None


def _conversation(turns: Sequence[str]) -> tuple[str, ...]:
    return tuple(normalise(turn) for turn in turns)


def names_held_out_field(line: str) -> bool:
    """Tell whether a request line searches or asks for a field that is held out of training."""
    catalogue = load_catalogue(line.partition(" ")[0])
    return any(held_out_field(catalogue.api, catalogue.fields[path]) for path in fields_of(line))


def names_held_out_entity(line: str) -> bool:
    """Tell whether a request line names an entity that is held out of training."""
    query = Query.parse(line)
    if query.kind in ("get", "batch"):
        kind = _ID_KINDS[query.api] if not query.scopes else _KINDS.get(query.scopes[0])
        return kind is not None and any(held_out_entity(kind, item) for item in query.ids)
    try:
        tree = parse(query.q or "")
    except LuceneSyntaxError:
        return False
    return any(held_out_entity(_KINDS[name], value) for name, value in _values(tree) if name in _KINDS)


def _values(node: Node) -> Iterator[tuple[str, str]]:
    if isinstance(node, Bool):
        for clause in node.clauses:
            yield from _values(clause.node)
    elif isinstance(node, Boost):
        yield from _values(node.node)
    elif isinstance(node, (Term, Phrase)) and node.field is not None:
        yield node.field, node.text


@dataclass
class Split:
    """Pairs by their use. `wordings`: validation by phrasings that are not trained on; `requests`: by requests.

    No canonical request stands in training and in either validation part; no phrasing in training and in `wordings`.
    """

    training: list[Pair] = field(default_factory=list)
    wordings: list[Pair] = field(default_factory=list)
    requests: list[Pair] = field(default_factory=list)

    @property
    def validation(self) -> list[Pair]:
        """Both validation parts."""
        return [*self.wordings, *self.requests]


def split_pairs(pairs: Iterable[Pair]) -> Split:
    """Split pairs by phrasing and by canonical request; the same pairs are split in the same way everywhere."""
    split = Split()
    for pair in pairs:
        if any(held_out_phrasing(phrasing) for phrasing in pair.phrasings):
            split.wordings.append(pair)
        elif any(line != REFUSAL and in_validation(Query.parse(line).canonical) for line in pair.requests):
            split.requests.append(pair)
        else:
            split.training.append(pair)
    trained = {Query.parse(line).canonical for pair in split.training for line in pair.requests if line != REFUSAL}

    def unseen(pair: Pair) -> bool:
        # Of a refusal only the wording can be new.
        return pair.canonical not in trained

    split.wordings = [pair for pair in split.wordings if unseen(pair)]
    split.requests = [pair for pair in split.requests if unseen(pair)]
    return split


def synthesise(
    count: int, seed: int, progress: Callable[[int, int], None] | None = None
) -> tuple[list[Pair], Counter[str], dict[str, str]]:
    """Make `count` pairs that may be trained on.

    Returns:
        The pairs; how many were dropped, by reason; the first fault of each phrasing that made an illegal request.
    """
    synthesizer, leaks = Synthesizer(seed), Filter()
    kept: list[Pair] = []
    dropped: Counter[str] = Counter()
    # Some are dropped, so some more are made; the generator ends by itself where it finds no new question.
    for pair in synthesizer.pairs(2 * count):
        reason = leaks.reason(pair)
        if reason:
            dropped[reason] += 1
            continue
        kept.append(pair)
        if progress:
            progress(len(kept), count)
        if len(kept) == count:
            break
    return kept, dropped, synthesizer.faults


def keep_clean(pairs: Iterable[Pair], dropped: Counter[str]) -> list[Pair]:
    """Return the pairs that may be trained on, and count the others in `dropped`."""
    leaks = Filter()
    kept = []
    for pair in pairs:
        reason = leaks.reason(pair)
        if reason:
            dropped[reason] += 1
        else:
            kept.append(pair)
    return kept
