/**
 * Writes the chunks of one answer so that a client can take them: what is open is known, and closed before its step is; a
 * delta follows its start; each source is told once.
 *
 * States
 * - between steps  the next part opens a step
 * - in a step      parts and calls are open by the provider's own key; `endStep` closes them all
 */
import { textOf } from './fields.js';
import type { ChunkFinishReason, ProviderChunk } from './provider-chunk.js';

/** A tool call as its chunks name it. */
export interface Call {
  readonly toolCallId: string;
  readonly toolName: string;
  /** True of a tool that the provider runs. */
  readonly isProviders?: boolean;
  /** True when the input is a text instead of JSON. */
  readonly isText?: boolean;
}

type PartKind = 'text' | 'reasoning';

const BROKEN_OFF = 'The arguments of the call are not complete.';

export class ChunkWriter {
  #chunks: ProviderChunk[] = [];
  /** Parts are numbered over the whole answer, so an id is used once and stays short in each of its deltas. */
  #parts = 0;
  #isInStep = false;
  readonly #openParts = new Map<string, { readonly kind: PartKind; readonly id: string }>();
  readonly #openCalls = new Map<string, { readonly call: Call; input: string }>();
  readonly #sources = new Set<string>();
  /** The message has them already. */
  readonly #shownCalls: ReadonlySet<string>;

  constructor(shownCalls: readonly string[]) {
    this.#shownCalls = new Set(shownCalls);
  }

  /** Hands over what was written since the last time. */
  take(): ProviderChunk[] {
    const chunks = this.#chunks;
    this.#chunks = [];
    return chunks;
  }

  start(messageId: string | undefined): void {
    this.#chunks.push(messageId === undefined ? { type: 'start' } : { type: 'start', messageId });
  }

  startStep(): void {
    if (this.#isInStep) return;
    this.#isInStep = true;
    this.#chunks.push({ type: 'start-step' });
  }

  endStep(): void {
    if (!this.#isInStep) return;
    for (const key of [...this.#openParts.keys()]) this.endPart(key);
    for (const key of [...this.#openCalls.keys()]) this.endInput(key);
    this.#isInStep = false;
    this.#chunks.push({ type: 'finish-step' });
  }

  finish(finishReason: ChunkFinishReason): void {
    this.endStep();
    this.#chunks.push({ type: 'finish', finishReason });
  }

  /** Adds to the part of that key, which the first piece opens. An empty piece is nothing. */
  addTo(kind: PartKind, key: string, delta: string): void {
    if (delta === '') return;
    const { id } = this.#openParts.get(key) ?? this.#openPart(kind, key);
    this.#chunks.push({ type: `${kind}-delta`, id, delta });
  }

  endPart(key: string): void {
    const part = this.#openParts.get(key);
    if (!part) return;
    this.#openParts.delete(key);
    this.#chunks.push({ type: `${part.kind}-end`, id: part.id });
  }

  startInput(key: string, call: Call): void {
    if (this.#openCalls.has(key) || this.#shownCalls.has(call.toolCallId)) return;
    this.startStep();
    this.#openCalls.set(key, { call, input: '' });
    const encoding = call.isText ? ({ inputEncoding: 'text' } as const) : {};
    this.#chunks.push({ type: 'tool-input-start', ...shown(call), ...encoding });
  }

  addInput(key: string, inputTextDelta: string): void {
    const open = this.#openCalls.get(key);
    if (!open || inputTextDelta === '') return;
    open.input += inputTextDelta;
    this.#chunks.push({ type: 'tool-input-delta', toolCallId: open.call.toolCallId, inputTextDelta });
  }

  /** Shows the input whole: what was added of it, or `text`. */
  endInput(key: string, text?: string): void {
    const open = this.#openCalls.get(key);
    if (!open) return;
    this.#openCalls.delete(key);
    const { call } = open;
    const whole = textOf(text) || open.input;
    const input = call.isText ? { value: whole } : parsed(whole);
    if (input) this.#chunks.push({ type: 'tool-input-available', ...shown(call), input: input.value });
    else this.#chunks.push({ type: 'tool-input-error', ...shown(call), input: whole, errorText: BROKEN_OFF });
  }

  /** Shows a call of which the provider tells the input at once. */
  input(key: string, call: Call, input: unknown): void {
    this.#openCalls.delete(key);
    if (this.#shownCalls.has(call.toolCallId)) return;
    this.startStep();
    this.#chunks.push({ type: 'tool-input-available', ...shown(call), input });
  }

  /** Tells what a tool of the provider's has answered. */
  output(toolCallId: string, output: unknown): void {
    this.startStep();
    this.#chunks.push({ type: 'tool-output-available', toolCallId, output, providerExecuted: true });
  }

  outputError(toolCallId: string, errorText: string): void {
    this.startStep();
    this.#chunks.push({ type: 'tool-output-error', toolCallId, errorText, providerExecuted: true });
  }

  /** Tells a source, unless it has been told. */
  source(url: unknown, title: unknown): void {
    if (!this.#isNew(textOf(url))) return;
    const named = textOf(title) === '' ? {} : { title: textOf(title) };
    this.#chunks.push({ type: 'source-url', sourceId: textOf(url), url: textOf(url), ...named });
  }

  document(sourceId: string, mediaType: string, title: string): void {
    if (this.#isNew(sourceId)) this.#chunks.push({ type: 'source-document', sourceId, mediaType, title });
  }

  #isNew(sourceId: string): boolean {
    if (sourceId === '' || this.#sources.has(sourceId)) return false;
    this.startStep();
    this.#sources.add(sourceId);
    return true;
  }

  #openPart(kind: PartKind, key: string): { readonly id: string } {
    this.startStep();
    const part = { kind, id: String(this.#parts++) };
    this.#openParts.set(key, part);
    this.#chunks.push({ type: `${kind}-start`, id: part.id });
    return part;
  }
}

function shown({ toolCallId, toolName, isProviders }: Call) {
  return { toolCallId, toolName, ...(isProviders && { providerExecuted: true as const }) };
}

/** A call without arguments may come with no text at all. */
function parsed(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: text === '' ? {} : JSON.parse(text) };
  } catch {
    // Told to the client as what it is: the provider was cut off in the middle of it.
    return undefined;
  }
}
