"""Files to report texts: plain, FHIR, DICOM SR, tables, and what is refused in one line."""

import base64
import json
from zipfile import ZipFile

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from calciscope.errors import InputError
from calciscope.read.text import is_archive, is_report, of_text, read_report, read_table, unpacked

TEXT = "FINDINGS: Calcified granuloma in the right upper lobe."


def code(meaning):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "1", "99TEST", meaning
    return [item]


def item(kind, name, **values):
    one = Dataset()
    one.ValueType, one.ConceptNameCodeSequence = kind, code(name)
    for key, value in values.items():
        setattr(one, key, value)
    return one


def structured_report(path, modality="SR", content=None, **header):
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid()
    data.Modality, data.PatientName, data.PatientID = modality, "Doe^Jane", "12345"
    texts = [item("TEXT", "Finding", TextValue="3 mm stone in the left kidney.")]
    data.ContentSequence = content if content is not None else [
        item("PNAME", "Person Observer Name", PersonName="Roe^Richard"),
        item("CONTAINER", "Findings", ContentSequence=texts),
        item("TEXT", "Conclusion", TextValue="Nephrolithiasis."),
    ]  # fmt: skip
    for key, value in header.items():
        setattr(data, key, value)
    data.save_as(path, enforce_file_format=True)
    return path


def packed(path, *files, **texts):
    with ZipFile(path, "w") as archive:
        for file in files:
            archive.write(file, file.name)
        for name, text in texts.items():
            archive.writestr(f"deep/{name}.txt", text)
    return path


def fhir(path, **report):
    path.write_text(json.dumps({"resourceType": "DiagnosticReport", **report}))
    return path


def test_plain_text_in_several_encodings(tmp_path):
    path = tmp_path / "a.txt"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
        path.write_bytes(f"{TEXT} 3 × 2 mm".encode(encoding))
        assert read_report(path).text.endswith("3 × 2 mm")


def test_the_text_parts_of_a_structured_report(tmp_path):
    path = structured_report(tmp_path / "sr.dcm")
    assert is_report(path)
    text = read_report(path).text
    assert "Finding: 3 mm stone in the left kidney." in text
    assert "Conclusion: Nephrolithiasis." in text
    assert not any(secret in text for secret in ("Doe", "Jane", "12345", "Roe"))


def test_the_name_of_the_file_names_nobody(tmp_path):
    report = read_report(structured_report(tmp_path / "Doe_Jane_report.dcm"))
    assert "Doe" not in report.name
    assert "Jane" not in report.name
    assert report.name.endswith("report.dcm")
    assert "12345" not in repr(report)
    assert report.owner == read_report(structured_report(tmp_path / "other.dcm")).owner


def test_a_record_of_the_dose_is_no_report(tmp_path):
    data = dcmread(structured_report(tmp_path / "dose.dcm"))
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.88.67"
    data.save_as(tmp_path / "dose.dcm")
    assert not is_report(tmp_path / "dose.dcm")


def test_a_fhir_report_is_its_attachment_or_its_narrative_with_the_conclusion(tmp_path):
    data = base64.b64encode(TEXT.encode()).decode()
    whole = fhir(tmp_path / "a.json", presentedForm=[{"contentType": "text/plain", "data": data}], conclusion="Benign.")
    assert read_report(whole).text == f"{TEXT}\n\nImpression: Benign."
    told = fhir(
        tmp_path / "b.json", text={"div": "<div><p>Renal stone.</p><p>No mass.</p></div>"}, conclusion="No mass."
    )
    assert read_report(told).text.split("\n") == ["Renal stone.", "No mass."]


def test_a_fhir_report_within_a_bundle(tmp_path):
    path = tmp_path / "bundle.json"
    report = {"resourceType": "DiagnosticReport", "conclusion": "Gallstones."}
    path.write_text(json.dumps({"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient"}},
                                                                    {"resource": report}]}))  # fmt: skip
    assert is_report(path)
    assert read_report(path).text == "Impression: Gallstones."


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.txt", b"", "is empty"),
        ("a.txt", b" \n\t ", "is empty"),
        ("a.txt", b"\x00\x01\x02\x03" * 100, "is not text"),
        ("a.txt", bytes(range(128, 160)) * 40, "is not text"),
        ("a.txt", b"1 2 3 . . .", "holds no words"),
        ("a.txt", b"renal stone. " * 800_000, "is larger than 1 MB"),
        ("a.txt", "Ä ".encode() * 600_000, "is larger than 1 MB"),
        ("a.pdf", b"%PDF", "is a PDF"),
        ("a.json", b'{"resourceType": "Patient"}', "holds no FHIR DiagnosticReport"),
        ("a.json", b'{"resourceType": "Diag', "is cut off or not JSON"),
        ("a.dcm", b"\0" * 128 + b"DICM" + b"\xff" * 40, "is DICOM that cannot be read"),
    ],
)
def test_bad_input_is_one_line_that_names_the_file(tmp_path, name, content, why):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as error:
        read_report(tmp_path / name)
    assert str(error.value).startswith(f"{name}: {why}")
    assert "\n" not in str(error.value)


def test_what_is_not_there_and_folders_are_told(tmp_path):
    with pytest.raises(InputError, match="there is no such file"):
        read_report(tmp_path / "absent.txt")
    with pytest.raises(InputError, match="cannot be opened as a file"):
        read_report(tmp_path)


def test_an_image_is_no_report(tmp_path):
    path = structured_report(tmp_path / "ct.dcm", modality="CT")
    assert not is_report(path)
    with pytest.raises(InputError, match="not a structured report"):
        read_report(path)


def test_a_structured_report_without_text(tmp_path):
    with pytest.raises(InputError, match="holds no text"):
        read_report(structured_report(tmp_path / "sr.dcm", content=[]))


def test_a_table_of_reports(tmp_path):
    path = tmp_path / "k.csv"
    path.write_text('id,text\nA,"Renal stone.\nNo mass."\n,Gallstones.\n', encoding="utf-8")
    found = list(read_table(path, "text", "id"))
    assert [(one.name, one.text) for one in found] == [("A", "Renal stone.\nNo mass."), ("row 2", "Gallstones.")]
    assert next(read_table(path, "text", None)).name == "row 1"


def test_a_table_without_the_column_names_those_that_it_has(tmp_path):
    path = tmp_path / "k.csv"
    path.write_text("id,report\n1,x\n")
    with pytest.raises(InputError, match="has no column 'text'; it has 'id', 'report'"):
        list(read_table(path, "text", None))


def test_the_reports_in_a_zip(tmp_path):
    sr = structured_report(tmp_path / "IM1")
    image = structured_report(tmp_path / "IM2", modality="CT", SOPClassUID="1.2.840.10008.5.1.4.1.1.2")
    path = packed(tmp_path / "a.zip", sr, image, report=TEXT)
    assert is_archive(path)
    assert not is_archive(sr)
    (tmp_path / "out").mkdir()
    found = unpacked(path, tmp_path / "out")
    assert sorted(found.values()) == [path / "IM1", path / "deep" / "report.txt"]
    assert {read_report(one).text for one in found} == {TEXT, read_report(sr).text}
    assert not list((tmp_path / "out").rglob("IM2"))


def test_a_bad_zip_is_one_line_and_a_word_document_is_none(tmp_path):
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(InputError, match=r"bad\.zip: the ZIP is damaged") as error:
        unpacked(tmp_path / "bad.zip", tmp_path)
    assert "\n" not in str(error.value)
    assert not is_archive(packed(tmp_path / "a.docx", report=TEXT))
    assert not is_archive(tmp_path / "absent.zip")


def test_a_text_is_a_report_too():
    assert of_text(TEXT).text == TEXT
    with pytest.raises(InputError, match="is empty"):
        of_text(" ")
