// Reads streams through the real @fal-ai/client: `node javascript.mjs FOLDER iterator|data`.
//
// FOLDER/node_modules holds the client. Takes commands and answers them as `worker.py` does.

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const [folder, way] = process.argv.slice(2);
const require = createRequire(join(folder, "package.json"));
const { createFalClient } = require("@fal-ai/client");

const FIRST_TIMES = 40;

let client = makeClient();

function makeClient() {
  return createFalClient({ credentials: "a:b" });
}

/** Reads a stream, and hands its chunks to a function. */
async function read(base, path, take) {
  const url = `${base}/${path}/stream`;
  const stream = await client.stream(path, { url, input: {} });
  if (way === "data") stream.on("data", take);
  else for await (const chunk of stream) take(chunk);
  await stream.done();
}

class Counter {
  events = 0;
  indices = 0;

  take = (chunk) => {
    this.events += 1;
    this.indices += chunk.index;
  };
}

function startWatch() {
  globalThis.gc?.();
  const cpu = process.cpuUsage();
  const wall = performance.now();
  return () => {
    const seconds = (performance.now() - wall) / 1e3;
    const { user, system } = process.cpuUsage(cpu);
    return { wall: seconds, cpu: (user + system) / 1e6 };
  };
}

function memoryOf(name) {
  const status = readFileSync("/proc/self/status", "utf8");
  return 1024 * Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(status)[1]);
}

function percentile(values, share) {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

const KINDS = {
  async throughput({ base, path, streams }, counter) {
    const stop = startWatch();
    let opening;
    let opening_wall;
    const take = (chunk) => {
      if (opening === undefined) ({ cpu: opening, wall: opening_wall } = stop());
      counter.take(chunk);
    };
    if (streams === 1) {
      await read(base, path, counter.take);
      return stop();
    }
    await Promise.all(Array.from({ length: streams }, () => read(base, path, take)));
    return { opening, opening_wall, ...stop() };
  },

  async memory({ base, path }, counter) {
    globalThis.gc?.();
    writeFileSync("/proc/self/clear_refs", "5");
    const before = memoryOf("VmRSS");
    await read(base, path, counter.take);
    return { growth: memoryOf("VmHWM") - before };
  },

  async latency({ base, path }, counter) {
    const latencies = [];
    const stop = startWatch();
    let opening;
    await read(base, path, (chunk) => {
      if (opening === undefined) opening = stop().cpu;
      else latencies.push(Number(process.hrtime.bigint()) - chunk.sent);
      counter.take(chunk);
    });
    const [p50, p99] = [0.5, 0.99].map((share) => percentile(latencies, share) / 1e9);
    return { p50, p99, opening, ...stop() };
  },

  // A new client uses the connections of the old one: Node.js keeps them for all.
  async first({ base, path }, counter) {
    const times = [];
    const readOnce = async (begin, used) => {
      let at = 0;
      await read(base, path, (chunk) => {
        at ||= performance.now();
        used.take(chunk);
      });
      return (at - begin) / 1e3;
    };
    const begin = performance.now();
    const stopFirst = startWatch();
    client = makeClient();
    const fresh = await readOnce(begin, counter);
    const fresh_cpu = stopFirst().cpu;
    const stop = startWatch();
    for (let time = 0; time < FIRST_TIMES; time += 1) {
      times.push(await readOnce(performance.now(), new Counter()));
    }
    const cpu = stop().cpu / FIRST_TIMES;
    return { fresh, fresh_cpu, reused: percentile(times, 0.5), cpu };
  },
};

console.warn = () => {};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  const counter = new Counter();
  const figures = await KINDS[command.kind](command, counter);
  const { events, indices } = counter;
  console.log(JSON.stringify({ events, indices, ...figures }));
}
process.exit();
