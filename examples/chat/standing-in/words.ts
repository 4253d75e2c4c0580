/** What a stand-in says, whichever command it stands in for. Tests know the answer by it. */

export interface Words {
  readonly thought: string;
  /** Before its one call of a tool; the last of a text has no line end. */
  readonly before: readonly string[];
  readonly call: { readonly command: string; readonly output: string };
  readonly after: readonly string[];
}

const ALLOWED = 'The command has run, and there are three files.\n\n';

export function wordsFor(name: string, prompt: string): Words {
  return {
    thought: 'Nobody thinks here. A stand-in looks into a folder, as the agent would.',
    before: [
      `This is a stand-in for **${name}**: the command is not on this server’s PATH, so a small program of the example prints the lines that it would print.\n\n`,
      `You wrote: ${prompt.slice(0, 200)}\n\n`,
    ],
    call: { command: 'ls', output: 'README.md\npackage.json\nsrc' },
    after: [
      ALLOWED,
      'What you read has come as lines of JSON on a pipe. A mapper has made events of them, the job has kept each of them once and in order, and this page follows the job: reload it in the middle, open it in a second tab, or press stop, and the process group of the stand-in is ended.\n\n',
      'Install the command, start the server anew, and the real agent answers in its own words. It works in an empty folder, with your login and your keys, and what it may not do without you, it asks.',
    ],
  };
}

/** After a call that somebody has not allowed. */
export function refused(why: string): string {
  return `The command was not allowed (${why}), so nothing has run.\n\n`;
}

/** The whole answer, when the call was allowed. */
export function answerFor(name: string, prompt: string): string {
  const { before, after } = wordsFor(name, prompt);
  return [...before, ...after].join('');
}

/** The pieces a model would write a text in. */
export function piecesOf(text: string): readonly string[] {
  return text.match(/\S+\s*/g) ?? [];
}
