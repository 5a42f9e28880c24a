"""The sorts of identifier that a list may hold: how they look, which API has them, and how words call them."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Sort:
    """A sort of identifier: how it looks, which API has it, and the fields in which it is looked up (none: by id).

    `said`: it looks like another sort, and is taken for this one only where words call it so. `cut`: what may stand in
    an entry but not in the field.
    """

    name: str
    pattern: re.Pattern[str]
    api: str
    scopes: tuple[str, ...]
    fields: tuple[str, ...]
    said: str = ""
    cut: re.Pattern[str] | None = None

    def term(self, entry: str) -> str:
        """Return what an entry is looked up as."""
        return self.cut.sub("", entry) if self.cut is not None else entry


_GENE = ("symbol", "name", "entrezgene")
_VARIANT = ("dbsnp.rsid", "clinvar.gene.symbol", "clinvar.rcv.clinical_significance")
_DRUG = ("chembl.pref_name", "chembl.molecule_chembl_id", "pubchem.cid")
_DISEASE = ("mondo.label", "mondo.mondo")
_DRUG_NAMES = ("chembl.pref_name", "gtopdb.name", "chebi.name", "drugbank.name")
_DISEASE_NAMES = ("mondo.label", "disease_ontology.name")
#: Fields of names, in which a look-up finds longer names, too.
NAMES = ("symbol", *_DRUG_NAMES, *_DISEASE_NAMES)
_SAID = {"PubChem CIDs": "pubchem", "OMIM numbers": "omim", "drug names": "drug", "disease names": "disease"}
_CUT = {
    **dict.fromkeys(("Ensembl ids", "Ensembl transcripts", "Ensembl proteins"), re.compile(r"\.\d+$")),
    "HGNC ids": re.compile("^HGNC:"),
}
_UNIPROT = r"[OPQ]\d[A-Z\d]{3}\d|[A-NR-Z]\d(?:[A-Z][A-Z\d]{2}\d){1,2}"
#: The first that fits most entries is taken; symbols, which almost anything looks like, come last.
SORTS = tuple(
    Sort(name, re.compile(pattern), api, scopes, fields, _SAID.get(name, ""), _CUT.get(name))
    for name, pattern, api, scopes, fields in (
        ("rsIDs", r"rs\d+", "myvariant", ("dbsnp.rsid",), _VARIANT),
        ("variants in HGVS", r"chr\w{1,2}:g\.\S+", "myvariant", (), _VARIANT),
        ("Ensembl ids", r"ENS[A-Z]{0,5}G\d{11}(?:\.\d+)?", "mygene", ("ensembl.gene",), _GENE),
        ("Ensembl transcripts", r"ENS[A-Z]{0,5}T\d{11}(?:\.\d+)?", "mygene", ("ensembl.transcript",), _GENE),
        ("Ensembl proteins", r"ENS[A-Z]{0,5}P\d{11}(?:\.\d+)?", "mygene", ("ensembl.protein",), _GENE),
        ("MONDO ids", r"MONDO:\d{7}", "mydisease", ("mondo.mondo",), _DISEASE),
        ("Disease Ontology ids", r"DOID:\d+", "mydisease", ("disease_ontology.doid",), _DISEASE),
        ("InChIKeys", r"[A-Z]{14}-[A-Z]{10}-[A-Z]", "mychem", (), _DRUG),
        ("ChEMBL ids", r"CHEMBL\d+", "mychem", ("chembl.molecule_chembl_id",), _DRUG),
        ("DrugBank ids", r"DB\d{5}", "mychem", ("drugbank.id",), ("drugbank.name", *_DRUG)),
        ("ChEBI ids", r"CHEBI:\d+", "mychem", ("chebi.id",), ("chebi.name", *_DRUG)),
        ("HGNC ids", r"HGNC:\d+", "mygene", ("HGNC",), _GENE),
        ("RefSeq ids", r"[NX][MR]_\d+(?:\.\d+)?", "mygene", ("refseq.rna",), _GENE),
        ("UniProt ids", _UNIPROT, "mygene", ("uniprot.Swiss-Prot", "uniprot.TrEMBL"), _GENE),
        ("PubChem CIDs", r"\d+", "mychem", ("pubchem.cid",), _DRUG),
        ("OMIM numbers", r"\d{6}", "mydisease", ("mondo.xrefs.omim", "hpo.omim"), _DISEASE),
        ("NCBI Gene ids", r"\d+", "mygene", ("entrezgene", "retired"), _GENE),
        ("drug names", r".*[A-Za-z].*", "mychem", _DRUG_NAMES, ("chembl.molecule_chembl_id", *_DRUG_NAMES)),
        ("disease names", r".*[A-Za-z].*", "mydisease", _DISEASE_NAMES, ("mondo.mondo", *_DISEASE_NAMES)),
        ("gene symbols", r"[A-Za-z][\w.@-]{1,20}", "mygene", ("symbol", "alias"), _GENE),
    )
)
#: Those that tell by their shape what they are; what looks like one of the others may be something else.
SHAPED = SORTS[: [sort.name for sort in SORTS].index("UniProt ids")]
#: What is hardly anything but a symbol: no word, and no identifier of a pathway, a protein family or a data set.
_PLAIN_SYMBOL = re.compile(r"(?!WP\d|.*\d{4})[A-Z]{2}[A-Z0-9]{1,8}")
#: Those that may look like anything.
_LOOSE = frozenset({"drug names", "disease names", "gene symbols"})
_HEADINGS = re.compile(
    r"gene|genes|symbol|symbols|id|ids|name|names|rsid|rsids|variant|variants|drug|drugs|disease|diseases"
    r"|identifier|identifiers|accession|hgnc|hugo|ensembl|entrez|uniprot|refseq|chembl|mondo|dbsnp|geneid"
    r"|cid|cids|pubchem|pubchemcid|omim|mim|drugbank|chebi|doid|compound|compounds|chemical|chemicals|disorder"
    r"|genesymbol|genename|hgncid|hgncsymbol|ensemblid|entrezid|uniprotid",
    re.IGNORECASE,
)
#: Stands where there is no entry.
_NOTHING = re.compile(r"n/?a|nan|none|null|unknown|[-–—]+", re.IGNORECASE)
GENE_WORDS = re.compile(r"gene|entrez|ncbi", re.IGNORECASE)
_PUBCHEM = re.compile(r"pubchem|(?<![a-z])cids?(?![a-z])", re.IGNORECASE)
_OMIM = re.compile(r"(?<![a-z])o?mim(?![a-z])", re.IGNORECASE)
#: What words call the entries: `ChEMBL ids of these drugs`, `drug names`; not what is wanted: `drugs for these genes`.
ENTRIES = re.compile(
    r"(?:^|\b(?:these|those|following|of|for|my|map|convert)\s+)(?:the\s+|some\s+)?(?:[\w-]+\s+)??"
    r"(?:(genes?|symbols?|proteins?)|(drugs?|chemicals?|compounds?|medicines?|medications?)|(diseases?|disorders?))"
    r"(?=\s+(?:names?|list|to|into|in|with|and)\b|[\s:_]*$|_\w+$)",
    re.IGNORECASE,
)


def kinds_of(words: str) -> set[str]:
    """Return what words call the entries of a list: `drug`, `disease`, `pubchem` or `omim`; none for all others."""
    kinds = set()
    if not GENE_WORDS.search(words):
        kinds |= {kind for kind, said in (("pubchem", _PUBCHEM), ("omim", _OMIM)) if said.search(words)}
    called = list(ENTRIES.finditer(words))
    if called and not called[-1][1]:
        kinds.add("drug" if called[-1][2] else "disease")
    return kinds


def is_heading(text: str, *, wholly: bool = False) -> bool:
    """Tell whether a cell says what stands below it; `wholly`: by each of its words, or joined as no name is."""
    words = [word for word in re.split(r"[\s_./()-]+", text) if word]
    told = [_HEADINGS.fullmatch(word) is not None for word in words]
    return any(told) and (not wholly or all(told) or "_" in text)


def are_plain(entries: list[str], *, column: bool) -> bool:
    """Tell whether a few entries cannot be mistaken: all of one shape, or, one to a line, UniProt ids or symbols."""
    if any(all(map(sort.pattern.fullmatch, entries)) for sort in SHAPED):
        return True
    # What is said in capitals is not meant as a symbol: YES, PLEASE. Of symbols, many hold a digit.
    digits = sum(1 for entry in entries if re.search(r"\d", entry))
    symbols = all(map(_PLAIN_SYMBOL.fullmatch, entries)) and 2 * digits >= len(entries)
    return column and (symbols or all(re.fullmatch(_UNIPROT, entry) for entry in entries))


def sort_of(entries: list[str], words: str) -> Sort | None:
    """Return the sort that most entries are of; `words` say what they are called, where that is known."""
    kinds = kinds_of(words)
    for sort in SORTS:
        if sort.said and sort.said not in kinds:
            continue
        fitting = sum(1 for entry in entries if sort.pattern.fullmatch(entry))
        # Identifiers of several other APIs look like symbols, but none of them is one.
        if fitting >= 0.6 * len(entries) > 0 and any(sort_of_entry(entry, sort) for entry in entries):
            return sort
    return None


def sort_of_entry(entry: str, main: Sort) -> Sort | None:
    """Return the sort as which an entry of a list that is mostly of `main` can be looked up with it; None: as none."""
    if _NOTHING.fullmatch(entry):
        return None
    loose = main.name in _LOOSE
    if not loose and any(map(main.pattern.fullmatch, (entry, entry.upper(), entry.lower()))):
        return main
    # Among genes, a number or a symbol is a gene's, too; a drug may be called anything.
    others = SORTS if main.api == "mygene" else SHAPED
    own = next((sort for sort in others if not sort.said and sort.pattern.fullmatch(entry)), None)
    if own is None:
        return main if loose else None
    # One request asks one API, either by id or in fields.
    return own if own.api == main.api and own.scopes and main.scopes else None
