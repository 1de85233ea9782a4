// Plays scenarios through the real @fal-ai/client.
//
// Usage: node run.mjs FOLDER, where FOLDER/node_modules holds the client. Reads a line of JSON, a
// list of scenarios, and prints a line of JSON for each as it ends. What only the server knows is
// left to the caller.

import { AsyncLocalStorage } from "node:async_hooks";
import { File } from "node:buffer";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const require = createRequire(join(process.argv[2], "package.json"));
const { createFalClient, withMiddleware } = require("@fal-ai/client");

const TOGETHER = 8;
const HANGS = Symbol("hangs");
const running = new AsyncLocalStorage();

// Without this the first of them ends the process, as it would a user's.
process.on("unhandledRejection", () => {
  running.getStore().unhandled = true;
});

/** Turns what a scenario says into arguments of the client. */
function argument(value, run) {
  if (Array.isArray(value)) return value.map((item) => argument(item, run));
  if (value === null || typeof value !== "object") return value;
  if ("$bytes" in value) {
    const bytes = Buffer.from(value.$bytes, "base64");
    return "$name" in value
      ? new File([bytes], value.$name, { type: value.$type })
      : new Blob([bytes]);
  }
  if ("$returns" in value) {
    return (...args) => {
      run.calls.push(args);
      return value.$returns;
    };
  }
  if ("$raises" in value) {
    return () => {
      throw new Error(value.$raises);
    };
  }
  if ("$adds" in value) return (request) => addHeaders(request, value.$adds);
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, argument(item, run)]),
  );
}

async function addHeaders(request, added) {
  const headers = { ...request.headers };
  for (const [name, text] of Object.entries(added)) {
    headers[name] = text.replace(/\{([\w-]+)\}/g, (_, field) =>
      field === "url" ? new URL(request.url).pathname : headers[field],
    );
  }
  return { ...request, headers };
}

/** Gives a `fetch` that leads every host, this machine apart, to the server of the scenario. */
function leadTo(base, run) {
  return (address, init) => {
    const url = new URL(address);
    run.hosts.push(url.hostname);
    const isLocal = url.hostname === "127.0.0.1";
    return fetch(isLocal ? url : base + url.pathname + url.search, init);
  };
}

/** Writes what was seen in JSON values. */
function plain(value) {
  if (value === undefined) return null;
  if (value === HANGS) return "hangs";
  if (value instanceof Error) return errorOf(value);
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString("base64") };
  if (Array.isArray(value)) return value.map(plain);
  return value;
}

function errorOf(error) {
  return {
    name: error.name,
    status: error.status ?? null,
    body: error.body ?? null,
    fields: error.fieldErrors ?? null,
    user_timeout: error.isUserTimeout ?? false,
    request_id: error.requestId || null,
  };
}

/** Waits for a promise, but not for ever. */
function within(promise, milliseconds) {
  let timer;
  const hangs = new Promise((resolve) => {
    timer = setTimeout(resolve, milliseconds, HANGS);
  });
  return Promise.race([promise, hangs]).finally(() => clearTimeout(timer));
}

class Run {
  constructor(scenario) {
    this.scenario = scenario;
    this.chunks = [];
    this.ending = "not read";
    this.heard = [];
    this.unhandled = false;
    this.facts = {};
    this.calls = [];
    this.hosts = [];
  }

  async play() {
    const { plot, base, endpointId, patience } = this.scenario;
    const config = argument(this.scenario.config, this);
    const options = argument(this.scenario.options, this);
    const controller = new AbortController();
    if (Array.isArray(config.requestMiddleware)) {
      config.requestMiddleware = withMiddleware(...config.requestMiddleware);
    }
    if (plot.startsWith("signal")) options.signal = controller.signal;
    if (plot === "signal before") controller.abort("enough");
    const client = createFalClient({ ...config, fetch: leadTo(base, this) });
    try {
      if (plot === "upload") {
        const { file, ...rest } = options;
        const address = await within(client.storage.upload(file, rest), patience);
        return this.seen("not read", { gives: address }, null);
      }
      this.stream = await within(client.stream(endpointId, options), patience);
    } catch (error) {
      return this.seen(errorOf(error), errorOf(error), null);
    }
    this.listen();
    const begin = performance.now();
    if (plot === "abort at once") this.stream.abort("enough");
    let done = plot === "done first" ? await this.finish() : undefined;
    if (plot === "take turns") await this.takeTurns();
    else await this.read(controller);
    if (plot === "keep time") {
      const pace = (performance.now() - begin) / this.chunks.length;
      this.facts["time for a chunk"] = pace > 15.5 ? "16 ms or more" : "less";
    }
    if (plot === "iterate again") {
      const { chunks, ending } = this;
      this.chunks = [];
      await this.read(controller);
      this.facts.again = [this.chunks, this.ending];
      Object.assign(this, { chunks, ending });
    }
    if (plot === "abort at the end") this.stream.abort("enough");
    done = await this.finish();
    if (plot === "done again") this.facts["done again"] = await this.finish();
    if (this.stream.signal.aborted) this.facts.reason = plain(this.stream.signal.reason);
    return this.seen(this.ending, done, this.stream.requestId);
  }

  listen() {
    const { plot } = this.scenario;
    if (plot === "listener raises") {
      this.stream.on("data", (chunk) => {
        throw new Error(`no place for ${chunk}`);
      });
    }
    if (plot === "listeners in order") {
      this.facts.order = [];
      this.stream.on("data", (chunk) => this.facts.order.push(["first", chunk]));
      this.stream.on("data", (chunk) => this.facts.order.push(["second", chunk]));
    }
    for (const kind of ["data", "message", "done", "error"]) {
      this.stream.on(kind, (value) => this.heard.push([kind, plain(value)]));
    }
  }

  async read(controller) {
    const { plot, patience } = this.scenario;
    const iterator = this.stream[Symbol.asyncIterator]();
    try {
      for (;;) {
        const step = await within(iterator.next(), patience);
        if (step === HANGS) return void (this.ending = "hangs");
        if (step.done) return void (this.ending = "ends");
        this.chunks.push(plain(step.value));
        if (plot === "break") {
          await iterator.return();
          return void (this.ending = "ends");
        }
        if (plot === "abort after a chunk") this.stream.abort("enough");
        if (plot === "signal after a chunk") controller.abort("enough");
      }
    } catch (error) {
      this.ending = errorOf(error);
    }
  }

  async takeTurns() {
    this.facts.other = [];
    const running = [this.chunks, this.facts.other].map((chunks) => ({
      iterator: this.stream[Symbol.asyncIterator](),
      chunks,
    }));
    while (running.length > 0) {
      const turn = running.shift();
      const step = await within(turn.iterator.next(), this.scenario.patience);
      if (step === HANGS) return void (this.ending = "hangs");
      if (step.done) continue;
      turn.chunks.push(plain(step.value));
      running.push(turn);
    }
    this.ending = "ends";
  }

  async finish() {
    try {
      const result = await within(this.stream.done(), this.scenario.patience);
      return result === HANGS ? "hangs" : { gives: plain(result) };
    } catch (error) {
      return errorOf(error);
    }
  }

  seen(ending, done, requestId) {
    const { chunks, heard, unhandled, facts } = this;
    const { name, watch } = this.scenario;
    if (watch.includes("calls")) facts.calls = this.calls;
    if (watch.includes("hosts")) facts.hosts = this.hosts;
    return { name, chunks, ending, done, heard, unhandled, request_id: requestId, facts };
  }
}

async function playInTurn(scenarios) {
  for (let scenario = scenarios.shift(); scenario; scenario = scenarios.shift()) {
    const run = new Run(scenario);
    const seen = await running.run(run, () => run.play());
    console.log(JSON.stringify({ ...seen, unhandled: run.unhandled }));
  }
}

// The client itself writes warnings there.
console.warn = () => {};

const lines = createInterface({ input: process.stdin });
lines.once("line", async (line) => {
  const scenarios = JSON.parse(line);
  await Promise.all(Array.from({ length: TOGETHER }, () => playInTurn(scenarios)));
});
lines.once("close", () => process.exit());
