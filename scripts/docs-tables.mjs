/**
 * Writes the parts of the documentation that the code knows better than any author: the methods and hooks, the options and
 * their bounds, the error codes, the metrics, the transitions, and the small examples, file by file; and the types of options with
 * doc comments, from the schemas that check them. Each table stands between
 * `<!-- name -->` and `<!-- /name -->` and is made from the built library, so build first. With --check nothing is written; exits 1 and names each table that differs. A mark
 * that is missing, or there twice, is an error: a table must not fall out of the documentation unnoticed.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { chatHandlerSchema, chatRouterSchema } from '../dist/ai-sdk/chat-options.js';
import { handlerSchema, routerSchema } from '../dist/http/route-options.js';
import { ERROR_TABLE, optionsSchema, TRANSITIONS } from '../dist/index.js';
import { createMetrics } from '../dist/metrics/index.js';
import { connectSchema } from '../dist/redis/connect.js';
import { redisOptionsSchema } from '../dist/redis/index.js';
import { gatewaySchema, webGatewaySchema } from '../dist/worker/gateway/gateway-options.js';
import { outboxSchema } from '../dist/worker/outbox/options.js';
import { declarationsIn, functionsOf, membersOf } from './docs-members.mjs';
import { optionRow, optionsOf, optionTypes } from './option-docs.mjs';

process.chdir(join(import.meta.dirname, '..'));
const REFERENCE = 'docs/reference.md';
const declarations = declarationsIn('dist');
const OPTION_COLUMNS = ['option', 'default', 'bounds', 'meaning'];
const GENERAL = optionsOf(optionsSchema);
const LIMITS = Object.entries(GENERAL.find(([name]) => name === 'limits')[1].properties);
const TIMES = GENERAL.filter(([name]) => name !== 'limits');

const tables = [
  ...['server.ts', 'index.html'].map((file) => exampleIn('README.md', `minimal/${file}`)),
  ...['server.ts', 'index.html'].map((file) => exampleIn('docs/approvals.md', `approvals/${file}`)),
  exampleIn('docs/redis.md', 'redis/server.ts'),
  { file: REFERENCE, name: 'manager-methods', make: () => methodsTable('GenerationJobManager') },
  { file: REFERENCE, name: 'upkeep-methods', make: () => methodsTable('Upkeep') },
  { file: REFERENCE, name: 'approvals-methods', make: () => methodsTable('Approvals') },
  { file: REFERENCE, name: 'job-methods', make: () => methodsTable('GenerationJob') },
  { file: REFERENCE, name: 'subscription-methods', make: () => methodsTable('Subscription') },
  { file: REFERENCE, name: 'decision-links-methods', make: () => methodsTable('DecisionLinks') },
  { file: REFERENCE, name: 'functions', make: functionsTable },
  { file: REFERENCE, name: 'hooks', make: () => methodsTable('Hooks') },
  { file: REFERENCE, name: 'options', make: optionsTable },
  {
    file: REFERENCE,
    name: 'decision-link-options',
    make: () => propertiesTable('DecisionHandlerOptions'),
  },
  { file: REFERENCE, name: 'decision-links-options', make: () => propertiesTable('DecisionLinksOptions') },
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
  { file: 'docs/workers.md', name: 'outbox-options', make: outboxOptionsTable },
  { file: 'docs/workers.md', name: 'gateway-options', make: gatewayOptionsTable },
  { file: 'PROTOCOL.md', name: 'transitions', make: transitionsTable },
];

/** Interfaces made from schemas, by file. */
const types = {
  'src/stream/model/options.generated.ts': [
    {
      name: 'GenerationJobOptions',
      about: 'The settings of a manager. A caller may leave out any of them.',
      options: GENERAL,
      inner: { limits: 'GenerationLimits' },
    },
    { name: 'GenerationLimits', about: 'The most there may be of each thing.', options: LIMITS },
  ],
  'src/stream/implementations/redis/options.generated.ts': [
    {
      name: 'RedisOptions',
      about: 'The settings of the store and the transport on Redis.',
      options: optionsOf(redisOptionsSchema),
    },
  ],
  'src/http/route-options.generated.ts': [
    {
      name: 'RouterSettings',
      about: 'The settings of `createStreamRouter`, beside what it asks of the host.',
      options: optionsOf(routerSchema),
    },
    {
      name: 'HandlerSettings',
      about: 'The settings of `createStreamHandler`, beside what it asks of the host.',
      options: optionsOf(handlerSchema),
    },
  ],
  'src/ai-sdk/chat-options.generated.ts': [
    {
      name: 'ChatRouterSettings',
      about: 'The settings of `createChatRouter`, beside what it asks of the host.',
      options: optionsOf(chatRouterSchema),
    },
    {
      name: 'ChatHandlerSettings',
      about: 'The settings of `createChatHandler`, beside what it asks of the host.',
      options: optionsOf(chatHandlerSchema),
    },
  ],
  'src/worker/outbox/options.generated.ts': [
    {
      name: 'OutboxSettings',
      about: 'The settings of an outbox.',
      options: optionsOf(outboxSchema),
    },
  ],
  'src/worker/gateway/gateway-options.generated.ts': [
    {
      name: 'GatewaySettings',
      about: 'The settings of `createWorkerRouter`, beside what it asks of the host.',
      options: optionsOf(gatewaySchema),
    },
    {
      name: 'WebGatewaySettings',
      about: 'The settings of `createWorkerHandler`, beside what it asks of the host.',
      options: optionsOf(webGatewaySchema),
    },
  ],
  'src/redis/connect-options.generated.ts': [
    {
      name: 'ConnectionOptions',
      about: 'The settings of a connection to Redis.',
      options: optionsOf(connectSchema),
    },
  ],
};

const differing = [];
for (const [file, interfaces] of Object.entries(types)) {
  const written = optionTypes(interfaces);
  if (existsSync(file) && readFileSync(file, 'utf8') === written) continue;
  differing.push(file);
  if (!process.argv.includes('--check')) writeFileSync(file, written);
}
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
  const rows = [...TIMES, ...LIMITS.map(([name, option]) => [`limits.${name}`, option])];
  return table(
    OPTION_COLUMNS,
    rows.map(([name, option]) => optionRow(name, option)),
  );
}

function outboxOptionsTable() {
  const rows = optionsOf(outboxSchema).map(([name, option]) => optionRow(name, option));
  return table(OPTION_COLUMNS, rows);
}

function gatewayOptionsTable() {
  const rows = optionsOf(gatewaySchema).map(([name, option]) => optionRow(name, option));
  return table(OPTION_COLUMNS, rows);
}

function redisOptionsTable() {
  const rows = optionsOf(redisOptionsSchema).map(([name, option]) => optionRow(name, option));
  return table(
    OPTION_COLUMNS,
    rows.map(([name, byDefault, ...rest]) => [
      name,
      name === '`keyPrefix`' ? `\`${byDefault}\`` : byDefault,
      ...rest,
    ]),
  );
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
