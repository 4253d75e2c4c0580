/**
 * Fails when a file imports against the direction of the layers (http, metrics, implementations and their like ->
 * stream -> errors, clock), when a package is imported outside the files that may use it, when a port imports
 * more than types, when imports form a cycle, when an example reaches past the package's public entries, or when a
 * folder of the chat imports from one before it.
 * Type-only imports count for the direction (a domain type that names an HTTP type ties the layers together just as
 * much), but not for cycles: types have no load order to get wrong.
 * A source file that belongs to no layer fails, so a new folder has to be placed here before it is used.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { parseSync } from 'oxc-parser';

const domain = ['stream', 'ports', 'base'];

/** The first layer whose `files` match owns the file. `packages` ending in a colon or slash are prefixes. */
const layers = [
  { name: 'base', files: /^src\/(errors|clock|peer-versions)\.ts$/, layers: [], packages: ['node:'] },
  {
    name: 'index',
    files: /^src\/index\.ts$/,
    layers: ['services', 'implementations', ...domain],
    packages: [],
  },
  {
    name: 'services',
    files: /^src\/(stream\/)?services\.ts$/,
    layers: ['implementations', ...domain],
    packages: ['zod'],
  },
  {
    name: 'implementations',
    files: /^src\/stream\/implementations\//,
    layers: domain,
    packages: ['zod', 'node:'],
  },
  {
    name: 'ports',
    files: /^src\/stream\/interfaces\//,
    layers: ['stream', 'base'],
    packages: [],
    typesOnly: true,
  },
  {
    name: 'stream',
    files: /^src\/stream\//,
    layers: ['ports', 'base'],
    packages: ['zod', 'node:crypto', 'node:async_hooks', 'node:os'],
  },
  { name: 'content', files: /^src\/content\//, layers: domain, packages: ['zod'] },
  {
    name: 'express',
    files: /^src\/http\/express(-errors)?\.ts$/,
    layers: ['http', ...domain],
    packages: ['zod', 'node:', 'express'],
  },
  { name: 'http', files: /^src\/http\//, layers: domain, packages: ['zod', 'node:'] },
  {
    name: 'metrics',
    files: /^src\/metrics\//,
    layers: domain,
    packages: ['zod', 'node:', 'prom-client'],
  },
  {
    name: 'redis',
    files: /^src\/redis\//,
    layers: ['implementations', ...domain],
    packages: ['zod', 'ioredis'],
  },
  { name: 'agents', files: /^src\/agents\//, layers: domain, packages: ['zod', 'node:'] },
  { name: 'worker', files: /^src\/worker\//, layers: domain, packages: ['zod', 'node:'] },
];

/** The folders of examples/chat: each imports from itself and from those after it. */
const chatChapters = [
  'start.ts',
  'replicas/',
  'server/',
  'playing/',
  'conversations/',
  'page/main.ts',
  'page/showing/',
  'page/asking/',
  'page/following/',
  'page/content/',
  'page/',
].map((chapter) => `examples/chat/${chapter}`);

process.chdir(join(import.meta.dirname, '..'));
const problems = [];
const graph = new Map();

for (const file of typeScriptIn('src')) {
  const imports = importsOf(file);
  graph.set(
    file,
    imports.flatMap(({ path, typeOnly }) => (path && !typeOnly ? path : [])),
  );
  const layer = layerOf(file);
  const found = layer
    ? imports.flatMap((entry) => problemOf(layer, entry) ?? [])
    : ['belongs to no layer; place it in scripts/check-dependencies.mjs'];
  problems.push(...found.map((text) => `${file}: ${text}`));
}
for (const file of typeScriptIn('examples')) {
  for (const { path, specifier } of importsOf(file)) {
    if (path?.startsWith('examples/') === false)
      problems.push(`${file}: imports ${specifier}; use the package's public entries`);
    else if (path && chapterOf(path) < chapterOf(file))
      problems.push(`${file}: imports ${specifier}, which comes before it in chatChapters`);
  }
}
problems.push(...cycles().map((files) => `cycle: ${files.join(' -> ')}`));

for (const problem of problems) console.error(problem);
console.log(`dependencies: ${graph.size} files, ${problems.length} problems`);
process.exit(problems.length > 0 ? 1 : 0);

function problemOf(layer, { specifier, path, typeOnly }) {
  if (layer.typesOnly && !typeOnly)
    return `imports a value from ${specifier}; ${layer.name} import only types`;
  if (path) {
    const target = layerOf(path);
    if (target === layer || layer.layers.includes(target?.name)) return undefined;
    return `${layer.name} may not import ${target?.name ?? 'outside src'} (${specifier})`;
  }
  const allowed = layer.packages.some(
    (name) => specifier === name || (/[:/]$/.test(name) && specifier.startsWith(name)),
  );
  return allowed ? undefined : `${layer.name} may not import the package ${specifier}`;
}

function chapterOf(file) {
  return chatChapters.findIndex((chapter) => file.startsWith(chapter));
}

function layerOf(file) {
  return layers.find(({ files }) => files.test(file));
}

/** Every import and re-export; `path` is the source file that a relative specifier means. */
function importsOf(file) {
  const source = readFileSync(file, 'utf8');
  const { module, errors } = parseSync(file, source);
  if (errors.length > 0) throw new Error(`${file} can't be parsed: ${errors[0].message}`);
  const allTypes = (entries) => entries.length > 0 && entries.every(({ isType }) => isType);
  const found = [
    ...module.staticImports.map(({ moduleRequest, entries }) => ({
      specifier: moduleRequest.value,
      typeOnly: allTypes(entries),
    })),
    ...module.staticExports.flatMap(({ entries }) =>
      entries
        .filter(({ moduleRequest }) => moduleRequest)
        .map(({ moduleRequest, isType }) => ({ specifier: moduleRequest.value, typeOnly: isType })),
    ),
    // One whose name is made at run time can't be judged here: it loads an optional peer of its entry.
    ...module.dynamicImports
      .map(({ moduleRequest: { start, end } }) => source.slice(start, end))
      .filter((text) => /^['"]/.test(text))
      .map((text) => ({ specifier: text.slice(1, -1), typeOnly: false })),
  ];
  return found.map(({ specifier, typeOnly }) => ({
    specifier,
    typeOnly,
    path: specifier.startsWith('.')
      ? posix.join(posix.dirname(file), specifier).replace(/\.js$/, '.ts')
      : undefined,
  }));
}

/** Depth first; each cycle is told once, from the file at which the walk met it. */
function cycles() {
  const found = [];
  const done = new Set();
  const visit = (file, trail) => {
    const start = trail.indexOf(file);
    if (start >= 0) found.push([...trail.slice(start), file]);
    if (start >= 0 || done.has(file)) return;
    for (const next of new Set(graph.get(file))) visit(next, [...trail, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return found;
}

function typeScriptIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => posix.join(entry.parentPath, entry.name))
    .filter((file) => !file.split('/').includes('dist') && !file.split('/').includes('node_modules'))
    .sort();
}
