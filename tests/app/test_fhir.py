"""FHIR R4: valid by two judges, whole in itself, and careful in what it claims."""

from typing import Any

import pytest

from app.interop.fhir import fhir_bundle
from app.notice import INTENDED_USE
from app.reports.case_record import CaseRecord, ReportStatus
from tests.app.case_records import record_by_chance
from tests.app.fhir_r4 import problems, references

LOCAL = "urn:oid:2.25."


def resources(record: CaseRecord, kind: str, pdf: bytes | None = None) -> list[dict[str, Any]]:
    entries = [entry["resource"] for entry in fhir_bundle(record, pdf)["entry"]]
    return [entry for entry in entries if entry["resourceType"] == kind]


def codings(value: Any) -> list[dict[str, str]]:
    if isinstance(value, list):
        return [found for each in value for found in codings(each)]
    if not isinstance(value, dict):
        return []
    mine = [value] if "system" in value and "code" in value else []
    return mine + [found for each in value.values() for found in codings(each)]


@pytest.mark.parametrize("seeds", [range(20), pytest.param(range(20, 220), marks=pytest.mark.slow)])
def test_every_bundle_is_valid_r4(seeds: range) -> None:
    found = [
        problem
        for seed in seeds
        for kind in ("collection", "transaction")
        for problem in problems(fhir_bundle(record_by_chance(seed), b"%PDF-", kind=kind))
    ]
    assert found == []


def test_the_judges_find_a_wrong_type_a_wrong_name_and_a_missing_field() -> None:
    assert problems({"resourceType": "Observation", "status": "final", "code": {"text": 1}})
    assert problems({"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "verdict": 1})
    assert problems({"resourceType": "Observation", "status": "final"})
    assert problems({"resourceType": "DiagnosticReport", "status": "signed", "code": {"text": "x"}})


@pytest.mark.parametrize("seed", range(12))
def test_every_reference_leads_to_an_entry_and_no_two_entries_share_an_id(seed: int) -> None:
    bundle = fhir_bundle(record_by_chance(seed), b"%PDF-")
    addresses = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(addresses) == len(set(addresses))
    assert references(bundle) <= set(addresses)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (ReportStatus.PRELIMINARY, "preliminary"),
        (ReportStatus.FINAL, "final"),
        (ReportStatus.AMENDED, "amended"),
        (ReportStatus.RETRACTED, "entered-in-error"),
    ],
)
def test_the_status_of_report_and_observations_follows_the_review(
    status: ReportStatus, expected: str
) -> None:
    record = record_by_chance(3, status)
    (report,) = resources(record, "DiagnosticReport")
    assert report["status"] == expected
    assert {each["status"] for each in resources(record, "Observation")} == {expected}
    assert [each["docStatus"] for each in resources(record, "DocumentReference", b"%PDF-")] == [expected]


def test_what_a_model_said_is_labelled_and_what_a_person_said_is_not() -> None:
    for seed in range(12):
        for observation in resources(record_by_chance(seed), "Observation"):
            labels = [label["code"] for label in observation.get("meta", {}).get("security", [])]
            by_person = observation["code"]["text"] == "Verdict of a person"
            assert labels == ([] if by_person else ["AIAST"])
            assert ("device" in observation, "performer" in observation) == (
                (False, True) if by_person else (observation["code"]["text"] == "Label by the model", False)
            )


def test_the_signer_verifies_the_report_and_the_model_authors_its_labels() -> None:
    record = record_by_chance(3, ReportStatus.FINAL)
    provenance = resources(record, "Provenance")
    agents = {each["agent"][0]["type"]["text"] for each in provenance}
    assert agents == {"Author", "Verifier"}
    (report,) = resources(record, "DiagnosticReport")
    assert report["resultsInterpreter"] == [{"display": record.sign_offs[-1].author}]


def test_no_code_names_a_disease_and_only_verified_public_codes_are_used() -> None:
    public: set[tuple[str, str]] = set()
    for seed in range(40):
        bundle = fhir_bundle(record_by_chance(seed), b"%PDF-")
        assert "conclusionCode" not in str(bundle)
        public |= {
            (found["system"].rsplit("/", 1)[-1], found["code"])
            for found in codings(bundle)
            if not found["system"].startswith(LOCAL)
        }
    assert public == {
        ("v3-ObservationValue", "AIAST"),
        ("v3-ObservationInterpretation", "A"),
        ("v3-ObservationInterpretation", "N"),
        ("v3-ObservationInterpretation", "IND"),
        ("v2-0074", "LAB"),
        ("v2-0203", "ACSN"),
        ("v2-0203", "PLAC"),
        ("v2-0203", "FILL"),
        ("provenance-participant-type", "author"),
        ("provenance-participant-type", "verifier"),
        ("unitsofmeasure.org", "1"),
    }


def test_the_report_says_research_use_only_and_carries_the_digest_of_the_record() -> None:
    record = record_by_chance(1)
    (report,) = resources(record, "DiagnosticReport")
    assert INTENDED_USE in report["conclusion"]
    assert record.digest in {each["value"] for each in report["identifier"]}


def test_the_same_case_keeps_its_ids_from_version_to_version() -> None:
    first = fhir_bundle(record_by_chance(5, ReportStatus.FINAL))
    then = fhir_bundle(record_by_chance(5, ReportStatus.RETRACTED))
    assert [entry["fullUrl"] for entry in first["entry"]] == [entry["fullUrl"] for entry in then["entry"]]
