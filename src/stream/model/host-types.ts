/**
 * A host's own types, in one bag: `GenerationJobManager<MyTypes>` knows them in everything it takes and gives. They exist
 * for the compiler alone; nothing looks at them at run time. Whatever a bag leaves out is as open as without one.
 */
export interface HostTypes {
  /** The data of each of the host's events, by the event's name: `{ text: { delta: string }; source: { url: string } }`. */
  readonly events?: object;
  /** The content that the models fold the events into. */
  readonly content?: unknown;
  /** The metadata of a job. Each key may be absent from a record: it is whatever has been written so far. */
  readonly metadata?: object;
  /** The data for clients to show that a job is created with: the `created` of `createJob`. */
  readonly created?: unknown;
  /** The finished message an end carries. */
  readonly final?: unknown;
}

/** Says nothing about the host's types: events of any name, data, content and metadata of any shape. */
export type Untyped = HostTypes;

/** The data of the host's events by name: those of a bag; without one, unknown under every name. */
export type EventsOf<Types extends HostTypes> = Types extends { readonly events: infer Events extends object }
  ? Events
  : Readonly<Record<string, unknown>>;

/** The content of a bag; unknown without one. */
export type ContentOf<Types extends HostTypes> = Types extends { readonly content: infer Content }
  ? Content
  : unknown;

/** The metadata of a bag as a record holds it; each of its keys may be absent. */
export type MetadataOf<Types extends HostTypes> = Types extends { readonly metadata: infer Metadata }
  ? { readonly [Key in keyof Metadata]?: Metadata[Key] | undefined }
  : Readonly<Record<string, unknown>>;

/** The metadata to write by key: undefined leaves a key as it is, null sets it to null. */
export type MetadataPatch<Types extends HostTypes> = Types extends { readonly metadata: infer Metadata }
  ? { readonly [Key in keyof Metadata]?: Metadata[Key] | null | undefined }
  : Readonly<Record<string, unknown>>;

/** The data that a job of this bag is created with; unknown without one. */
export type CreatedOf<Types extends HostTypes> = Types extends { readonly created: infer Created }
  ? Created
  : unknown;

/** The finished message of a bag; unknown without one. */
export type FinalOf<Types extends HostTypes> = Types extends { readonly final: infer Final }
  ? Final
  : unknown;

/** One event as a host emits it. */
export interface EmittedEvent<Name extends string, Data> {
  /** 1 to 128 characters of letters, digits and `_ . : / -`; not a name of the library's own (PROTOCOL, section 3). */
  readonly event: Name;
  /** Anything JSON can carry, at most `limits.eventBytes` as text; taken as it is at the call. */
  readonly data: Data;
  /**
   * Keeps the event under this key for those who come late, also when the log before a snapshot has been trimmed (a
   * sign-in prompt, a context gauge). A later event with the same key replaces it; `data: null` clears it. Same form as
   * `event`. Default: not kept.
   */
  readonly keep?: string | undefined;
}

/** An event that a host emits: with a bag, one of its events; without one, an event of any name. */
export type HostEvent<Types extends HostTypes = Untyped> = {
  [Name in keyof EventsOf<Types> & string]: EmittedEvent<Name, EventsOf<Types>[Name]>;
}[keyof EventsOf<Types> & string];

/** One note as a host writes it. */
export interface WrittenNote<Name extends string, Data> {
  /** The key the note is kept under, in the form of an event's name; it takes the place of the one that is there. */
  readonly key: string;
  /** The name of the event that tells followers of the note, as for `emit`. */
  readonly event: Name;
  /** Anything JSON can carry, at most `limits.eventBytes` as text. `null` takes the note away. */
  readonly data: Data | null;
}

/** A note that a host writes: with a bag, of one of its events; without one, of an event of any name. */
export type HostNote<Types extends HostTypes = Untyped> = {
  [Name in keyof EventsOf<Types> & string]: WrittenNote<Name, EventsOf<Types>[Name]>;
}[keyof EventsOf<Types> & string];

/** One event as a follower receives it. */
export interface ReceivedEvent<Name extends string, Data> {
  /** `<generation>-<sequence>`: send it back as `after` to go on from here. */
  readonly cursor: string;
  /** The name the event was emitted under, or one of the library's own. */
  readonly event: Name;
  /** Holds what was emitted, as JSON carries it. */
  readonly data: Data;
}

/** A union of events as they are received, from a map of their data by name. */
export type ReceivedFrom<Payloads> = ValuesOf<{
  [Name in keyof Payloads as `${Name & string}`]-?: ReceivedEvent<Name & string, Payloads[Name]>;
}>;

/**
 * The values of a map. A map whose keys are written as `${Name & string}` is compared by what is in it: without that, the
 * compiler would judge a manager by its bag alone, and refuse a typed one where an untyped one is asked for.
 */
export type ValuesOf<Members> = Members[keyof Members];
