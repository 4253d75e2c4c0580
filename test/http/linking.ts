/** The route for decision links on a free port of loopback, behind any adapter; what links are made with; and how they are followed. */
import {
  createStreamServices,
  GenerationJobManager,
  type ManagerInput,
  type StreamServices,
} from 'generation-jobs';
import {
  createDecisionHandler,
  createDecisionLinks,
  createDecisionRouter,
  type DecisionLinkInput,
  type DecisionLinks,
  type DecisionLinksOptions,
  type DecisionRouterOptions,
} from 'generation-jobs/decision-links';
import { type JWTPayload, SignJWT } from 'jose';
import { type ADAPTERS, bridge, EXPRESSES, type Served, serveWith } from './serving.js';

const SECRET = 'x'.repeat(32);
export const KEYS = [{ id: 'k1', secret: SECRET }] as const;
export const FORM_TYPE = 'application/x-www-form-urlencoded';

export interface LinkServed extends Served {
  readonly links: DecisionLinks;
  /** The attempts that went on after a decision. */
  readonly runs: { readonly by: string | undefined; readonly decisions: readonly unknown[] }[];
  /** What was logged, as text. */
  readonly logged: string[];
  /** The address of the route. */
  readonly decide: string;
}

export interface ServeLinksInput {
  readonly adapter?: (typeof ADAPTERS)[number];
  readonly manager?: Partial<ManagerInput>;
  readonly services?: StreamServices;
  readonly routes?: Partial<Omit<DecisionRouterOptions<never>, 'links'>>;
  readonly links?: Partial<DecisionLinksOptions>;
}

export async function serveLinks(input: ServeLinksInput = {}): Promise<LinkServed> {
  const { adapter = 'express' } = input;
  const logged: string[] = [];
  const line = (fields: object, message: string) => void logged.push(JSON.stringify({ message, ...fields }));
  const manager = new GenerationJobManager({
    ...(input.services ?? createStreamServices()),
    logger: { debug: line, info: line, warn: line, error: line },
    ...input.manager,
  });
  const runs: LinkServed['runs'] = [];
  const links = createDecisionLinks({
    keys: KEYS,
    url: 'http://chat.example/api/chat/decide',
    ...input.links,
  });
  const options = {
    links,
    onResume: (
      _job: unknown,
      { resolution }: { resolution?: { by?: string; decisions: readonly unknown[] } },
    ) => {
      runs.push({ by: resolution?.by, decisions: resolution?.decisions ?? [] });
    },
    ...input.routes,
  } as DecisionRouterOptions<never>;
  const served = await serveWith(manager, listenerOf(manager, adapter, options));
  return { ...served, links, runs, logged, decide: `${served.url}/decide` };
}

function listenerOf(
  manager: GenerationJobManager,
  adapter: (typeof ADAPTERS)[number],
  options: DecisionRouterOptions<never>,
) {
  if (adapter !== 'web') {
    const app = EXPRESSES[adapter]();
    return app.use(
      '/api/chat',
      createDecisionRouter(manager, options as DecisionRouterOptions<unknown> as never),
    );
  }
  const handler = createDecisionHandler(manager, { ...options, basePath: '/api/chat' } as never);
  return (request: Parameters<typeof bridge>[1], response: Parameters<typeof bridge>[2]) => {
    bridge(handler, request, response).catch(() => response.destroy());
  };
}

/** A link for the action that `chat-1`, or the stream named, waits for. */
export async function linkTo(
  { manager, links }: Pick<LinkServed, 'manager' | 'links'>,
  input: Partial<DecisionLinkInput> = {},
  { streamId = 'chat-1', tenantId }: { streamId?: string; tenantId?: string } = {},
) {
  const record = await manager.getJob(streamId, { tenantId });
  if (!record?.pendingAction) throw new Error('nothing is asked');
  return links.createDecisionLink({ record, action: record.pendingAction, user: 'ann', ...input });
}

/** A token with these claims, signed as those of the links are; the header and the secret may be others. */
export function forged(
  claims: JWTPayload,
  header: { alg?: string; kid?: string; typ?: string } = {},
  secret: string = SECRET,
): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256', kid: 'k1', typ: 'decision-link+jwt', ...header })
    .sign(Buffer.from(secret));
}

export function claimsOf(token: string): JWTPayload {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
}

export interface LinkAnswer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
  /** Of JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: what a test expects of it is what it asks for
  readonly body: any;
}

async function answerOf(response: Response): Promise<LinkAnswer> {
  const [text, { status, headers }] = [await response.text(), response];
  const isJson = headers.get('content-type')?.startsWith('application/json') ?? false;
  return { status, text, headers, body: isJson ? JSON.parse(text) : undefined };
}

/** Follows a link as a browser does, or (without `asPage`) as a program. */
export async function look(
  { decide }: Pick<LinkServed, 'decide'>,
  token: string,
  { asPage = false, method = 'GET' } = {},
): Promise<LinkAnswer> {
  const headers: Record<string, string> = asPage
    ? { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }
    : {};
  return answerOf(await fetch(`${decide}?token=${encodeURIComponent(token)}`, { method, headers }));
}

/** Posts a token as a program does. */
export async function press(
  { decide }: Pick<LinkServed, 'decide'>,
  body: { token: string; decision?: string } | string,
  headers: Record<string, string> = { 'content-type': 'application/json' },
): Promise<LinkAnswer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return answerOf(await fetch(decide, { method: 'POST', headers, body: text }));
}

/** Sends the page's form as a browser does: `Origin` is null, since the page says nothing of where it was. */
export function submit(
  served: Pick<LinkServed, 'decide'>,
  fields: Record<string, string>,
): Promise<LinkAnswer> {
  const headers = {
    'content-type': FORM_TYPE,
    accept: 'text/html',
    origin: 'null',
    'sec-fetch-site': 'same-origin',
  };
  return press(served, `${new URLSearchParams(fields)}`, headers);
}
