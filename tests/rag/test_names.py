"""Known names are found in questions, the longest first, and only as words."""

import numpy as np
import pytest

from rag.names import Names, kind_of, open_names
from tools.errors import DataError

NAMES = Names.of({"disease": ["Crohn's disease", "diabetes mellitus", "type 2 diabetes mellitus", "HIT"]})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("genes of CROHN'S DISEASE?", ["CROHN'S DISEASE"]),
        ("type 2 diabetes mellitus, diabetes mellitus", ["type 2 diabetes mellitus", "diabetes mellitus"]),
        ("the drugs that hit it", []),
        ("what is HIT?", ["HIT"]),
        ("", []),
        ("prediabetes mellitus", []),
    ],
)
def test_names_are_found_as_words(text, found):
    names = NAMES.find("disease", text)
    assert [name.text for name in names] == found
    assert all(text[name.start : name.end] == name.text for name in names)


def test_only_fields_of_names_have_a_kind():
    assert kind_of("mondo.label") == "disease"
    assert kind_of("symbol") == "gene"
    assert kind_of("mondo.definition") is None


def test_the_names_of_the_snapshot(real_home):
    names = open_names(real_home)
    assert [name.text for name in names.find("disease", "drugs for cystic fibrosis")] == ["cystic fibrosis"]
    assert [name.text for name in names.find("chemical", "imatinib or ASPIRIN")] == ["imatinib", "ASPIRIN"]
    assert [name.text for name in names.find("gene", "cdk2, BRCA1")] == ["cdk2", "BRCA1"]


def test_a_folder_that_cannot_be_written_is_told_with_its_setting(tmp_path, monkeypatch):
    monkeypatch.setattr("rag.names._read", lambda api, paths: iter(["gout"]))
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError) as caught:
        open_names(tmp_path / "file")
    assert "BIOTHINGS_ASSISTANT_HOME" in caught.value.hint


def test_a_damaged_file_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr("rag.names._read", lambda api, paths: iter(["gout"]))
    open_names(tmp_path)
    (path,) = tmp_path.glob("names-*.npz")
    path.write_bytes(path.read_bytes()[:40])
    assert open_names(tmp_path).find("disease", "gout")
    with np.load(path) as file:
        assert set(file) == {"disease", "chemical", "gene", "possessive"}
