/**
 * Sees to it that what was decided is what happens. The SDK has let a rejected tool run, and lost an approval, when two
 * gated calls of one turn were not event-dispatched; so calls that must not run are refused here, and each outcome is
 * compared with its decision.
 */

import { fingerprintOf } from '../stream/model/fingerprint.js';
import { isObject } from '../stream/model/plain-values.js';
import type { ActionRequest, Decision } from '../stream/model/types.js';
import type { GraphHandler, ToolCall, ToolExecuteRequest, ToolResult } from './shapes.js';
import { fieldOf, type ToolOutcome } from './shapes.js';

/** The SDK begins the output of a call it did not run with this. */
const BLOCKED = 'Blocked';
/** The SDK cuts long texts short in their middle: so much is compared of one given in place of a result. */
const COMPARED_CHARACTERS = 64;

export class DecisionWatch {
  readonly #requests: readonly ActionRequest[];
  readonly #decisions: ReadonlyMap<string, Decision>;
  readonly #onViolation: () => void;
  readonly #completed = new Set<string>();
  #isViolated = false;

  /**
   * @param requests what the person was shown
   * @param onViolation called once, as soon as something ran, or is about to, that nobody allowed
   */
  constructor(requests: readonly ActionRequest[], decisions: readonly Decision[], onViolation: () => void) {
    this.#requests = requests;
    this.#decisions = new Map(decisions.map((one) => [one.id, one]));
    this.#onViolation = onViolation;
  }

  see({ id, output }: ToolOutcome): void {
    const decided = this.#decisions.get(id);
    if (decided === undefined || this.#completed.has(id)) return;
    this.#completed.add(id);
    const said = typeof output === 'string' ? output : textOf(output);
    if (decided.decision === 'reject' && !said?.startsWith(BLOCKED)) this.#violate();
    if (decided.decision === 'respond' && !said?.includes(beginningOf(decided.text))) this.#violate();
  }

  /** Says whether everything decided was done, and nothing else. It is asked when the run is over. */
  isFollowed(): boolean {
    return !this.#isViolated && this.#requests.every(({ id }) => this.#completed.has(id));
  }

  /** Guards the host's `on_tool_execute`: only the calls that may run reach it. */
  guard(execute: GraphHandler): GraphHandler {
    return {
      handle: (event, data, ...rest) => {
        const request = data as ToolExecuteRequest;
        const isRefused = request.toolCalls.some((call) => this.#mustNotRun(call));
        if (!isRefused) return execute.handle(event, data, ...rest);
        this.#violate();
        request.resolve(request.toolCalls.map(({ id }) => refusal(id)));
        return undefined;
      },
    };
  }

  #mustNotRun({ id, args }: ToolCall): boolean {
    const decided = this.#decisions.get(id);
    if (decided === undefined) return false;
    const { decision } = decided;
    switch (decision) {
      case 'reject':
      case 'respond':
        return true;
      case 'edit':
        return !isWithin(args, decided.arguments);
      case 'approve':
        return !isWithin(args, this.#requests.find((one) => one.id === id)?.arguments);
      default:
        return decision satisfies never;
    }
  }

  #violate(): void {
    if (this.#isViolated) return;
    this.#isViolated = true;
    this.#onViolation();
  }
}

/**
 * Says whether a call was allowed with these arguments: each of them as it was seen. One may be missing, which the SDK
 * leaves out when the tool's schema doesn't know it; none may be added.
 */
function isWithin(args: unknown, allowed: unknown = {}): boolean {
  if (!isObject(args) || !isObject(allowed)) return isSame(args, allowed);
  return Object.entries(args).every(
    ([name, value]) => value === undefined || (Object.hasOwn(allowed, name) && isSame(value, allowed[name])),
  );
}

function isSame(one: unknown, other: unknown): boolean {
  try {
    return fingerprintOf(one) === fingerprintOf(other);
  } catch {
    return false; // what JSON can't carry was never shown
  }
}

/** Joins the texts of content in parts; JSON would not hold a text as it was given. */
function textOf(output: unknown): string | undefined {
  if (!Array.isArray(output)) return JSON.stringify(output);
  return output.map((part: unknown) => fieldOf(part, 'text') ?? '').join('');
}

function beginningOf(text = ''): string {
  return text.slice(0, COMPARED_CHARACTERS);
}

function refusal(toolCallId: string): ToolResult {
  const errorMessage = `${BLOCKED}: a person did not allow this call.`;
  return { toolCallId, status: 'error', content: errorMessage, errorMessage };
}
