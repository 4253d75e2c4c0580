/**
 * The form of a transcript's file: one line of fixed length that says what it is, and behind it the bytes as they came. The
 * line is written last, when the length and the digest are known, and the file gets its name after that: a file with a
 * name is whole.
 */
import type { FileHandle } from 'node:fs/promises';
import { z } from 'zod';
import { KIB, MIB } from '../../clock.js';
import { parsedJson } from '../../stream/model/plain-values.js';
import { type Bytes, inPiecesOf, Measure } from '../bytes.js';

/** Room for a run id of 256 characters that are all written as escapes. */
const ABOUT_BYTES = 4 * KIB;
const PIECE_BYTES = MIB;
const SPACE = 32;

const aboutSchema = z.looseObject({
  runId: z.string().min(1),
  startedAt: z.number(),
  savedAt: z.number(),
  size: z.number().int().positive(),
  sha256: z.string().length(64),
});
/** The first line says this; other keys of it are kept for releases to come. */
export type AboutFile = Pick<
  z.output<typeof aboutSchema>,
  'runId' | 'startedAt' | 'savedAt' | 'size' | 'sha256'
>;

/** Writes the bytes and what they are, and brings both onto the disk; false when there were no bytes. */
export async function writeTranscript(
  file: FileHandle,
  bytes: Bytes,
  run: Pick<AboutFile, 'runId' | 'startedAt' | 'savedAt'>,
): Promise<boolean> {
  const measure = new Measure();
  for await (const piece of inPiecesOf(bytes, PIECE_BYTES)) {
    await writeAll(file, piece, ABOUT_BYTES + measure.size);
    measure.add(piece);
  }
  if (measure.size === 0) return false;
  const about = { ...run, size: measure.size, sha256: measure.sha256() };
  const line = Buffer.alloc(ABOUT_BYTES, SPACE);
  line.write(JSON.stringify({ transcript: 1, ...about }));
  line.write('\n', ABOUT_BYTES - 1);
  await writeAll(file, line, 0);
  await file.sync();
  return true;
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position + at);
    at += bytesWritten;
  }
}

/** Reads what a file is; null when it doesn't say. */
export async function readAbout(file: FileHandle): Promise<AboutFile | null> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(ABOUT_BYTES), 0, ABOUT_BYTES, 0);
  const parsed = aboutSchema.safeParse(parsedJson(buffer.toString('utf8', 0, bytesRead)));
  return parsed.success ? parsed.data : null;
}

export async function* readBytes(file: FileHandle): AsyncGenerator<Uint8Array> {
  for (let position = ABOUT_BYTES; ; ) {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(PIECE_BYTES), 0, PIECE_BYTES, position);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    position += bytesRead;
  }
}
