/**
 * Prints what a compiler written in JavaScript says of projects: of their files and of every declaration of this package.
 * The declarations of others are read and not checked: that takes most of the time, and the current compiler does it. What
 * the projects share is read once.
 *
 *     node compile.mjs <compiler> <project> …
 */
import { dirname } from 'node:path';

const [compiler, ...projects] = process.argv.slice(2);
const { default: ts } = await import(compiler);
const sources = new Map();
const said = [];

for (const project of projects) {
  const { config } = ts.readConfigFile(project, ts.sys.readFile);
  const { options, fileNames, errors } = ts.parseJsonConfigFileContent(config, ts.sys, dirname(project));
  const program = ts.createProgram(fileNames, options, hostOf(options));
  const checked = program.getSourceFiles().filter(({ fileName }) => {
    return fileNames.includes(fileName) || fileName.includes('/node_modules/generation-jobs/');
  });
  said.push(...errors, ...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics());
  for (const file of checked) {
    said.push(...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file));
  }
}
const host = {
  getCanonicalFileName: (name) => name,
  getCurrentDirectory: process.cwd,
  getNewLine: () => '\n',
};
process.stdout.write(ts.formatDiagnostics(said, host));
process.exitCode = said.length > 0 ? 1 : 0;

function hostOf(options) {
  const own = ts.createCompilerHost(options);
  return {
    ...own,
    getSourceFile(name, settings, ...more) {
      // A file is read anew where a project takes it for another kind of module.
      const key = `${name} ${settings.impliedNodeFormat} ${ts.getEmitModuleKind(options) >= 100}`;
      if (!sources.has(key)) sources.set(key, own.getSourceFile(name, settings, ...more));
      return sources.get(key);
    },
  };
}
