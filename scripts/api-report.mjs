/**
 * Writes what the package shows to its users, entry by entry, into etc/<entry>.api.md, from the built declarations: so a
 * change of the public API is a change that a review sees. With --check nothing is written; exits 1 and names each entry
 * whose report differs.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CompilerState, Extractor, ExtractorConfig } from '@microsoft/api-extractor';

const root = join(import.meta.dirname, '..');
const isCheck = process.argv.includes('--check');
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const entries = Object.entries(exports).flatMap(([entry, target]) =>
  target.types
    ? [
        {
          name: entry === '.' ? 'index' : entry.slice(2).replaceAll('/', '-'),
          file: join(root, target.types),
        },
      ]
    : [],
);

const temporary = await mkdtemp(join(tmpdir(), 'api-report-'));
try {
  const configs = entries.map(({ name, file }) => configOf(name, file));
  const additionalEntryPoints = entries.map(({ file }) => file);
  // One program for all: most of the time goes into making it.
  const compilerState = CompilerState.create(configs[0], { additionalEntryPoints });
  const differing = entries.filter(({ name }, index) => {
    const result = Extractor.invoke(configs[index], { localBuild: true, compilerState, messageCallback });
    if (!result.succeeded) throw new Error(`no report of ${name} could be made`);
    return keepReport(name);
  });
  for (const { name } of differing)
    console.error(`etc/${name}.api.md differs from the built API; run npm run api, and look at the change`);
  console.log(`api: ${entries.length} entries, ${differing.length} differ`);
  process.exitCode = isCheck && differing.length > 0 ? 1 : 0;
} finally {
  await rm(temporary, { recursive: true, force: true });
}

/** Says whether the report that is checked in differs from the new one, and puts that in its place unless --check. */
function keepReport(name) {
  const file = join(root, 'etc', `${name}.api.md`);
  const made = readFileSync(join(temporary, `${name}.api.md`), 'utf8').replaceAll('\r\n', '\n');
  if (readIfThere(file) === made) return false;
  if (!isCheck) writeFileSync(file, made);
  return true;
}

function readIfThere(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function configOf(name, file) {
  return ExtractorConfig.prepare({
    packageJsonFullPath: join(root, 'package.json'),
    configObjectFullPath: undefined,
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: file,
      compiler: { tsconfigFilePath: join(root, 'etc', 'tsconfig.json') },
      apiReport: {
        enabled: true,
        reportFileName: `${name}.api.md`,
        reportFolder: temporary,
        reportTempFolder: join(temporary, 'temp'),
        // A type that users reach without being able to name it is as public as any.
        includeForgottenExports: true,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: 'error' } },
        extractorMessageReporting: { default: { logLevel: 'none' } },
        tsdocMessageReporting: { default: { logLevel: 'none' } },
      },
    },
  });
}

/** Lets the extractor say only what keeps it from its work. */
function messageCallback(message) {
  if (message.logLevel !== 'error') message.handled = true;
}
