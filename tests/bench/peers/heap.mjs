// SPDX-License-Identifier: MIT
// Bytes of heap that imports take under MicroPython for WebAssembly: 32-bit words, as on a board.
// Arguments: node_modules, the folder of the compiled firmware, the modules.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [peers, firmware, ...modules] = process.argv.slice(2);
const port = `${peers}/@micropython/micropython-webassembly-pyscript/micropython.mjs`;
const { loadMicroPython } = await import(pathToFileURL(port));
const mp = await loadMicroPython({ heapsize: 200 * 1024 });

function copy(from, to) {
  mp.FS.mkdir(to);
  for (const name of readdirSync(from)) {
    if (statSync(`${from}/${name}`).isDirectory()) copy(`${from}/${name}`, `${to}/${name}`);
    else mp.FS.writeFile(`${to}/${name}`, readFileSync(`${from}/${name}`));
  }
}

// This port collects only between two runs: one to ask for it, one to look.
function taken() {
  mp.runPython("gc.collect()");
  mp.runPython("found = gc.mem_alloc()");
  return mp.globals.get("found");
}

copy(firmware, "/firmware");
mp.FS.mkdir("/board"); // what a board has and this port lacks
mp.FS.writeFile("/board/cryptolib.py", "aes = None\n");
mp.FS.writeFile("/board/machine.py", "class Pin:\n    pass\n");
mp.runPython("import sys; sys.path[:] = ['/board', '/firmware']");
mp.runPython("import gc, machine, cryptolib, os, struct, binascii, time, collections");
const before = taken();
const found = modules.map((name) => {
  mp.runPython(`import ${name}`);
  return taken() - before;
});
console.log(JSON.stringify(found));
