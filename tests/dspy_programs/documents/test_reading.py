"""Text comes out of every kind of file; what is not what its name says is one line; nothing in a file is run."""

import io
import zipfile

import docx
import pytest

from dspy_programs.documents import read_folder, read_source
from dspy_programs.errors import DatasetError, UsageError


def pdf(text: str) -> bytes:
    """Return a PDF of one page with this text."""
    stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode()
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> /MediaBox [0 0 612 792] >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(bodies, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + b"xref\n0 6\n0000000000 65535 f \n%strailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (
        table,
        len(out),
    )


def word(*lines: str) -> bytes:
    made, content = docx.Document(), io.BytesIO()
    for line in lines:
        made.add_paragraph(line)
    table = made.add_table(rows=1, cols=2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "mirror", "2.4 m"
    made.add_paragraph("after the table")
    made.save(content)
    return content.getvalue()


def zip_of(name: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, content)
    return packed.getvalue()


@pytest.mark.parametrize(
    "name, content, text",
    [
        ("a.txt", "\ufeffTwo\r\nlines".encode(), "Two\nlines"),
        ("a.MD", b"# Title\n\nText", "# Title\n\nText"),
        ("a.txt", "Größe".encode("utf-16"), "Größe"),
        ("a.html", b"<title>no</title><script>alert(1)</script><p>Yes &amp; <b>no</b></p>or<br>so", "Yes & no\nor\nso"),
        ("a.pdf", pdf("Opened in 1931."), "Opened in 1931."),
        ("a.docx", word("first", "second"), "first\nsecond\nmirror | 2.4 m\nafter the table"),
        ("a.txt", b"bell\x07 and \xed\x9f\xbf", "bell and \ud7ff"),
    ],
)
def test_text_comes_out(tmp_path, name, content, text):
    (tmp_path / name).write_bytes(content)
    assert read_source(tmp_path / name).text == text


@pytest.mark.parametrize(
    "name, content, said",
    [
        ("a.pdf", b"hello", "not a PDF, although named so"),
        ("a.pdf", pdf("x")[:120], "a damaged PDF|no text"),
        ("a.pdf", b"%PDF-1.4 nothing", "a damaged PDF"),
        ("a.docx", b"PK\x03\x04 no", "not a Word document"),
        ("a.docx", zip_of("a.xml", b"<a/>"), "not a Word document"),
        ("a.docx", zip_of("word/document.xml", bytes(101_000_000)), "over 100 MB when unpacked"),
        ("a.txt", b"", "it is empty"),
        ("a.html", b"<script>1</script>", "no text in it"),
        ("a.txt", b"\xff\xfa\x80", "not UTF-8 text"),
        ("a.txt", b"a\0b", "binary"),
        ("a.xyz", b"text", "of no known kind"),
    ],
)
def test_what_is_no_text_is_one_line_that_names_the_file(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetError, match=said) as raised:
        read_source(tmp_path / name)
    assert str(tmp_path / name) in str(raised.value) and "\n" not in str(raised.value)


def test_missing_file(tmp_path):
    with pytest.raises(DatasetError, match="cannot be read: No such file"):
        read_source(tmp_path / "none.txt")


def test_folder_is_read_in_order_without_hidden_files_and_says_what_it_leaves_out(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / ".git").mkdir()
    for name, text in (("b/2.md", "two"), ("a.txt", "one"), (".git/x.txt", "no"), ("c.bin", "no"), ("d.pdf", "no")):
        (tmp_path / name).write_text(text)
    skipped = []
    assert [source.text for source in read_folder(tmp_path, skipped.append)] == ["one", "two"]
    assert len(skipped) == 2 and "c.bin" in skipped[0] and "d.pdf" in skipped[1]
    with pytest.raises(UsageError, match="a folder"):
        read_source(tmp_path)
