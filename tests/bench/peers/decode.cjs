// SPDX-License-Identifier: MIT
// Frames a second that lora-packet parses, checks and decrypts, on one core.
// Arguments: node_modules, a JSON file of {nwk_skey, app_skey, frames}, all hex.
const { readFileSync } = require("node:fs");
const [peers, path] = process.argv.slice(2);
const lora = require(`${peers}/lora-packet`);
const { nwk_skey, app_skey, frames } = JSON.parse(readFileSync(path));
const nwk = Buffer.from(nwk_skey, "hex"), app = Buffer.from(app_skey, "hex");
const captured = frames.map((each) => Buffer.from(each, "hex"));

function pass() {
  for (const phy of captured) {
    const packet = lora.fromWire(phy);
    if (!lora.verifyMIC(packet, nwk)) throw new Error("MIC");
    lora.decrypt(packet, app, nwk);
  }
}

function rate(seconds) {
  const begin = process.hrtime.bigint(), end = begin + BigInt(seconds * 1e9);
  let passes = 0;
  for (; process.hrtime.bigint() < end; passes++) pass();
  return (passes * captured.length * 1e9) / Number(process.hrtime.bigint() - begin);
}

rate(1); // until it is compiled
console.log(rate(1));
