import asyncio
import time
from types import SimpleNamespace

import pytest

from tools.errors import QueryError
from ui.lists import make_query, map_list, read_file, read_list, say_counts
from ui.wishes import wanted_fields

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


@pytest.mark.parametrize(("words", "expected"), [("on GRCh38", "hg38"), ("in hg19", "hg19"), ("", None)])
def test_variants_are_looked_up_on_the_assembly_that_is_stated(words, expected):
    listing = read_list(f"significance of these variants {words}:\n" + "\n".join(f"chr1:g.10{n}A>T" for n in range(9)))
    assert listing is not None and make_query(listing, None, []).params.get("assembly") == expected


def test_missing_duplicate_and_ambiguous_entries_are_marked_and_counted():
    listing = read_list(SYMBOLS)
    query = make_query(listing, None, [])
    hits = [
        {"query": name, "_id": name, "symbol": name}
        for name in ("TP53", "BRCA1", "CDK2", "EGFR", "BRAF", "KRAS", "MYC")
    ]
    hits += [{"query": "p53", "_id": "1", "symbol": "TP53"}, {"query": "p53", "_id": "2", "symbol": "TRP53"}]
    mapping = map_list(listing, query, hits, ["NOSUCH1"])
    assert mapping.counts == {"found": 7, "missing": 1, "other": 0, "ambiguous": 1, "duplicate": 1}
    status = {hit["query"]: hit["status"] for hit in mapping.hits}
    assert status["NOSUCH1"] == "missing" and status["TP53"] == "found, given 2 times"
    assert status["p53"] == "ambiguous: 2 matches"
    assert say_counts(listing, mapping).endswith("7 found, 1 ambiguous, 1 missing, 1 given more than once.")


def test_matches_that_the_service_cut_off_are_not_called_all():
    listing = read_list(SYMBOLS)
    hits = [{"query": "p53", "_id": str(number)} for number in range(10)]
    statuses = [hit["status"] for hit in map_list(listing, make_query(listing, None, []), hits, []).hits]
    assert statuses.count("ambiguous: 10 or more matches") == 10


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


def test_a_list_of_a_spreadsheet_in_utf_16_is_read(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes("gene\tp\nTP53\t1\nBRCA1\t2\n".encode("utf-16"))
    assert read_file(path, "list.txt", "").entries == ("TP53", "BRCA1")


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


DRUGS = ["aspirin", "folic acid", "imatinib", "metformin", "warfarin", "sildenafil", "caffeine", "codeine"]


@pytest.mark.parametrize(
    ("words", "scope"),
    [
        ("ChEMBL ids of these drugs", "chembl.pref_name"),
        ("drug names", "chembl.pref_name"),
        ("Mondo ids of the following diseases", "mondo.label"),
    ],
)
@pytest.mark.parametrize("form", ["{words}:\n{lines}", "{words}\n{lines}", "{words}: {row} and {last}."])
def test_names_of_drugs_and_diseases_are_lists_where_words_say_so(words, scope, form):
    text = form.format(words=words, lines="\n".join(DRUGS), row=", ".join(DRUGS[:-1]), last=DRUGS[-1])
    listing = read_list(text)
    assert listing is not None and list(listing.entries) == DRUGS and listing.words == words
    assert scope in make_query(listing, None, []).scopes


@pytest.mark.parametrize(
    ("text", "sort"),
    [
        ("drugs for these genes: " + ", ".join(GENES), "gene symbols"),
        ("names of these drugs: " + " ".join(f"CHEMBL{number}" for number in range(20, 30)), "ChEMBL ids"),
        ("names of these PubChem CIDs: " + " ".join(map(str, range(2240, 2250))), "PubChem CIDs"),
        ("PubChem or NCBI genes: " + " ".join(map(str, range(2240, 2250))), "NCBI Gene ids"),
        ("OMIM: " + " ".join(map(str, range(219700, 219709))), "OMIM numbers"),
        ("\n".join(f"DB0094{number}" for number in range(9)), "DrugBank ids"),
        ("\n".join(f"CHEBI:1536{number}" for number in range(9)), "ChEBI ids"),
        ("\n".join(map(str, range(1, 10))), "NCBI Gene ids"),
        ("\n".join(f"chr1:g.{n}_{n + 9}delins{'ACGT' * 20}" for n in range(100, 109)), "variants in HGVS"),
    ],
)
def test_what_looks_alike_is_told_apart(text, sort):
    listing = read_list(text)
    assert listing is not None and listing.sort.name == sort


def test_a_question_on_drugs_stays_a_question():
    assert read_list(f"Which of these drugs: {', '.join(DRUGS)} inhibit COX-1?") is None


@pytest.mark.parametrize(
    "form",
    ["- {}", "{number}. {}", '"{}",', "* {}"],
)
def test_marks_around_entries_are_none_of_them(form):
    text = "\n".join(form.format(name, number=number) for number, name in enumerate(GENES, 1))
    assert list(read_list(text).entries) == GENES
    assert list(read_list("|".join(GENES)).entries) == GENES
    assert read_list("Entrez ids of " + ", ".join(GENES) + ".").entries[-1] == GENES[-1]


@pytest.mark.parametrize(
    ("lead", "assembly", "hint"), [("", None, True), ("hg38:\n", "hg38", False), ("in hg19:\n", "hg19", False)]
)
def test_the_assembly_of_a_list_by_place_is_said(lead, assembly, hint):
    places = [f"chr7:g.14075333{number}T>A" for number in range(3)]
    listing = read_list(lead + "\n".join(places))
    query = make_query(listing, None, [])
    assert query.params.get("assembly") == assembly and query.ids == tuple(places)
    some = say_counts(listing, map_list(listing, query, [{"query": places[0], "_id": places[0]}], places[1:]))
    assert f"3 variants in HGVS in {assembly or 'hg19'}: 1 found, 2 missing." in some and ("“hg38:”" in some) is hint
    none = say_counts(listing, map_list(listing, query, [], places))
    assert ("“hg38:”" in none) is hint and "these drugs" not in none


def test_a_long_row_of_blanks_and_a_long_message_take_no_time():
    began = time.monotonic()
    assert read_list("drugs: a," + " " * 100_000 + "b") is None
    with pytest.raises(QueryError, match="larger than 1 MB"):
        read_list("drugs: a," + " " * 2**20 + "b")
    # At the first, a pattern took minutes.
    assert time.monotonic() - began < 10


def test_an_entry_is_looked_up_as_the_field_has_it():
    for given, term in (("ENSG0000012337{}.3", "ENSG0000012337{}"), ("HGNC:177{}", "177{}")):
        entries = [given.format(number) for number in range(9)]
        listing = read_list("\n".join(entries))
        query = make_query(listing, None, [])
        assert query.ids == tuple(term.format(number) for number in range(9))
        mapping = map_list(listing, query, [{"query": query.ids[0], "_id": "1"}], list(query.ids[1:]))
        assert [hit["query"] for hit in mapping.hits] == entries
        assert mapping.counts["found"] == 1 and mapping.counts["missing"] == 8


def test_the_very_name_wins_over_longer_ones():
    listing = read_list("drugs:\n" + "\n".join(DRUGS))
    hits = [
        {"query": "aspirin", "_id": name, "chembl": {"pref_name": name}} for name in ("ASPIRIN ALUMINUM", "ASPIRIN")
    ]
    (hit,) = (hit for hit in map_list(listing, make_query(listing, None, []), hits, []).hits if "_id" in hit)
    assert hit["_id"] == "ASPIRIN" and hit["status"] == "found"


def test_what_the_snapshot_lacks_is_said_to_be_missing_there():
    listing = read_list(SYMBOLS)
    query = make_query(listing, None, [])
    some = map_list(listing, query, [{"query": "TP53", "_id": "7157", "symbol": "TP53"}], [])
    assert "8 missing in the offline snapshot" in say_counts(listing, some, "offline")
    assert "snapshot" not in say_counts(listing, some, "live") and "something else" not in say_counts(listing, some)
    assert "If they are something else" in say_counts(listing, map_list(listing, query, [], []))


@pytest.mark.parametrize(
    ("text", "sort"),
    [
        ("id,symbol\n1,TP53\n2,BRCA1\n3,CDK2\n", "gene symbols"),
        ("id\n1017\n1018\n", "NCBI Gene ids"),
        ("drug,cid\naspirin,2244\nibuprofen,3672\n", "PubChem CIDs"),
        ("drug\naspirin\nfolic acid\n", "drug names"),
        ("gene,drug\nBRAF,vemurafenib\nEGFR,gefitinib\n", "gene symbols"),
        ("disease\ncystic fibrosis\ngout\n", "disease names"),
    ],
)
def test_a_heading_says_what_stands_below_it(tmp_path, text, sort):
    path = tmp_path / "list.csv"
    path.write_text(text)
    assert read_file(path, "list.csv", "").sort.name == sort


def test_words_say_which_column_is_meant(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("gene,drug\nBRAF,vemurafenib\nEGFR,gefitinib\n")
    assert read_file(path, "list.csv", "targets of these drugs").entries == ("vemurafenib", "gefitinib")
    path.write_text("aspirin,2244\nibuprofen,3672\n")
    assert read_file(path, "list.csv", "ChEMBL ids of these drugs").entries == ("aspirin", "ibuprofen")
    path.write_text("symbol\nTP53\nBRCA1\n")
    assert read_file(path, "list.csv", "drugs for these genes").sort.name == "gene symbols"


@pytest.mark.parametrize(
    ("words", "wish"),
    [("these drugs", False), ("diseases", False), ("diseases of these genes", True), ("drugs for these genes", True)],
)
def test_what_is_wanted_is_told_from_what_is_given(monkeypatch, tmp_path, words, wish):
    field = SimpleNamespace(path="x", label="drugs", description="Drugs for a disease.", synonyms=())
    monkeypatch.setattr("rag.retrieve.rank", lambda *_, **__: [field])
    monkeypatch.setattr("tools.catalogue.load_catalogue", lambda _: {"x": field})
    listing = read_list(f"{words}:\n" + "\n".join(GENES))
    assert listing is not None and bool(wanted_fields(listing, tmp_path)) is wish


def test_each_thing_that_words_ask_for_is_shown_and_nothing_else(monkeypatch, tmp_path):
    fields = {
        path: SimpleNamespace(path=path, label=label, description="", synonyms=())
        for path, label in (("ensembl.gene", "Ensembl gene id"), ("uniprot.Swiss-Prot", "UniProt accession"))
    }
    asked = []

    def rank(text, *_, **__):
        asked.append(text)
        return [fields["ensembl.gene" if "Ensembl" in text else "uniprot.Swiss-Prot"]]

    monkeypatch.setattr("rag.retrieve.rank", rank)
    monkeypatch.setattr("tools.catalogue.load_catalogue", lambda _: fields)
    listing = read_list("Ensembl and UniProt ids of these genes:\n" + "\n".join(GENES))
    assert wanted_fields(listing, tmp_path) == ["ensembl.gene", "uniprot.Swiss-Prot"]
    assert asked == ["Ensembl ids", "UniProt ids"]
    listing = read_list("my favourites from Tuesday:\n" + "\n".join(GENES))
    assert listing.words == "my favourites from Tuesday" and wanted_fields(listing, tmp_path) == []


def test_entries_of_another_sort_are_looked_up_as_what_they_are():
    entries = [*(f"ENSG0000012337{number}" for number in range(7)), "TP53", "BRCA1", "rs123"]
    listing = read_list("\n".join(entries))
    query = make_query(listing, None, [])
    assert query.scopes == ("ensembl.gene", "symbol", "alias") and query.params == {}
    assert query.ids == tuple(entries[:-1])
    mapping = map_list(listing, query, [{"query": "TP53", "_id": "7157", "symbol": "TP53"}], [])
    status = {hit["query"]: hit["status"] for hit in mapping.hits}
    assert status["TP53"] == "found" and status["BRCA1"] == "missing"
    assert status["rs123"] == "not looked up: not one of the Ensembl ids"
    said = "10 Ensembl ids and others: 1 found, 8 missing, 1 not looked up."
    assert say_counts(listing, mapping) == f"{said} What is of another sort needs a list of its own."


@pytest.mark.parametrize(("stray", "status"), [("Trp53", "found"), ("NA", "not looked up: not one of the Ensembl ids")])
def test_a_stray_word_does_not_hide_identifiers_of_another_species(stray, status):
    entries = [*(f"ENSMUSG0000002555{number}" for number in range(9)), stray]
    listing = read_list("\n".join(entries))
    query = make_query(listing, "human", [])
    assert query.params == {}
    hits = [{"query": entry, "_id": entry, "taxid": 10090} for entry in entries[:-1]]
    # A symbol of several species is that of the identifiers.
    hits += [
        {"query": "Trp53", "_id": name, "symbol": "Trp53", "taxid": taxid} for name, taxid in (("a", 9), ("b", 10090))
    ]
    mapping = map_list(listing, query, hits, [])
    assert mapping.counts["found"] == (10 if stray == "Trp53" else 9)
    (last,) = (hit for hit in mapping.hits if hit["query"] == stray)
    assert last["status"] == status and last.get("_id") == ("b" if stray == "Trp53" else None)


def test_what_stands_for_no_entry_is_not_looked_up_as_a_symbol():
    listing = read_list("\n".join([*GENES, "n/a", "unknown"]))
    query = make_query(listing, None, [])
    assert query.ids == tuple(GENES) and query.params == {"species": "human"}
    assert list(read_list("\n".join([*GENES, "-"])).entries) == GENES


@pytest.mark.parametrize(
    ("others", "scopes"),
    [
        ([f"ENSG0000012337{number}" for number in range(5)], ("symbol", "alias", "ensembl.gene")),
        (["1017", "1018", "1019"], ("symbol", "alias", "entrezgene", "retired")),
    ],
)
def test_identifiers_among_symbols_are_looked_up_as_such(others, scopes):
    listing = read_list("\n".join([*GENES[:5], *others]))
    query = make_query(listing, None, [])
    assert query.scopes == scopes and query.ids == (*GENES[:5], *others)


def test_numbers_that_would_be_taken_for_one_another_are_not_looked_up_together():
    listing = read_list("\n".join([*GENES, "HGNC:1771", "1017"]))
    assert make_query(listing, None, []).ids == (*GENES, "1017")


def test_identifiers_of_several_apis_are_no_symbols():
    assert read_list("\n".join(f"rs{number}\nCHEMBL{number}" for number in range(20, 25))) is None


COMMAS = ["Diabetes mellitus, type 2", "2,4-dinitrophenol", *DRUGS]


@pytest.mark.parametrize("words", ["ChEMBL ids of these drugs", "Mondo ids of these diseases"])
def test_a_comma_belongs_to_a_name_where_names_stand_one_to_a_line(words):
    assert list(read_list(f"{words}:\n" + "\n".join(COMMAS)).entries) == COMMAS
    assert list(read_list(f"{words}:\n" + ",\n".join(COMMAS)).entries) == COMMAS
    assert list(read_list(f"{words}: {'; '.join(['Diabetes mellitus, type 2', *DRUGS])}").entries)[0] == COMMAS[0]


@pytest.mark.parametrize(
    "rows",
    [
        ", ".join(DRUGS[:4]) + ",\n" + ", ".join(DRUGS[4:]),
        "\n".join(", ".join(DRUGS[place : place + 2]) for place in range(0, 8, 2)),
        "\n".join(",".join(DRUGS[place : place + 3]) for place in range(0, 8, 3)),
        "\t".join(DRUGS),
        ", ".join(DRUGS[:-1]) + ", and  " + DRUGS[-1],
    ],
)
def test_a_comma_parts_names_where_it_need_not_belong_to_one(rows):
    assert list(read_list(f"these drugs:\n{rows}").entries) == DRUGS


def test_two_names_a_line_are_two_names_however_many_lines_there_are():
    assert len(read_list("these drugs:\n" + "\n".join(["aspirin, ibuprofen"] * 8)).entries) == 16


def test_a_comma_belongs_to_a_name_in_a_file_that_is_no_table(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("disease\nDiabetes mellitus, type 2\ncystic fibrosis\ngout\n")
    assert read_file(path, "list.txt", "").entries == ("Diabetes mellitus, type 2", "cystic fibrosis", "gout")


def test_a_disease_that_is_called_like_a_heading_is_an_entry(tmp_path):
    path = tmp_path / "list.txt"
    names = ["Alzheimer disease", "Parkinson disease", "cystic fibrosis", "gout"]
    for heading in ("", "disease\n", "Disease name\n", "disease_or_phenotype\n"):
        path.write_text(heading + "\n".join(names))
        assert list(read_file(path, "list.txt", "these diseases").entries) == names


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("TP53\nBRCA1\nCDK2", ("TP53", "BRCA1", "CDK2")),
        ("rs11, rs12 and rs13", ("rs11", "rs12", "rs13")),
        ("MONDO:0009061 MONDO:0009062 MONDO:0009063", ("MONDO:0009061", "MONDO:0009062", "MONDO:0009063")),
        ("TP53 BRCA1 CDK2", None),
        ("rs11, rs12, rs13?", None),
        ("rs11 rs12", None),
        ("EGFR\nTP53\nCDK2", ("EGFR", "TP53", "CDK2")),
        ("P04637\nQ9Y6K9\nO15350", ("P04637", "Q9Y6K9", "O15350")),
        ("R-HSA-73894\nR-HSA-69278\nR-HSA-1640170", None),
        ("IPR000719\nIPR011009\nIPR008271", None),
        ("NP_001789.2\nNP_000537.3\nNP_009225.1", None),
        ("C0010674\nC0006142\nC0011849", None),
        ("ASPIRIN\nIBUPROFEN\nNAPROXEN", None),
        ("COVID-19\nSARS\nMERS", None),
        ("YES\nPLEASE\nTHANKS", None),
        ("10\n20\n30", None),
        ("hg38:\nchr1:g.10A>T\nchr1:g.11A>T\nchr1:g.12A>T", ("chr1:g.10A>T", "chr1:g.11A>T", "chr1:g.12A>T")),
        ("thanks\nthat\nhelps", None),
        ("symbol\nTP53\nBRCA1\nCDK2", None),
        ("significance: rs11 rs12 rs13", None),
    ],
)
def test_a_few_identifiers_are_a_list_where_nothing_else_is_said(text, entries):
    listing = read_list(text)
    assert (listing.entries if listing is not None else None) == entries


async def test_an_attached_list_is_read_again_when_its_words_are_edited_later(chat, session, enter):
    pytest.importorskip("chainlit")
    from chainlit.context import context_var

    from ui.list_turn import find_list

    enter(session)
    context_var.get().loop = asyncio.get_running_loop()
    layer = chat.data_layer
    kept = layer.storage_provider.path("u1/e1/list.csv")
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text("gene\nTP53\nBRCA1\nCDK2\n")
    await layer.execute_sql(
        'INSERT INTO elements ("id", "threadId", "forId", "name", "objectKey") '
        "VALUES (:id, :thread, :step, :name, :key)",
        {"id": "e1", "thread": "t1", "step": "m1", "name": "list.csv", "key": "u1/e1/list.csv"},
    )
    message = SimpleNamespace(id="m1", content="Ensembl ids of these", elements=[])
    listing = await asyncio.to_thread(find_list, message)
    assert listing.entries == ("TP53", "BRCA1", "CDK2") and listing.words == "Ensembl ids of these"
    other = SimpleNamespace(id="m2", content="where is CDK2?", elements=[])
    assert await asyncio.to_thread(find_list, other) is None
    kept.unlink()
    with pytest.raises(QueryError, match=r"list\.csv, which was attached, is no longer there"):
        await asyncio.to_thread(find_list, message)
    await layer.close()


def test_a_file_of_one_wide_row_and_many_short_ones_is_read_in_no_time(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("x\n" * 200_000 + "," * 500_000 + "TP53\n")
    # Column by column, that would be 10^11 steps.
    assert "TP53" in read_file(path, "list.csv", "").entries
