/**
 * Fails when the house is out of order:
 * - a file imports against the direction of the layers, or lies in none of them;
 * - a package is imported outside the files that may use it; a port imports more than types;
 * - imports form a circle, types included: whoever reads one file of a circle has to read them all;
 * - a file has more than 400 lines or a function more than 60, unless it is named below with its reason;
 * - an example reaches past the package's public entries.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { parseSync } from 'oxc-parser';

const MOST_LINES = 400;
const MOST_LINES_OF_A_FUNCTION = 60;
/** The files and functions that are longer, and why each would not be better in pieces. */
const LONGER = new Map(Object.entries({}));

/** The floors of the domain, from the top; each may use those below it. */
const FLOORS = [
  'manager',
  'approvals',
  'lifecycle',
  'producing',
  'following',
  'process',
  'turns',
  'interfaces',
  'model',
  'base',
];
const below = (floor) => FLOORS.slice(FLOORS.indexOf(floor) + 1);
const room = (name, packages, more = {}) => ({
  name,
  files: new RegExp(`^src/stream/${name}/`),
  layers: below(name),
  packages,
  ...more,
});

/** The layers beside the domain use what a host uses, and what the domain shares with it. */
const beside = FLOORS;

/** The first layer whose `files` match owns the file. `packages` ending in a colon or slash are prefixes. */
const layers = [
  {
    name: 'base',
    files: /^src\/(errors|clock|peer-versions|mongo-shapes)\.ts$/,
    layers: [],
    packages: ['node:'],
  },
  {
    name: 'index',
    files: /^src\/index\.ts$/,
    layers: ['services', 'implementations', 'providers', ...FLOORS],
    packages: [],
  },
  {
    name: 'services',
    files: /^src\/services\.ts$/,
    layers: ['implementations', ...below('process')],
    packages: ['zod'],
  },
  {
    name: 'manager',
    files: /^src\/stream\/generation-job-manager\.ts$/,
    layers: below('manager'),
    packages: [],
  },
  room('approvals', ['zod']),
  room('lifecycle', ['node:async_hooks']),
  room('producing', ['zod']),
  room('following', []),
  {
    name: 'implementations',
    files: /^src\/stream\/implementations\//,
    layers: below('following'),
    packages: ['zod', 'node:'],
  },
  room('process', ['zod', 'node:os']),
  room('turns', []),
  room('interfaces', [], { typesOnly: true }),
  room('model', ['zod', 'node:crypto']),
  { name: 'ports entry', files: /^src\/ports\//, layers: below('process'), packages: [] },
  { name: 'testing', files: /^src\/testing\//, layers: below('process'), packages: [] },
  { name: 'content', files: /^src\/content\//, layers: below('process'), packages: ['zod'] },
  {
    name: 'providers',
    files: /^src\/providers\//,
    layers: ['content', ...below('following')],
    packages: ['zod'],
  },
  {
    name: 'express',
    files: /^src\/http\/express(-errors)?\.ts$/,
    layers: ['http', ...beside],
    packages: ['zod', 'node:', 'express'],
  },
  { name: 'http', files: /^src\/http\//, layers: beside, packages: ['zod', 'node:'] },
  // They run in a page: nothing of Node's, and no schemas.
  { name: 'react', files: /^src\/react\//, layers: ['client', ...below('process')], packages: ['react'] },
  {
    name: 'client',
    files: /^src\/client\//,
    layers: below('process'),
    packages: ['eventsource-parser'],
  },
  { name: 'metrics', files: /^src\/metrics\//, layers: beside, packages: ['node:', 'prom-client', 'zod'] },
  {
    name: 'redis',
    files: /^src\/redis\//,
    layers: ['implementations', ...beside],
    packages: ['zod', 'ioredis'],
  },
  {
    name: 'gateway',
    files: /^src\/worker\/gateway\//,
    layers: ['http', 'transcripts', 'tokens', ...beside],
    packages: ['zod', 'node:', 'jose', 'express'],
  },
  { name: 'tokens', files: /^src\/tokens\//, layers: beside, packages: ['zod', 'jose'] },
  {
    name: 'decision-links',
    files: /^src\/decision-links\//,
    layers: ['http', 'tokens', ...beside],
    packages: ['zod', 'node:', 'jose', 'express'],
  },
  {
    name: 'transcripts',
    files: /^src\/transcripts\//,
    layers: ['http', ...beside],
    packages: ['zod', 'node:'],
  },
  {
    name: 'rules',
    files: /^src\/rules\//,
    layers: ['implementations', ...beside],
    packages: ['zod', 'node:'],
  },
  {
    name: 'worker',
    files: /^src\/worker\//,
    layers: ['content', 'transcripts', ...beside],
    packages: ['zod', 'node:'],
  },
  {
    name: 'ai-sdk',
    files: /^src\/ai-sdk\//,
    layers: ['http', 'content', 'providers', ...beside],
    packages: ['zod', 'node:', 'express'],
  },
  { name: 'agents', files: /^src\/agents\//, layers: beside, packages: ['zod', 'node:'] },
];

/** The folders of examples/chat: each imports from itself and from those after it. */
const chatChapters = [
  'start.ts',
  'replicas/',
  'working/',
  'server/',
  'ai/',
  'playing/',
  'telling/',
  'standing-in/',
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
    imports.flatMap(({ path }) => path ?? []),
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
problems.push(...cycles().map((files) => `circle: ${files.join(' -> ')}`));
problems.push(...[...graph.keys()].flatMap(lengthsOf));
problems.push(
  ...[...LONGER.keys()].map((name) => `${name}: is not longer than others any more; take it out of the list`),
);

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

/** Names what of a file is longer than it should be. */
function lengthsOf(file) {
  const source = readFileSync(file, 'utf8');
  const linesIn = (text) => text.split('\n').length;
  const found = [];
  const judge = (name, lines, most) => {
    if (lines <= most || LONGER.delete(name)) return;
    found.push(`${name}: has ${lines} lines; at most ${most}, or a reason in scripts/check-dependencies.mjs`);
  };
  judge(file, linesIn(source) - 1, MOST_LINES);
  const visit = (node, name) => {
    if (Array.isArray(node)) for (const one of node) visit(one, name);
    if (typeof node?.type !== 'string') return;
    const named = node.key?.name ?? node.id?.name ?? name;
    if (/Function/.test(node.type) && node.body)
      judge(`${file} ${named}`, linesIn(source.slice(node.start, node.end)), MOST_LINES_OF_A_FUNCTION);
    for (const value of Object.values(node))
      if (typeof value === 'object' && value !== null) visit(value, named);
  };
  visit(parseSync(file, source).program, '');
  return found;
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
