/**
 * The host's seal on its way: metadata, the `resumeContext` of actions and what is handed over are sealed before they go into the
 * store, and opened where a run goes on. A record has them sealed everywhere else, so nothing that is shown, logged or listed can give them away.
 *
 * A secret is opened before the commit that goes on with a run: a replica that can't has changed nothing, and another may. What
 * was opened then is remembered by its `Opener`, so that the commit can't come between the two.
 */
import { GenerationJobError, isGenerationJobError } from '../../errors.js';
import type { LeaseClaim } from '../interfaces/job-store.js';
import type { StreamObserver } from '../interfaces/observer.js';
import { tooLarge } from '../model/events.js';
import type { Options } from '../model/options.js';
import { contextOfOwn, isOwnAction, resumedIn } from '../model/own-actions.js';
import { parsedJson } from '../model/plain-values.js';
import {
  isSealed,
  isSealedText,
  type Seal,
  type SealContext,
  sealedForm,
  sealedText,
} from '../model/seal.js';
import type { JobRecord, Json, PendingAction, StreamKey } from '../model/types.js';
import { boundOrAtOnce, type HostCodeContext } from './host-code.js';

export interface SealsContext extends HostCodeContext {
  readonly seal: Seal | undefined;
  readonly observer: Pick<StreamObserver, 'hookFailed'>;
  readonly options: Options;
}

/** Metadata as JSON text by key. */
export type MetadataTexts = Readonly<Record<string, string>>;

export interface NamedGeneration {
  readonly key: StreamKey;
  readonly createId: string;
}

/** The place of a call's result. */
export interface ReceiptPlace extends Omit<NamedGeneration, 'createId'> {
  readonly generation: number;
  /** The name of the call. */
  readonly name: string;
}

interface ActionToSeal {
  readonly actionId: string;
  readonly resumeContext?: Json | undefined;
}

export class Seals {
  readonly #context: SealsContext;

  constructor(context: SealsContext) {
    this.#context = context;
  }

  /**
   * Returns metadata as a store takes it, those keys sealed that the host names; at once where its seal answers at once. Null
   * is no secret: it says that something was taken away.
   * @throws GenerationJobError `seal_unavailable`, `invalid_argument`, `metadata_too_large`
   */
  metadata(texts: MetadataTexts, { key, createId }: NamedGeneration): MetadataTexts | Promise<MetadataTexts> {
    const { metadataBytes } = this.#context.options.limits;
    for (const [name, text] of Object.entries(texts)) {
      if (isSealedText(text)) throw looksSealed('invalid_argument', `metadata["${name.slice(0, 64)}"]`);
    }
    const secret = (this.#context.seal?.metadata ?? []).filter((name) => (texts[name] ?? 'null') !== 'null');
    if (secret.length === 0) return texts;
    const sealing = secret.map((name) => {
      const { tenantId, streamId } = key;
      const context = { of: 'metadata', tenantId, streamId, createId, key: name } as const;
      return this.#seal(texts[name] as string, context);
    });
    return allAtOnce(sealing, (sealed) => {
      const values = secret.map((name, at) => [name, JSON.stringify(sealedForm(sealed[at] as string))]);
      const kept: MetadataTexts = Object.fromEntries([...Object.entries(texts), ...values]);
      let bytes = 0;
      for (const [name, text] of Object.entries(kept))
        bytes += Buffer.byteLength(name) + Buffer.byteLength(text);
      if (bytes <= metadataBytes) return kept;
      throw new GenerationJobError('metadata_too_large', `Sealed, metadata exceeds ${metadataBytes} bytes.`);
    });
  }

  /**
   * Returns an action with its `resumeContext` sealed; at once where the host's seal answers at once.
   * @throws GenerationJobError `seal_unavailable`, `invalid_action`, `event_too_large`
   */
  action<Action extends ActionToSeal>(
    action: Action,
    { key, generation }: { readonly key: StreamKey; readonly generation: number },
  ): Action | Promise<Action> {
    const { actionId, resumeContext } = action;
    if (isSealed(resumeContext)) throw looksSealed('invalid_action', 'resumeContext');
    if (resumeContext === undefined || this.#context.seal === undefined) return action;
    const { tenantId, streamId } = key;
    const context = { of: 'resumeContext', tenantId, streamId, generation, actionId } as const;
    return allAtOnce([this.#seal(JSON.stringify(resumeContext), context)], ([text]) => {
      const sealed = { ...action, resumeContext: sealedForm(text as string) };
      const bytes = Buffer.byteLength(JSON.stringify(sealed));
      const { limits } = this.#context.options;
      if (bytes > limits.eventBytes) throw tooLarge('The sealed action', sealed, bytes, limits);
      return sealed;
    });
  }

  /**
   * Returns the state that an attempt hands over as a store takes it; at once where the host's seal answers at once.
   * @throws GenerationJobError `seal_unavailable`, `invalid_argument`
   */
  handOver(text: string, { key, generation, attempt }: LeaseClaim): string | Promise<string> {
    if (isSealedText(text)) throw looksSealed('invalid_argument', 'state');
    if (this.#context.seal === undefined) return text;
    const { tenantId, streamId } = key;
    const context = { of: 'handOver', tenantId, streamId, generation, attempt } as const;
    return allAtOnce([this.#seal(text, context)], ([sealed]) => JSON.stringify(sealedForm(sealed as string)));
  }

  /** Returns the result of a call, which is JSON text, as a store takes it. @throws GenerationJobError `seal_unavailable` */
  result(text: string, place: ReceiptPlace): string | Promise<string> {
    if (this.#context.seal === undefined) return text;
    const sealing = this.#seal(text, contextOfResult(place));
    return allAtOnce([sealing], ([sealed]) => JSON.stringify(sealedForm(sealed as string)));
  }

  /** Opens records, and remembers what it has opened. */
  opener(): Opener {
    return new Opener((text, context) => this.#open(text, context));
  }

  #seal(text: string, context: SealContext): string | Promise<string> {
    return this.#call('sealed', (seal) => seal.seal(text, context));
  }

  #open(text: string, context: SealContext): string | Promise<string> {
    return this.#call('opened', (seal) => seal.open(text, context));
  }

  /** Calls the host's seal. Rejects with `seal_unavailable`; never throws, so that of several calls none is left alone. */
  #call(
    done: 'sealed' | 'opened',
    call: (seal: Seal) => string | PromiseLike<string>,
  ): string | Promise<string> {
    const { seal, observer } = this.#context;
    if (seal === undefined) {
      return Promise.reject(new GenerationJobError('seal_unavailable', 'This replica was given no seal.'));
    }
    const failed = (cause: unknown): Promise<never> => {
      observer.hookFailed('seal');
      const isTold = isGenerationJobError(cause, 'seal_unavailable');
      const message = `A secret could not be ${done}.`;
      return Promise.reject(isTold ? cause : new GenerationJobError('seal_unavailable', message, { cause }));
    };
    const checked = (text: unknown): string | Promise<string> =>
      typeof text === 'string' && text !== ''
        ? text
        : failed(new TypeError('A seal must answer with a text that is not empty.'));
    try {
      const answer = boundOrAtOnce(this.#context, 'seal', () => call(seal));
      return answer instanceof Promise ? answer.then(checked, failed) : checked(answer);
    } catch (cause) {
      return failed(cause);
    }
  }
}

type OpenText = (text: string, context: SealContext) => string | Promise<string>;

/** Opens what is sealed in the records of one generation; what was opened once is opened for good. */
export class Opener {
  readonly #open: OpenText;
  /** The values by their sealed text, with the place it lies in: in another one it is asked for again. */
  readonly #opened = new Map<string, Json>();

  constructor(open: OpenText) {
    this.#open = open;
  }

  /** Returns the record with everything in it opened; what was kept in plain as it is. @throws GenerationJobError `seal_unavailable` */
  async record(record: JobRecord): Promise<JobRecord> {
    const [pendingAction, resumedAction, handOver, metadata] = await Promise.all([
      this.#action(record, record.pendingAction),
      this.#action(record, record.resumedAction),
      this.#handOver(record),
      this.metadata(record),
    ]);
    return {
      ...record,
      ...(pendingAction && { pendingAction }),
      ...(resumedAction && { resumedAction }),
      ...(handOver && { handOver }),
      metadata,
    };
  }

  /** Returns the result of a call, from the text in its receipt. @throws GenerationJobError `seal_unavailable` */
  async result(text: string, place: ReceiptPlace): Promise<unknown> {
    const kept = parsedJson(text);
    if (kept === undefined)
      throw new GenerationJobError('store_damaged', 'The result in a receipt can’t be read.');
    return isSealed(kept) ? this.#value(sealedText(kept), contextOfResult(place)) : kept;
  }

  async #action(record: JobRecord, action: PendingAction | undefined): Promise<PendingAction | undefined> {
    // The library's own question has in it what its attempt was resumed from, sealed for that action.
    const resumed = action && isOwnAction(action) ? resumedIn(action) : undefined;
    if (action && resumed)
      return { ...action, resumeContext: contextOfOwn(await this.#action(record, resumed)) };
    if (action === undefined || !isSealed(action.resumeContext)) return action;
    const { tenantId, streamId, generation } = record;
    const { actionId } = action;
    const context = { of: 'resumeContext', tenantId, streamId, generation, actionId } as const;
    return { ...action, resumeContext: await this.#value(sealedText(action.resumeContext), context) };
  }

  async #handOver({ tenantId, streamId, generation, handOver }: JobRecord): Promise<JobRecord['handOver']> {
    if (handOver === undefined || !isSealed(handOver.state)) return handOver;
    const { attempt, state } = handOver;
    const context = { of: 'handOver', tenantId, streamId, generation, attempt } as const;
    return { attempt, state: await this.#value(sealedText(state), context) };
  }

  /** Returns metadata with everything in it opened. @throws GenerationJobError `seal_unavailable` */
  async metadata({
    tenantId,
    streamId,
    createId,
    metadata,
  }: Pick<JobRecord, 'tenantId' | 'streamId' | 'createId' | 'metadata'>): Promise<JobRecord['metadata']> {
    const opened = await Promise.all(
      Object.entries(metadata).map(async ([key, value]): Promise<[string, unknown]> => {
        if (!isSealed(value)) return [key, value];
        const context = { of: 'metadata', tenantId, streamId, createId, key } as const;
        return [key, await this.#value(sealedText(value), context)];
      }),
    );
    return Object.fromEntries(opened);
  }

  async #value(text: string, context: SealContext): Promise<Json> {
    const place = JSON.stringify([context, text]);
    const known = this.#opened.get(place);
    if (known !== undefined) return known;
    const opened = await this.#open(text, context);
    let value: Json;
    try {
      value = JSON.parse(opened);
    } catch {
      // Its text stands in the parser's error: a secret has no place in one.
      throw new GenerationJobError(
        'seal_unavailable',
        'The seal opened a text that is not the one it sealed.',
      );
    }
    this.#opened.set(place, value);
    return value;
  }
}

function looksSealed(code: 'invalid_argument' | 'invalid_action', what: string): GenerationJobError {
  return new GenerationJobError(
    code,
    `${what} has the form of what is sealed, { "$sealed": text }, which is the library's own; open it before it is written again.`,
  );
}

function contextOfResult({ key, generation, name }: ReceiptPlace): SealContext {
  const { tenantId, streamId } = key;
  return { of: 'receipt', tenantId, streamId, generation, key: name };
}

/** Goes on with all answers: in this turn when each is there. */
function allAtOnce<Result>(
  answers: readonly (string | Promise<string>)[],
  goOn: (answers: readonly string[]) => Result,
): Result | Promise<Result> {
  return answers.every((answer) => typeof answer === 'string')
    ? goOn(answers as readonly string[])
    : Promise.all(answers).then(goOn);
}
