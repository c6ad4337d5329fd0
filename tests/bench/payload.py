# SPDX-License-Identifier: MIT
"""Bytes that a reading takes on the air, here and in the formats that others use."""

import json
import struct

import cbor2
import unixport
from table import Row

CO2_PPM, HUMIDITY_PCT = 612, 45
TARGET = 11, 12


def rows(folder):
    """One row: CO2, temperature and humidity in one payload."""
    sizes = {}
    for temperature_dc in (213, 255, 256):
        values = json.dumps({1: CO2_PPM, 2: temperature_dc, 3: HUMIDITY_PCT})
        (text,) = unixport.lines(unixport.start("pack.py", values, path=(folder,)))
        sizes[temperature_dc] = len(bytes.fromhex(text))
    usual, warm = max(sizes[213], sizes[255]), sizes[256]
    senml, text = senml_sizes(21.3), json_sizes(21.3)
    yield Row(
        "bytes on air for CO2, temperature and humidity, self-describing",
        f"{usual} ({warm} from 25.6 degC)",
        f"{TARGET[0]} ({TARGET[1]} from 25.6 degC)",
        f"Cayenne LPP {len(cayenne_lpp(21.3))}, SenML CBOR {senml[0]} to {senml[-1]}, "
        f"JSON {text[0]} to {text[-1]}",
        "met" if (usual, warm) <= TARGET else "missed",
    )


def cayenne_lpp(temperature_c):
    """Channel, type, value: 125 concentration in ppm, 103 in 0.1 degC, 104 in 0.5 %."""
    co2 = struct.pack(">BBH", 1, 125, CO2_PPM)
    temperature = struct.pack(">BBh", 2, 103, round(temperature_c * 10))
    return co2 + temperature + struct.pack(">BBB", 3, 104, HUMIDITY_PCT * 2)


def senml_sizes(temperature_c):
    """RFC 8428 in CBOR: 0 name, 1 unit, 2 value; one-letter names, and names with units."""
    values = (CO2_PPM, temperature_c, HUMIDITY_PCT)
    short = [{0: name, 2: value} for name, value in zip("cth", values, strict=True)]
    named = zip(("co2", "temp", "hum"), ("ppm", "Cel", "%RH"), values, strict=True)
    long = [{0: name, 1: unit, 2: value} for name, unit, value in named]
    return sorted(len(cbor2.dumps(each, canonical=True)) for each in (short, long))


def json_sizes(temperature_c):
    values = (CO2_PPM, temperature_c, HUMIDITY_PCT)
    names = (("co2", "t", "h"), ("co2", "temperature", "humidity"))
    packed = [dict(zip(each, values, strict=True)) for each in names]
    return sorted(len(json.dumps(each, separators=(",", ":"))) for each in packed)
