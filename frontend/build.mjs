// Builds static/dist: app.css by Tailwind, everything else by esbuild. `--watch` rebuilds on change.
import { spawn } from "node:child_process";
import { copyFile, mkdir, readdir, rm } from "node:fs/promises";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import path from "node:path";
import * as esbuild from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const out = path.join(here, "..", "static", "dist");
const themes = path.join(here, "..", "themes");
const watch = process.argv.includes("--watch");

const scripts = {
  entryPoints: ["app", "charts", "uplot", "kanban"].map((name) => path.join(here, "js", `${name}.js`)),
  bundle: true,
  minify: true,
  target: "es2022",
  format: "iife",
  outdir: out,
  legalComments: "none",
  logLevel: "warning",
};
const fonts = {
  entryPoints: [path.join(here, "css", "fonts.css")],
  bundle: true,
  minify: true,
  loader: { ".woff2": "file" },
  assetNames: "fonts/[name]-[hash]",
  outdir: out,
  logLevel: "warning",
};

function tailwind() {
  const cli = path.join(here, "node_modules", "@tailwindcss", "cli", "dist", "index.mjs");
  const flags = ["-i", path.join(here, "css", "app.css"), "-o", path.join(out, "app.css"), "--minify"];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [cli, ...flags, ...(watch ? ["--watch=always"] : [])], { cwd: here, stdio: "inherit" });
    child.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`tailwindcss ended with ${code}`))));
  });
}

async function presets() {
  const names = (await readdir(themes, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return {
    entryPoints: Object.fromEntries(
      names
        .filter((name) => name !== "base" && existsSync(path.join(themes, name, "theme.css")))
        .map((name) => [`theme-${name}`, path.join(themes, name, "theme.css")]),
    ),
    minify: true,
    outdir: out,
    logLevel: "warning",
  };
}

// Paper (PDF) is set with whole fonts as files: typst reads no woff2. Inter and Vazirmatn, SIL Open Font License 1.1.
async function paper() {
  const family = (name) => path.join(here, "node_modules", "@expo-google-fonts", name);
  const to = path.join(out, "paper");
  await mkdir(to, { recursive: true });
  for (const [name, title] of [["inter", "Inter"], ["vazirmatn", "Vazirmatn"]]) {
    await copyFile(path.join(family(name), "LICENSE_FONT"), path.join(to, `${title}-OFL.txt`));
    for (const weight of ["400Regular", "600SemiBold"]) {
      await copyFile(path.join(family(name), weight, `${title}_${weight}.ttf`), path.join(to, `${title}_${weight}.ttf`));
    }
  }
}

if (!watch) await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
await paper();
const jobs = [scripts, fonts, await presets()];
if (watch) {
  for (const options of jobs) await (await esbuild.context(options)).watch();
  await tailwind();
} else {
  await Promise.all([...jobs.map((options) => esbuild.build(options)), tailwind()]);
}
