// Serves the real proxies of @fal-ai/server-proxy on this machine.
//
// Usage: node proxy.mjs FOLDER HOST, where FOLDER/node_modules holds the packages and HOST is the
// only host that requests may be forwarded to. Prints a line of JSON, the address of each proxy by
// its name, and serves until it is killed. The key is FAL_KEY of the environment.

import { createRequire } from "node:module";
import { join } from "node:path";

const [folder, host] = process.argv.slice(2);
const require = createRequire(join(folder, "package.json"));
const express = require("express");
const { Hono } = require("hono");
const { serve } = require("@hono/node-server");
const forExpress = require("@fal-ai/server-proxy/express");
const forHono = require("@fal-ai/server-proxy/hono");

// The handler for Express leaves its errors to nobody, and Node.js would end.
process.on("unhandledRejection", console.error);

const config = { allowedUrlPatterns: [`${host}/**`], allowedEndpoints: ["**"] };

function serveExpress(ready) {
  const app = express();
  app.all(forExpress.route, express.json(), forExpress.createHandler(config));
  const server = app.listen(0, "127.0.0.1", () => ready(server.address().port));
}

function serveHono(ready) {
  const app = new Hono();
  app.all(forExpress.route, forHono.createRouteHandler(config));
  serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) => ready(port));
}

const [expressPort, honoPort] = await Promise.all([
  new Promise(serveExpress),
  new Promise(serveHono),
]);
const address = (port) => `http://127.0.0.1:${port}${forExpress.route}`;
console.log(JSON.stringify({ express: address(expressPort), hono: address(honoPort) }));
