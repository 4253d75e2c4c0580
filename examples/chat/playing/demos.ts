/**
 * Answers made up for this example, to show what no recording does: questions with options, several tool calls that are
 * decided together, and an answer that asks again and again. They call nothing, and say so.
 */
import type { Answer, Resolution } from 'generation-jobs';
import { type AskedRequest, decisionText, quoted } from './decision-text.js';
import { type Script, type Stretch, spoken } from './scripts.js';

const QUESTIONS = [
  {
    id: 'where',
    question: 'Where would you like to go?',
    options: [
      { value: 'sea', label: 'The sea', description: 'Wind, dunes, and a lighthouse' },
      { value: 'mountains', label: 'The mountains', description: 'A hut, and a long way down' },
      { value: 'city', label: 'A city', description: 'Two days on foot and by tram' },
    ],
    allowText: true,
  },
  {
    id: 'what',
    question: 'What should there be time for?',
    options: [
      { value: 'food', label: 'Good food' },
      { value: 'museums', label: 'Museums' },
      { value: 'walks', label: 'Long walks' },
      { value: 'music', label: 'Music' },
    ],
    multiSelect: true,
    allowText: false,
  },
];

const REQUESTS: readonly AskedRequest[] = [
  {
    id: 'mail',
    name: 'send_mail',
    description: 'Send a mail in your name',
    arguments: { to: 'team@example.com', subject: 'Friday', body: 'The meeting moves to 10:00.' },
    allowedDecisions: ['approve', 'reject', 'edit', 'respond'],
  },
  {
    id: 'calendar',
    name: 'move_event',
    description: 'Move an event in your calendar',
    arguments: { event: 'Weekly meeting', from: '09:00', to: '10:00' },
    allowedDecisions: ['approve', 'reject', 'edit'],
  },
  {
    id: 'room',
    name: 'cancel_room',
    description: 'Give back a room that is booked',
    arguments: { room: '2.14', at: '09:00' },
    allowedDecisions: ['approve', 'reject'],
  },
];

/** A power of two: so many questions find a number up to it. */
const HIGHEST = 32;
const YES = 'yes';

export const DEMOS: ReadonlyMap<string, Script> = new Map([
  demo('demo.question', ([decided]) => (decided ? suggestTrip(decided) : askWhereTo())),
  demo('demo.batch', ([decided]) => (decided ? reportCalls(decided) : askForCalls())),
  demo('demo.guess', guess),
]);

/** `version` is raised when an earlier decision would no longer fit. */
function demo(name: string, after: Script['after']): [string, Script] {
  return [name, { run: { demo: name, version: 1 }, after }];
}

function askWhereTo(): Stretch {
  return {
    events: spoken('A weekend away, gladly. Before I suggest one, I have two questions.\n\n'),
    ask: { type: 'ask_user_question', questions: QUESTIONS },
  };
}

function suggestTrip({ answers }: Resolution): Stretch {
  const [where, what] = QUESTIONS.map((question) => said(question, answers));
  const lines = [
    '### Your weekend',
    `Where to: **${where?.labels ?? 'your own idea'}**`,
    ...(where?.text ? [quoted(where.text)] : []),
    `Time for: **${what?.labels ?? 'nothing at all'}**`,
    'Leave on Friday after work, take little along, and keep Sunday evening free. This trip is made up, but the ' +
      'choice was yours: it was kept with the answer, and whichever server goes on has it.',
  ];
  return { events: spoken(lines.join('\n\n')) };
}

function said({ id, options }: (typeof QUESTIONS)[number], answers: readonly Answer[]) {
  const { selected = [], text } = answers.find((answer) => answer.id === id) ?? {};
  const labels = selected.map((value) => options.find((option) => option.value === value)?.label ?? value);
  return { labels: labels.length > 0 ? labels.join(', ') : undefined, text };
}

function askForCalls(): Stretch {
  return {
    events: spoken('To move the meeting I would make three calls. Please look at each of them.\n\n'),
    ask: { type: 'tool_approval', requests: REQUESTS },
  };
}

function reportCalls({ decisions }: Resolution): Stretch {
  const texts = REQUESTS.flatMap((request) => {
    const decision = decisions.find(({ id }) => id === request.id);
    return decision ? [decisionText(request, decision)] : [];
  });
  const end = 'This is a demonstration: nothing was sent, moved or given back.';
  return { events: spoken(texts.join('') + end) };
}

/** Halves what is left with every answer. */
function guess(decided: readonly Resolution[]): Stretch {
  let [low, high] = [1, HIGHEST];
  for (const { answers } of decided) {
    if (answers[0]?.selected?.[0] === YES) low = middleOf(low, high) + 1;
    else high = middleOf(low, high);
  }
  if (low === high)
    return { events: spoken(`It is **${low}**, and no server had to remember that but the log.`) };
  const question = `Is it more than ${middleOf(low, high)}?`;
  const options = [
    { value: YES, label: 'Yes' },
    { value: 'no', label: 'No' },
  ];
  const said =
    decided.length === 0
      ? `Think of a number from 1 to ${HIGHEST}. I find it with ${Math.log2(HIGHEST)} questions.\n\n`
      : `From ${low} to ${high}, then.\n\n`;
  return {
    events: spoken(said),
    ask: { type: 'ask_user_question', questions: [{ id: 'more', question, options, allowText: false }] },
  };
}

function middleOf(low: number, high: number): number {
  return Math.floor((low + high) / 2);
}
