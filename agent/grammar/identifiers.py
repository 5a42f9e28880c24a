"""Normal forms of identifiers: CURIEs, HGVS names, accessions, and intervals on a chromosome.

A person writes "MONDO 5148", "omim 219700", "chr7:140453136 A>T", "RS58991260"; the services store `MONDO:0005148`,
`OMIM:219700` or `219700`, `chr7:g.140453136A>T`, `rs58991260`. Digits and letters are never altered, only their frame.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from agent.grammar.numbers import Mention

#: What people call a source -> the prefix under which catalogues store its identifiers.
_PREFIX_NAMES = {
    "hpo": "hp", "mim": "omim", "orpha": "orphanet", "ordo": "orphanet", "uberon": "uberon", "cui": "umls",
    "nci": "ncit", "ncbi": "ncbigene", "entrez": "ncbigene", "clinvar": "clinvar", "omim": "omim",
}  # fmt: skip
#: Prefixes written without a colon, and how many digits they are filled up to.
_JOINED = {
    "rs": ("rs", 0), "dbsnp": ("rs", 0), "chembl": ("CHEMBL", 0), "drugbank": ("DB", 5), "reactome": ("R-HSA-", 0),
    "cosmic": ("COSM", 0), "lincs": ("LSM-", 0), "pharmgkb": ("PA", 0),
}  # fmt: skip
#: Prefixes known without a catalogue's example: as stored, and the width that their zeros fill.
_KNOWN = {
    "go": ("GO", 7), "hp": ("HP", 7), "mondo": ("MONDO", 7), "doid": ("DOID", 0), "omim": ("OMIM", 0),
    "orphanet": ("ORPHANET", 0), "mesh": ("MESH", 0), "umls": ("UMLS", 0), "ncit": ("NCIT", 0), "chebi": ("CHEBI", 0),
    "hgnc": ("HGNC", 0), "mgi": ("MGI", 0), "efo": ("EFO", 7), "clinvar": ("CLINVAR", 0), "ncbigene": ("NCBIGene", 0),
    "icd10": ("ICD10", 0), "icd9": ("ICD9", 0), "kegg": ("KEGG", 0), "decipher": ("DECIPHER", 0), "so": ("SO", 7),
    "uniprotkb": ("UniProtKB", 0), "ensembl": ("ENSEMBL", 0), "medgen": ("MedGen", 0), "gard": ("GARD", 7),
    "snomed": ("SNOMED", 0), "rgd": ("RGD", 0), "zfin": ("ZFIN", 0),
}  # fmt: skip
_CURIE = re.compile(
    r"\b(?P<prefix>[A-Za-z][A-Za-z0-9]{1,10})(?:[:_#]|[\s-]*(?:\b(?:id|ids|identifiers?|number|no\.?|term|accession|entry|"
    r"code|cui|cid|variation|variant|gene|disease|chemical)\b[\s:#]*)*)\s*(?P<local>[A-Z]{0,2}\d[\d.]*\d|[A-Z]?\d+)\b",
    re.IGNORECASE,
)
_EXAMPLE = re.compile(r"([A-Za-z][A-Za-z0-9]*):[A-Z]?(\d+)$")
_LETTERS = "ARNDCQEGHILKMFPSTWYVX*"
_RESIDUES = "Ala Arg Asn Asp Cys Gln Glu Gly His Ile Leu Lys Met Phe Pro Ser Thr Trp Tyr Val Ter Ter"
_AMINO = dict(zip(_LETTERS, _RESIDUES.split(), strict=True))
_ONE_LETTER = {name.lower(): letter for letter, name in _AMINO.items() if letter != "X"}
_PROTEIN = re.compile(
    r"(?<![A-Za-z0-9])(?:p\.\(?)?(?P<ref>[ARNDCQEGHILKMFPSTWYV]|[A-Z][a-z]{2})(?P<place>\d{1,5})"
    r"(?P<alt>[ARNDCQEGHILKMFPSTWYVX*]|[A-Z][a-z]{2}|=)(?P<fs>fs(?:\*\d+|Ter\d+)?)?\)?(?![A-Za-z0-9])"
)
_GENOMIC = re.compile(
    r"(?<![A-Za-z0-9])(?:(?P<nc>NC_0000(?P<ncnumber>\d\d)\.\d+)|(?:chr(?:omosome)?\s?)?(?P<chrom>\d{1,2}|X|Y|MT?))"
    r"\s?:\s?g\.(?P<change>[\d_]+(?:[ACGT]+>[ACGT]+|(?:del|ins|dup|inv)[ACGT]*(?:ins[ACGT]+)?))(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_VCF = re.compile(
    r"(?<![A-Za-z0-9])(?:chr(?:omosome)?\s?)?(?P<chrom>\d{1,2}|X|Y|MT?)[\s:_,-]+(?:g\.)?(?P<place>\d[\d,]{3,14})"
    r"[\s:_,-]*(?P<ref>[ACGT]{1,40})\s*(?:>|/|-|:|_|->|to)\s*(?P<alt>[ACGT]{1,40})(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_INCHIKEY = re.compile(r"\b[A-Z]{14}-[A-Z]{10}-[A-Z]\b", re.IGNORECASE)
_UPPER = re.compile(
    r"\b(?:ENS[A-Z]{0,4}[GTPE]\d{11}|CHEMBL\d+|DB\d{5}|CA\d{4,}|RCV\d{9}|VCV\d{9}|[NX][MPRGC]_\d{6,9}|C\d{7}|D\d{6})"
    r"(?:\.\d+)?\b",
    re.IGNORECASE,
)
_RSID = re.compile(r"\brs\s?(\d+)\b", re.IGNORECASE)
_CLINVAR = re.compile(r"\bVCV0*(\d+)", re.IGNORECASE)
_CHROMOSOME = re.compile(
    r"\b(?:chr(?:omosomes?)?\.?[\s_-]?)(?P<name>\d{1,2}[LR]?|[XYZW]|MT?|I{1,3}|IV|VI{0,3}|"
    r"one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\b(?![.\d]*[pq]\d)",
    re.IGNORECASE,
)
_COLON = re.compile(r"(?<![\w.])(?P<name>\d{1,2}|X|Y|MT?):(?=\d{4}|\d{1,3},\d{3})", re.IGNORECASE)
_REVERSED = re.compile(r"(?<![\w.])(?P<name>\d{1,2}|[XYZW]|MT)[\s-]chromosomes?\b", re.IGNORECASE)
_ALSO = re.compile(r"(?:\s*,\s*|\s*(?:,\s*)?(?:and|or|&)\s+)(?P<name>\d{1,2}|[XY]|MT)\b(?![,.]?\d|\s*[kMG]b)")
_AROUND = re.compile(
    r"\b(?:within|around|near|flank\w*|either side|up-?stream|down-?stream|window|vicinity)\b|±|\+/-", re.IGNORECASE
)
# Symbols write a Greek letter as a Latin one: PPARγ and PPAR gamma are PPARG, TNF-α is TNFA.
_GREEK = {
    "alpha": "A", "beta": "B", "gamma": "G", "delta": "D", "epsilon": "E", "zeta": "Z", "eta": "H", "theta": "Q",
    "kappa": "K", "lambda": "L", "mu": "M", "sigma": "S", "tau": "T", "omega": "O",
    "α": "A", "β": "B", "γ": "G", "δ": "D", "ε": "E", "ζ": "Z", "η": "H", "θ": "Q", "κ": "K", "λ": "L", "μ": "M",
    "σ": "S", "τ": "T", "ω": "O",
}  # fmt: skip
_GREEK_SYMBOL = re.compile(
    rf"\b(?P<stem>[A-Z][A-Z0-9]+)[-\s]?(?P<letter>{'|'.join(_GREEK)})-?(?P<number>\d*)(?![A-Za-z0-9])"
)
_NUMBER_NAMES = "zero one two three four five six seven eight nine ten eleven twelve"

WHOLE_CHROMOSOME = "1-300000000"
_MOST_CHROMOSOMES = 8
_MOST_PLACES = 12


def stored_prefixes(examples: Sequence[str]) -> dict[str, tuple[str, int]]:
    """Return, from example values such as `HP:0000407`, the prefix as stored and its width, by lower-case prefix."""
    found: dict[str, tuple[str, int]] = {}
    for example in examples:
        match = _EXAMPLE.match(example)
        if match:
            digits = match[2]
            found.setdefault(match[1].lower(), (match[1], len(digits) if digits.startswith("0") else 0))
    return found


def normal_forms(text: str, prefixes: Mapping[str, tuple[str, int]]) -> list[str]:
    """Return the stored forms of the identifiers in `text`; `prefixes` come from `stored_prefixes`."""
    forms: dict[str, None] = {}
    for source in (
        _curies(text, prefixes),
        _accessions(text),
        genomic_names(text),
        _protein_changes(text),
        _symbols(text),
    ):
        for form in source:
            forms[form] = None
    return list(forms)


def genomic_names(text: str) -> list[str]:
    """Return the HGVS names `chr7:g.140453136A>T` of the changes that `text` writes in any usual way."""
    names: dict[str, None] = {}
    for match in _GENOMIC.finditer(text):
        number = match["ncnumber"]
        chrom = {"23": "X", "24": "Y"}.get(number, number.lstrip("0")) if number else match["chrom"].upper()
        change = re.sub(r"del|ins|dup|inv", lambda kind: kind[0].lower(), match["change"].upper(), flags=re.IGNORECASE)
        names[f"chr{chrom}:g.{change}"] = None
    for match in _VCF.finditer(text):
        place, ref, alt = int(match["place"].replace(",", "")), match["ref"].upper(), match["alt"].upper()
        names[f"chr{match['chrom'].upper()}:g.{_change(place, ref, alt)}"] = None
    return list(names)


def _change(place: int, ref: str, alt: str) -> str:
    """Write a VCF change as HGVS does."""
    if len(ref) == len(alt) == 1:
        return f"{place}{ref}>{alt}"
    if alt[0] == ref[0] and len(alt) == 1:
        first, last = place + 1, place + len(ref) - 1
        return f"{first}del" if first == last else f"{first}_{last}del"
    if alt[0] == ref[0] and len(ref) == 1:
        return f"{place}_{place + 1}ins{alt[1:]}"
    end = place + len(ref) - 1
    return f"{place}delins{alt}" if end == place else f"{place}_{end}delins{alt}"


def _curies(text: str, prefixes: Mapping[str, tuple[str, int]]) -> Iterator[str]:
    for match in _CURIE.finditer(text):
        said, local = match["prefix"].lower(), match["local"].upper().rstrip(".")
        if said in _JOINED:
            joined, width = _JOINED[said]
            if local.isdigit():
                yield joined + local.zfill(width)
        name = _PREFIX_NAMES.get(said, said)
        known = {form for form in (prefixes.get(name), prefixes.get(said), _KNOWN.get(name)) if form}
        for prefix, width in sorted(known):
            yield f"{prefix}:{local.zfill(width) if local.isdigit() else local}"
        if known:
            yield local
            stripped = local.lstrip("0")
            if stripped and stripped != local:
                yield stripped


def _accessions(text: str) -> Iterator[str]:
    for match in _RSID.finditer(text):
        yield f"rs{match[1]}"
    for match in _INCHIKEY.finditer(text):
        yield match[0].upper()
    for match in _UPPER.finditer(text):
        upper = match[0].upper()
        yield upper
        if "." in upper:
            yield upper.partition(".")[0]
    for match in _CLINVAR.finditer(text):
        yield match[1]


def _protein_changes(text: str) -> Iterator[str]:
    for match in _PROTEIN.finditer(text):
        ref, alt = _one(match["ref"]), _one(match["alt"])
        if ref is None or alt is None:
            continue
        shift = match["fs"] or ""
        place = match["place"]
        yield place
        alts = [alt] if alt not in "X*" else ["*", "X"]
        for letter in alts:
            yield f"{ref}{place}{letter}{shift}"
            yield f"p.{ref}{place}{letter}{shift}"
        for name in [alt] if alt == "=" else dict.fromkeys([_AMINO[alt], "*" if alt in "X*" else _AMINO[alt]]):
            yield f"{_AMINO[ref]}{place}{name}{shift}"
            yield f"p.{_AMINO[ref]}{place}{name}{shift}"


def _symbols(text: str) -> Iterator[str]:
    for match in _GREEK_SYMBOL.finditer(text):
        yield f"{match['stem']}{_GREEK[match['letter']]}{match['number']}"


def _one(residue: str) -> str | None:
    """Return the one-letter code of an amino acid, None if it is none."""
    if len(residue) == 1:
        return residue
    return _ONE_LETTER.get(residue.lower())


def read_chromosomes(text: str) -> list[str]:
    """Return the chromosomes that `text` names, as `7`, `X`, `MT`, `III`."""
    names: dict[str, None] = {}
    for match in (*_CHROMOSOME.finditer(text), *_REVERSED.finditer(text), *_COLON.finditer(text)):
        names[_chromosome(match["name"])] = None
        end = match.end()
        while match.re is _CHROMOSOME and (more := _ALSO.match(text, end)):
            names[_chromosome(more["name"])] = None
            end = more.end()
    if re.search(r"\bmitochondrial (?:chromosome|genome|DNA)|\bmtDNA\b", text, re.IGNORECASE):
        names["MT"] = None
    return list(names)[:_MOST_CHROMOSOMES]


def _chromosome(said: str) -> str:
    lower = said.lower()
    names = _NUMBER_NAMES.split()
    return str(names.index(lower)) if lower in names else said.upper()


def read_places(text: str, mentions: Sequence[Mention]) -> list[tuple[int, int]]:
    """Return the stretches of a chromosome that the numbers of `text` can mean, as (first, last) base."""
    numbers = [int(mention.value) for mention in mentions if mention.value >= 0 and mention.value == int(mention.value)]
    places: dict[tuple[int, int], None] = {}
    for first, last in zip(numbers, numbers[1:], strict=False):
        if first <= last and last >= 1000:
            places[first, last] = None
    single = [number for number in numbers if number >= 1000]
    for number in single:
        places[number, number] = None
    if re.search(r"\bfirst\b|\bup to\b|\bbeginning\b|\bbelow\b|\bbefore\b", text, re.IGNORECASE):
        for number in single:
            places[1, number] = None
    if _AROUND.search(text):
        for centre in single:
            for distance in single:
                if distance < centre:
                    places[max(1, centre - distance), centre + distance] = None
    return list(places)[:_MOST_PLACES]


def is_identifier(word: str) -> bool:
    """Tell whether `word` can stand as an entity's identifier: it holds a digit and no separator, or is an InChIKey."""
    if not any(map(str.isdigit, word)):
        return bool(_INCHIKEY.fullmatch(word))
    if any(sign in word for sign in " ,?\"'\\") or not word[0].isalnum():
        return False
    return not re.fullmatch(r"\d+\.\d+|\d+(?:\.\d+)?[a-z]{1,2}", word)
