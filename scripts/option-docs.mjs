/**
 * Writes what a schema of options says of each of them, for people: bounds and default in units, as a row of a table, or as a
 * property with a doc comment that an editor shows. Types that are inferred from a schema show nothing.
 */
import { z } from 'zod';

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
const LONGEST_LINE = 110;
const HEAD = `/**
 * Options as their schemas have them. Written by scripts/docs-tables.mjs from the built schemas, never by hand: after a change
 * of a schema, which the compiler tells where it no longer fits, \`npm run docs\` writes this anew, and a test fails while it
 * differs.
 */
`;

/** Each option with its JSON schema, as a caller gives it. */
export function optionsOf(schema) {
  return Object.entries(z.toJSONSchema(schema, { io: 'input' }).properties);
}

/** `option`, default, bounds, meaning. */
export function optionRow(name, option) {
  const byDefault = option.default === undefined ? '' : inOwnUnit(name, option.default);
  return [
    `\`${name}\``,
    byDefault,
    boundsOf(name, option),
    option.description.replace(/ \((ms|bytes)\)$/, ''),
  ];
}

/** A file of interfaces, each of `{ name, about, schema }`; a schema within a schema has the interface `inner` names. */
export function optionTypes(interfaces) {
  const written = interfaces.map(({ name, about, options, inner = {} }) => {
    const properties = options.map(([key, option]) => propertyOf(key, option, inner[key]));
    return `\n/** ${about} */\nexport interface ${name} {\n${properties.join('\n')}\n}\n`;
  });
  return HEAD + written.join('');
}

function propertyOf(name, option, inner) {
  const sentences = inner ? [] : [sentenceOf(name, option)].filter(Boolean);
  const text = [option.description, ...sentences].map((one) => one.replace(/\.?$/, '.')).join(' ');
  return `${docComment(text)}\n  readonly ${name}?: ${inner ?? typeOf(option)} | undefined;`;
}

/** `1 ms to 366 d; default 15 s` */
function sentenceOf(name, option) {
  const bounds = option.type === 'boolean' || option.enum ? '' : boundsOf(name, option);
  const byDefault = option.default === undefined ? '' : `default ${quoted(name, option)}`;
  const text = [bounds, byDefault].filter(Boolean).join('; ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function quoted(name, option) {
  if (Array.isArray(option.default)) return option.default.length === 0 ? 'none' : option.default.join(', ');
  if (option.default === '') return 'the empty text';
  return typeof option.default === 'string' ? `\`${option.default}\`` : inOwnUnit(name, option.default);
}

function typeOf({ type, enum: values, items }) {
  if (values !== undefined) return values.map((value) => `'${value}'`).join(' | ');
  if (type === 'array') return `readonly ${typeOf(items)}[]`;
  return type === 'integer' ? 'number' : type;
}

function docComment(text) {
  const line = `  /** ${text} */`;
  if (line.length <= LONGEST_LINE) return line;
  const lines = [''];
  // A number and its unit stay on one line.
  for (const word of text.replace(/(?<=\d) (?=[a-zA-Z]{1,3}\b)/g, '\u00a0').split(' ')) {
    const last = lines.at(-1);
    if (last.length + word.length + 6 > LONGEST_LINE) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return ['  /**', ...lines.map((one) => `   * ${one.replaceAll('\u00a0', ' ')}`), '   */'].join('\n');
}

function boundsOf(name, { type, enum: values, minimum, maximum, maxLength, pattern }) {
  if (values !== undefined || type === 'boolean') return (values ?? [true, false]).join(', ');
  if (maxLength !== undefined) {
    const [, characters] = /^\^\[(.+)\]\*\$$/.exec(pattern ?? '') ?? [];
    return `at most ${maxLength}${characters === undefined ? ' characters' : ` of \`${characters}\``}`;
  }
  if (minimum === undefined) return '';
  return maximum === undefined || maximum === Number.MAX_SAFE_INTEGER
    ? `${inOwnUnit(name, minimum)} or more`
    : `${inOwnUnit(name, minimum)} to ${inOwnUnit(name, maximum)}`;
}

function inOwnUnit(name, value) {
  if (typeof value !== 'number') return String(value);
  if (name.endsWith('Ms')) return inUnits(value, UNITS_OF_TIME);
  if (name.endsWith('Bytes')) return inUnits(value, UNITS_OF_SIZE);
  return value.toLocaleString('en-US');
}

/** Gives a number in the largest unit that divides it. */
function inUnits(value, units) {
  const { unit, size } = units.find((one) => value >= one.size && value % one.size === 0) ?? units.at(-1);
  return `${(value / size).toLocaleString('en-US')} ${unit}`;
}
