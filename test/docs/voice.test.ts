import { readdirSync } from 'node:fs';
import { parseSync } from 'oxc-parser';
import { expect, it } from 'vitest';
import { read } from './markdown.js';

/**
 * A comment that begins so leaves its reader to guess the noun: "Whose a record is, for those who ask". A subject and a
 * verb in the present tense come first, or a noun phrase for a field.
 */
const BARE =
  /^(Whose|Whom?|Whoever|Which|Whatever|What|When|Whether|Where|Wherever|While|Why|How|Of|To|For|From|With|Without|By|In|Into|On|At|As|That|Than|After|Before|Besides?|Since|Until|Unless|If|Because|Under|Over|Between|Among|Through|About|Against|So|Once|Or|And|But|Nor)\b/;

/** The comments that may begin so, by their first words, each with its reason. */
const EXCEPTIONS: Readonly<Record<string, string>> = {};

function commentsOf(file: string): { readonly place: string; readonly text: string }[] {
  const source = read(file);
  return parseSync(file, source)
    .comments.filter(({ type, value }) => type === 'Block' && value.startsWith('*'))
    .map(({ value, start }) => ({
      place: `${file}:${source.slice(0, start).split('\n').length}`,
      text: value
        .split('\n')
        .map((line) => line.replace(/^\s*\*+\s?/, ''))
        .join(' ')
        .trim(),
    }));
}

const files = ['src', 'scripts'].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|mjs)$/.test(name))
    .map((name) => `${folder}/${name}`),
);

it('the first sentence of every doc comment has a subject: none begins with a preposition or a relative clause', () => {
  const comments = files.flatMap(commentsOf);
  expect(comments.length).toBeGreaterThan(1_000);
  const bare = comments.filter(({ text }) => BARE.test(text));
  const refused = bare.filter(({ text }) => !Object.keys(EXCEPTIONS).some((words) => text.startsWith(words)));
  expect(refused.map(({ place, text }) => `${place} ${text.slice(0, 60)}`)).toEqual([]);
  const unused = Object.keys(EXCEPTIONS).filter((words) => !bare.some(({ text }) => text.startsWith(words)));
  expect(unused, 'exceptions that no comment needs').toEqual([]);
});
