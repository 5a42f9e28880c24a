import pytest

from tools.errors import QueryError
from ui.lists import make_query, map_list, read_file, read_list, say_counts

SYMBOLS = "TP53 BRCA1 CDK2 EGFR BRAF p53 NOSUCH1 TP53 KRAS MYC"


def test_a_pasted_list_is_told_from_a_question():
    listing = read_list(SYMBOLS)
    assert listing is not None and listing.sort.name == "gene symbols" and len(listing.entries) == 10
    assert read_list("which Reactome pathways is CDK2 in and which are shared with the gene BRCA1?") is None
    assert read_list("TP53 BRCA1") is None


def test_words_before_a_list_are_kept():
    listing = read_list("Ensembl ids of these in mouse: " + SYMBOLS)
    assert listing is not None and listing.words == "Ensembl ids of these in mouse"
    assert make_query(listing, None, []).params == {"species": "mouse"}


@pytest.mark.parametrize(
    ("entries", "api", "scopes"),
    [
        ([f"rs{number}" for number in range(100, 110)], "myvariant", ("dbsnp.rsid",)),
        ([f"ENSG0000012337{number}" for number in range(10)][:9], "mygene", ("ensembl.gene",)),
        ([f"MONDO:000906{number}" for number in range(9)], "mydisease", ("mondo.mondo",)),
        ([f"CHEMBL{number}" for number in range(20, 30)], "mychem", ("chembl.molecule_chembl_id",)),
    ],
)
def test_sorts_of_identifiers_are_recognised(entries, api, scopes):
    listing = read_list("\n".join(entries))
    assert listing is not None
    query = make_query(listing, None, [])
    assert (query.api, query.scopes) == (api, scopes) and query.ids == tuple(entries)


def test_missing_duplicate_and_ambiguous_entries_are_marked_and_counted():
    listing = read_list(SYMBOLS)
    query = make_query(listing, None, [])
    hits = [
        {"query": name, "_id": name, "symbol": name}
        for name in ("TP53", "BRCA1", "CDK2", "EGFR", "BRAF", "KRAS", "MYC")
    ]
    hits += [{"query": "p53", "_id": "1", "symbol": "TP53"}, {"query": "p53", "_id": "2", "symbol": "TRP53"}]
    mapping = map_list(listing, query, hits, ["NOSUCH1"])
    assert mapping.counts == {"found": 7, "missing": 1, "ambiguous": 1, "duplicate": 1}
    status = {hit["query"]: hit["status"] for hit in mapping.hits}
    assert status["NOSUCH1"] == "missing" and status["TP53"] == "found, given 2 times"
    assert status["p53"] == "ambiguous: 2 matches"
    assert say_counts(listing, mapping).endswith("7 found, 1 ambiguous, 1 missing, 1 given more than once.")


def test_the_symbol_wins_over_the_alias():
    listing = read_list(SYMBOLS)
    query = make_query(listing, None, [])
    hits = [{"query": "CDK2", "_id": "9", "symbol": "OTHER"}, {"query": "CDK2", "_id": "1017", "symbol": "CDK2"}]
    hit = next(hit for hit in map_list(listing, query, hits, []).hits if hit["query"] == "CDK2")
    assert hit["status"] == "found" and hit["_id"] == "1017"


def test_the_column_of_identifiers_is_found_in_a_file(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("sample,gene,score\ns1,TP53,1\ns2,BRCA1,2\ns3,CDK2,3\n")
    assert set(read_file(path, "list.csv", "").entries) & {"TP53", "BRCA1", "CDK2"} == {"TP53", "BRCA1", "CDK2"}
    tabs = tmp_path / "list.tsv"
    tabs.write_text("id\tnote\nrs1\tgood one\nrs2\tbad one\n")
    assert read_file(tabs, "list.tsv", "").entries == ("rs1", "rs2")


def test_what_is_no_list_is_refused(tmp_path):
    path = tmp_path / "image.csv"
    path.write_bytes(b"\x89PNG\0\0")
    with pytest.raises(QueryError):
        read_file(path, "image.csv", "")
    path.write_bytes(b"a" * (2**20 + 1))
    with pytest.raises(QueryError, match="larger than 1 MB"):
        read_file(path, "image.csv", "")


GENES = ["TP53", "BRCA1", "CDK2", "EGFR", "BRAF", "KRAS", "MYC", "RB1", "PTEN"]


@pytest.mark.parametrize(
    "question",
    [
        f"which of {', '.join(GENES)} are on chromosome 17",
        f"where are {', '.join(GENES[:-1])} and PTEN located",
        f"is {' '.join(GENES)} mutated in cancer",
    ],
)
def test_a_question_on_many_genes_stays_a_question(question):
    assert read_list(question) is None


@pytest.mark.parametrize(
    "text",
    [
        "Ensembl ids of these genes\n" + "\n".join(GENES),
        "Ensembl ids of these genes " + " ".join(GENES),
        "Ensembl ids of these genes: " + ", ".join(GENES[:-1]) + " and PTEN",
    ],
)
def test_a_list_is_handed_over_with_or_without_a_colon(text):
    listing = read_list(text)
    assert listing is not None and list(listing.entries) == GENES and listing.words == "Ensembl ids of these genes"


def test_a_column_of_words_is_a_list_without_its_heading():
    names = ["Was", "Set", "Cat", "Max", "Rest", "Kit", "Met", "Ret"]
    for above, words in (("symbol", ""), ("Ensembl ids of these", "Ensembl ids of these")):
        listing = read_list("\n".join([above, *names]))
        assert listing is not None and list(listing.entries) == names and listing.words == words


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        (" ".join(GENES), GENES),
        ("TP53 BRCA1 CDK2\nEGFR BRAF KRAS\n", GENES[:6]),
        ("TP53,BRCA1,CDK2\nEGFR,BRAF,KRAS\n", GENES[:6]),
        ("TP53 0.5\nBRCA1 0.7\nCDK2 0.1\n", GENES[:3]),
        ("hgnc\n" + "\n".join(GENES), GENES),
        ("gene_symbol\n" + "\n".join(GENES), GENES),
        ("5S_rRNA\n" + "\n".join(GENES), ["5S_rRNA", *GENES]),
        ("ID1\n" + "\n".join(GENES), ["ID1", *GENES]),
        ("\n".join(f"MONDO:{number:07}" for number in range(9)), [f"MONDO:{number:07}" for number in range(9)]),
        ('"' + "\n".join(GENES), None),
    ],
)
def test_every_entry_of_a_file_is_read_and_no_heading(tmp_path, text, entries):
    path = tmp_path / "list.txt"
    path.write_text(text)
    found = read_file(path, "list.txt", "").entries
    assert list(found) == entries if entries else len(found) == len(GENES)


def test_a_file_of_one_megabyte_is_read_whatever_its_lines(tmp_path):
    path = tmp_path / "list.txt"
    entries = [f"rs{number}" for number in range(100_000, 213_000)]
    for text in (" ".join(entries), "\n".join(entries)):
        path.write_text(text)
        assert path.stat().st_size > 2**20 * 0.95
        listing = read_file(path, "list.txt", "")
        assert listing.entries == tuple(entries)
        assert len(make_query(listing, None, []).ids) == len(entries)


def test_prose_is_no_list(tmp_path):
    path = tmp_path / "readme.txt"
    path.write_text("These are the genes that we have found in the study of the year\nand some more of them\n" * 3)
    with pytest.raises(QueryError, match="No identifiers"):
        read_file(path, "readme.txt", "")
