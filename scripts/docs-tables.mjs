/**
 * Writes the parts of the documentation that the code knows better than any author: the methods and hooks, the options and
 * their bounds, the error codes, the metrics, the transitions, and the small examples, file by file. Each stands between
 * `<!-- name -->` and `<!-- /name -->` and is made from the built library, so build first. With --check nothing is written; exits 1 and names each table that differs. A mark
 * that is missing, or there twice, is an error: a table must not fall out of the documentation unnoticed.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { z } from 'zod';
import { ERROR_TABLE, optionsSchema, TRANSITIONS } from '../dist/index.js';
import { createMetrics } from '../dist/metrics/index.js';
import { redisOptionsSchema } from '../dist/redis/index.js';
import { declarationsIn, functionsOf, membersOf } from './docs-members.mjs';

const SECOND = 1000;
const UNITS_OF_TIME = [
  { unit: 'd', size: 24 * 3600 * SECOND },
  { unit: 'h', size: 3600 * SECOND },
  { unit: 'min', size: 60 * SECOND },
  { unit: 's', size: SECOND },
  { unit: 'ms', size: 1 },
];
const UNITS_OF_SIZE = [
  { unit: 'GiB', size: 1024 ** 3 },
  { unit: 'MiB', size: 1024 ** 2 },
  { unit: 'KiB', size: 1024 },
  { unit: 'B', size: 1 },
];

process.chdir(join(import.meta.dirname, '..'));
const REFERENCE = 'docs/reference.md';
const declarations = declarationsIn('dist');

const tables = [
  ...['server.ts', 'index.html'].map((file) => exampleIn('README.md', `minimal/${file}`)),
  ...['server.ts', 'index.html'].map((file) => exampleIn('docs/approvals.md', `approvals/${file}`)),
  exampleIn('docs/redis.md', 'redis/server.ts'),
  { file: REFERENCE, name: 'manager-methods', make: () => methodsTable('GenerationJobManager') },
  { file: REFERENCE, name: 'upkeep-methods', make: () => methodsTable('Upkeep') },
  { file: REFERENCE, name: 'approvals-methods', make: () => methodsTable('Approvals') },
  { file: REFERENCE, name: 'job-methods', make: () => methodsTable('GenerationJob') },
  { file: REFERENCE, name: 'subscription-methods', make: () => methodsTable('Subscription') },
  { file: REFERENCE, name: 'functions', make: functionsTable },
  { file: REFERENCE, name: 'hooks', make: () => methodsTable('Hooks') },
  { file: REFERENCE, name: 'options', make: optionsTable },
  { file: REFERENCE, name: 'errors', make: errorsTable },
  { file: REFERENCE, name: 'metrics', make: metricsTable },
  { file: 'docs/redis.md', name: 'connect-options', make: () => propertiesTable('ConnectRedisOptions') },
  { file: 'docs/redis.md', name: 'redis-options', make: redisOptionsTable },
  { file: 'docs/agents.md', name: 'agent-options', make: () => propertiesTable('AgentOptions') },
  {
    file: 'docs/agents.md',
    name: 'checkpointer-options',
    make: () => propertiesTable('CheckpointerOptions'),
  },
  { file: 'PROTOCOL.md', name: 'transitions', make: transitionsTable },
];

const differing = [];
for (const { file, name, make } of tables) {
  const text = readFileSync(file, 'utf8');
  const updated = withBlock(text, name, await make(), file);
  if (updated === text) continue;
  differing.push(`${file}: ${name}`);
  if (!process.argv.includes('--check')) writeFileSync(file, updated);
}
if (process.argv.includes('--check') && differing.length > 0) {
  for (const table of differing)
    console.error(`${table} differs from the code; run node scripts/docs-tables.mjs`);
  process.exit(1);
}

function withBlock(text, name, table, file) {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const parts = [text.split(begin), text.split(end)];
  if (parts.some(({ length }) => length !== 2) || text.indexOf(end) < text.indexOf(begin))
    throw new Error(`${file} must have ${begin} and ${end} once, in this order`);
  return `${parts[0][0]}${begin}\n${table}\n${end}${parts[1][1]}`;
}

function exampleIn(document, example) {
  const name = `examples/${example}`;
  const make = () => `\`\`\`${name.split('.').at(-1)}\n${readFileSync(name, 'utf8').trimEnd()}\n\`\`\``;
  return { file: document, name, make };
}

function methodsTable(name) {
  return table(['call', 'gives', 'does'], membersOf(declarations, name).map(callRow));
}

/** Lists the functions of every entry of the package; one that several entries export stands with the first. */
function functionsTable() {
  const { name, exports } = JSON.parse(readFileSync('package.json', 'utf8'));
  const entries = Object.entries(exports).filter(([, target]) => target.types);
  const rows = new Map();
  for (const [entry, { types }] of entries) {
    for (const found of functionsOf(types, declarations)) {
      if (found.text === '') throw new Error(`${found.name} has no doc comment`);
      const from = `\`${name}${entry.slice(1)}\``;
      if (!rows.has(found.name)) rows.set(found.name, [from, ...callRow(found)]);
    }
  }
  return table(['from', 'call', 'gives', 'does'], [...rows.values()]);
}

function callRow({ call, gives, text, parameters, throws }) {
  const said = [text, ...parameters.map((one) => `${one}${one.endsWith('.') ? '' : '.'}`)];
  return [
    `\`${call}\``,
    gives && `\`${gives}\``,
    [...said, ...(throws ? [`*Throws* ${throws}`] : [])].join(' '),
  ];
}

function propertiesTable(name) {
  const rows = membersOf(declarations, name).map(({ name, text }) => [`\`${name}\``, text]);
  return table(['option', 'meaning'], rows);
}

function optionsTable() {
  const { properties } = z.toJSONSchema(optionsSchema, { io: 'input' });
  const { limits, ...times } = properties;
  const rows = [
    ...Object.entries(times),
    ...Object.entries(limits.properties).map(([name, option]) => [`limits.${name}`, option]),
  ].map(([name, option]) => optionRow(name, option));
  return table(['option', 'default', 'bounds', 'meaning'], rows);
}

function redisOptionsTable() {
  const { properties } = z.toJSONSchema(redisOptionsSchema, { io: 'input' });
  const { keyPrefix, ...times } = properties;
  const prefix = [
    '`keyPrefix`',
    `\`${keyPrefix.default}\``,
    `at most ${keyPrefix.maxLength} of \`A-Za-z0-9_.:-\``,
    keyPrefix.description,
  ];
  const rows = Object.entries(times).map(([name, option]) => optionRow(name, option));
  return table(['option', 'default', 'bounds', 'meaning'], [prefix, ...rows]);
}

function optionRow(name, { type, enum: values, minimum, maximum, default: byDefault, description }) {
  const measure = measureOf(name);
  const value = (given) => (typeof given === 'number' ? measure(given) : String(given));
  const largest = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  const bounds =
    values !== undefined || type === 'boolean'
      ? (values ?? [true, false]).join(', ')
      : largest === undefined
        ? `${value(minimum)} or more`
        : `${value(minimum)} to ${value(largest)}`;
  return [`\`${name}\``, value(byDefault), bounds, description.replace(/ \((ms|bytes)\)$/, '')];
}

function measureOf(name) {
  if (name.endsWith('Ms')) return (value) => inUnits(value, UNITS_OF_TIME);
  if (name.endsWith('Bytes')) return (value) => inUnits(value, UNITS_OF_SIZE);
  return (value) => value.toLocaleString('en-US');
}

/** Writes a value in the largest unit that divides it. */
function inUnits(value, units) {
  const { unit, size } = units.find((one) => value >= one.size && value % one.size === 0) ?? units.at(-1);
  return `${(value / size).toLocaleString('en-US')} ${unit}`;
}

function errorsTable() {
  const rows = Object.entries(ERROR_TABLE).map(([code, { status, remedy }]) => [
    `\`${code}\``,
    status,
    remedy,
  ]);
  return table(['code', 'status', 'remedy'], rows);
}

async function metricsTable() {
  const registry = new Registry();
  createMetrics({ registry });
  const rows = (await registry.getMetricsAsJSON()).map(({ name, type, help, values }) => {
    return [`\`${name}\``, type, labelsOf(values), help];
  });
  return table(['metric', 'type', 'labels', 'meaning'], rows);
}

/** `label`: its values. A histogram's own `le` is not one of ours. */
function labelsOf(values) {
  const valuesByLabel = new Map();
  for (const { labels } of values) {
    for (const [label, value] of Object.entries(labels)) {
      if (label !== 'le') valuesByLabel.set(label, (valuesByLabel.get(label) ?? new Set()).add(value));
    }
  }
  return [...valuesByLabel].map(([label, known]) => `\`${label}\`: ${[...known].join(', ')}`).join('; ');
}

function transitionsTable() {
  const rows = Object.entries(TRANSITIONS).map(([name, { from, to, by, guard, nextAttempt, event }]) => [
    `\`${name}\``,
    from.map((status) => `\`${status}\``).join(', '),
    `\`${to}\``,
    by,
    guard ?? '',
    nextAttempt ? '+ 1' : '',
    `\`${event}\``,
  ]);
  return table(['transition', 'from', 'to', 'by', 'guard', 'attempt', 'event'], rows);
}

function table(head, rows) {
  const line = (cells) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
