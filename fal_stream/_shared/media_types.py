"""Detect the media type of a file by its first bytes or by the suffix of its name.

Promises: pure, and the same on every system (`mimetypes` is not). At most `HEAD_BYTES` are read,
and a type is returned only if they are unambiguous.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

HEAD_BYTES = 4096
LONGEST_TYPE = 255

_TYPE = re.compile(
    r"([a-z0-9][\w.+-]*/[\w.+-]+)[ \t]*(?:;[\x20-\x7e\t]*)?", re.IGNORECASE | re.ASCII
)
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,12}")

_UNKNOWN = ("application/octet-stream", "binary/octet-stream")

# The first suffix of a type is the one for names of new files.
_SUFFIXES = {
    "application/gzip": (".gz",),
    "application/json": (".json",),
    "application/pdf": (".pdf",),
    "application/x-tar": (".tar",),
    "application/zip": (".zip",),
    "audio/aac": (".aac",),
    "audio/aiff": (".aiff", ".aif"),
    "audio/flac": (".flac",),
    "audio/mp4": (".m4a",),
    "audio/mpeg": (".mp3",),
    "audio/ogg": (".ogg", ".oga"),
    "audio/opus": (".opus",),
    "audio/pcm": (".pcm",),
    "audio/wav": (".wav",),
    "audio/webm": (".weba",),
    "image/avif": (".avif",),
    "image/bmp": (".bmp",),
    "image/gif": (".gif",),
    "image/heic": (".heic",),
    "image/jpeg": (".jpg", ".jpeg"),
    "image/jxl": (".jxl",),
    "image/png": (".png", ".apng"),
    "image/svg+xml": (".svg",),
    "image/tiff": (".tiff", ".tif"),
    "image/vnd.radiance": (".hdr",),
    "image/webp": (".webp",),
    "image/x-exr": (".exr",),
    "model/gltf+json": (".gltf",),
    "model/gltf-binary": (".glb",),
    "model/obj": (".obj",),
    "model/ply": (".ply",),
    "model/stl": (".stl",),
    "model/vnd.usdz+zip": (".usdz",),
    "text/csv": (".csv",),
    "text/markdown": (".md",),
    "text/plain": (".txt",),
    "text/vtt": (".vtt",),
    "video/mp4": (".mp4", ".m4v"),
    "video/mpeg": (".mpeg", ".mpg"),
    "video/quicktime": (".mov",),
    "video/webm": (".webm",),
    "video/x-matroska": (".mkv",),
    "video/x-msvideo": (".avi",),
}
# Suffixes of file formats without a registered media type, such as model weights.
_MORE_SUFFIXES = (".bin", ".fbx", ".npy", ".npz", ".safetensors", ".spz", ".splat", ".srt")

_OTHER_NAMES = {
    "application/x-gzip": "application/gzip",
    "application/x-zip-compressed": "application/zip",
    "audio/l16": "audio/pcm",
    "audio/m4a": "audio/mp4",
    "audio/mp3": "audio/mpeg",
    "audio/vnd.wave": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/x-aiff": "audio/aiff",
    "audio/x-flac": "audio/flac",
    "audio/x-m4a": "audio/mp4",
    "audio/x-wav": "audio/wav",
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-ms-bmp": "image/bmp",
    "image/x-png": "image/png",
    "video/avi": "video/x-msvideo",
}

_TYPE_OF_SUFFIX = {suffix: kind for kind, suffixes in _SUFFIXES.items() for suffix in suffixes}
_KNOWN_SUFFIXES = frozenset((*_TYPE_OF_SUFFIX, *_MORE_SUFFIXES))


def essence_of(content_type: str | None) -> str:
    """Return a media type without its parameters, in lower case; `""` for None."""
    return (content_type or "").partition(";")[0].strip().lower()


def checked_type(value: object) -> str | None:
    """Return a media type from an untrusted source, or None if it can't be used.

    Returns:
        The type, without surrounding white space. None if it is not a media type, or is too
        general, such as `application/octet-stream`.
    """
    if not isinstance(value, str) or len(value) > LONGEST_TYPE:
        return None
    text = value.strip(" \t")
    return text if _TYPE.fullmatch(text) and essence_of(text) not in _UNKNOWN else None


def suffix_of(content_type: str | None, url: str = "") -> str:
    """Return the suffix for the name of a file, with its dot.

    Args:
        content_type: The media type, or None.
        url: The URL of the file, whose suffix is used if the type has no known one. Default: none.

    Returns:
        The suffix; `.bin` if neither is known.
    """
    essence = essence_of(content_type)
    known = _SUFFIXES.get(_OTHER_NAMES.get(essence, essence))
    return known[0] if known else known_suffix(url_suffix(url)) or ".bin"


def known_suffix(suffix: str) -> str | None:
    """Return a suffix in lower case if it is a known one, else None."""
    suffix = suffix.lower()
    return suffix if suffix in _KNOWN_SUFFIXES else None


def url_suffix(url: str) -> str:
    """Return the suffix of the path of an http URL, in lower case; `""` if it has none."""
    if url[:5].lower() == "data:":
        return ""
    try:
        path = urlsplit(url).path
    except ValueError:
        return ""
    name = path.rpartition("/")[2]
    suffix = "." + name.rpartition(".")[2] if "." in name else ""
    return suffix.lower() if _SUFFIX.fullmatch(suffix) else ""


def type_of_suffix(suffix: str) -> str | None:
    """Return the media type for a suffix, or None."""
    return _TYPE_OF_SUFFIX.get(suffix.lower())


def contradicting_type(suffix: str, head: bytes) -> str | None:
    """Return the media type of a file's content if it contradicts the suffix of its name.

    Args:
        suffix: The suffix of the file's name, with its dot.
        head: The first bytes of the file, as for `sniffed_type`.

    Returns:
        The type of the content; None if it agrees with the suffix, or if either is unknown.
    """
    said, found = type_of_suffix(suffix), sniffed_type(head)
    if said is None or found is None or said == found:
        return None
    is_same = any(said in kinds and found in kinds for kinds in _CONTAINERS)
    return None if is_same else found


def sniffed_type(head: bytes) -> str | None:
    """Return the media type of an image, audio or video by its first bytes, or None.

    The signatures are those of the formats' specifications. Most of them are also in the WHATWG
    standard "MIME Sniffing", section 6 (https://mimesniff.spec.whatwg.org).

    Args:
        head: The first `HEAD_BYTES` of the file, or all of its bytes if it has fewer.
    """
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12])
    if head.startswith(b"FORM") and head[8:12] in (b"AIFF", b"AIFC"):
        return "audio/aiff"
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    if head.startswith(b"BM") and head[6:10] == bytes(4) and head[14:18] in _BMP_HEADERS:
        return "image/bmp"
    return "audio/mpeg" if _is_mp3(head) else None


_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "image/jxl"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"ID3\x02", "audio/mpeg"),
    (b"ID3\x03", "audio/mpeg"),
    (b"ID3\x04", "audio/mpeg"),
    (b"glTF\x02\x00\x00\x00", "model/gltf-binary"),
)
_RIFF = {b"WAVE": "audio/wav", b"WEBP": "image/webp", b"AVI ": "video/x-msvideo"}
_BRANDS = {
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heic",
    b"qt  ": "video/quicktime",
}
# Types in the same container format, which can't be distinguished by the first bytes.
_CONTAINERS = (
    {"audio/ogg", "audio/opus"},
    {"audio/mp4", "video/mp4", "video/quicktime"},
    {"audio/webm", "video/webm", "video/x-matroska"},
    {"image/heic", "image/avif"},
)
_BMP_HEADERS = {size.to_bytes(4, "little") for size in (12, 40, 52, 56, 64, 108, 124)}

# Bit rates (kbit/s) by index, of MPEG 1 and MPEG 2, layer III (ISO/IEC 11172-3, 2.4.2.3).
_BIT_RATES = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
_SAMPLE_RATES = {
    3: (44_100, 48_000, 32_000),
    2: (22_050, 24_000, 16_000),
    0: (11_025, 12_000, 8_000),
}


def _is_mp3(head: bytes) -> bool:
    """Return whether bytes begin with two MPEG layer III frames: one may be a coincidence."""
    length = _frame_length(head[:4])
    if length is None:
        return False
    second = head[length : length + 4]
    return _frame_length(second) is not None if len(second) == 4 else len(head) == length


def _frame_length(header: bytes) -> int | None:
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version, rate, frequency = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or rate in (0, 15) or frequency == 3:
        return None
    bits = _BIT_RATES[version != 3][rate] * 1000
    samples = 144 if version == 3 else 72
    return samples * bits // _SAMPLE_RATES[version][frequency] + (header[2] >> 1 & 1)
