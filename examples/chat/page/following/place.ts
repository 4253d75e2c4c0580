/** Where the page stands in a stream. */
export interface Cursor {
  readonly generation: number;
  readonly sequence: number;
}

export function parseCursor(text: string): Cursor {
  const match = /^([0-9]{1,16})-([0-9]{1,16})$/.exec(text);
  return { generation: Number(match?.[1]), sequence: Number(match?.[2]) };
}
