"""Documents for the readers' tests, made in memory; those kept as files are in tests/data. All are made up."""

import base64
import io
import zipfile
from pathlib import Path

DATA = Path(__file__).parents[2] / "data"
NOTE = "Assessment: Sjögren syndrome.\nDenies chest pain.\n"


def kept(name):
    return (DATA / name).read_bytes()


def base64_of(data):
    return base64.b64encode(data).decode()


def attachment(data, kind="text/plain"):
    return {"contentType": kind, "data": base64_of(data)}


def document_reference(*attachments, **more):
    return {
        "resourceType": "DocumentReference",
        "status": "current",
        "content": [{"attachment": one} for one in attachments or [attachment(NOTE.encode())]],
    } | more


def bundle(*resources, kind="collection"):
    entries = [{"fullUrl": f"urn:uuid:{number}", "resource": one} for number, one in enumerate(resources)]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def pdf(*pages, picture_pages=()):
    """A PDF with a line of text a page; a page of `picture_pages` has a picture instead."""
    objects = {1: b"<< /Type /Catalog /Pages 2 0 R >>", 3: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"}
    objects[4] = _stream(
        b"\xff", b"/Type /XObject /Subtype /Image /Width 1 /Height 1 /BitsPerComponent 8 /ColorSpace /DeviceGray "
    )
    kids = []
    for number, text in enumerate(pages):
        page, content = 5 + 2 * number, 6 + 2 * number
        kids.append(f"{page} 0 R")
        if number in picture_pages:
            draw, held = b"/Im0 Do", "/XObject << /Im0 4 0 R >>"
        else:
            draw, held = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode("latin-1"), "/Font << /F1 3 0 R >>"
        objects[page] = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << {held} >> /Contents {content} 0 R >>"
        ).encode()
        objects[content] = _stream(draw)
    objects[2] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode()
    return _pdf_file(objects)


def _stream(data, entries=b""):
    return b"<< " + entries + f"/Length {len(data)} >>\nstream\n".encode() + data + b"\nendstream"


def _pdf_file(objects):
    out = io.BytesIO(b"%PDF-1.4\n")
    out.seek(0, io.SEEK_END)
    places = {}
    for number in sorted(objects):
        places[number] = out.tell()
        out.write(f"{number} 0 obj\n".encode() + objects[number] + b"\nendobj\n")
    start = out.tell()
    table = "".join(f"{places[number]:010} 00000 n \n" for number in sorted(objects))
    out.write(f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}".encode())
    out.write(f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode())
    return out.getvalue()


WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def docx(body, *, main="word/document.xml", **more_parts):
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Override PartName="/word/document.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
        f'<Relationship Id="r1" Type="{OFFICE}" Target="{main}"/></Relationships>',
        "word/_rels/document.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships"/>',
        "word/document.xml": f'<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>',
    } | more_parts
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, '<?xml version="1.0" encoding="UTF-8"?>' + text)
    return out.getvalue()


def paragraph(text):
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"
