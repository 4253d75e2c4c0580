/**
 * What an editor shows of the package's exported names: their properties, and the documentation of each, as the language
 * service of TypeScript gives it.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript59';
import manifest from '../../package.json' with { type: 'json' };
import { ROOT } from '../support/programs.js';

export interface Member {
  /** `Interface.property` */
  readonly name: string;
  /** What an editor shows when one hovers over it, on one line. */
  readonly text: string;
}

/** The sources of the package's entries. */
const ENTRIES = Object.values(manifest.exports).flatMap((target) =>
  typeof target === 'string'
    ? []
    : [join(ROOT, target.default.replace('./dist/', 'src/').replace(/\.js$/, '.ts'))],
);

/** The members of every interface, class and object type that an entry exports, each declaration once. */
export function exportedMembers(): Member[] {
  const program = ts.createProgram(ENTRIES, compilerOptions());
  const checker = program.getTypeChecker();
  const found = new Map<ts.Node, Member>();
  for (const entry of ENTRIES) {
    const source = program.getSourceFile(entry);
    const module = source && checker.getSymbolAtLocation(source);
    for (const exported of module ? checker.getExportsOfModule(module) : []) {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
      for (const member of membersOf(symbol, checker)) {
        const [declaration] = member.declarations ?? [];
        if (declaration === undefined || !isOurs(declaration) || found.has(declaration)) continue;
        const text = ts.displayPartsToString(member.getDocumentationComment(checker)).replace(/\s+/g, ' ');
        found.set(declaration, { name: `${symbol.name}.${member.name}`, text });
      }
    }
  }
  return [...found.values()];
}

/** The public properties and methods of a type; of an alias for a union, those of each part. */
function membersOf(symbol: ts.Symbol, checker: ts.TypeChecker): ts.Symbol[] {
  if (!(symbol.flags & (ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias | ts.SymbolFlags.Class)))
    return [];
  const type = checker.getDeclaredTypeOfSymbol(symbol);
  const parts = type.isUnion() ? type.types : [type];
  return parts
    .filter((part) => part.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection))
    .flatMap((part) => [...checker.getPropertiesOfType(part)])
    .filter(({ name }) => !name.startsWith('__'));
}

function isOurs(declaration: ts.Declaration): boolean {
  const name = ts.getNameOfDeclaration(declaration);
  const isPrivate =
    (name && ts.isPrivateIdentifier(name)) ||
    ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Private;
  return !isPrivate && declaration.getSourceFile().fileName.startsWith(join(ROOT, 'src'));
}

function compilerOptions(): ts.CompilerOptions {
  const { config } = ts.parseConfigFileTextToJson('', readFileSync(join(ROOT, 'tsconfig.base.json'), 'utf8'));
  return { ...ts.convertCompilerOptionsFromJson(config.compilerOptions, ROOT).options, noEmit: true };
}
