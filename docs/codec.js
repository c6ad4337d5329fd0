// SPDX-License-Identifier: MIT
// What a Node071 node sends, and the settings that it takes: one file for The Things Stack (custom
// JavaScript formatter) and ChirpStack (JavaScript codec). ES5, no modules.
//
// Made from the tables of firmware/readings.py: `node071 codec` prints it anew. Change nothing here.
//
//   decodeUplink({bytes, fPort})    FPort 1: {data: the newest reading, and in it older: [...]}
//                                   FPort 2: {data: {answer}}, FPort 3: {data: {status}}
//   encodeDownlink({data})          {bytes, fPort: 2} from settings, such as {interval: 900}
//   decodeDownlink({bytes, fPort})  {data: the settings}
//
// None of them throws: whatever cannot be read gives {errors: [...]}. Keys that are younger than
// this file are passed over, with a warning.

var QUANTITIES = {
  "0": {"name": "age", "steps": 1}, // s
  "1": {"name": "co2", "steps": 1}, // ppm
  "2": {"name": "temperature", "steps": 10}, // degC
  "3": {"name": "humidity", "steps": 1}, // %
  "4": {"name": "distance", "steps": 1}, // mm
  "5": {"name": "fill", "steps": 1}, // %
  "6": {"name": "level", "steps": 1}, // mm
  "7": {"name": "count", "steps": 1},
  "8": {"name": "occupied", "steps": 1},
  "9": {"name": "battery", "steps": 100}, // V
  "10": {"name": "pressure", "steps": 10}, // hPa
  "11": {"name": "count_back", "steps": 1},
  "12": {"name": "occupancy", "steps": 1}, // %
  "13": {"name": "temperature_2", "steps": 10}, // degC
  "-1": {"name": "faults", "steps": 1},
  "-2": {"name": "restart", "steps": 1},
  "-3": {"name": "number", "steps": 1},
  "-4": {"name": "flags", "steps": 1},
};

var STATUS = {
  "0": {"name": "firmware_version", "steps": 1},
  "1": {"name": "config_digest", "steps": 1},
  "2": {"name": "uptime", "steps": 1}, // h
  "3": {"name": "restart", "steps": 1},
  "4": {"name": "readings_waiting", "steps": 1},
  "5": {"name": "readings_dropped", "steps": 1},
  "6": {"name": "waits_for", "steps": 1},
  "7": {"name": "waits", "steps": 1}, // s
  "8": {"name": "battery", "steps": 100}, // V
  "9": {"name": "last_rssi", "steps": 1}, // dBm
  "10": {"name": "last_snr", "steps": 1}, // dB
  "11": {"name": "free_heap", "steps": 1}, // kB
  "12": {"name": "crashes", "steps": 1},
  "13": {"name": "join_tries", "steps": 1},
};

var SETTINGS = [
  {"key": 0, "name": "sequence", "steps": 1, "lowest": 0, "highest": 65535, "unit": ""},
  {"key": 1, "name": "interval", "steps": 1, "lowest": 60, "highest": 86400, "unit": "s"},
  {"key": 2, "name": "restart", "steps": 1, "lowest": 1, "highest": 1, "unit": ""},
  {"key": 3, "name": "status", "steps": 1, "lowest": 1, "highest": 1, "unit": ""},
  {"key": 4, "name": "lamp", "steps": 1, "lowest": 0, "highest": 2, "unit": ""},
  {"key": 5, "name": "calibrate_co2", "steps": 1, "lowest": 400, "highest": 2000, "unit": "ppm"},
  {"key": 6, "name": "marks", "steps": 1, "lowest": 0, "highest": 20000, "unit": "mm", "parts": ["empty", "full", "level"]},
  {"key": 7, "name": "altitude", "steps": 1, "lowest": 0, "highest": 3000, "unit": "m"},
  {"key": 8, "name": "temperature_offset", "steps": 10, "lowest": 0, "highest": 200, "unit": "degC"},
  {"key": 9, "name": "self_calibration", "steps": 1, "lowest": 0, "highest": 1, "unit": ""},
  {"key": 10, "name": "airtime_budget", "steps": 1, "lowest": 1, "highest": 86400, "unit": "s/day"},
  {"key": 11, "name": "light", "steps": 1, "lowest": 400, "highest": 40000, "unit": "ppm", "parts": ["orange", "red"]},
  {"key": 12, "name": "proof_interval", "steps": 1, "lowest": 1, "highest": 168, "unit": "h"}
];

var ANSWER = {
  "0": {"name": "sequence", "steps": 1},
  "1": {"name": "result", "steps": 1},
  "2": {"name": "at_fault", "steps": 1},
};

var ACTIONS = ["restart", "status", "calibrate_co2"];

var FLAGS = {
  "0": "warming",
  "1": "needs airing",
  "2": "noisy",
  "3": "not temperature-compensated",
  "4": "calibration due"
};

var RULES = {
  "0": "none",
  "1": "duty cycle",
  "2": "fair use",
  "3": "join back-off",
  "4": "no answer",
  "5": "network's duty cycle",
  "6": "repetition",
  "7": "radio silent",
  "8": "new keys"
};

var RESTARTS = {
  "1": "power-on",
  "2": "watchdog",
  "3": "crash",
  "4": "link lost",
  "5": "asked",
  "6": "config lost",
  "7": "safe mode"
};

var SETTING_CODES = {
  "0": "done",
  "1": "unknown key",
  "2": "range",
  "3": "no such sensor",
  "4": "busy",
  "5": "failed"
};

var MAX_BYTES = 255; // no LoRaWAN payload is longer
var MAX_WHOLE = 9007199254740991; // above 2^53 - 1 whole numbers are not exact

function decodeUplink(input) {
  return careful(function (warnings) {
    var maps = readMaps(input.bytes);
    if (input.fPort === 1) {
      var readings = [];
      for (var i = 0; i < maps.length; i++) {
        readings.push(readingOf(maps[i], warnings));
      }
      var data = readings[0];
      data.older = readings.slice(1);
      return { data: data };
    }
    if (input.fPort === 2) {
      return { data: { answer: answerOf(theOnly(maps), warnings) } };
    }
    if (input.fPort === 3) {
      return { data: { status: statusOf(theOnly(maps), warnings) } };
    }
    throw new Error("FPort " + input.fPort + ": 1 is readings, 2 answers to settings, 3 status");
  });
}

function decodeDownlink(input) {
  return careful(function (warnings) {
    if (input.fPort !== 2) {
      throw new Error("FPort " + input.fPort + ": settings go to FPort 2");
    }
    return { data: settingsOf(theOnly(readMaps(input.bytes)), warnings) };
  });
}

function encodeDownlink(input) {
  return careful(function () {
    var pairs = [];
    checkNames(input.data);
    for (var i = 0; i < SETTINGS.length; i++) {
      if (has(input.data, SETTINGS[i].name)) {
        pairs.push(writeWhole(SETTINGS[i].key).concat(settingBytes(SETTINGS[i], input.data)));
      }
    }
    return { bytes: [0xa0 | pairs.length].concat([].concat.apply([], pairs)), fPort: 2 };
  });
}

// Runs a function that may throw; its warnings go with its result.
function careful(run) {
  var warnings = [];
  try {
    var result = run(warnings);
    if (warnings.length) {
      result.warnings = warnings;
    }
    return result;
  } catch (error) {
    return { errors: [String((error && error.message) || error)] };
  }
}

function has(object, name) {
  return Object.prototype.hasOwnProperty.call(object, name);
}

// What the maps say.

function readingOf(map, warnings) {
  var reading = { age_s: 0 };
  each(map, warnings, QUANTITIES, function (row, value) {
    if (row.name === "age") {
      reading.age_s = value === null ? null : whole(row.name, value);
    } else if (row.name === "faults") {
      reading.faults = bitsOf(whole(row.name, value), function (bit) {
        return has(QUANTITIES, bit + 1) ? QUANTITIES[bit + 1].name : "key " + (bit + 1);
      });
    } else if (row.name === "flags") {
      reading.flags = bitsOf(whole(row.name, value), function (bit) {
        return word(FLAGS, bit, "bit ");
      });
    } else if (row.name === "restart") {
      reading.restart = word(RESTARTS, whole(row.name, value), "code ");
    } else {
      reading[row.name] = whole(row.name, value) / row.steps;
    }
  });
  return reading;
}

function answerOf(map, warnings) {
  var answer = { sequence: null, result: null, at_fault: null };
  each(map, warnings, ANSWER, function (row, value) {
    whole(row.name, value);
    if (row.name === "sequence") {
      answer.sequence = value;
    } else if (row.name === "result") {
      answer.result = word(SETTING_CODES, value, "code ");
    } else {
      answer.at_fault = "key " + value;
      for (var i = 0; i < SETTINGS.length; i++) {
        if (SETTINGS[i].key === value) {
          answer.at_fault = SETTINGS[i].name;
        }
      }
    }
  });
  if (answer.result === null) {
    throw new Error("the answer has no code");
  }
  return answer;
}

function statusOf(map, warnings) {
  var status = {};
  each(map, warnings, STATUS, function (row, value) {
    if (row.name === "firmware_version") {
      if (typeof value !== "string") {
        throw new Error("firmware_version is not text");
      }
      status.firmware_version = value;
    } else if (row.name === "config_digest") {
      if (!value || !has(value, "hex")) {
        throw new Error("config_digest is not bytes");
      }
      status.config_digest = value.hex;
    } else if (row.name === "restart") {
      status.restart = word(RESTARTS, whole(row.name, value), "code ");
    } else if (row.name === "waits_for") {
      status.waits_for = word(RULES, whole(row.name, value), "rule ");
    } else {
      status[row.name] = whole(row.name, value) / row.steps;
    }
  });
  return status;
}

function settingsOf(map, warnings) {
  var settings = {}, rows = {};
  for (var i = 0; i < SETTINGS.length; i++) {
    rows[SETTINGS[i].key] = SETTINGS[i];
  }
  each(map, warnings, rows, function (row, value) {
    if (!row.parts) {
      settings[row.name] = whole(row.name, value) / row.steps;
      return;
    }
    if (!(value instanceof Array) || value.length !== row.parts.length) {
      throw new Error(row.name + " is not [" + row.parts.join(", ") + "]");
    }
    for (var j = 0; j < value.length; j++) {
      if (value[j] !== null) {
        whole(row.name, value[j]);
      }
    }
    settings[row.name] = value;
  });
  return settings;
}

// Calls take(row, value) for each key that the table has; the others become a warning.
function each(map, warnings, table, take) {
  for (var key in map) {
    if (has(map, key) && has(table, key)) {
      take(table[key], map[key]);
    } else if (has(map, key)) {
      var warning = "key " + key + " is unknown: is this codec older than the node?";
      if (warnings.indexOf(warning) < 0) {
        warnings.push(warning);
      }
    }
  }
}

function whole(name, value) {
  if (typeof value !== "number" || Math.abs(value) > MAX_WHOLE) {
    throw new Error(name + " is not a whole number");
  }
  return value;
}

function word(words, code, other) {
  return has(words, code) ? words[code] : other + code;
}

function bitsOf(mask, nameOf) {
  var names = [];
  if (mask < 0) {
    throw new Error(mask + " is no bit mask");
  }
  for (var bit = 0; mask > 0; bit++) {
    if (mask % 2) {
      names.push(nameOf(bit));
    }
    mask = Math.floor(mask / 2); // >> has 32 bits only
  }
  return names;
}

// Settings to bytes.

function checkNames(data) {
  var known = {}, names = [], empty = true;
  for (var i = 0; i < SETTINGS.length; i++) {
    known[SETTINGS[i].name] = true;
    names.push(SETTINGS[i].name);
  }
  for (var name in data) {
    if (!has(known, name)) {
      throw new Error("no setting " + name + "; there are " + names.join(", "));
    }
    empty = false;
  }
  if (empty) {
    throw new Error("no settings; there are " + names.join(", "));
  }
  for (i = 0; i < ACTIONS.length; i++) {
    if (has(data, ACTIONS[i]) && !has(data, "sequence")) {
      throw new Error(ACTIONS[i] + " needs a sequence: a number that the last command had not");
    }
  }
}

function settingBytes(row, data) {
  var value = data[row.name];
  if (!row.parts) {
    return writeWhole(stepsOf(row, row.name, value));
  }
  if (!(value instanceof Array) || value.length !== row.parts.length) {
    throw new Error(row.name + " needs [" + row.parts.join(", ") + "]");
  }
  var bytes = [0x80 | value.length];
  for (var i = 0; i < value.length; i++) {
    if (value[i] === null && row.name === "marks") {
      bytes.push(0xf6); // null keeps the old one
    } else {
      bytes = bytes.concat(writeWhole(stepsOf(row, row.name + ", " + row.parts[i], value[i])));
    }
  }
  if (row.name === "light" && value[1] < value[0]) {
    throw new Error("light: red is not under orange");
  }
  if (row.name === "marks" && value[0] !== null && value[1] !== null && value[0] < value[1]) {
    throw new Error("marks: the floor of an empty bin is not nearer than a full one");
  }
  return bytes;
}

function stepsOf(row, name, value) {
  var steps = typeof value === "boolean" ? Number(value) : value * row.steps;
  var rounded = Math.round(steps);
  var number = typeof value === "number" || typeof value === "boolean";
  if (!number || !(Math.abs(steps - rounded) < 1e-6)) {
    throw new Error(name + " needs a number in steps of " + 1 / row.steps);
  }
  if (rounded < row.lowest || rounded > row.highest) {
    throw new Error(name + " is " + value + "; give " + row.lowest / row.steps +
      (row.lowest === row.highest ? "" : " to " + row.highest / row.steps + " " + row.unit));
  }
  return rounded;
}

// CBOR (RFC 8949).

function writeWhole(value) {
  var major = value < 0 ? 0x20 : 0, rest = value < 0 ? -1 - value : value, bytes = [];
  if (rest < 24) {
    return [major | rest];
  }
  var size = rest < 0x100 ? 1 : rest < 0x10000 ? 2 : 4;
  for (var i = 0; i < size; i++) {
    bytes.unshift(rest % 256);
    rest = Math.floor(rest / 256);
  }
  return [major | (size === 1 ? 24 : size === 2 ? 25 : 26)].concat(bytes);
}

// The maps of a CBOR sequence (RFC 8742), each as {key: value}.
function readMaps(bytes) {
  var input = { bytes: bytes, at: 0 }, maps = [];
  if (!bytes || !(bytes.length > 0)) {
    throw new Error("the payload is empty");
  }
  if (bytes.length > MAX_BYTES) {
    throw new Error(bytes.length + " bytes are no LoRaWAN payload");
  }
  while (input.at < bytes.length) {
    maps.push(keyed(readItem(input)));
  }
  return maps;
}

function theOnly(maps) {
  if (maps.length !== 1) {
    throw new Error(maps.length + " CBOR maps, need 1");
  }
  return maps[0];
}

function keyed(item) {
  var map = {};
  if (!item || !has(item, "pairs")) {
    throw new Error("an item is not a CBOR map");
  }
  for (var i = 0; i < item.pairs.length; i++) {
    map[whole("a key", item.pairs[i][0])] = item.pairs[i][1];
  }
  return map;
}

// One item: a number, text, {hex}, an array, {pairs} or null. What a node does not send (floats,
// true, tags) is passed over: undefined. Lengths are definite, as deterministic encoding has them.
function readItem(input) {
  var head = readByte(input), major = head >> 5, i;
  if (major === 7) {
    return readSimple(input, head & 31);
  }
  var argument = readArgument(input, head & 31);
  if (major === 0) {
    return argument;
  }
  if (major === 1) {
    return -1 - argument;
  }
  if (major === 6) {
    readItem(input);
    return undefined;
  }
  if (argument > input.bytes.length - input.at) {
    throw new Error("the payload ends too early");
  }
  if (major === 2) {
    return { hex: readHex(input, argument, "") };
  }
  if (major === 3) {
    return decodeURIComponent(readHex(input, argument, "%")); // refuses what is not UTF-8
  }
  var items = [];
  for (i = 0; i < argument; i++) {
    items.push(major === 4 ? readItem(input) : [readItem(input), readItem(input)]);
  }
  return major === 4 ? items : { pairs: differing(items) };
}

// A map has a key once. Keys that are passed over cannot be told apart.
function differing(pairs) {
  var seen = {};
  for (var i = 0; i < pairs.length; i++) {
    var key = pairs[i][0], name = typeof key + (key && has(key, "hex") ? key.hex : key);
    if (has(seen, name) && key !== undefined) {
      throw new Error("a map has a key twice");
    }
    seen[name] = true;
  }
  return pairs;
}

function readByte(input) {
  var value = input.bytes[input.at];
  if (input.at >= input.bytes.length) {
    throw new Error("the payload ends too early");
  }
  if (value !== (value & 255)) {
    throw new Error("a byte is " + value);
  }
  input.at++;
  return value;
}

function readArgument(input, low) {
  if (low < 24) {
    return low;
  }
  if (low > 27) {
    throw new Error("an indefinite or reserved length");
  }
  var value = 0;
  for (var size = 1 << (low - 24); size > 0; size--) {
    value = value * 256 + readByte(input);
  }
  return value;
}

function readSimple(input, low) {
  if (low === 22) {
    return null;
  }
  if (readArgument(input, low) < 32 && low === 24) {
    throw new Error("a simple value in two bytes that has one");
  }
  return undefined;
}

function readHex(input, count, before) {
  var text = "";
  for (var i = 0; i < count; i++) {
    text += before + (readByte(input) + 256).toString(16).slice(1);
  }
  return text;
}

// Examples, as TS013 has them.

var examples = [
  {"type": "uplink", "description": "a class", "input": {"fPort": 1, "bytes": [163, 1, 25, 2, 100, 2, 24, 213, 3, 24, 45]}, "output": {"data": {"age_s": 0, "co2": 612, "temperature": 21.3, "humidity": 45, "older": []}}},
  {"type": "uplink", "description": "newest first", "input": {"fPort": 1, "bytes": [161, 1, 3, 162, 0, 25, 2, 88, 1, 2, 162, 0, 25, 4, 176, 1, 1]}, "output": {"data": {"age_s": 0, "co2": 3, "older": [{"age_s": 600, "co2": 2}, {"age_s": 1200, "co2": 1}]}}},
  {"type": "uplink", "description": "the first after a restart, with a silent sensor", "input": {"fPort": 1, "bytes": [163, 3, 24, 45, 32, 3, 33, 1]}, "output": {"data": {"age_s": 0, "humidity": 45, "faults": ["co2", "temperature"], "restart": "power-on", "older": []}}},
  {"type": "uplink", "description": "the clock was lost since", "input": {"fPort": 1, "bytes": [165, 0, 246, 1, 25, 2, 100, 2, 24, 213, 3, 24, 45, 34, 25, 255, 255]}, "output": {"data": {"age_s": null, "number": 65535, "co2": 612, "temperature": 21.3, "humidity": 45, "older": []}}},
  {"type": "uplink", "description": "nothing but keys to come", "input": {"fPort": 1, "bytes": [161, 24, 64, 1]}, "output": {"data": {"age_s": 0, "older": []}, "warnings": ["key 64 is unknown: is this codec older than the node?"]}},
  {"type": "uplink", "description": "out of range", "input": {"fPort": 2, "bytes": [163, 0, 25, 255, 255, 1, 2, 2, 1]}, "output": {"data": {"answer": {"sequence": 65535, "result": "range", "at_fault": "interval"}}}},
  {"type": "uplink", "description": "all that a node says", "input": {"fPort": 3, "bytes": [174, 0, 101, 48, 46, 49, 46, 48, 1, 66, 171, 205, 2, 24, 170, 3, 2, 4, 3, 5, 0, 6, 2, 7, 24, 95, 8, 25, 1, 115, 9, 56, 106, 10, 34, 11, 24, 87, 12, 1, 13, 4]}, "output": {"data": {"status": {"firmware_version": "0.1.0", "config_digest": "abcd", "uptime": 170, "restart": "watchdog", "readings_waiting": 3, "readings_dropped": 0, "waits_for": "fair use", "waits": 95, "battery": 3.71, "last_rssi": -107, "last_snr": -3, "free_heap": 87, "crashes": 1, "join_tries": 4}}}},
  {"type": "downlink-encode", "description": "an interval", "input": {"data": {"sequence": 5, "interval": 900}}, "output": {"fPort": 2, "bytes": [162, 0, 5, 1, 25, 3, 132]}},
  {"type": "downlink-decode", "description": "an interval", "input": {"fPort": 2, "bytes": [162, 0, 5, 1, 25, 3, 132]}, "output": {"data": {"sequence": 5, "interval": 900}}},
  {"type": "downlink-encode", "description": "marks, one of them kept", "input": {"data": {"sequence": 7, "marks": [2000, 300, null]}}, "output": {"fPort": 2, "bytes": [162, 0, 7, 6, 131, 25, 7, 208, 25, 1, 44, 246]}},
  {"type": "downlink-decode", "description": "marks, one of them kept", "input": {"fPort": 2, "bytes": [162, 0, 7, 6, 131, 25, 7, 208, 25, 1, 44, 246]}, "output": {"data": {"sequence": 7, "marks": [2000, 300, null]}}},
  {"type": "downlink-encode", "description": "two actions", "input": {"data": {"sequence": 6, "restart": 1, "status": 1}}, "output": {"fPort": 2, "bytes": [163, 0, 6, 2, 1, 3, 1]}},
  {"type": "downlink-decode", "description": "two actions", "input": {"fPort": 2, "bytes": [163, 0, 6, 2, 1, 3, 1]}, "output": {"data": {"sequence": 6, "restart": 1, "status": 1}}},
  {"type": "downlink-encode", "description": "the light", "input": {"data": {"sequence": 8, "light": [900, 1400]}}, "output": {"fPort": 2, "bytes": [162, 0, 8, 11, 130, 25, 3, 132, 25, 5, 120]}},
  {"type": "downlink-decode", "description": "the light", "input": {"fPort": 2, "bytes": [162, 0, 8, 11, 130, 25, 3, 132, 25, 5, 120]}, "output": {"data": {"sequence": 8, "light": [900, 1400]}}}
];
