/**
 * Bundles what runs in a page, as a host's bundler does, into .cache/size/, for `size-limit` to weigh. Fails when a bundle
 * has what no page should load: schemas, or anything of Node's.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

process.chdir(join(import.meta.dirname, '..'));
const FOLDER = '.cache/size';
const BUNDLES = {
  'follow-stream': `export { followStream } from './src/client/index.js';`,
  'follow-feed': `export { followFeed } from './src/client/index.js';`,
  client: `export * from './src/client/index.js';`,
  react: `export * from './src/react/index.js';`,
  content: `export * from './src/content/index.js';`,
};

mkdirSync(FOLDER, { recursive: true });
let problems = 0;
for (const [name, program] of Object.entries(BUNDLES)) {
  const build = await rolldown({
    input: 'program',
    platform: 'browser',
    // The host's own copy, whatever is weighed.
    external: ['react'],
    logLevel: 'silent',
    resolve: { extensionAlias: { '.js': ['.ts', '.js'] } },
    plugins: [
      {
        name: 'program',
        resolveId: (id) => (id === 'program' ? join(process.cwd(), 'program.js') : undefined),
        load: (id) => (id.endsWith('/program.js') ? program : undefined),
      },
    ],
  });
  const { output } = await build.generate({ format: 'esm', minify: true });
  await build.close();
  const [{ code, modules, imports }] = output;
  writeFileSync(join(FOLDER, `${name}.js`), code);
  const foreign = [...imports.filter((one) => one !== 'react'), ...Object.keys(modules).filter(isForeign)];
  for (const one of foreign) console.error(`${name}: has ${one}, which no page should load`);
  problems += foreign.length;
}
process.exitCode = problems > 0 ? 1 : 0;

/** Says whether a module is a package's that is too heavy for a page. */
function isForeign(file) {
  return file.includes('/node_modules/') && !file.includes('/node_modules/eventsource-parser/');
}
