/**
 * `npm run test:mongo`: runs the tests that use MongoDB against a real mongod instead of our test server. The mongod comes
 * through mongodb-memory-server, which is no dependency of the package: it is installed into .cache in the one version
 * named here, and downloads the server there. Arguments go on to Vitest. Where either can't be fetched, one line says so
 * and the exit status is 1; a server of your own is used with `MONGO_URL=mongodb://... npm test -- test/mongo`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** The package without the install script that downloads a server nobody has asked for yet. */
const PACKAGE = 'mongodb-memory-server-core';
const PACKAGE_VERSION = '11.3.0';
/** The series whose behaviour our test server imitates. */
const SERVER_VERSION = '7.0.24';

process.chdir(join(import.meta.dirname, '..'));
const folder = join(process.cwd(), '.cache', `${PACKAGE}-${PACKAGE_VERSION}`);
process.exitCode = await main(process.argv.slice(2));

async function main(vitestArgs) {
  let server;
  try {
    install();
    server = await startServer();
  } catch (error) {
    console.error(`test:mongo: no real mongod to be had: ${firstLine(error)}`);
    return 1;
  }
  try {
    const { status } = spawnSync(
      process.execPath,
      ['node_modules/vitest/vitest.mjs', 'run', ...(vitestArgs.length > 0 ? vitestArgs : ['test/mongo'])],
      { stdio: 'inherit', env: { ...process.env, DO_NOT_TRACK: '1', MONGO_URL: server.getUri() } },
    );
    return status ?? 1;
  } finally {
    await server.stop();
  }
}

function install() {
  if (existsSync(join(folder, 'node_modules', PACKAGE))) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true }));
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', `${PACKAGE}@${PACKAGE_VERSION}`];
  const { status, stderr } = spawnSync('npm', args, { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr.trim() || `npm install of ${PACKAGE} failed`);
}

async function startServer() {
  const { MongoMemoryServer } = createRequire(join(folder, 'package.json'))(PACKAGE);
  const binary = { version: SERVER_VERSION, downloadDir: join(folder, 'servers') };
  const { warn } = console;
  // Each of its attempts would be a page of warnings; the last one's error says it all.
  console.warn = () => {};
  try {
    return await MongoMemoryServer.create({ binary });
  } finally {
    console.warn = warn;
  }
}

function firstLine(error) {
  return String(error?.message ?? error)
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
    .slice(0, 2)
    .join(' ');
}
