"""InChI, InChIKey and the properties that ChEMBL computes with RDKit, from a SMILES string.

RDKit is not a dependency of the product: it is installed where the snapshot is built.
"""

from __future__ import annotations

from typing import NamedTuple

from rdkit import Chem, RDLogger  # type: ignore[import-not-found,import-untyped,unused-ignore]
from rdkit.Chem import QED, Crippen, Descriptors, Lipinski, rdMolDescriptors  # type: ignore[import-not-found,import-untyped,unused-ignore]

RDLogger.DisableLog("rdApp.*")


class Structure(NamedTuple):
    """Named as the fields of ChEMBL are."""

    inchi: str
    inchi_key: str
    full_molformula: str
    full_mwt: float
    mw_monoisotopic: float
    alogp: float
    psa: float
    hba: int
    hbd: int
    hba_lipinski: int
    hbd_lipinski: int
    rtb: int
    aromatic_rings: int
    heavy_atoms: int
    qed_weighted: float
    num_ro5_violations: int


PROPERTIES = frozenset(Structure._fields[2:])


def describe(smiles: str) -> Structure:
    """Compute the structure's identifiers and properties; raises ValueError for SMILES that RDKit cannot read."""
    molecule = Chem.MolFromSmiles(smiles)
    if molecule is None:
        raise ValueError(f"not a structure: {smiles}")
    inchi = Chem.MolToInchi(molecule)
    weight, logp = Descriptors.MolWt(molecule), Crippen.MolLogP(molecule)
    acceptors, donors = Lipinski.NumHAcceptors(molecule), Lipinski.NumHDonors(molecule)
    return Structure(
        inchi=inchi,
        inchi_key=Chem.InchiToInchiKey(inchi),
        full_molformula=rdMolDescriptors.CalcMolFormula(molecule),
        full_mwt=round(weight, 2),
        mw_monoisotopic=round(Descriptors.ExactMolWt(molecule), 4),
        alogp=round(logp, 2),
        psa=round(rdMolDescriptors.CalcTPSA(molecule), 2),
        hba=acceptors,
        hbd=donors,
        hba_lipinski=rdMolDescriptors.CalcNumLipinskiHBA(molecule),
        hbd_lipinski=rdMolDescriptors.CalcNumLipinskiHBD(molecule),
        rtb=rdMolDescriptors.CalcNumRotatableBonds(molecule),
        aromatic_rings=rdMolDescriptors.CalcNumAromaticRings(molecule),
        heavy_atoms=molecule.GetNumHeavyAtoms(),
        qed_weighted=round(QED.qed(molecule), 2),
        num_ro5_violations=sum((weight > 500, logp > 5, acceptors > 10, donors > 5)),
    )
