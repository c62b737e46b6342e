// Bundles src/ into the package: names carry a hash of the content, manifest.json says which name belongs to what.
import { build } from "esbuild";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const dist = new URL("../src/carteira/web/static/dist/", import.meta.url).pathname;
rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });

const result = await build({
  entryPoints: { app: "src/app.js", "app-css": "src/app.css", early: "src/early.js" },
  outdir: dist,
  bundle: true,
  splitting: true,
  format: "esm",
  minify: true,
  target: ["chrome123", "firefox120", "safari17.5"],
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  legalComments: "eof",
  metafile: true,
  logLevel: "warning",
});

const manifest = {};
for (const [path, output] of Object.entries(result.metafile.outputs)) {
  const name = path.split("/").pop();
  const entry = output.entryPoint?.replace(/^src\//, "");
  if (entry) manifest[entry] = name;
}
writeFileSync(join(dist, "manifest.json"), JSON.stringify(manifest, null, 2));
