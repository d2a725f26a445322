"""A PDF file written from front to back, as PDF/A-2b (ISO 19005-2) has it: the same bytes each time.

Our own writer, because a batch is ten thousand sides of one design: reportlab's canvas keeps and formats
every object of it (a third of the speed, twice the bytes) and has no switch for PDF/A. Objects that are no
streams are packed into object streams, pages hang in a balanced tree, fonts come last, when all characters
are known.
"""

import hashlib
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from xml.sax.saxutils import escape

from distribution.channels.paper import colour, embedding

_PACK = 200  # objects in an object stream
_LEAVES = 100  # pages under a node of the page tree
_LEVEL = 6
_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/"
 xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{subject}</rdf:li></rdf:Alt></dc:description>
<dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>
<dc:language><rdf:Bag><rdf:li>{language}</rdf:li></rdf:Bag></dc:language>
<xmp:CreatorTool>{creator}</xmp:CreatorTool>
<xmp:CreateDate>{created}</xmp:CreateDate>
<xmp:ModifyDate>{created}</xmp:ModifyDate>
<pdf:Producer>{creator}</pdf:Producer>
<pdfaid:part>2</pdfaid:part>
<pdfaid:conformance>B</pdfaid:conformance>
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""


@dataclass(frozen=True, slots=True)
class About:
    """What a document says of itself: no student's data. `created_at` is aware."""

    title: str
    subject: str
    author: str
    created_at: datetime
    creator: str = "score-distribution"
    language: str = "en-US"


class PdfFile:
    """Takes pages in order, forms by name, then fonts; `close` gives the bytes."""

    def __init__(self, about: About, *, page_size: tuple[float, float]):
        self.about, self._page_size = about, page_size
        self._out = BytesIO()
        self._out.write(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
        self._places: list[tuple[int, int, int]] = [(0, 0, 0xFFFF)]  # as the cross-reference stream has them
        self._packed: list[tuple[int, str]] = []
        self._forms: dict[str, int] = {}
        self._pages: list[int] = []
        self._nodes: list[int] = []
        self._outline: list[tuple[str, int]] = []
        self._resources, self._root_pages = self._number(), self._number()

    @property
    def pages(self) -> int:
        return len(self._pages)

    def add_form(self, name: str, content: str) -> None:
        """Keep a drawing that pages stamp by its name."""
        width, height = self._page_size
        entries = f"/Type/XObject/Subtype/Form/BBox[0 0 {width:g} {height:g}]/Resources {self._resources} 0 R"
        self._forms[name] = self._stream(content.encode(), entries)

    def add_page(self, content: str, *, outline: str = "") -> None:
        """Add a page, blank without content; with a title it is found in the outline."""
        if len(self._pages) % _LEAVES == 0:
            self._nodes.append(self._number())
        contents = f"/Contents {self._stream(content.encode())} 0 R" if content else ""
        page = self._number()
        self._pages.append(page)
        # PDF/A wants the resources named on every page; that they are inherited is not enough.
        self._pack(
            page, f"<</Type/Page/Parent {self._nodes[-1]} 0 R/Resources {self._resources} 0 R{contents}>>"
        )
        if outline:
            self._outline.append((outline, page))

    def close(self, fonts: Mapping[str, embedding.Face]) -> bytes:
        """Write fonts (by the name that pages use), outline, metadata and cross-references; all of it."""
        tags = " ".join(f"/{tag} {self._font(face)} 0 R" for tag, face in sorted(fonts.items()))
        forms = " ".join(f"/{name} {number} 0 R" for name, number in self._forms.items())
        self._pack(self._resources, f"<</Font<<{tags}>>/XObject<<{forms}>>>>")
        self._page_tree()
        catalog = self._catalog(self._outlines())
        information = self._information()
        self._flush()
        self._cross_references(catalog, information)
        return self._out.getvalue()

    # Objects ------------------------------------------------------------------------------------------------
    def _number(self) -> int:
        self._places.append((0, 0, 0))
        return len(self._places) - 1

    def _stream(self, content: bytes, entries: str = "", *, plain: bool = False) -> int:
        number = self._number()
        self._places[number] = (1, self._out.tell(), 0)
        if not plain:
            content, entries = zlib.compress(content, _LEVEL), f"{entries}/Filter/FlateDecode"
        self._out.write(b"%d 0 obj\n<<%s/Length %d>>\nstream\n" % (number, entries.encode(), len(content)))
        self._out.write(content)
        self._out.write(b"\nendstream\nendobj\n")
        return number

    def _pack(self, number: int, body: str) -> None:
        self._packed.append((number, body))
        if len(self._packed) == _PACK:
            self._flush()

    def _object(self, body: str) -> int:
        number = self._number()
        self._pack(number, body)
        return number

    def _flush(self) -> None:
        """Write the waiting objects as one object stream."""
        if not self._packed:
            return
        head, place = [], 0
        for number, body in self._packed:
            head.append(f"{number} {place}")
            place += len(body) + 1
        index = " ".join(head) + "\n"
        content = index + "\n".join(body for _, body in self._packed)
        entries = f"/Type/ObjStm/N {len(self._packed)}/First {len(index)}"
        packed, self._packed = self._packed, []
        stream = self._stream(content.encode("ascii"), entries)
        for position, (number, _) in enumerate(packed):
            self._places[number] = (2, stream, position)

    # The document -------------------------------------------------------------------------------------------
    def _page_tree(self) -> None:
        width, height = self._page_size
        for index, node in enumerate(self._nodes):
            leaves = self._pages[index * _LEAVES : (index + 1) * _LEAVES]
            self._pack(
                node,
                f"<</Type/Pages/Parent {self._root_pages} 0 R/Count {len(leaves)}"
                f"/Kids[{_references(leaves)}]>>",
            )
        self._pack(
            self._root_pages,
            f"<</Type/Pages/Count {len(self._pages)}/Kids[{_references(self._nodes)}]"
            f"/MediaBox[0 0 {width:g} {height:g}]>>",
        )

    def _outlines(self) -> int:
        """The outline, one entry after the other; 0 without any."""
        if not self._outline:
            return 0
        root = self._number()
        numbers = [self._number() for _ in self._outline]
        for position, (title, page) in enumerate(self._outline):
            before = f"/Prev {numbers[position - 1]} 0 R" if position else ""
            after = f"/Next {numbers[position + 1]} 0 R" if position + 1 < len(numbers) else ""
            self._pack(
                numbers[position],
                f"<</Title {_text(title)}/Parent {root} 0 R{before}{after}/Dest[{page} 0 R/Fit]>>",
            )
        last = numbers[-1]
        self._pack(root, f"<</Type/Outlines/First {numbers[0]} 0 R/Last {last} 0 R/Count {len(numbers)}>>")
        return root

    def _catalog(self, outlines: int) -> int:
        metadata = self._stream(self._xmp(), "/Type/Metadata/Subtype/XML", plain=True)
        profile = self._stream(colour.srgb_profile(), "/N 3/Alternate/DeviceRGB")
        intent = self._object(
            "<</Type/OutputIntent/S/GTS_PDFA1/OutputConditionIdentifier(sRGB IEC61966-2.1)"
            f"/Info(sRGB IEC61966-2.1)/DestOutputProfile {profile} 0 R>>"
        )
        found = f"/Outlines {outlines} 0 R/PageMode/UseOutlines" if outlines else ""
        return self._object(
            f"<</Type/Catalog/Pages {self._root_pages} 0 R/Metadata {metadata} 0 R"
            f"/OutputIntents[{intent} 0 R]/Lang({self.about.language})"
            f"/ViewerPreferences<</DisplayDocTitle true>>{found}>>"
        )

    def _information(self) -> int:
        """The older form of the metadata; PDF/A asks that it says the same."""
        about, made = self.about, self._created("D:%Y%m%d%H%M%S+00'00'")
        return self._object(
            f"<</Title {_text(about.title)}/Subject {_text(about.subject)}/Author {_text(about.author)}"
            f"/Creator {_text(about.creator)}/Producer {_text(about.creator)}"
            f"/CreationDate({made})/ModDate({made})>>"
        )

    def _xmp(self) -> bytes:
        about = self.about
        words = {
            name: escape(getattr(about, name))
            for name in ("title", "subject", "author", "creator", "language")
        }
        return _XMP.format(**words, created=self._created("%Y-%m-%dT%H:%M:%S+00:00")).encode()

    def _created(self, form: str) -> str:
        return self.about.created_at.astimezone(UTC).strftime(form)

    def _font(self, face: embedding.Face) -> int:
        """A face as a composite font whose codes are the characters themselves (UTF-16)."""
        program = embedding.subset(face)
        file = self._stream(program.font_file, f"/Length1 {len(program.font_file)}")
        glyph_of = self._stream(program.glyph_of_code)
        unicode_of = self._stream(program.unicode_of_code)
        name = f"{program.tag}+{face.name}"
        left, bottom, right, top = program.box
        descriptor = self._object(
            f"<</Type/FontDescriptor/FontName/{name}/Flags 4/ItalicAngle 0"
            f"/FontBBox[{left} {bottom} {right} {top}]"
            f"/Ascent {program.ascent}/Descent {program.descent}/CapHeight {program.cap_height}"
            f"/StemV {program.stem}/FontFile2 {file} 0 R>>"
        )
        descendant = self._object(
            f"<</Type/Font/Subtype/CIDFontType2/BaseFont/{name}/FontDescriptor {descriptor} 0 R"
            "/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"
            f"/DW 0/W[{program.widths}]/CIDToGIDMap {glyph_of} 0 R>>"
        )
        return self._object(
            f"<</Type/Font/Subtype/Type0/BaseFont/{name}/Encoding/Identity-H"
            f"/DescendantFonts[{descendant} 0 R]/ToUnicode {unicode_of} 0 R>>"
        )

    def _cross_references(self, catalog: int, information: int) -> None:
        number, start = self._number(), self._out.tell()
        self._places[number] = (1, start, 0)
        table = b"".join(
            kind.to_bytes(1, "big") + place.to_bytes(4, "big") + third.to_bytes(2, "big")
            for kind, place, third in self._places
        )
        identity = hashlib.sha256(self._out.getbuffer()).hexdigest()[:32].upper()
        content = zlib.compress(table, _LEVEL)
        self._out.write(
            f"{number} 0 obj\n<</Type/XRef/Size {len(self._places)}/W[1 4 2]/Root {catalog} 0 R"
            f"/Info {information} 0 R/ID[<{identity}><{identity}>]/Filter/FlateDecode"
            f"/Length {len(content)}>>\nstream\n".encode()
        )
        self._out.write(content)
        self._out.write(f"\nendstream\nendobj\nstartxref\n{start}\n%%EOF\n".encode())


def _references(numbers: Iterable[int]) -> str:
    return " ".join(f"{number} 0 R" for number in numbers)


def _text(words: str) -> str:
    """A text string (PDF 32000-1, 7.9.2.2): ASCII as it is, else FE FF and UTF-16, high byte first."""
    if words.isascii():
        return f"({_escaped(words)})"
    return f"<FEFF{words.encode('utf-16-be').hex().upper()}>"


def _escaped(words: str) -> str:
    return words.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
