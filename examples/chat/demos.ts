/**
 * Answers made up for this example, to show what no recording does: questions with options, and several tool calls that
 * are decided together. They call nothing, and say so.
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

export const DEMOS: ReadonlyMap<string, Script> = new Map([
  ['demo.question', demo('question', askWhereTo, suggestTrip)],
  ['demo.batch', demo('batch', askForCalls, reportCalls)],
]);

/** `version` counts what an earlier decision would no longer fit. */
function demo(name: string, ask: () => Stretch, go: (decided: Resolution) => string): Script {
  return {
    run: { demo: name, version: 1 },
    after: ([decided]) => (decided ? { events: spoken(go(decided)) } : ask()),
  };
}

function askWhereTo(): Stretch {
  return {
    events: spoken('A weekend away, gladly. Before I suggest one, I have two questions.'),
    ask: { type: 'ask_user_question', questions: QUESTIONS },
  };
}

function suggestTrip({ answers }: Resolution): string {
  const [where, what] = QUESTIONS.map((question) => said(question, answers));
  const lines = [
    '### Your weekend',
    `Where to: **${where?.labels ?? 'your own idea'}**`,
    ...(where?.text ? [quoted(where.text)] : []),
    `Time for: **${what?.labels ?? 'nothing at all'}**`,
    'Leave on Friday after work, take little along, and keep Sunday evening free. This trip is made up, but the ' +
      'choice was yours: it was kept with the answer, and whichever server goes on has it.',
  ];
  return lines.join('\n\n');
}

function said({ id, options }: (typeof QUESTIONS)[number], answers: readonly Answer[]) {
  const { selected = [], text } = answers.find((answer) => answer.id === id) ?? {};
  const labels = selected.map((value) => options.find((option) => option.value === value)?.label ?? value);
  return { labels: labels.length > 0 ? labels.join(', ') : undefined, text };
}

function askForCalls(): Stretch {
  return {
    events: spoken('To move the meeting I would make three calls. Please look at each of them.'),
    ask: { type: 'tool_approval', requests: REQUESTS },
  };
}

function reportCalls({ decisions }: Resolution): string {
  const texts = REQUESTS.flatMap((request) => {
    const decision = decisions.find(({ id }) => id === request.id);
    return decision ? [decisionText(request, decision)] : [];
  });
  return `${texts.join('')}This is a demonstration: nothing was sent, moved or given back.`;
}
