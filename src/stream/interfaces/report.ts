/**
 * A port tells so of what no call of its own can answer for: a link that was given up, a server that is full.
 *
 * @param error what happened, with its cause; never thrown, and never the end of anything by itself
 */
export type Report = (error: unknown) => void;
