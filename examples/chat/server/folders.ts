/** Where the example's own files are, and the repository around them: this module is compiled to `dist/server`. */
import { join } from 'node:path';

/** The recordings, the page and `dist` lie there. */
export const EXAMPLE_FOLDER = join(import.meta.dirname, '..', '..');
/** An agent's SDK is installed below it. */
export const REPOSITORY_FOLDER = join(EXAMPLE_FOLDER, '..', '..');
