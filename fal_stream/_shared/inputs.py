"""The input of an app, as JSON (RFC 8259), and the files in it.

Promises: the files are found at any depth of mappings, lists, tuples, pydantic models and
dataclasses, each once even if it occurs twice. The caller's objects are read once and not changed;
changing them later doesn't change the encoded input. A value without a JSON form raises an error
that tells its place.

Not here: which objects are files (`_input_files/detect.py`), and their upload.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .._checks import is_model_secret, short_repr, warn_user
from ..errors import ConfigError, counted, excerpt
from .field_aliases import aliases_of, excluded_of
from .json_errors import equal_keys_error, key_text, not_finite_error, not_json_error
from .value_tree import DEPTH, IsFile, is_dataclass, is_pydantic_object

if TYPE_CHECKING:
    from .iterators import IteratorReader


@dataclass(frozen=True)
class InputFile:
    """A file in an input.

    Attributes:
        place: The place where the file was found first, like `input.images[2]`.
        file: The file itself.
    """

    place: str
    file: Any = field(repr=False)


@dataclass(frozen=True)
class _Slot:
    """The place in the JSON where the URL of a file belongs."""

    index: int


class EncodedInput:
    """An input as JSON values, with a placeholder for each file in it.

    Args:
        values: The JSON values.
        files: The files, in the order in which they were found.
    """

    def __init__(self, values: Any, files: Sequence[InputFile]) -> None:
        self._values = values
        self.files: tuple[InputFile, ...] = tuple(files)

    def filled(self, urls: Sequence[str] = ()) -> Any:
        """Return the input as new JSON values, with a URL in the place of each file.

        Args:
            urls: The URLs, in the order of `files`. Default: none, for an input without files.
        """
        if len(urls) != len(self.files):
            raise ValueError(f"{len(urls)} addresses were given for {len(self.files)} files")
        return _fill(self._values, urls)

    def encode(self, urls: Sequence[str] = ()) -> bytes:
        """Return the input as JSON, with a URL in the place of each file.

        Args:
            urls: The URLs, in the order of `files`. Default: none, for an input without files.

        Raises:
            ConfigError: An integer has more digits than Python converts to text.
        """
        values = self.filled(urls)
        try:
            text = json.dumps(values, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        except ValueError as error:
            if _is_of_signal_handler(error):
                raise
            reason = f"input can't be sent as JSON: {error}"
        else:
            try:
                return text.encode()
            except UnicodeEncodeError:
                # A lone surrogate can't be encoded as UTF-8, but can be escaped in JSON.
                return json.dumps(values, separators=(",", ":")).encode()
        raise ConfigError(reason)


def encode_input(data: Any, is_file: IsFile) -> EncodedInput:
    """Encode an input as JSON values, and find the files in it.

    Args:
        data: JSON values, pydantic models, dataclasses and files, at any depth.
        is_file: Tells whether a value is a file.

    Raises:
        ConfigError: The input contains something else; the message tells the place.
    """
    taking = _InputEncoder(is_file)
    try:
        values = taking.take(data, "input")
    except RecursionError:
        pass
    else:
        files = taking.files
        return _without_unsent(values, files) if files else EncodedInput(values, files)
    raise _too_deep("input")


def file_refusal(found: InputFile) -> ConfigError:
    """Return the error of a file in an input with `auto_upload=False`."""
    ways = "leave auto_upload on, or give a URL or a data URI"
    kind = type(found.file).__name__
    if isinstance(found.file, (bytes, bytearray, memoryview)):
        size = memoryview(found.file).nbytes
        kind = f"{kind}, {counted(size, 'byte')}"
    elif hasattr(found.file, "__fspath__"):
        kind = short_repr(found.file)
        ways += "; if the app wants the path itself, give it as a str"
    return ConfigError(f"{found.place} is a file ({kind}): {ways}")


class _InputEncoder:
    """Encodes one input, reading it once."""

    def __init__(self, is_file: IsFile) -> None:
        self.files: list[InputFile] = []
        self._slots: dict[int, _Slot] = {}
        self._is_file = is_file
        self._iterators: IteratorReader | None = None

    def take(
        self, value: Any, place: str, parents: tuple[int, ...] = (), *, in_model: bool = False
    ) -> Any:
        if value is None or isinstance(value, (str, int, _Slot)):
            return value
        if isinstance(value, float):
            if math.isfinite(value):
                return value
            raise not_finite_error(place, value)
        if id(value) in parents or len(parents) > DEPTH:
            raise _too_deep(place)
        inside = (*parents, id(value))
        if isinstance(value, Mapping):
            return self._encode_mapping(value, place, inside, in_model=in_model)
        if isinstance(value, (list, tuple)):
            # A fast path for the common case: there may be a million values.
            return [
                item
                if _is_plain(item)
                else self.take(item, f"{place}[{index}]", inside, in_model=in_model)
                for index, item in enumerate(value)
            ]
        if is_pydantic_object(value):
            return self._encode_model(value, place, inside, in_model=in_model)
        if is_dataclass(value):
            return self._encode_dataclass(value, place, inside, in_model=in_model)
        if self._is_file(value):
            return self._encode_file(value, place)
        return self._encode_other(value, place, in_model=in_model)

    def _encode_mapping(
        self, value: Mapping[Any, Any], place: str, inside: tuple[int, ...], *, in_model: bool
    ) -> dict[Any, Any]:
        taken: dict[str, Any] = {}
        for key, item in value.items():
            text = key if type(key) is str else key_text(place, key)
            if text in taken:
                other = next(other for other in value if key_text(place, other) == text)
                raise equal_keys_error(place, other, key)
            taken[text] = self.take(item, f"{place}.{key}", inside, in_model=in_model)
        return taken

    def _encode_dataclass(
        self, value: Any, place: str, inside: tuple[int, ...], *, in_model: bool
    ) -> dict[str, Any]:
        taken: dict[str, Any] = {}
        kind: type = type(value)
        aliases = aliases_of(kind)
        excluded = excluded_of(value)
        for item in dataclasses.fields(value):
            if not hasattr(value, item.name) or item.name in excluded:
                continue
            name = aliases.get(item.name, item.name)
            if name in taken:
                raise equal_keys_error(place, name, item.name)
            part = getattr(value, item.name)
            taken[name] = self.take(part, f"{place}.{item.name}", inside, in_model=in_model)
        return taken

    def _encode_model(
        self, model: Any, place: str, inside: tuple[int, ...], *, in_model: bool
    ) -> Any:
        from .computed_files import check_computed
        from .iterators import IteratorReader
        from .model_dump import dump_model, find_culprit
        from .pydantic_secrets import check_masks

        def take(part: object, part_place: str) -> Any:
            return self.take(part, part_place, inside, in_model=True)

        try:
            self._iterators = self._iterators or IteratorReader(self._is_file)
            model = self._iterators.read(model, place)
            if not in_model:
                check_computed(model, place, self._is_file)
            taken = take(dump_model(model, place, self._is_file, take), place)
            if not in_model:
                check_masks(taken, model, place)
            return taken
        except ConfigError:
            raise
        except (TypeError, ValueError) as error:
            if _is_of_signal_handler(error):
                raise
            reason = excerpt(str(error))
        found = find_culprit(model, place)
        if found is not None:
            failure = not_json_error(*found)
            # An older pydantic can't dump a secret in a field of type Any; a newer one masks it.
            if is_model_secret(found[1]):
                raise failure
            reason = failure.message
        raise ConfigError(
            f"{place} can't be sent as JSON: pydantic can't dump this {type(model).__name__}: "
            f"{reason}"
        )

    def _encode_file(self, file: object, place: str) -> _Slot:
        slot = self._slots.get(id(file))
        if slot is None:
            slot = self._slots[id(file)] = _Slot(len(self.files))
            self.files.append(InputFile(place, file))
        return slot

    def _encode_other(self, value: object, place: str, *, in_model: bool) -> Any:
        if in_model and not is_model_secret(value):
            from .model_dump import dump_other

            # Values such as dates, which pydantic dumps but Python's `json` doesn't.
            try:
                return dump_other(value, place)
            except ConfigError:
                raise
            except (TypeError, ValueError) as error:
                if _is_of_signal_handler(error):
                    raise
        raise not_json_error(place, value)


def _is_of_signal_handler(error: Exception) -> bool:
    from .._signal_errors import raised_by_signal_handler

    return raised_by_signal_handler(error) is not None


def _without_unsent(values: Any, files: Sequence[InputFile]) -> EncodedInput:
    """Return an input without the files that aren't sent, and warn about these.

    Args:
        values: JSON values, with placeholders.
        files: The files that were found.
    """
    used = sorted(set(_indices(values)))
    if len(used) == len(files):
        return EncodedInput(values, files)
    slots = {index: _Slot(number) for number, index in enumerate(used)}
    for index, file in enumerate(files):
        if index not in slots:
            warn_user(
                f"{file.place} is a file that isn't sent: the model around it stands in a field "
                "that is declared as its base class, which has no such field"
            )
    return EncodedInput(_fill(values, slots), [files[index] for index in used])


def _indices(values: Any) -> Iterator[int]:
    if isinstance(values, _Slot):
        yield values.index
    elif isinstance(values, (dict, list)):
        for item in values.values() if isinstance(values, dict) else values:
            yield from _indices(item)


def _is_plain(value: object) -> bool:
    kind = type(value)
    return kind is str or kind is int or (isinstance(value, float) and math.isfinite(value))


def _too_deep(place: str) -> ConfigError:
    return ConfigError(f"{place} contains itself or is nested too deeply for JSON")


def _fill(values: Any, urls: Sequence[Any] | Mapping[int, Any]) -> Any:
    if isinstance(values, _Slot):
        return urls[values.index]
    if isinstance(values, dict):
        return {key: _fill(item, urls) for key, item in values.items()}
    if isinstance(values, list):
        return [_fill(item, urls) for item in values]
    return values
