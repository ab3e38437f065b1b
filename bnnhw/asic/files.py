"""Reads library files: plain or gzip-compressed text, of bounded size, in any Unicode encoding.

Library files come from anywhere. The number of bytes is limited before and after decompression, so
that a small file cannot fill the memory.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import zlib
from dataclasses import dataclass
from pathlib import Path

from bnnhw.errors import ConfigError

__all__ = ["MAX_BYTES", "Source", "read_source", "unpack"]

MAX_BYTES = 256 << 20
"""Largest file, compressed or not; the libraries of open processes have up to 40 MB a corner."""

CHUNK = 1 << 20
"""Bytes that are decompressed at a time, so that memory use follows the actual contents."""

GZIP = b"\x1f\x8b"
OTHER_FORMATS = {b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz",
                 b"7z\xbc\xaf\x27\x1c": "7z", b"\x28\xb5\x2f\xfd": "zstd"}
"""First bytes of other compressed formats, which are rejected with an error that names them."""

MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"),
         (codecs.BOM_UTF16_BE, "utf-16-be"))
"""Byte-order marks and the encodings that they announce."""


@dataclass(frozen=True)
class Source:
    """The text of one file.

    Attributes
    ----------
    name : str
        File name without its folder, for messages and reports.
    text : str
        Decompressed, without a byte-order mark; lines end with a line feed alone.
    sha256 : str
        Digest of the file as it is stored, so that ``sha256sum`` shows the same.
    """

    name: str
    text: str
    sha256: str


def read_source(path: Path) -> Source:
    """Read a Liberty or LEF file.

    Raises
    ------
    ConfigError
        The file cannot be read, is larger than ``MAX_BYTES``, or is not text.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror or error}", where=str(path),
                          hint="give an existing file, or the name of a known library") from None
    if len(data) > MAX_BYTES:
        raise ConfigError(f"is larger than {MAX_BYTES >> 20} MB", where=path.name)
    return Source(path.name, _text(unpack(data, path.name), path.name),
                  hashlib.sha256(data).hexdigest())


def unpack(data: bytes, name: str) -> bytes:
    """Decompress gzip data, which is recognised by its first bytes; other data is returned as is.

    Raises
    ------
    ConfigError
        The data is damaged, decompresses to more than ``MAX_BYTES``, or has another format.
    """
    for magic, title in OTHER_FORMATS.items():
        if data.startswith(magic):
            raise ConfigError(f"is compressed with {title}, which is not supported", where=name,
                              hint="decompress it, or compress it with gzip")
    if not data.startswith(GZIP):
        return data
    parts: list[bytes] = []
    size = 0
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            while part := stream.read(CHUNK):
                size += len(part)
                if size > MAX_BYTES:
                    raise ConfigError(f"decompresses to more than {MAX_BYTES >> 20} MB",
                                      where=name)
                parts.append(part)
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"is a damaged gzip file: {error}", where=name,
                          hint="copy or download it again") from None
    return b"".join(parts)


def _text(data: bytes, name: str) -> str:
    encoding = "utf-8"
    for mark, announced in MARKS:
        if data.startswith(mark):
            data, encoding = data[len(mark):], announced
            break
    text = data.decode(encoding, "replace")
    if "\x00" in text:
        raise ConfigError("is not text", where=name,
                          hint="give a Liberty (.lib, .lib.gz) or LEF text file; compiled "
                               "libraries (.db) cannot be read")
    return text.replace("\r\n", "\n")
