/**
 * Texts that an agent tells twice, in pieces and then whole, or whole and then more of it, are taken once: what is told
 * whole becomes the piece that is still missing, and replaces what was told only where that was something else.
 */
import type { HostEvent } from '../../stream/model/host-types.js';

/** More texts than any agent writes at once; an older one that came again would be told again. */
const MOST_TEXTS = 256;

type TextEvent = 'text' | 'reasoning';

export class ToldTexts {
  readonly #told = new Map<string, string>();

  /** Tells one more piece. */
  piece(event: TextEvent, id: string, text: string, parent?: string): HostEvent[] {
    if (text === '') return [];
    this.#remember(keyOf(event, id), (this.get(event, id) ?? '') + text);
    return [{ event, data: { id, text, ...placed(parent) } }];
  }

  /** Tells the whole, as far as it is news. */
  whole(event: TextEvent, id: string, text: string, parent?: string): HostEvent[] {
    const told = this.get(event, id) ?? '';
    if (text === told) return [];
    if (text.startsWith(told)) return this.piece(event, id, text.slice(told.length), parent);
    this.#remember(keyOf(event, id), text);
    return [{ event, data: { id, text, replace: true, ...placed(parent) } }];
  }

  /** Returns what of a tool's output is news. */
  output(id: string, text: string): { readonly outputText?: string; readonly output?: string } {
    const key = keyOf('output', id);
    const told = this.#told.get(key) ?? '';
    if (text === told) return {};
    this.#remember(key, text);
    return text.startsWith(told) ? { outputText: text.slice(told.length) } : { output: text };
  }

  /** Returns what was told of a text; undefined when that is nothing. */
  get(event: TextEvent, id: string): string | undefined {
    return this.#told.get(keyOf(event, id));
  }

  #remember(key: string, text: string): void {
    this.#told.delete(key);
    this.#told.set(key, text);
    if (this.#told.size <= MOST_TEXTS) return;
    for (const oldest of this.#told.keys()) {
      this.#told.delete(oldest);
      return;
    }
  }
}

/** Names the call whose sub-agent says it, if one does. */
export function placed(parent: string | undefined): { readonly parent?: string } {
  return parent === undefined ? {} : { parent };
}

function keyOf(kind: string, id: string): string {
  return `${kind}:${id}`;
}
