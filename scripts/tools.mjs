/**
 * The programs the tests need besides npm packages, found or installed before the tests start: a missing
 * tool is an error with its remedy, never a skipped test. A tool's variable (CHROMIUM_PATH) says where to
 * look first and is set for the tests. As root on Debian a missing tool is installed with apt-get; anywhere
 * else one line says what to install. Fails when apt-get does, after repeating it for a mirror's hiccup.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const OPENSSL = { command: 'openssl', variable: 'OPENSSL_PATH', debianPackage: 'openssl' };

/** A tool is added by its line: the command, the variable that overrides it, and its Debian package. */
const tools = [
  { command: 'chromium', variable: 'CHROMIUM_PATH', debianPackage: 'chromium' },
  { command: 'redis-server', variable: 'REDIS_SERVER_PATH', debianPackage: 'redis-server' },
  { command: 'faketime', variable: 'FAKETIME_PATH', debianPackage: 'faketime' },
  OPENSSL,
];

/** The tools that only the recipes need. */
export const RECIPE_TOOLS = [
  { command: 'redis-server', variable: 'REDIS_SERVER_PATH', debianPackage: 'redis-server' },
  { command: 'nginx', variable: 'NGINX_PATH', debianPackage: 'nginx-light' },
  OPENSSL,
];

const APT_ATTEMPTS = 3;
const APT_RETRY_MS = 5_000;

/** Returns the environment variables that tell the tests where each tool is. Throws when one can't be had. */
export async function ensureTools(wanted = tools) {
  for (const { variable } of wanted) {
    const override = process.env[variable];
    if (override && !isProgram(override))
      throw new Error(`${variable}=${override} is not a program; correct or unset it`);
  }
  const missing = wanted.filter((tool) => !find(tool));
  if (missing.length > 0) {
    const packages = missing.map((tool) => tool.debianPackage);
    if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) {
      const overrides = missing.map((tool) => `${tool.variable}=/path/to/${tool.command}`).join(' ');
      throw new Error(
        `the tests need ${packages.join(', ')}: apt-get install ${packages.join(' ')}, or set ${overrides}`,
      );
    }
    console.log(`tools: installing ${packages.join(', ')}`);
    await aptGet(['update', '-qq']);
    await aptGet(['install', '-y', '-qq', '--no-install-recommends', ...packages]);
  }
  return Object.fromEntries(wanted.map((tool) => [tool.variable, found(tool)]));
}

function found(tool) {
  const path = find(tool);
  if (!path)
    throw new Error(`${tool.command} is not on PATH although its package ${tool.debianPackage} is installed`);
  return path;
}

function find({ command, variable }) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/usr/sbin'];
  return process.env[variable] || folders.map((folder) => join(folder, command)).find(isProgram);
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

async function aptGet(args) {
  for (let attempt = 1; attempt <= APT_ATTEMPTS; attempt++) {
    const { status } = spawnSync('apt-get', args, {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
    if (status === 0) return;
    console.log(`tools: apt-get ${args[0]} failed (attempt ${attempt} of ${APT_ATTEMPTS})`);
    if (attempt < APT_ATTEMPTS) await sleep(APT_RETRY_MS);
  }
  throw new Error(`apt-get ${args.join(' ')} failed ${APT_ATTEMPTS} times; see its output above`);
}
