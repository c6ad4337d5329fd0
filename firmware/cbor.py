# SPDX-License-Identifier: MIT
"""Encode and decode CBOR (RFC 8949): deterministic encoding, no floats, tags, indefinite lengths.

Values are None, bool, int to 64 bits, bytes, str, list or tuple, and dict with int, bytes or str
as keys. Heads longer than needed are read, because downlinks come from other encoders.
"""

from micropython import const

_UINT = const(0x00)  # major type 7-5 | argument 4-0
_NINT = const(0x20)
_BYTES = const(0x40)
_TEXT = const(0x60)
_ARRAY = const(0x80)
_MAP = const(0xA0)
_FALSE = const(0xF4)
_TRUE = const(0xF5)
_NULL = const(0xF6)
_DEPTH = const(8)


class CborError(ValueError):
    """The value has no encoding here, or the bytes no value."""


def encode(value):
    """Return the shortest encoding, map keys sorted bytewise (RFC 8949 4.2.1)."""
    out = bytearray()
    _write(out, value, 0)
    return bytes(out)


def decode(data):
    """Return the one value that data holds; CborError when there is more or less."""
    value, end = decode_first(data)
    if end != len(data):
        raise CborError(f"{len(data) - end} bytes left over")
    return value


def decode_first(data, offset=0):
    """Return (value, next offset): the next item of a CBOR sequence (RFC 8742)."""
    return _read(data, offset, 0)


def _head(out, major, argument):
    if argument < 24:
        out.append(major | argument)
        return
    for step in range(4):
        if not argument >> (8 << step):
            out.append(major | 24 + step)
            out.extend(argument.to_bytes(1 << step, "big"))
            return
    raise CborError("integer over 64 bits")


def _write(out, value, depth):
    if value is None:
        out.append(_NULL)
    elif value is True or value is False:
        out.append(_TRUE if value else _FALSE)
    elif isinstance(value, int):
        _head(out, _UINT if value >= 0 else _NINT, value if value >= 0 else -1 - value)
    elif isinstance(value, (bytes, bytearray)):
        _head(out, _BYTES, len(value))
        out.extend(value)
    elif isinstance(value, str):
        text = value.encode()
        _head(out, _TEXT, len(text))
        out.extend(text)
    elif depth == _DEPTH:
        raise CborError("nested too deep, or no type of CBOR")
    elif isinstance(value, (list, tuple)):
        _head(out, _ARRAY, len(value))
        for item in value:
            _write(out, item, depth + 1)
    elif isinstance(value, dict):
        _head(out, _MAP, len(value))
        for key, item in sorted([(_key(key), item) for key, item in value.items()], key=_first):
            out.extend(key)
            _write(out, item, depth + 1)
    else:
        raise CborError(f"no encoding for {type(value)}")


def _first(pair):
    return pair[0]


def _key(key):
    if isinstance(key, bool) or not isinstance(key, (int, bytes, str)):
        raise CborError("map key is not int, bytes or str")
    return encode(key)


def _argument(data, at):
    """Return (argument, offset behind the head)."""
    if at >= len(data):
        raise CborError("truncated")
    low = data[at] & 0x1F
    if low < 24:
        return low, at + 1
    if low > 27:
        raise CborError("indefinite or reserved length")
    end = at + 1 + (1 << low - 24)
    if end > len(data):
        raise CborError("truncated")
    return int.from_bytes(data[at + 1 : end], "big"), end


def _read(data, at, depth):
    argument, end = _argument(data, at)
    major = data[at] & 0xE0
    if major == _UINT:
        return argument, end
    if major == _NINT:
        return -1 - argument, end
    if major > _MAP:
        return _simple(data[at]), end
    # every item takes a byte at least: refuse a length before memory is taken for it
    if argument > len(data) - end:
        raise CborError("truncated")
    if major <= _TEXT:
        return _string(major, bytes(data[end : end + argument])), end + argument
    if depth == _DEPTH:
        raise CborError("nested too deep")
    if major == _ARRAY:
        items = []
        for _ in range(argument):
            item, end = _read(data, end, depth + 1)
            items.append(item)
        return items, end
    return _read_map(data, argument, end, depth + 1)


def _read_map(data, count, at, depth):
    items = {}
    for _ in range(count):
        key, at = _read(data, at, depth)
        if isinstance(key, bool) or not isinstance(key, (int, bytes, str)) or key in items:
            raise CborError("map key twice, or not int, bytes or str")
        items[key], at = _read(data, at, depth)
    return items, at


def _string(major, content):
    if major == _BYTES:
        return content
    try:
        return str(content, "utf-8")
    except UnicodeError:
        raise CborError("text is not UTF-8") from None


def _simple(head):
    if head == _NULL:
        return None
    if head in (_TRUE, _FALSE):
        return head == _TRUE
    raise CborError("float, tag or simple value")
