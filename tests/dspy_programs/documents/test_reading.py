"""Text comes out of every kind of file; what is not what its name says is one line; nothing in a file is run."""

import io
import os
import zipfile

import docx
import pypdf
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


def word_with(xml: str) -> bytes:
    """Return a Word document with this in its body, before what `word` puts there."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(word("last"))) as made, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for each in made.namelist():
            file.writestr(each, made.read(each).replace(b"<w:body>", b"<w:body>" + xml.encode()))
    return out.getvalue()


def run(text: str) -> str:
    return f"<w:r><w:t>{text}</w:t></w:r>"


def cell(inside: str) -> str:
    return f"<w:tbl><w:tr><w:tc>{inside}</w:tc></w:tr></w:tbl>"


def two_pages(text: str) -> bytes:
    """Return a PDF whose second page is a picture of text, or nothing."""
    made = pypdf.PdfWriter(clone_from=io.BytesIO(pdf(text)))
    made.add_blank_page(612, 792)
    content = io.BytesIO()
    made.write(content)
    return content.getvalue()


def locked(password: str) -> bytes:
    made = pypdf.PdfWriter(clone_from=io.BytesIO(pdf("Opened in 1931.")))
    made.encrypt(password, "owner")
    content = io.BytesIO()
    made.write(content)
    return content.getvalue()


def zip_of(name: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, content)
    return packed.getvalue()


TABLE = "\nmirror | 2.4 m\nafter the table"
BOMB = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10 if i else "a" * 50}">' for i in range(10))


@pytest.mark.parametrize(
    "name, content, text",
    [
        ("a.txt", "\ufeffTwo\r\nlines".encode(), "Two\nlines"),
        ("a.MD", b"# Title\n\nText", "# Title\n\nText"),
        ("a.txt", "Größe".encode("utf-16"), "Größe"),
        ("a.html", b"<title>no</title><script>alert(1)</script><p>Yes &amp; <b>no</b></p>or<br>so", "Yes & no\nor\nso"),
        ("a.pdf", pdf("Opened in 1931."), "Opened in 1931."),
        ("a.docx", word("first", "second"), "first\nsecond\nmirror | 2.4 m\nafter the table"),
        ("a.html", "<p>Größe".encode("cp1252"), "Größe"),
        ("a.html", '<meta charset="iso-8859-2"><p>Gdańsk'.encode("iso-8859-2"), "Gdańsk"),
        ("a.html", b"<p>one</p><!-- no --><template><p>no</p></template>two<script>no</script> three", "one\ntwo three"),
        ("a.pdf", locked(""), "Opened in 1931."),
        ("a.docx", word_with(f"<w:p><w:ins>{run('kept')}</w:ins><w:del>{run('no')}</w:del></w:p>"), "kept\nlast" + TABLE),
        ("a.docx", word_with(f"<w:sdt><w:sdtContent><w:p>{run('form')}</w:p></w:sdtContent></w:sdt>"), "form\nlast" + TABLE),
        ("a.docx", word_with(cell(f"<w:p>{run('out')}</w:p>" + cell(f"<w:p>{run('in')}</w:p>"))), "out in\nlast" + TABLE),
        (
            "a.docx",
            word_with(
                f'<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val="99999999"/></w:tcPr><w:p>{run("x")}</w:p></w:tc></w:tr></w:tbl>'
            ),
            "x\nlast" + TABLE,
        ),
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
        ("a.docx", zip_of("word/document.xml", b"no XML"), "not a Word document"),
        ("a.docx", word_with("</w:body>").replace(b"PK", b"XX", 1), "not a Word document"),
        ("a.pdf", locked("secret"), "needs a password"),
        ("a.pdf", pdf(""), "of a scan, ingest the recognised text"),
        ("a.html", b"<div>" * 50_000 + b"x", "nested too deeply"),
        ("a.html", b"<a" * 200_000, "no text in it"),
        ("a.html", b"<p>a\0b", "binary data"),
        ("a.html", b"<p>\x81\x8d", "not text in UTF-8"),
        ("a.html", b"<meta charset=klingon><p>x", "not text in klingon"),
        ("a.txt", pdf("x"), "a PDF; name it .pdf"),
        ("a.txt", " \n\u200b".encode(), "no text in it"),
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


def test_entities_of_entities_are_not_unfolded(tmp_path):
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(word("first"))) as whole, zipfile.ZipFile(made, "w") as file:
        for each in whole.namelist():
            content = whole.read(each)
            if each == "word/document.xml":
                content = content.replace(b"?>", f"?><!DOCTYPE x [{BOMB}]>".encode(), 1).replace(b">first<", b">&a9;<")
            file.writestr(each, content)
    (tmp_path / "a.docx").write_bytes(made.getvalue())
    with pytest.raises(DatasetError, match="not a Word document"):
        read_source(tmp_path / "a.docx")


def test_foreign_entity_is_not_fetched(tmp_path):
    (tmp_path / "secret").write_text("heron-9931")
    page = f'<!DOCTYPE x [<!ENTITY s SYSTEM "file://{tmp_path}/secret">]><p>a &s; b</p>'
    (tmp_path / "a.html").write_text(page)
    assert "heron" not in read_source(tmp_path / "a.html").text


def test_pages_without_text_are_named(tmp_path):
    (tmp_path / "a.pdf").write_bytes(two_pages("Opened in 1931."))
    found = read_source(tmp_path / "a.pdf")
    assert found.text == "Opened in 1931." and found.left_out == f"{tmp_path}/a.pdf: page 2: no text, as of a scan"


def test_device_or_pipe_is_refused_before_it_is_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "zeros.txt").symlink_to("/dev/zero")
    for name in ("pipe.txt", "zeros.txt"):
        with pytest.raises(DatasetError, match="no ordinary file"):
            read_source(tmp_path / name)


def test_folder_names_what_cannot_be_reached(tmp_path):
    """Links in a circle, broken ones, pipes, and a folder that is gone while it is read."""
    for name in ("sub", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "d.txt").symlink_to("/etc/passwd")
    (tmp_path / "sub" / "again").symlink_to(tmp_path)
    (tmp_path / "b.txt").symlink_to(tmp_path / "b.txt")
    os.mkfifo(tmp_path / "c.txt")
    skipped = []
    assert [source.text for source in read_folder(tmp_path, skipped.append)] == ["one"]
    assert [line.removeprefix(f"{tmp_path}/").partition(":")[0] for line in skipped] == ["sub/again", "b.txt", "c.txt", "d.txt"]
    list(read_folder(tmp_path / "none", skipped.append))
    assert skipped[4:] == [f"{tmp_path / 'none'}: cannot be read: No such file or directory"]


def test_notes_of_a_word_document_follow_its_text(tmp_path):
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"
    place = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"
    changes = {
        "[Content_Types].xml": ("</Types>", f'<Override PartName="/word/footnotes.xml" ContentType="{kind}"/></Types>'),
        "word/_rels/document.xml.rels": (
            "</Relationships>",
            f'<Relationship Id="rId99" Type="{place}" Target="footnotes.xml"/></Relationships>',
        ),
    }
    main = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    with zipfile.ZipFile(io.BytesIO(word("first"))) as made, zipfile.ZipFile(tmp_path / "a.docx", "w") as file:
        for name in made.namelist():
            file.writestr(name, made.read(name).decode("latin-1").replace(*changes.get(name, ("", ""))).encode("latin-1"))
        note = f'<w:footnotes xmlns:w="{main}"><w:footnote><w:p>{run("a note")}</w:p></w:footnote></w:footnotes>'
        file.writestr("word/footnotes.xml", note)
    assert read_source(tmp_path / "a.docx").text == f"first{TABLE}\na note"
