/**
 * Parts by their ids, wherever they stand, so that an event costs the same late in a message as early. The index is kept
 * beside the content and not in it; of content read back from JSON it is made again with the first event.
 */
import type { OwnContent, OwnPart, OwnTool } from './message-content.js';

interface Place {
  readonly part: OwnPart;
  readonly list: OwnPart[];
  readonly depth: number;
}

/** More levels than any agent has; JSON and recursion bear it. */
const MOST_LEVELS = 16;

const indexes = new WeakMap<OwnPart[], Map<string, Place>>();

export class PartIndex {
  readonly #content: OwnContent;

  constructor(content: OwnContent) {
    this.#content = content;
  }

  /** Returns the part of this type and id. */
  find<Type extends OwnPart['type']>(type: Type, id: string): Extract<OwnPart, { type: Type }> | undefined {
    return this.#places.get(keyOf(type, id))?.part as Extract<OwnPart, { type: Type }> | undefined;
  }

  /** Returns the newest part of the message, or of the sub-agent that the call `parent` runs. */
  newest(parent: string | undefined): OwnPart | undefined {
    return this.#listOf(parent).list.at(-1);
  }

  /** Adds a part at the end of the message, or of the sub-agent that the call `parent` runs. */
  add(part: OwnPart, parent: string | undefined): void {
    const { list, depth } = this.#listOf(parent);
    list.push(part);
    if (part.id !== undefined) this.#places.set(keyOf(part.type, part.id), { part, list, depth });
  }

  /** Takes out the text, reasoning, call or file of this id, and all that is in it. */
  remove(id: string): void {
    for (const type of ['text', 'reasoning', 'tool', 'file'] as const) {
      const place = this.#places.get(keyOf(type, id));
      if (place === undefined) continue;
      place.list.splice(place.list.indexOf(place.part), 1);
      indexes.delete(this.#content.parts);
    }
  }

  get #places(): Map<string, Place> {
    const known = indexes.get(this.#content.parts);
    if (known !== undefined) return known;
    const made = new Map<string, Place>();
    note(this.#content.parts, 0, made);
    indexes.set(this.#content.parts, made);
    return made;
  }

  #listOf(parent: string | undefined): { readonly list: OwnPart[]; readonly depth: number } {
    if (parent === undefined) return { list: this.#content.parts, depth: 0 };
    if (this.find('tool', parent) === undefined)
      this.add({ type: 'tool', id: parent, name: '', state: 'running' }, undefined);
    const { part, list, depth } = this.#places.get(keyOf('tool', parent)) as Place;
    if (depth >= MOST_LEVELS) return { list, depth };
    const tool = part as OwnTool;
    tool.parts ??= [];
    return { list: tool.parts, depth: depth + 1 };
  }
}

function note(list: OwnPart[], depth: number, places: Map<string, Place>): void {
  for (const part of list) {
    if (part.id !== undefined) places.set(keyOf(part.type, part.id), { part, list, depth });
    if (part.type === 'tool') note((part as OwnTool).parts ?? [], depth + 1, places);
  }
}

function keyOf(type: OwnPart['type'], id: string): string {
  return `${type}:${id}`;
}
