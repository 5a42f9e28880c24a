"""The four BioThings APIs, what distinguishes them, and the species that mygene knows by name.

Facts are those of the services' own documentation: base addresses, default fields, parameters, identifiers.
Further APIs (made with `offline load --mapping`) join with `register`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from tools.errors import QueryError

COMMON_PARAMS = frozenset(
    {
        "q", "ids", "scopes", "fields", "filter", "post_filter", "sort", "size", "from", "facets", "facet_size",
        "fetch_all", "scroll_id", "dotfield", "always_list", "allow_null", "_sorted", "explain", "rawquery",
        "format", "callback", "email", "userquery", "jmespath", "search", "prefix",
    }
)  # fmt: skip

PARAM_ALIASES: Mapping[str, str] = MappingProxyType(
    {"field": "fields", "limit": "size", "skip": "from", "aggs": "facets"},
)


@dataclass(frozen=True, slots=True)
class Api:
    """One BioThings API.

    `entity` is the canonical name of its entity endpoint and `entity_aliases` the others that answer alike;
    `client` is the name that `biothings_client.get_client` knows it by. `shorthands` maps a lower-case field name
    that its query strings accept, though no document has it, to the paths that it stands for (`*` = any segment).
    """

    name: str
    title: str
    base_url: str
    version: str
    entity: str
    client: str
    description: str
    examples: tuple[str, ...]
    entity_aliases: tuple[str, ...] = ()
    default_fields: tuple[str, ...] = ()
    params: frozenset[str] = COMMON_PARAMS
    shorthands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def root(self) -> str:
        """The address that endpoint paths are added to: `https://mygene.info/v3`."""
        return f"{self.base_url}/{self.version}"

    @property
    def entity_names(self) -> tuple[str, ...]:
        """The entity endpoint's canonical name, then its aliases."""
        return (self.entity, *self.entity_aliases)


# Keyword names that mygene takes in any case; each stands for the field of the same name.
_MYGENE_ANY_CASE = ("HGNC", "HPRD", "MIM", "MGI", "RATMAP", "RGD", "FLYBASE", "WormBase", "TAIR", "ZFIN", "Xenbase",
                    "miRBase")  # fmt: skip

_MYGENE_SHORTHANDS: dict[str, tuple[str, ...]] = {
    "refseq": ("refseq.rna", "refseq.protein"),
    "accession": ("accession.rna", "accession.protein"),
    "reporter": ("reporter.*",),
    "reagent": ("reagent.*.id",),
    "interpro": ("interpro.id",),
    "homologene": ("homologene.id",),
    "go": ("go.BP.id", "go.MF.id", "go.CC.id"),
    "uniprot": ("uniprot.Swiss-Prot", "uniprot.TrEMBL"),
    "ensemblgene": ("ensembl.gene",),
    "ensembltranscript": ("ensembl.transcript",),
    "ensemblprotein": ("ensembl.protein",),
    **{name.lower(): (name,) for name in _MYGENE_ANY_CASE},
}

API_NAMES = ("mygene", "myvariant", "mychem", "mydisease")

_registry: dict[str, Api] = {
    "mygene": Api(
        name="mygene",
        title="MyGene.info",
        base_url="https://mygene.info",
        version="v3",
        entity="gene",
        client="gene",
        description="genes of any species: symbols, identifiers, function, pathways, location, orthologs",
        examples=("1017", "ENSG00000123374"),
        default_fields=("name", "symbol", "taxid", "entrezgene"),
        params=COMMON_PARAMS
        | {"species", "species_facet_filter", "entrezonly", "ensemblonly", "exists", "missing", "include_tax_tree"},
        shorthands=MappingProxyType(_MYGENE_SHORTHANDS),
    ),
    "myvariant": Api(
        name="myvariant",
        title="MyVariant.info",
        base_url="https://myvariant.info",
        version="v1",
        entity="variant",
        client="variant",
        description="human genetic variants: significance, frequencies, predictions, genes, rsids",
        examples=("chr7:g.140453136A>T", "rs334"),
        params=COMMON_PARAMS | {"assembly"},
    ),
    "mychem": Api(
        name="mychem",
        title="MyChem.info",
        base_url="https://mychem.info",
        version="v1",
        entity="chem",
        entity_aliases=("drug", "compound"),
        client="chem",
        description="drugs and chemicals: structures, identifiers, targets, indications, side effects",
        examples=("KTUFNOKKBVMGRW-UHFFFAOYSA-N", "CHEMBL25"),
        params=COMMON_PARAMS | {"list_filter"},
    ),
    "mydisease": Api(
        name="mydisease",
        title="MyDisease.info",
        base_url="https://mydisease.info",
        version="v1",
        entity="disease",
        client="disease",
        description="diseases: names, definitions, cross-references, phenotypes, related genes and chemicals",
        examples=("MONDO:0009061", "DOID:1485"),
        params=COMMON_PARAMS | {"ignore_obsolete"},
    ),
}


def get_api(name: str) -> Api:
    """Return the API called `name`.

    Raises:
        QueryError: there is none; the message names the nearest.
    """
    api = _registry.get(name)
    if api is not None:
        return api
    near = difflib.get_close_matches(name.lower(), _registry, n=1, cutoff=0.5)
    meant = f"Did you mean {near[0]}? " if near else ""
    raise QueryError(f"There is no API called {name!r}.", f"{meant}Known: {', '.join(_registry)}.")


def api_names() -> tuple[str, ...]:
    """Return the names of all registered APIs, the four first."""
    return tuple(_registry)


def register(api: Api) -> None:
    """Make `api` known to `get_api`; the four built-in ones cannot be replaced.

    Raises:
        QueryError: the name belongs to a built-in API.
    """
    if api.name in API_NAMES and api != _registry[api.name]:
        raise QueryError(f"{api.name} is one of the four built-in APIs.", "Choose another name.")
    _registry[api.name] = api


def unregister(name: str) -> None:
    """Take back a `register`."""
    if name not in API_NAMES:
        _registry.pop(name, None)


def made_up(name: str) -> Api:
    """Describe an API that exists only offline, made from a mapping of the user's own.

    Its address is that which `offline serve` has by default.
    """
    return Api(
        name=name,
        title=name,
        base_url=f"http://127.0.0.1:8765/{name}",
        version="v1",
        entity="doc",
        client=name,
        description=f"documents that were loaded as {name}",
        examples=(),
    )


# The nine species that mygene takes by name. https://docs.mygene.info/en/latest/doc/data.html#species
SPECIES: Mapping[str, int] = MappingProxyType(
    {
        "human": 9606,
        "mouse": 10090,
        "rat": 10116,
        "fruitfly": 7227,
        "nematode": 6239,
        "zebrafish": 7955,
        "thale-cress": 3702,
        "frog": 8364,
        "pig": 9823,
    }
)

_WORDS: dict[str, tuple[str, ...]] = {
    "human": ("human", "humans", "homo sapiens", "h. sapiens", "h sapiens", "hsapiens"),
    "mouse": ("mouse", "mice", "murine", "mus musculus", "m. musculus", "house mouse"),
    "rat": ("rat", "rats", "rattus norvegicus", "r. norvegicus", "norway rat", "brown rat"),
    "fruitfly": (
        "fruitfly", "fruitflies", "fruit fly", "fruit flies", "fruit-fly", "fly", "flies", "drosophila",
        "drosophila melanogaster", "d. melanogaster", "drosophilae",
    ),
    "nematode": (
        "nematode", "nematodes", "worm", "worms", "roundworm", "roundworms", "c. elegans", "c elegans",
        "caenorhabditis elegans", "caenorhabditis",
    ),
    "zebrafish": ("zebrafish", "zebra fish", "danio rerio", "d. rerio", "danio"),
    "thale-cress": ("thale-cress", "thale cress", "thalecress", "arabidopsis", "arabidopsis thaliana", "a. thaliana"),
    "frog": ("frog", "frogs", "xenopus tropicalis", "x. tropicalis", "xenopus", "western clawed frog"),
    "pig": ("pig", "pigs", "porcine", "swine", "sus scrofa", "s. scrofa", "hog", "hogs"),
    # Species without a name of their own in the API: the value of `species` is the NCBI taxonomy id.
    "9913": ("cow", "cows", "cattle", "bovine", "bos taurus"),
    "9615": ("dog", "dogs", "canine", "canis lupus familiaris", "canis familiaris"),
    "9685": ("cat", "cats", "feline", "felis catus"),
    "9796": ("horse", "horses", "equine", "equus caballus"),
    "9031": ("chicken", "chickens", "chick", "gallus gallus"),
    "9940": ("sheep", "ovine", "ovis aries"),
    "9925": ("goat", "goats", "capra hircus"),
    "9986": ("rabbit", "rabbits", "oryctolagus cuniculus"),
    "9544": ("rhesus", "rhesus macaque", "rhesus monkey", "macaque", "macaca mulatta"),
    "9598": ("chimpanzee", "chimpanzees", "chimp", "chimps", "pan troglodytes"),
    "9541": ("cynomolgus", "cynomolgus monkey", "crab-eating macaque", "macaca fascicularis"),
    "10141": ("guinea pig", "guinea pigs", "cavia porcellus"),
    "10029": ("chinese hamster", "cricetulus griseus"),
    "8355": ("xenopus laevis", "x. laevis", "african clawed frog"),
    "8090": ("medaka", "oryzias latipes"),
    "559292": ("yeast", "budding yeast", "baker's yeast", "saccharomyces cerevisiae", "s. cerevisiae"),
    "284812": ("fission yeast", "schizosaccharomyces pombe", "s. pombe"),
    "511145": ("e. coli", "e coli", "escherichia coli"),
    "44689": ("dictyostelium", "dictyostelium discoideum", "slime mold", "slime mould"),
    "36329": ("plasmodium falciparum", "p. falciparum"),
    "7460": ("honey bee", "honeybee", "honey bees", "honeybees", "apis mellifera"),
    "7165": ("anopheles gambiae", "anopheles", "malaria mosquito"),
    "39947": ("rice", "oryza sativa"),
    "4577": ("maize", "corn", "zea mays"),
    "3847": ("soybean", "soybeans", "glycine max"),
    "4081": ("tomato", "solanum lycopersicum"),
}  # fmt: skip

# Lower-case word or phrase that people use -> value of mygene's `species` parameter.
species_words: Mapping[str, str] = MappingProxyType({word: value for value, words in _WORDS.items() for word in words})

_TAXID_NAMES = {taxid: name for name, taxid in SPECIES.items()} | {
    int(value): words[0] for value, words in _WORDS.items() if value.isdigit()
}


def species_taxid(value: str) -> int | None:
    """Return the taxonomy id that a `species` value or a word for a species stands for, None if unknown."""
    word = value.strip().lower()
    if word.isdigit():
        return int(word)
    name = species_words.get(word)
    if name is None:
        return None
    return SPECIES[name] if name in SPECIES else int(name)


def species_name(taxid: int) -> str:
    """Return the common name of a taxonomy id, or `taxon N` for one without a name here."""
    return _TAXID_NAMES.get(taxid, f"taxon {taxid}")
