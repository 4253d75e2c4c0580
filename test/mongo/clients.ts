/**
 * The clients every test is repeated with: mongoose 9 and 8, each with the `mongodb` driver that it brings.
 */
import { createRequire } from 'node:module';
import mongoose from 'mongoose';

type Mongoose = typeof mongoose;
export type Connection = mongoose.Connection;
export type Database = NonNullable<Connection['db']>;

// Not imported: its types claim the name `mongoose`. What the tests use of it is the same in both.
const require = createRequire(import.meta.url);
const mongoose8: Mongoose = require('mongoose8');

export const CLIENTS: readonly { readonly name: string; readonly mongoose: Mongoose }[] = [
  { name: `mongoose ${mongoose.version}`, mongoose },
  { name: `mongoose ${mongoose8.version}`, mongoose: mongoose8 },
];

/** The code a server refused with; a driver that words an error anew keeps the server's behind it. */
export async function codeOf(refused: Promise<unknown>): Promise<unknown> {
  const error = await refused.then(
    () => undefined,
    (reason: unknown) => reason as { code?: unknown; originalError?: { code?: unknown } },
  );
  return error?.code ?? error?.originalError?.code;
}
