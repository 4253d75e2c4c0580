/**
 * `npm run test:recipes`: runs the programs of docs/recipes.md that need frameworks, and its configuration for nginx behind
 * a real one. Their packages are those of test/recipes, which has a lockfile of its own. Arguments go on to Vitest.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ensureInstalled } from './installed.mjs';
import { ensureTools, RECIPE_TOOLS } from './tools.mjs';

process.chdir(join(import.meta.dirname, '..'));
const tools = await ensureTools(RECIPE_TOOLS).catch((error) => {
  console.error(`test:recipes: ${error.message}`);
  process.exit(1);
});
ensureInstalled('test/recipes', 'the frameworks of the recipes');
run('scripts/build.mjs', ['--if-stale']);
const config = ['--config', 'test/recipes/vitest.config.ts'];
run('node_modules/vitest/vitest.mjs', ['run', ...config, ...process.argv.slice(2)]);

function run(script, args) {
  const env = { ...process.env, ...tools, DO_NOT_TRACK: '1', NEXT_TELEMETRY_DISABLED: '1' };
  const { status, error } = spawnSync(process.execPath, [script, ...args], { stdio: 'inherit', env });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}
