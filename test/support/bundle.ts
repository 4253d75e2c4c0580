/** Bundles a program of the tests with the package's own sources, as a host's bundler does: for a page, or for one React of several. */

import { join } from 'node:path';
import { rolldown } from 'rolldown';
import manifest from '../../package.json' with { type: 'json' };
import { ROOT } from './programs.js';

/** The package's entries by name, and their sources. */
const SOURCES = Object.fromEntries(
  Object.entries(manifest.exports).flatMap(([entry, target]) =>
    typeof target === 'string' || entry === '.'
      ? []
      : [
          [
            `generation-jobs${entry.slice(1)}`,
            join(ROOT, target.default.replace('./dist/', 'src/').replace(/\.js$/, '.ts')),
          ],
        ],
  ),
);

export interface BundleInput {
  /** The program, from the repository's root. */
  readonly program: string;
  readonly platform?: 'browser' | 'node';
  /** Packages in place of others. */
  readonly alias?: Readonly<Record<string, string>>;
}

/** Returns the text of one module that has all it imports. */
export async function bundled({ program, platform = 'browser', alias = {} }: BundleInput): Promise<string> {
  const build = await rolldown({
    input: join(ROOT, program),
    cwd: ROOT,
    platform,
    logLevel: 'silent',
    resolve: { alias: { ...SOURCES, ...alias }, extensionAlias: { '.js': ['.ts', '.js'] } },
    transform: { define: { 'process.env.NODE_ENV': '"development"' } },
  });
  const { output } = await build.generate({ format: 'esm', codeSplitting: false });
  await build.close();
  return output[0].code;
}
