// Runs pytest on the Python that the npm package `pyodide` brings, in WebAssembly.
//
// node run.mjs <the project> <a folder with packages> <arguments of pytest>
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [project, packages, ...args] = process.argv.slice(2);
const require = createRequire(`${process.env.NPM_FOLDER}/node_modules/`);
const { loadPyodide } = await import(pathToFileURL(require.resolve("pyodide/pyodide.mjs")));
const python = await loadPyodide();
for (const [name, root] of [["/packages", packages], ["/project", project]]) {
  python.FS.mkdirTree(name);
  python.FS.mount(python.FS.filesystems.NODEFS, { root }, name);
}
python.globals.set("arguments", python.toPy(args));
process.exitCode = python.runPython(`
import os, sys
sys.dont_write_bytecode = True
sys.path[:0] = ["/project", "/packages"]
os.chdir("/project")
import pytest
print(sys.version)
int(pytest.main(["-p", "no:cacheprovider", "-p", "tests.wasm.plugin", "--timeout", "0", *arguments]))
`);
