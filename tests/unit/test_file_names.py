"""Names of files that are saved."""

from __future__ import annotations

import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fal_stream._shared.file_names import MAX_NAME_BYTES, numbered, safe_name, stem_of


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("fox.png", "fox.png"),
        ("Der F\u00fcchsin Bild.JPG", "Der F\u00fcchsin Bild.jpg"),
        ("../../etc/passwd", "passwd.png"),
        ("..\\..\\boot.ini", "boot.ini.png"),
        ("/etc/cron.d/x.png", "x.png"),
        ("C:\\x.png", "x.png"),
        ("C:x.png", "C_x.png"),
        ("json.py", "json.py.png"),
        (".bashrc", "bashrc.png"),
        ("-rf.png", "rf.png"),
        ("con", "_con.png"),
        ("NUL.tar.png", "_NUL.tar.png"),
        ("com1.png", "_com1.png"),
        ("LPT\u00b9.png", "_LPT\u00b9.png"),
        ("a\x00b\nc\x1b[2J.png", "a_b_c_[2J.png"),
        ("\u202egnp.exe", "_gnp.exe.png"),
        ('a<b>c:d|e?f*g".png', "a_b_c_d_e_f_g_.png"),
        ("fox.png. . ", "fox.png"),
        ("fox.", "fox.png"),
        ("\ud800.png", None),
        ("..", None),
        (".", None),
        ("", None),
        ("a/", None),
        ("...png", "png.png"),
        ("x" * 1_000_000 + ".png", "x" * (MAX_NAME_BYTES - 4) + ".png"),
        ("\u00fc" * 500, "\u00fc" * ((MAX_NAME_BYTES - 4) // 2) + ".png"),
    ],
)
def test_names_of_servers(name: str, safe: str | None) -> None:
    assert safe_name(name, ".png") == safe


@given(st.text(max_size=300), st.sampled_from([".png", ".bin"]))
def test_any_name_is_safe(name: str, suffix: str) -> None:
    safe = safe_name(name, suffix)
    if safe is None:
        return
    assert os.path.basename(safe) == safe
    assert not re.search(r'[\x00-\x1f\x7f<>:"/\\|?*]', safe)
    assert safe[0] not in ".-~ "
    assert safe[-1] not in ". "
    assert len(safe.encode()) <= MAX_NAME_BYTES + 1
    assert safe_name(safe, suffix) == safe


def test_stems() -> None:
    assert stem_of("fal-ai/flux/dev", ["0003", "images", "0"]) == "flux-dev-0003-images-0"
    assert stem_of("app", ["0001"]) == "app-0001"
    assert stem_of("a/b.c", ["0001", "../x", "\u00fc"]) == "b_c-0001-_x"
    assert stem_of("a/..", ["", ""]) == "file"
    assert stem_of("", ["images", "0"]) == "images-0"
    assert stem_of("", ["con"]) == "con_"
    assert stem_of("", ["x" * 1_000_000] * 3) == "x" * 80


def test_numbers() -> None:
    assert numbered("fox.png", 1) == "fox.png"
    assert numbered("fox.png", 2) == "fox-2.png"
    assert numbered("fox", 3) == "fox-3"
    assert numbered(".fox", 3) == ".fox-3"
