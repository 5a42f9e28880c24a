"""From a BioThings document to what the engine indexes of it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from math import isfinite
from struct import Struct
from typing import Any

import orjson
import tantivy

from tools.offline.analysis import STANDARD, STRING, analyze, lowercase
from tools.offline.mapping import Field, FieldMapping, Node
from tools.offline.values import FLOAT_TYPES, INTEGER_LIMITS, encode

Document = dict[str, Any]

# Names of the fields that every index has beside those of its mapping.
ID = "id"
ID_HG19 = "id_hg19"
NAMES = "names"
ORIGIN = "origin"
ASSEMBLY = "assembly"
ASSEMBLIES = ("hg19", "hg38")
SOURCE = "source"
PLACES = "places"
STARTS = "starts"
NUMBER = "number"
WEIGHT = "weight"

# Keys of documents that are not for readers: identifier and alleles under hg19, where the entry is of both assemblies.
HG19_ID_KEY = "_id_hg19"
HG19_VCF_KEY = "_vcf_hg19"
POSITION_FIELDS = {"hg38": "genomic_pos", "hg19": "genomic_pos_hg19", "mm9": "genomic_pos_mm9"}
# Intervals are found by bins of this many bases.
BIN_SIZE = 1 << 17
_LONGEST = 1 << 30
#: No position, nor what the engine can compare, is beyond this one.
FARTHEST = 2**31 - 1
_SPECIES_WEIGHTS = {9606: 1.55, 10090: 1.3, 10116: 1.2} | dict.fromkeys((7227, 6239, 7955, 3702, 8364, 9823), 1.1)
_PSEUDOGENE_WEIGHT = 0.5
#: Scores of genes come out of the engine this many times too large.
WEIGHT_SCALE = 2
_CACHE_SIZE = 100_000
_NAMES_CACHE_SIZE = 4096
_CACHED_LENGTH = 80
_WRITTEN_SLOWLY = b" "
_COMPOUND = frozenset({dict, list})
_SINGLE = Struct("<f")
#: No number up to here overflows when it is rounded to 32 bits.
_SAFE_FLOAT = 1e38

Values = dict[str, list[Any]]


def build_schema(mapping: FieldMapping) -> tantivy.Schema:
    """Return the engine's schema for a mapping."""
    builder = tantivy.SchemaBuilder()
    builder.add_text_field(ID, tokenizer_name="raw", index_option="basic", fast=True)
    for name in (ID_HG19, ORIGIN, ASSEMBLY, PLACES):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    builder.add_text_field(NAMES, tokenizer_name="whitespace", index_option="basic")
    builder.add_integer_field(STARTS, fast=True)
    builder.add_float_field(WEIGHT, fast=True)
    builder.add_integer_field(NUMBER, fast=True)
    builder.add_bytes_field(SOURCE, stored=True)
    for leaf in mapping.fields.values():
        if leaf.kind in FLOAT_TYPES:
            builder.add_float_field(leaf.key, indexed=True, fast=True)
        elif leaf.is_ordered:
            builder.add_integer_field(leaf.key, indexed=True, fast=True)
        elif leaf.is_whole:
            builder.add_text_field(leaf.key, tokenizer_name="raw", index_option="basic", fast=leaf.is_sortable)
        else:
            builder.add_text_field(leaf.key, tokenizer_name="whitespace", index_option="position")
    return builder.build()


def write_source(document: Document) -> bytes:
    """Return a document as it is kept; `read_source` reads it."""
    try:
        return orjson.dumps(document)
    except TypeError:  # An integer of more than 64 bits: the other library writes it, and is to read it.
        return _WRITTEN_SLOWLY + json.dumps(document, ensure_ascii=False).encode()


def read_source(source: bytes) -> Document:
    """Return a document that was kept."""
    document: Document = json.loads(source) if source.startswith(_WRITTEN_SLOWLY) else orjson.loads(source)
    return document


def join_assemblies(known: Document, newer: Document, assembly: str) -> Document:
    """Return a variant that is given by its positions in one assembly as an entry of both, as the `known` one is."""
    if assembly == "hg38":
        return {key: known[key] for key in (HG19_ID_KEY, HG19_VCF_KEY, "hg19") if key in known} | newer
    joined = {**newer, "_id": known["_id"], HG19_ID_KEY: newer["_id"]}
    vcf = joined.pop("vcf", None)
    if vcf is not None:
        joined[HG19_VCF_KEY] = vcf
    return {key: known[key] for key in ("hg38", "vcf") if key in known} | joined


class DocumentWriter:
    """Makes engine documents by one mapping; for genes and variants with what their ranking and intervals need."""

    def __init__(self, mapping: FieldMapping, schema: tantivy.Schema, api: str = "") -> None:
        self._mapping = mapping
        self._schema = schema
        self._add_own = {"mygene": _add_gene, "myvariant": _add_variant}.get(api)
        self._names: dict[tuple[str, ...], str] = {}
        self._terms: dict[str, dict[str, str]] = {}
        self._encoders = {path: (leaf.key, self._choose_encoder(leaf)) for path, leaf in mapping.fields.items()}

    def write(self, document: Document, number: int, origin: str, assemblies: tuple[str, ...]) -> tantivy.Document:
        """Return the engine's form of a document; `assemblies` are those it is found under."""
        identifier = document["_id"]
        target: Values = {ID: [identifier], NUMBER: [number], ORIGIN: [origin], SOURCE: [write_source(document)]}
        if assemblies:
            if HG19_ID_KEY in document:
                if assemblies == ASSEMBLIES:  # loaded without an assembly: its own id finds it under either
                    target[ID].append(document[HG19_ID_KEY])
                assemblies = ASSEMBLIES
            target[ASSEMBLY] = list(assemblies)
            if "hg19" in assemblies:
                target[ID_HG19] = [document.get(HG19_ID_KEY, identifier)]
        present = []
        values = collect_values(document, self._mapping)
        for path, found in values.items():
            key, encode_values = self._encoders[path]
            encoded = encode_values(found)
            if encoded is not None:
                present.append(path)
                target[key] = encoded
        target[NAMES] = [self._list_names(tuple(present))]
        if self._add_own is not None:
            self._add_own(target, document, values)
        return tantivy.Document.from_dict(target, self._schema)

    def _choose_encoder(self, leaf: Field) -> Callable[[list[Any]], list[Any] | None]:
        """Return what makes of a field's values what is indexed; None where none of them counts as present."""
        if leaf.kind in INTEGER_LIMITS:
            return partial(_encode_integers, leaf.kind, *INTEGER_LIMITS[leaf.kind])
        if leaf.kind == "double":
            return _encode_doubles
        if leaf.kind == "float":
            return _encode_floats
        if leaf.is_ordered:
            return partial(_encode_numbers, leaf.kind)
        if leaf.kind == "keyword":
            return _encode_exactly if leaf.exact else _encode_keywords
        if not leaf.indexed:
            return _encode_nothing
        if leaf.analyzer == STRING:
            return _encode_strings
        if leaf.is_whole:
            return partial(_encode_whole, leaf.analyzer)
        return self._words_encoder(leaf.analyzer)

    def _words_encoder(self, analyzer: str) -> Callable[[list[Any]], list[str]]:
        """Return what analyses texts into terms with blanks between; short ones recur (effects, types) and are kept."""
        kept = self._terms.setdefault(analyzer, {})

        def join_terms(text: str) -> str:
            if len(text) > _CACHED_LENGTH:
                return " ".join(analyze(text, analyzer))
            known = kept.get(text)
            if known is None:
                if len(kept) >= _CACHE_SIZE:
                    kept.clear()
                known = kept[text] = " ".join(analyze(text, analyzer))
            return known

        def encode_words(found: list[Any]) -> list[str]:
            first = found[0]
            if len(found) == 1 and type(first) is str:  # as nearly always
                return [kept.get(first) or join_terms(first)]
            return [join_terms(to_text(value)) for value in found]

        return encode_words

    def _list_names(self, paths: tuple[str, ...]) -> str:
        """Return the names of fields and of the objects around them; documents of one source share their set."""
        known = self._names.get(paths)
        if known is None:
            if len(self._names) >= _NAMES_CACHE_SIZE:
                self._names.clear()
            parts = [path.split(".") for path in paths]
            names = {".".join(part[: end + 1]) for part in parts for end in range(len(part))}
            known = self._names[paths] = " ".join(map(name_term, sorted(names)))
        return known


def _encode_doubles(found: list[Any]) -> list[float] | None:
    first = found[0]
    if len(found) == 1 and type(first) is float and isfinite(first):  # as nearly always
        return [first]
    return _encode_numbers("double", found)


def _encode_floats(found: list[Any]) -> list[float] | None:
    first = found[0]
    if len(found) == 1 and type(first) is float and abs(first) < _SAFE_FLOAT:
        return list(_SINGLE.unpack(_SINGLE.pack(first)))
    return _encode_numbers("float", found)


def _encode_numbers(kind: str, found: list[Any]) -> list[float] | None:
    if len(found) == 1:
        number = encode(kind, found[0])
        return None if number is None else [number]
    numbers = [number for value in found if (number := encode(kind, value)) is not None]
    # The least first: sorting goes by the first.
    return sorted(set(numbers)) or None


def _encode_integers(kind: str, low: int, high: int, found: list[Any]) -> list[float] | None:
    first = found[0]
    if len(found) == 1 and type(first) is int:  # as nearly always
        return [first] if low <= first <= high else None
    return _encode_numbers(kind, found)


_encode_places = partial(_encode_integers, "integer", *INTEGER_LIMITS["integer"])


def _encode_exactly(found: list[Any]) -> list[str]:
    return sorted({to_text(value) for value in found})


def _encode_keywords(found: list[Any]) -> list[str]:
    if len(found) == 1:
        return _encode_strings(found)
    return sorted({lowercase(to_text(value)) for value in found})


def _encode_strings(found: list[Any]) -> list[str]:
    first = found[0]
    if len(found) == 1 and type(first) is str and first.isascii():  # as nearly always
        return [first.lower()]
    return [lowercase(to_text(value)) for value in found]


def _encode_whole(analyzer: str, found: list[Any]) -> list[str]:
    return [term for value in found for term in analyze(to_text(value), analyzer)]


def _encode_nothing(found: list[Any]) -> None:
    """An unindexed text leaves no trace."""


def name_term(path: str) -> str:
    """Return the term that says that a document holds a field: its path, blanks replaced."""
    return "\x00".join(path.split())


def _add_gene(target: Values, document: Document, values: Values) -> None:
    # The engine multiplies a score by log2(2 + the field), which is never below 1: hence the scale.
    target[WEIGHT] = [2 ** (gene_weight(document) * WEIGHT_SCALE) - 2]
    for assembly, name in POSITION_FIELDS.items():
        positions = document.get(name)
        for position in positions if isinstance(positions, list) else [positions] if positions else []:
            place = _read_position(position)
            if place is None:
                continue
            chromosome, start, end = place
            target.setdefault(STARTS, []).append(encode_start(assembly, chromosome, start))
            target.setdefault(PLACES, []).extend(place_terms(assembly, chromosome, start, end))


def _add_variant(target: Values, document: Document, values: Values) -> None:
    for assembly in ASSEMBLIES:
        first, last = values.get(f"{assembly}.start"), values.get(f"{assembly}.end")
        if first is None or last is None:
            continue
        starts, ends = _encode_places(first), _encode_places(last)
        if starts and ends:
            for chromosome in values.get("chrom", ()):
                target.setdefault(PLACES, []).extend(place_terms(assembly, str(chromosome), starts[0], ends[-1]))


def collect_values(document: Mapping[str, Any], mapping: FieldMapping) -> Values:
    """Return the values of each field of `mapping` that a document holds, lists flattened, nulls left out.

    Values that are copied into a field (`all`) follow in the order of the document.
    """
    values: Values = {}
    _collect(document, mapping.root, values)
    return values


def _collect(value: Any, node: Node, values: Values) -> None:
    if isinstance(value, list):
        for item in value:
            _collect(item, node, values)
    elif isinstance(value, dict):
        children = node.children
        for key, item in value.items():
            child = children.get(key)
            if child is None:
                if "." in key:
                    _collect_dotted(key, item, node, values)
            elif type(item) in _COMPOUND:
                _collect(item, child, values)
            elif item is not None:
                # As `_keep` does: here every value of a document comes by, and a call costs as much as all else.
                child.seen = True
                for path in child.targets:
                    if path in values:
                        values[path].append(item)
                    else:
                        values[path] = [item]
    elif value is not None:
        _keep(value, node, values)


def _keep(value: Any, node: Node, values: Values) -> None:
    node.seen = True
    for path in node.targets:
        known = values.get(path)
        if known is None:
            values[path] = [value]
        else:
            known.append(value)


def _collect_dotted(key: str, value: Any, node: Node, values: Values) -> None:
    """A key `a.b` of a document means the same as `b` within `a`."""
    for part in key.split("."):
        following = node.children.get(part)
        if following is None:
            return
        node = following
    _collect(value, node, values)


def field_tokens(document: Document, leaf: Field, mapping: FieldMapping) -> Iterator[list[str]]:
    """Yield the terms of each value of a text field, as they were indexed."""
    if leaf.path in mapping.targets or leaf.path not in mapping.rows:
        values = collect_values(document, mapping).get(leaf.path, [])
    else:
        values = list(_walk(document, leaf.path.split(".")))
    for value in values:
        yield analyze(to_text(value), leaf.analyzer)


def _walk(value: Any, parts: list[str]) -> Iterator[Any]:
    """Yield the scalars at a path below a value."""
    if isinstance(value, list):
        for item in value:
            yield from _walk(item, parts)
    elif isinstance(value, dict):
        for end in range(1, len(parts) + 1):
            yield from _walk(value.get(".".join(parts[:end])), parts[end:])
    elif value is not None and not parts:
        yield value


def to_text(value: Any) -> str:
    """Return a value as the text that JSON writes it with."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def gene_weight(document: Document) -> float:
    """Return what mygene multiplies the scores of a gene by; of several reasons the first counts."""
    if "pseudogene" in analyze(to_text(document.get("name") or ""), STANDARD):
        return _PSEUDOGENE_WEIGHT
    taxid = document.get("taxid")
    return _SPECIES_WEIGHTS.get(taxid, 1.0) if isinstance(taxid, int) else 1.0


def encode_start(assembly: str, chromosome: str, start: int) -> int:
    """Return a number that orders starts within a chromosome of an assembly and keeps chromosomes apart."""
    return (zlib.crc32(f"{assembly}:{chromosome}".encode()) >> 4 << 34) + start


def place_prefix(assembly: str, chromosome: str, number: int) -> str:
    """Return what the terms of all intervals that touch a bin begin with; `start:end` follows."""
    return f"{assembly}:{chromosome}:{number}:"


def place_terms(assembly: str, chromosome: str, start: float, end: float) -> Iterator[str]:
    """Yield the term of an interval in each bin that it touches."""
    low, high = sorted((int(start), int(end)))
    # Nothing is longer than a chromosome; a damaged end must not make a million bins.
    if 0 <= low <= high < low + _LONGEST:
        chromosome = chromosome.lower()
        for number in range(low // BIN_SIZE, high // BIN_SIZE + 1):
            yield f"{place_prefix(assembly, chromosome, number)}{int(start)}:{int(end)}"


def _read_position(position: Any) -> tuple[str, int, int] | None:
    try:
        start, end = int(position["start"]), int(position["end"])
        chromosome = str(position["chr"]).lower().removeprefix("chr")
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return (chromosome, start, end) if 0 <= start <= end < min(start + _LONGEST, FARTHEST) else None
