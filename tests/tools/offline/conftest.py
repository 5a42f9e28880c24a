from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tools import apis
from tools.offline.store import Store

GENES: list[dict[str, Any]] = [
    {
        "_id": "1017", "entrezgene": "1017", "symbol": "CDK2", "name": "cyclin dependent kinase 2", "taxid": 9606,
        "alias": ["CDKN2", "p33(CDK2)"], "HGNC": "1771", "type_of_gene": "protein-coding",
        "ensembl": {"gene": "ENSG00000123374", "type_of_gene": "protein_coding"}, "uniprot": {"Swiss-Prot": "P24941"},
        "refseq": {"rna": ["NM_001798.5", "NM_052827.4"]}, "map_location": "12q13.2",
        "genomic_pos": {"chr": "12", "start": 55966781, "end": 55972789, "strand": 1},
    },
    {
        "_id": "12566", "entrezgene": "12566", "symbol": "Cdk2", "name": "cyclin dependent kinase 2", "taxid": 10090,
        "alias": "A630093N05Rik", "type_of_gene": "protein-coding",
        "ensembl": [{"gene": "ENSMUSG00000025358"}, {"gene": "ENSMUSG00000099999"}],
    },
    {
        "_id": "672", "entrezgene": "672", "symbol": "BRCA1", "name": "BRCA1 DNA repair associated", "taxid": 9606,
        "retired": [1, 2], "ensembl": {"gene": "ENSG00000012048"}, "type_of_gene": "protein-coding",
    },
    {"_id": "ENSG00000228570", "symbol": "NUTM2E", "name": "NUT family member 2E", "taxid": 9606,
     "ensembl": {"gene": "ENSG00000228570"}, "type_of_gene": "pseudo"},
    {"_id": "24525", "entrezgene": "24525", "symbol": "Kras", "name": "KRAS proto-oncogene", "taxid": 10116,
     "type_of_gene": "protein-coding"},
]  # fmt: skip
VARIANTS: list[dict[str, Any]] = [
    {"_id": "chr7:g.140753336A>T", "chrom": "7", "hg38": {"start": 140753336, "end": 140753336},
     "dbsnp": {"rsid": "rs113488022"}, "clinvar": {"variant_id": 13961, "rcv": [{"accession": "RCV000014992"}]}},
    {"_id": "chr17:g.7675088C>T", "chrom": "17", "hg38": {"start": 7675088, "end": 7675088},
     "dbsnp": {"rsid": "rs28934578"}, "clingen": {"caid": "CA000434"}},
]  # fmt: skip
CHEMICALS: list[dict[str, Any]] = [
    {"_id": "KTUFNOKKBVMGRW-UHFFFAOYSA-N", "chembl": {"molecule_chembl_id": "CHEMBL941", "pref_name": "IMATINIB"},
     "chebi": {"id": "CHEBI:45783"}, "pubchem": {"cid": 5291}, "unii": {"unii": "BKJ8M8G5HI"},
     "drugbank": {"id": "DB00619"}},
    {"_id": "BSYNRYMUTXBXSQ-UHFFFAOYSA-N", "chembl": {"molecule_chembl_id": "CHEMBL25", "pref_name": "ASPIRIN"}},
]  # fmt: skip
DISEASES: list[dict[str, Any]] = [
    {"_id": "MONDO:0009061", "mondo": {"mondo": "MONDO:0009061", "label": "cystic fibrosis",
     "xrefs": {"doid": "DOID:1485", "omim": "219700", "mesh": "D003550", "orphanet": "586"}},
     "_hpo_genes": [{"symbol": "CFTR"}]},
    {"_id": "MONDO:0000001", "mondo": {"mondo": "MONDO:0000001", "label": "obsolete thing", "is_obsolete": True}},
]  # fmt: skip
DOCUMENTS = {"mygene": GENES, "myvariant": VARIANTS, "mychem": CHEMICALS, "mydisease": DISEASES}


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose offline indexes hold the few documents above instead of the snapshot."""
    home = tmp_path_factory.mktemp("home")
    store = Store(home)
    for api, documents in DOCUMENTS.items():
        store.add(api, documents, True, "hg38" if api == "myvariant" else None)
    store.create("widgets", {"name": {"type": "text", "searched_by_default": True}, "size": {"type": "integer"}})
    store.add("widgets", [{"_id": f"w{n}", "name": f"widget {n}", "size": n} for n in range(2500)], True, None)
    return home


@pytest.fixture(scope="session")
def store(home: Path) -> Store:
    return Store(home)


@pytest.fixture
def made_store(tmp_path: Path) -> Callable[[], Store]:
    return lambda: Store(tmp_path / "home")


@pytest.fixture(autouse=True)
def _forget_made_apis() -> Iterator[None]:
    """APIs that a test made are not known to the next."""
    known = apis.api_names()
    yield
    for name in apis.api_names():
        if name not in known:
            apis.unregister(name)
