"""Names of diseases, findings, chemicals and genes, found where they stand in a question.

Where a name begins and ends is what a small model mistakes most easily ("number for cherubism", "Usher" for "Usher
syndrome"); a list of names knows. Known are those of the bundled snapshot. Only their hashes are kept, in
`<home>/names-<fingerprint>.npz`: they load in a moment, and no name has to be read back.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from zipfile import BadZipFile

import numpy as np

from tools.apis import API_NAMES
from tools.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Kind = Literal["disease", "chemical", "gene"]

#: Where the snapshot has names.
_SOURCES: dict[Kind, tuple[str, tuple[str, ...]]] = {
    "disease": (
        "mydisease",
        ("mondo.label", "mondo.synonym.exact", "disease_ontology.name", "disease_ontology.synonyms.exact"),
    ),
    "chemical": (
        "mychem",
        ("chembl.pref_name", "chembl.molecule_synonyms.molecule_synonym", "gtopdb.name", "drugbank.name",
         "drugbank.synonyms", "chebi.name", "chebi.synonyms"),
    ),
    "gene": ("mygene", ("symbol",)),
}  # fmt: skip
#: The fields that hold names of each kind; no path of one API means another thing in another.
_FIELDS: dict[Kind, frozenset[str]] = {
    "disease": frozenset(
        """mondo.label mondo.synonym.exact mondo.synonym.related mondo.synonym.narrow mondo.synonym.broad
        disease_ontology.name disease_ontology.synonyms.exact hpo.disease_name disgenet.xrefs.disease_name
        hpo.phenotype_related_to_disease.hpo_name clinvar.rcv.conditions.name clinvar.rcv.conditions.synonyms
        civic.evidence_items.disease.name civic.assertions.disease.name gwassnps.trait docm.disease
        clingen.clinical_validity.disease_label drugcentral.drug_use.indication.concept_name
        drugcentral.drug_use.contraindication.concept_name drugcentral.drug_use.off_label_use.concept_name
        sider.indication.name sider.side_effect.name aeolus.indications.name aeolus.outcomes.name""".split()  # noqa: SIM905
    ),
    "chemical": frozenset(
        """chembl.pref_name chembl.molecule_synonyms.molecule_synonym chembl.molecule_synonyms.synonyms chebi.name
        chebi.synonyms drugbank.name drugbank.synonyms drugcentral.synonyms gtopdb.name gtopdb.synonyms pharmgkb.name
        pharmgkb.generic_names aeolus.drug_name ginas.preferred_name ndc.nonproprietaryname ndc.substancename
        ctd.chemical_related_to_disease.chemical_name cgi.drug civic.evidence_items.drugs.name""".split()  # noqa: SIM905
    ),
    "gene": frozenset(
        """symbol clinvar.gene.symbol dbsnp.gene.symbol dbnsfp.genename cadd.gene.genename snpeff.ann.genename
        gtopdb.interaction_targets.symbol drugcentral.bioactivity.uniprot.gene_symbol
        disgenet.genes_related_to_disease.gene_name""".split()  # noqa: SIM905
    ),
}
_TOKEN = re.compile(r"[^\s,;:?!()\[\]\"“”]+|[,;:?!()\[\]\"“”]")
_ENDING = re.compile(r"(?:['’][sS]|['’.]+)$")
_MOST_WORDS = 12
#: Shorter ones are words or abbreviations of many meanings.
_SHORTEST = {"disease": 3, "chemical": 3, "gene": 2}
#: Names to an ontology, mere words of a question to us.
_GENERIC = frozenset(
    ("disease", "diseases", "disorder", "disorders", "syndrome", "syndromes", "inherited", "hereditary", "onset")
)
#: Abbreviations of diseases (MAP, HIT, CAS) are no words: they are known in capitals only.
_ABBREVIATION = re.compile(r"[A-Z]{2,6}")
#: Names of diseases that keep a possessive where they stand: Bell's palsy, but Fabry disease.
_POSSESSIVE_NAMES = ("mydisease", ("mondo.label", "disease_ontology.name"))
_POSSESSIVE = re.compile(r"['’][sS]\b")
#: Changes with what is kept.
_LAYOUT = 4


@dataclass(frozen=True, slots=True)
class Name:
    """A span of a text: `text == source[start:end]`, but for a token's case."""

    text: str
    start: int
    end: int


class Names:
    """The known names of each kind."""

    def __init__(self, hashes: Mapping[str, NDArray[np.uint64]]) -> None:
        """`hashes` are sorted, see `open_names`."""
        self._hashes = hashes

    @classmethod
    def of(cls, names: Mapping[Kind, Sequence[str]], possessive: Iterable[str] = ()) -> Names:
        """Return what knows these names, and of `possessive` the names that keep theirs."""
        hashes: dict[str, NDArray[np.uint64]] = {
            kind: _hashes([_form(kind, name) for name in names.get(kind, ())]) for kind in _SOURCES
        }
        hashes["possessive"] = _hashes([_plain(name) for name in possessive if _POSSESSIVE.search(name)])
        return cls(hashes)

    def find(self, kind: Kind, text: str) -> list[Name]:
        """Return the names of `kind` in `text`, left to right; of those that overlap the longest."""
        tokens = read_tokens(text)
        spans = [
            (first, last)
            for first in range(len(tokens))
            for last in range(first + 1, min(len(tokens), first + _MOST_WORDS) + 1)
        ]
        known = [span for span in spans if self._knows(kind, text, tokens[slice(*span)])]
        found: list[tuple[int, int]] = []
        for first, last in sorted(known, key=lambda span: span[0] - span[1]):
            if not any(first < other[1] and other[0] < last for other in found):
                found.append((first, last))
        bounds = [(tokens[first].start, tokens[last - 1].end) for first, last in sorted(found)]
        return [Name(text[start:end], start, end) for start, end in bounds]

    def _knows(self, kind: Kind, text: str, tokens: Sequence[Name]) -> bool:
        words = " ".join(token.text for token in tokens)
        if words in _GENERIC or len(words) < _SHORTEST[kind]:
            return False
        hashes = self._hashes[kind]
        for form in (words, text[tokens[0].start : tokens[-1].end]):
            place = int(np.searchsorted(hashes, _hash(form)))
            if place < len(hashes) and hashes[place] == _hash(form):
                return True
        return False

    def keeps_possessive(self, text: str) -> bool:
        """Tell whether a disease is named so, its possessive with it."""
        hashes, wanted = self._hashes["possessive"], _hash(_plain(text))
        place = int(np.searchsorted(hashes, wanted))
        return place < len(hashes) and bool(hashes[place] == wanted)

    def save(self, path: Path) -> None:
        """Write the hashes to a file, whole or not at all."""
        from tools.offline.files import write_whole

        content = io.BytesIO()
        arrays: dict[str, Any] = dict(self._hashes)
        np.savez(content, **arrays)
        write_whole(path, content.getvalue())


def kind_of(field: str) -> Kind | None:
    """Return what a field holds names of, None for other fields."""
    return next((kind for kind, fields in _FIELDS.items() if field in fields), None)


def read_tokens(text: str) -> list[Name]:
    """Split a text into words in lower case and the signs between them; a possessive's end is no part of a word."""
    return [
        Name(_bare(match.group()), match.start(), match.start() + len(_bare(match.group())))
        for match in _TOKEN.finditer(text)
    ]


def _bare(word: str) -> str:
    return (_ENDING.sub("", word) or word).lower()


def open_names(home: Path, progress: Callable[[str, int, int | None], None] | None = None) -> Names:
    """Open the names of the snapshot, reading them first where that has not been done.

    Args:
        home: the folder for everything that is written.
        progress: told (what, done, of how many) while reading.

    Raises:
        DataError: the snapshot is damaged, or the folder cannot be written.
    """
    from tools.offline.snapshot import fingerprint
    from tools.terms import read_terms

    prints = [fingerprint(api) for api in API_NAMES]
    key = hashlib.sha256(repr((_LAYOUT, prints, _SOURCES)).encode()).hexdigest()[:16]
    path = home / f"names-{key}.npz"
    try:
        with np.load(path) as file:
            return Names({kind: file[kind] for kind in (*_SOURCES, "possessive")})
    except (OSError, ValueError, KeyError, BadZipFile):
        pass  # Not there, or cut short: it is made again.
    found: dict[Kind, list[str]] = {}
    for done, (kind, (api, paths)) in enumerate(_SOURCES.items()):
        if progress:
            progress("reading names", done, len(_SOURCES))
        found[kind] = list(_read(api, paths))
    # Findings (HPO) and the conditions of variants stand in the fields of diseases, too.
    found["disease"] += read_terms().values()
    found["disease"] += _read("myvariant", ["clinvar.rcv.conditions.name"])
    api, paths = _POSSESSIVE_NAMES
    names = Names.of(found, _read(api, paths))
    try:
        names.save(path)
    except OSError as error:
        raise DataError(
            f"{path} cannot be written: {error}", "Choose another folder (BIOTHINGS_ASSISTANT_HOME)."
        ) from error
    return names


def _read(api: str, paths: Sequence[str]) -> Iterator[str]:
    from tools.offline.snapshot import documents

    routes = [path.split(".") for path in paths]
    for document in documents(api):
        for route in routes:
            yield from _values(document, route)


def _values(value: Any, route: Sequence[str]) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _values(item, route)
    elif route:
        if isinstance(value, dict) and route[0] in value:
            yield from _values(value[route[0]], route[1:])
    elif isinstance(value, str):
        yield value


def _form(kind: Kind, name: str) -> str:
    if kind == "disease" and _ABBREVIATION.fullmatch(name):
        return name
    return " ".join(token.text for token in read_tokens(name))


def _plain(name: str) -> str:
    return name.lower().replace("’", "'")


def _hashes(names: Sequence[str]) -> NDArray[np.uint64]:
    return np.unique(np.array([_hash(name) for name in names], dtype=np.uint64))


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
