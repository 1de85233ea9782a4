// Asks the search of the built pages: `node search.mjs FOLDER < WORDS > RESULTS`.
//
// WORDS is a JSON list of queries. RESULTS has for each the list of what the search page would show,
// best first, as [page, anchor, title]. Index, stemmer and ranking are those of the built pages
// (searchindex.js, language_data.js, searchtools.js); nothing of them is written again here.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import vm from "node:vm";

const folder = process.argv[2];
const page = vm.createContext({
  document: { getElementById: () => null },
  localStorage: { setItem() {} },
  SPHINX_HIGHLIGHT_ENABLED: false,
  _ready() {},
  _: (text) => text,
});
const load = (...names) => vm.runInContext(readFileSync(join(folder, ...names), "utf-8"), page);

load("_static", "language_data.js");
load("_static", "searchtools.js");
// What a script declares by `const` is no property of the context.
page.Search = vm.runInContext("Search", page);
load("searchindex.js");

const ask = (query) => {
  const { Search } = page;
  const [asked, ...terms] = Search._parseQuery(query);
  // The search page takes results from the end of the list.
  return Search._performSearch(asked, ...terms)
    .reverse()
    .map(([name, title, anchor]) => [name, anchor.replace(/^#/, ""), title]);
};

const queries = JSON.parse(readFileSync(0, "utf-8"));
process.stdout.write(JSON.stringify(queries.map(ask)));
