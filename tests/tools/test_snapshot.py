"""The bundled snapshot: its files, its size, known facts in it, and the reader's joins."""

import hashlib
import json

import pytest
import zstandard

from tools.errors import DataError
from tools.offline.hgvs import genomic_id
from tools.offline.snapshot import API_FILES, Snapshot, bundled, documents, fingerprint, sources
from tools.paths import data_dir

FOLDER = data_dir() / "snapshot"
MANIFEST = json.loads((FOLDER / "manifest.json").read_text("utf-8"))["files"]

KNOWN = {
    "mygene": ["1017", "7157", "3043", "1080", "55135"],
    "myvariant": [
        "chr7:g.140753336A>T",
        "chr11:g.5227002T>A",
        "chr7:g.117559591_117559593del",
        "chr12:g.25245350C>T",
        "chr1:g.169549811C>T",
    ],
    "mychem": [
        "KTUFNOKKBVMGRW-UHFFFAOYSA-N",
        "BSYNRYMUTXBXSQ-UHFFFAOYSA-N",
        "XZWYZXLIPXDOLR-UHFFFAOYSA-N",
        "RYYVLZVUVIJVGH-UHFFFAOYSA-N",
        "pubchem.substance:178101775",
    ],
    "mydisease": ["MONDO:0009061", "MONDO:0005148", "MONDO:0000001"],
}
# The product's own key, and what MyVariant.info's hg38 index has where the public listing shows hg19.
OWN = {"_id", "_id_hg19", "_hpo_genes.symbol", "_hpo_genes.entrezgene", "hg38.start", "hg38.end"}


def collect(value, path, paths, empty):
    """Add the path of every leaf to `paths`, and of every leaf without a value to `empty`."""
    if isinstance(value, dict):
        for key, child in value.items():
            collect(child, f"{path}.{key}" if path else key, paths, empty)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for child in value:
            collect(child, path, paths, empty)
    else:
        paths.add(path)
        if value is None or value == "" or (isinstance(value, list) and (not value or None in value or "" in value)):
            empty.add(path)


class Survey:
    """One pass over the documents of one API."""

    def __init__(self, api):
        self.count = 0
        self.known = {}
        self.paths = set()
        self.empty = set()
        self.ordered = True
        last = ""
        for document in documents(api):
            self.count += 1
            self.ordered = self.ordered and last < document["_id"]
            last = document["_id"]
            if last in KNOWN[api]:
                self.known[last] = document
            collect(document, "", self.paths, self.empty)


@pytest.fixture(scope="module")
def survey():
    surveys = {}

    def of(api):
        if api not in surveys:
            surveys[api] = Survey(api)
        return surveys[api]

    return of


@pytest.mark.parametrize("entry", MANIFEST, ids=lambda entry: entry["file"])
def test_files_are_those_of_the_manifest(entry):
    data = (FOLDER / entry["file"]).read_bytes()
    assert hashlib.sha256(data).hexdigest() == entry["sha256"]
    assert len(data) == entry["bytes"]
    assert entry["licence"] and entry["credit"] and entry["version"] and entry["package"]


def test_manifest_names_every_file_and_licences_too():
    files = {entry["file"] for entry in MANIFEST}
    assert files == {path.name for path in FOLDER.glob("*.zst")}
    licences = (data_dir() / "LICENSES.md").read_text("utf-8")
    assert [file for file in files if f"`{file.removesuffix('.jsonl.zst')}`" not in licences] == []
    assert "2025-01-16" in licences
    assert {entry["file"] for entry in MANIFEST if entry["share_alike"]} == {
        "chemicals.chembl.jsonl.zst",
        "chemicals.gtopdb.jsonl.zst",
    }


@pytest.mark.parametrize(
    ("api", "least"), [("mygene", 40_000), ("mydisease", 20_000), ("mychem", 15_000), ("myvariant", 70_000)]
)
def test_documents_are_many_ordered_and_complete(survey, api, least):
    surveyed = survey(api)
    assert surveyed.count >= least
    assert surveyed.ordered
    assert surveyed.empty == set()
    assert set(surveyed.known) == set(KNOWN[api])


@pytest.mark.parametrize("api", API_FILES)
def test_every_path_is_listed_by_its_api(survey, api):
    listed = json.loads((data_dir() / "schema" / f"{api}.json").read_text("utf-8")).keys()
    assert survey(api).paths - listed - OWN == set()


def test_genes(survey):
    known = survey("mygene").known
    cdk2 = known["1017"]
    assert (cdk2["symbol"], cdk2["taxid"], cdk2["entrezgene"], cdk2["HGNC"], cdk2["MIM"]) == (
        "CDK2",
        9606,
        "1017",
        "1771",
        "116953",
    )
    assert cdk2["genomic_pos"] == {"chr": "12", "start": 55966781, "end": 55972789, "strand": 1}
    assert cdk2["ensembl"]["gene"] == "ENSG00000123374"
    assert "ENST00000266970" in cdk2["ensembl"]["transcript"]
    assert "NM_001798.5" in cdk2["refseq"]["rna"] and "NM_001798" not in cdk2["refseq"]["rna"]
    assert cdk2["uniprot"]["Swiss-Prot"] == "P24941"
    assert {"category": "BP", "evidence": "IBA", "id": "GO:0006468", "term": "protein phosphorylation"} in cdk2["go"][
        "BP"
    ]
    assert {"geneid": "MGI:104772", "symbol": "Cdk2", "taxid": 10090} in cdk2["agr"]["orthologs"]
    assert {"id": "WP179", "name": "Cell cycle"} in cdk2["pathway"]["wikipathways"]
    tp53 = known["7157"]
    assert (tp53["genomic_pos"]["chr"], tp53["genomic_pos"]["strand"], tp53["type_of_gene"]) == (
        "17",
        -1,
        "protein-coding",
    )
    # OMIM's numbers of diseases are not those of the gene.
    assert tp53["MIM"] == "191170"
    assert "WDR79" in known["55135"]["alias"], "a former symbol"


def test_variants(survey):
    known = survey("myvariant").known
    braf = known["chr7:g.140753336A>T"]
    assert braf["clinvar"]["rcv"]["clinical_significance"] == "Pathogenic/Likely pathogenic"
    assert braf["clinvar"]["gene"] == {"symbol": "BRAF", "id": "673"}
    assert braf["clinvar"]["variant_id"] == 13961
    assert braf["clinvar"]["cytogenic"] == "7q34"
    assert braf["clinvar"]["rsid"] == braf["dbsnp"]["rsid"] == "rs113488022"
    assert braf["vcf"] == {"position": "140753336", "ref": "A", "alt": "T"}
    assert braf["hg38"] == {"start": 140753336, "end": 140753336}
    assert "_id_hg19" not in braf
    assert known["chr11:g.5227002T>A"]["dbsnp"]["rsid"] == "rs334"
    assert known["chr12:g.25245350C>T"]["clinvar"]["gene"]["symbol"] == "KRAS"
    f508del = known["chr7:g.117559591_117559593del"]
    assert f508del["dbsnp"]["rsid"] == "rs113993960"
    assert "Cystic fibrosis" in [condition["name"] for condition in f508del["clinvar"]["rcv"]["conditions"]]
    # In both tables: ClinVar's, and the pharmacogenomic one with its place in hg19.
    assert f508del["_id_hg19"] == "chr7:g.117199645_117199647del"
    # Factor V Leiden: the reference allele changed from one assembly to the next.
    assert known["chr1:g.169549811C>T"]["_id_hg19"] == "chr1:g.169519049T>C"


def test_chemicals(survey):
    known = survey("mychem").known
    imatinib = known["KTUFNOKKBVMGRW-UHFFFAOYSA-N"]
    assert imatinib["chembl"]["pref_name"] == "IMATINIB"
    assert imatinib["chembl"]["molecule_chembl_id"] == "CHEMBL941"
    assert imatinib["chembl"]["inchi_key"] == imatinib["_id"]
    assert imatinib["chembl"]["molecule_properties"]["full_molformula"] == "C29H31N7O"
    assert "Gleevec®" in imatinib["gtopdb"]["synonyms"]
    targets = imatinib["gtopdb"]["interaction_targets"]
    assert "ABL1" in [target["symbol"] for target in targets]
    assert imatinib["pubchem"]["cid"] == "5291"
    assert imatinib["drugbank"] == {"id": "DB00619", "name": "Imatinib"}
    assert imatinib["chebi"]["id"] == "CHEBI:45783"
    assert known["BSYNRYMUTXBXSQ-UHFFFAOYSA-N"]["chembl"]["pref_name"] == "ASPIRIN"
    # Its labelled form has the same InChIKey, and must not take the drug's place.
    assert known["XZWYZXLIPXDOLR-UHFFFAOYSA-N"]["gtopdb"]["name"] == "metformin"
    assert known["RYYVLZVUVIJVGH-UHFFFAOYSA-N"]["pubchem"]["molecular_formula"] == "C8H10N4O2"
    assert known["pubchem.substance:178101775"]["gtopdb"]["interaction_targets"]["symbol"] == "ERBB2"


def test_diseases(survey):
    known = survey("mydisease").known
    fibrosis = known["MONDO:0009061"]
    assert fibrosis["mondo"]["label"] == "cystic fibrosis"
    assert "mucoviscidosis" in fibrosis["mondo"]["synonym"]["exact"]
    assert fibrosis["mondo"]["xrefs"]["doid"] == fibrosis["disease_ontology"]["doid"] == "DOID:1485"
    assert {"sctid", "meddra"}.isdisjoint(fibrosis["mondo"]["xrefs"])
    assert fibrosis["hpo"]["omim"] == "219700"
    inheritance = fibrosis["hpo"]["inheritance"]
    inheritance = inheritance if isinstance(inheritance, list) else [inheritance]
    assert ("HP:0000007", "Autosomal recessive inheritance") in [(i["hpo_id"], i["hpo_name"]) for i in inheritance]
    assert {"symbol": "CFTR", "entrezgene": "1080"} in fibrosis["_hpo_genes"]
    assert fibrosis["mondo"]["ancestors"][0] == "MONDO:0000001"
    diabetes = known["MONDO:0005148"]["mondo"]
    assert diabetes["parents"] == "MONDO:0005015"
    assert "MONDO:0011027" in diabetes["children"]
    assert len(known["MONDO:0000001"]["mondo"]["descendants"]) > 20_000


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        (("7", 140753336, "A", "T"), ("chr7:g.140753336A>T", 140753336, 140753336)),
        (("7", 117559590, "ATCT", "A"), ("chr7:g.117559591_117559593del", 117559591, 117559593)),
        (("1", 100, "CA", "C"), ("chr1:g.101del", 101, 101)),
        (("1", 100, "C", "CAG"), ("chr1:g.100_101insAG", 100, 101)),
        (("1", 100, "CT", "AG"), ("chr1:g.100_101delinsAG", 100, 101)),
        (("1", 100, "C", "AG"), ("chr1:g.100delinsAG", 100, 100)),
        (("1", 100, "GCC", "TCC"), ("chr1:g.100G>T", 100, 100)),
    ],
)
def test_genomic_id(variant, expected):
    assert genomic_id(*variant) == expected


def test_fingerprint_follows_the_files(tmp_path):
    assert fingerprint("mygene") == Snapshot(FOLDER).fingerprint("mygene")
    assert len({fingerprint(api) for api in API_FILES}) == len(API_FILES)
    changed = [dict(entry, sha256="0" * 64) if entry["file"] == "genes.go.jsonl.zst" else entry for entry in MANIFEST]
    (tmp_path / "manifest.json").write_text(json.dumps({"files": changed}))
    assert Snapshot(tmp_path).fingerprint("mygene") != fingerprint("mygene")
    assert Snapshot(tmp_path).fingerprint("mychem") == fingerprint("mychem")


def test_sources_are_told_by_api():
    assert {source.source for source in sources("mydisease")} == {
        "MONDO",
        "Disease Ontology",
        "Human Phenotype Ontology",
    }
    assert sources("nothing") == ()


def snapshot_of(folder, tables):
    """Write tables in the snapshot's format, with a manifest."""
    entries = []
    for file, lines in tables.items():
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / file).write_bytes(zstandard.compress(text.encode()))
        entries.append(dict(MANIFEST[0], file=file))
    (folder / "manifest.json").write_text(json.dumps({"files": entries}))
    return Snapshot(folder)


def test_tables_are_joined(tmp_path):
    one = [{"columns": ["_id", "a.b", "tags"], "constants": {"c": 1}}, [["1", "3"], ["x", None], ["p", "q"]]]
    two = [
        {"columns": ["_id", "a.d", "tags", "deep.list@t"], "tables": {"t": [{"n": 0}, {"n": 1}]}},
        [["1"], [2], [["p", "r"]], [[1, 0]]],
        [["2"], [5], [None], [0]],
    ]
    assert list(snapshot_of(tmp_path, {"one.zst": one, "two.zst": two}).documents("mygene")) == [
        {"_id": "1", "c": 1, "a": {"b": "x", "d": 2}, "tags": ["p", "r"], "deep": {"list": [{"n": 1}, {"n": 0}]}},
        {"_id": "2", "a": {"d": 5}, "deep": {"list": {"n": 0}}},
        {"_id": "3", "c": 1, "tags": "q"},
    ]


def test_a_source_can_be_taken_out(tmp_path):
    kept = [entry for entry in MANIFEST if entry["file"] == "diseases.doid.jsonl.zst"]
    (tmp_path / "manifest.json").write_text(json.dumps({"files": kept}))
    (tmp_path / kept[0]["file"]).symlink_to(FOLDER / kept[0]["file"])
    first = next(Snapshot(tmp_path).documents("mydisease"))
    assert "disease_ontology" in first and "mondo" not in first


def test_a_damaged_or_missing_file_is_said_so(tmp_path):
    snapshot = snapshot_of(tmp_path, {"one.zst": [{"columns": ["_id"]}, [["1"]]]})
    (tmp_path / "one.zst").write_bytes(b"not zstd")
    with pytest.raises(DataError, match="one.zst"):
        list(snapshot.documents("mygene"))
    (tmp_path / "one.zst").unlink()
    with pytest.raises(DataError, match="one.zst"):
        list(snapshot.documents("mygene"))
    with pytest.raises(DataError, match="manifest.json"):
        Snapshot(tmp_path / "nowhere").sources("mygene")


def test_the_bundled_snapshot_is_opened_once():
    assert bundled() is bundled()
