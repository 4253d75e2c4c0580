/**
 * The members of the package's public classes and interfaces, and the functions of its entries, as its declarations give
 * them: name, parameters, result and doc comment. The tables of methods, hooks and functions are made of them, so none can
 * be missing from the documents.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseSync } from 'oxc-parser';

/** An input with more properties than this is named by its type instead of being written out. */
const MOST_PROPERTIES = 12;

/** Every class and interface declared below `folder`, by name. Of several of one name the one in `interfaces/` is public. */
export function declarationsIn(folder) {
  const found = new Map();
  for (const file of readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.d.ts'))) {
    const source = readFileSync(join(folder, file), 'utf8');
    const { program, comments } = parseSync(file, source);
    for (const statement of program.body) {
      const declaration = statement.declaration ?? statement;
      if (!/^(Class|TSInterface)/.test(declaration.type)) continue;
      const { name } = declaration.id;
      if (file.includes('interfaces/') || !found.has(name))
        found.set(name, { declaration, source, comments });
    }
  }
  return found;
}

/**
 * Its public members, in order, each with what its doc comment says; of overloads, what the last takes and says, or the first says
 * where that one says nothing.
 * @throws when there is no such declaration, or when a member has no doc comment
 */
export function membersOf(declarations, name) {
  const found = declarations.get(name);
  if (found === undefined) throw new Error(`no class or interface is named ${name}`);
  const { declaration, source, comments } = found;
  const members = declaration.body.body
    .filter(({ key, computed, static: isStatic }) => key?.type === 'Identifier' && !computed && !isStatic)
    .filter(({ key, kind }) => key.name !== 'constructor' && kind !== 'set');
  const names = [...new Set(members.map(({ key }) => key.name))];
  const inherited = (declaration.extends ?? [])
    .filter(({ expression }) => declarations.has(expression.name))
    .flatMap(({ expression }) => membersOf(declarations, expression.name));
  const own = names.map((member) => {
    const overloads = members.filter(({ key }) => key.name === member);
    const widest = overloads.at(-1);
    const docs = [widest, overloads[0]].map(({ start }) => docBefore(start, source, comments));
    const doc = docs.find(({ text }) => text !== '');
    if (doc === undefined) throw new Error(`${name}.${member} has no doc comment`);
    return {
      ...doc,
      name: member,
      call: callOf(widest, source, declarations),
      gives: resultOf(widest, source),
    };
  });
  return [...inherited, ...own];
}

/** The functions that an entry exports, its own and those it passes on, in its order. */
export function functionsOf(entry, declarations) {
  const source = readFileSync(entry, 'utf8');
  const { program, comments } = parseSync(entry, source);
  return program.body.flatMap((statement) => {
    if (statement.type !== 'ExportNamedDeclaration') return [];
    if (statement.source) {
      const from = join(dirname(entry), statement.source.value.replace(/\.js$/, '.d.ts'));
      const names = statement.specifiers.filter(({ exportKind }) => exportKind !== 'type');
      if (statement.exportKind === 'type' || names.length === 0) return [];
      return functionsOf(from, declarations).filter((one) =>
        names.some(({ local }) => local.name === one.name),
      );
    }
    const { declaration } = statement;
    if (declaration?.type !== 'TSDeclareFunction') return [];
    const { name } = declaration.id;
    const doc = docBefore(statement.start, source, comments);
    const written = declaration.params.map((parameter) => parameterOf(parameter, source, declarations));
    return [{ ...doc, name, call: `${name}(${written.join(', ')})`, gives: resultOf(declaration, source) }];
  });
}

/** `createJob({ streamId, userId, … })` for a method, the name alone for a property. */
function callOf(node, source, declarations) {
  const parameters = (node.value ?? node).params ?? functionTypeOf(node)?.params;
  if (parameters === undefined || node.kind === 'get') return node.key.name;
  const written = parameters
    .filter(({ name }) => name !== 'this')
    .map((parameter) => parameterOf(parameter, source, declarations));
  return `${node.key.name}(${written.join(', ')})`;
}

function parameterOf(parameter, source, declarations) {
  const type = parameter.typeAnnotation?.typeAnnotation;
  const properties = type && propertiesOf(type, source, declarations);
  const mark = parameter.optional ? '?' : '';
  if (!properties || properties.length === 0 || properties.length > MOST_PROPERTIES)
    return parameter.name + mark;
  return `{ ${properties.join(', ')} }${mark}`;
}

/** The keys of an object that a caller writes out; undefined for anything else. */
function propertiesOf(type, source, declarations) {
  if (type.type === 'TSIntersectionType') {
    const parts = type.types.map((part) => propertiesOf(part, source, declarations));
    return parts.includes(undefined) ? undefined : parts.flat();
  }
  if (type.type === 'TSTypeLiteral') return type.members.map(propertyOf);
  const named = type.type === 'TSTypeReference' && declarations.get(type.typeName.name);
  if (!named || !/(Input|Options|Update|Access|Labels)$/.test(type.typeName.name)) return undefined;
  const { declaration } = named;
  const inherited = (declaration.extends ?? []).flatMap(({ expression }) => {
    const reference = { type: 'TSTypeReference', typeName: expression };
    return propertiesOf(reference, source, declarations) ?? [];
  });
  return [...declaration.body.body.map(propertyOf), ...inherited];
}

function propertyOf({ key, optional, parameters }) {
  if (key === undefined) return `[${parameters[0].name}]`;
  return `${key.name}${optional ? '?' : ''}`;
}

function resultOf(node, source) {
  const annotation =
    (node.value ?? node).returnType ?? functionTypeOf(node)?.returnType ?? node.typeAnnotation;
  const type = annotation?.typeAnnotation;
  return type === undefined ? '' : source.slice(type.start, type.end).replace(/\s+/g, ' ');
}

/** Returns the type of a property that holds a function. */
function functionTypeOf({ typeAnnotation }) {
  const type = typeAnnotation?.typeAnnotation;
  return type?.type === 'TSFunctionType' ? type : undefined;
}

/** The doc comment right before `start`: its text, what its `@param` says of each, and its `@throws`. */
function docBefore(start, source, comments) {
  const comment = comments.findLast(
    ({ type, value, end }) =>
      type === 'Block' && value.startsWith('*') && end <= start && source.slice(end, start).trim() === '',
  );
  const lines = (comment?.value.slice(1) ?? '')
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trim());
  const parts = ` ${lines.join(' ')}`.split(/(?= @(?:throws|param|returns|example)\b)/);
  const [text = '', ...tags] = parts[0].startsWith(' @') ? ['', ...parts] : parts;
  const said = (tag) =>
    tags.filter((one) => one.startsWith(` @${tag} `)).map((one) => onOneLine(one.slice(tag.length + 2)));
  const parameters = said('param').map((one) => one.replace(/^([\w.]+) /, '`$1`: '));
  return { text: onOneLine(text), parameters, throws: said('throws').join(' · ') };
}

function onOneLine(text) {
  return text.replace(/\s+/g, ' ').trim();
}
