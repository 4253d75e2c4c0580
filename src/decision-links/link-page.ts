/**
 * The pages of decision links: what would be decided, with a form that decides it, and how it went. They need no script, load nothing,
 * and are readable with any browser, keyboard or screen reader. Opening one decides nothing, since programs that look for harm in mail
 * open what is in it; the form is sent to the address without its query, so that the token is in no address that decides.
 */
import { createHash } from 'node:crypto';
import type { Reply, ReplyHeaders } from '../http/route-types.js';
import type { VerifiedLink } from './decision-links.js';
import { escapeHtml } from './escape.js';
import type { LinkDecision } from './link-scope.js';
import { DECISION_WORDS } from './link-words.js';
import type { ShownAction } from './shown-action.js';

const STYLE =
  'body{margin:0;font:1rem/1.5 system-ui,sans-serif;color:#1b1b1b;background:#fff}' +
  'main{max-width:40rem;margin:0 auto;padding:1.5rem}' +
  'h1{font-size:1.4rem}h2{font-size:1.1rem;margin-bottom:.25rem}' +
  'pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f2f2f2;padding:.75rem;border-radius:.25rem}' +
  'form{display:flex;flex-wrap:wrap;gap:.75rem;margin-top:1.5rem}' +
  'button{font:inherit;min-height:2.75rem;padding:.5rem 1.25rem;border:2px solid #1b1b1b;border-radius:.25rem;background:#fff;color:#1b1b1b;cursor:pointer}' +
  'button:focus-visible{outline:3px solid #0a58ca;outline-offset:2px}' +
  '@media(prefers-color-scheme:dark){body,button{color:#eee;background:#161616}pre{background:#262626}button{border-color:#eee}}';
const STYLE_DIGEST = createHash('sha256').update(STYLE).digest('base64');

/** The headers of every answer: kept nowhere, told to nobody, and in nobody's frame. */
export const LINK_HEADERS: ReplyHeaders = {
  'cache-control': 'private, no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-robots-tag': 'noindex, nofollow, noarchive',
  'x-frame-options': 'DENY',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${STYLE_DIGEST}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
};

/** A page's own words: a title, paragraphs, and what may be pressed. */
interface Page {
  readonly title: string;
  /** HTML, each part escaped where it was made. */
  readonly parts: readonly string[];
  /** Fields and buttons of the form; left out when there is nothing to press. */
  readonly form?: string | undefined;
}

/** Makes the page of what is asked, to be decided by the one whose link it is. */
export function askingPage(link: VerifiedLink, shown: ShownAction, token: string): Reply {
  const decisions = link.decisions.map((one) => button(DECISION_WORDS[one].press, one));
  return pageReply(200, {
    title: shown.requests.length > 0 ? 'A decision is asked of you' : 'An answer is asked of you',
    parts: [...partsOf(shown), paragraph(`You decide as ${link.user}. Nothing happens before you press.`)],
    form: hidden('token', token) + (decisions.length > 0 ? decisions.join('') : button('Answer so')),
  });
}

/** Makes the page that says it is decided: by this press, or by one before. */
export function decidedPage(decision: LinkDecision | undefined): Reply {
  const told = decision === undefined ? 'answered' : DECISION_WORDS[decision].told;
  return pageReply(200, { title: `It is ${told}`, parts: [paragraph('You can close this page.')] });
}

/** Makes the page that says why nothing was decided; with `again` the same can be tried once more. */
export function refusalPage(
  status: number,
  sentences: readonly string[],
  again?: { readonly token: string; readonly decision: LinkDecision | undefined },
): Reply {
  const fields =
    again && hidden('token', again.token) + (again.decision ? hidden('decision', again.decision) : '');
  return pageReply(status, {
    title: 'Nothing was decided by this link',
    parts: sentences.map(paragraph),
    form: fields && fields + button('Try again'),
  });
}

function partsOf({ requests, questions, payload }: ShownAction): string[] {
  const parts = requests.map(({ name, description, arguments: given }) =>
    [
      `<h2>${escapeHtml(name)}</h2>`,
      description === undefined ? '' : paragraph(description),
      given === undefined ? '' : json(given),
    ].join(''),
  );
  const answered = questions.map(({ question, description, answer }) =>
    [
      `<h2>${escapeHtml(question)}</h2>`,
      description === undefined ? '' : paragraph(description),
      paragraph(`Your answer: ${answer.join(', ')}`),
    ].join(''),
  );
  return [...parts, ...answered, payload === undefined ? '' : json(payload)];
}

function paragraph(text: string): string {
  return `<p dir="auto">${escapeHtml(text)}</p>`;
}

function json(value: unknown): string {
  return `<pre dir="ltr">${escapeHtml(JSON.stringify(value, null, 2))}</pre>`;
}

function hidden(name: string, value: string): string {
  return `<input type="hidden" name="${name}" value="${escapeHtml(value)}">`;
}

function button(label: string, decision?: LinkDecision): string {
  const value = decision === undefined ? '' : ` name="decision" value="${decision}"`;
  return `<button type="submit"${value}>${escapeHtml(label)}</button>`;
}

function pageReply(status: number, { title, parts, form }: Page): Reply {
  const body =
    '<!doctype html><html lang="en"><head><meta charset="utf-8">' +
    '<meta name="viewport" content="width=device-width, initial-scale=1">' +
    `<meta name="robots" content="noindex, nofollow"><title>${escapeHtml(title)}</title><style>${STYLE}</style></head>` +
    `<body><main><h1>${escapeHtml(title)}</h1>${parts.join('')}` +
    // A query that is empty takes the place of the one with the token.
    (form === undefined ? '' : `<form method="post" action="?">${form}</form>`) +
    '</main></body></html>\n';
  return { kind: 'page', status, headers: { 'content-type': 'text/html; charset=utf-8' }, body };
}
