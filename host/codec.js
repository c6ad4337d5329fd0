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

/* TABLES */

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

/* EXAMPLES */
